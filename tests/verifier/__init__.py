"""Tests of the independent verifier and of the exports it reads."""
