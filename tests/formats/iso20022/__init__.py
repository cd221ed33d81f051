"""Tests of ISO 20022."""
