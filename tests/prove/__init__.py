"""Slices of the long proofs."""
