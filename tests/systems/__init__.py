"""Tests of the systems: what each connector says, and what it makes of the answers."""
