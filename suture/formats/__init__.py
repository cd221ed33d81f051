"""Formats turn bytes into documents and documents into bytes; ``FORMAT = Format(...)`` in a module here adds one.

Law: pure; a bad message is a finding with a path and never an exception; what we write reads back byte for byte.
"""

from suture.formats.format import (
    LARGEST_MESSAGE,
    Acknowledge,
    Format,
    Profile,
    Read,
    Reading,
    Sample,
    Stamp,
    Unwritable,
    Verdict,
    Write,
)

__all__ = [
    "LARGEST_MESSAGE",
    "Acknowledge",
    "Format",
    "Profile",
    "Read",
    "Reading",
    "Sample",
    "Stamp",
    "Unwritable",
    "Verdict",
    "Write",
]
