"""Conformance: one suite per kind of extension, over whatever is found."""
