"""Twins behave like the counterparts that hospitals have: own numbers, own states, and the traps of the real ones."""
