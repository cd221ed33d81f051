"""Benches: what is measured, one script per question, each run by hand: ``python -m bench.NAME --help``."""
