"""Benches: one workload a file, measured beside its baseline in the same run: ``python -m bench [NAME ...]``."""
