"""Tests of the masters."""
