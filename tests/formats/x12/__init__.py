"""Tests of the X12 format, module by module, and of the pitfalls that the survey names."""
