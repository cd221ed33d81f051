"""Suture is the operational synchronisation layer of a hospital group."""

__version__ = "0.1.0"
