"""Formats turn bytes into documents and documents into bytes; ``FORMAT = Format(...)`` in a module here adds one.

Law: pure; a bad message is a finding with a path and never an exception; what we write reads back byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from suture.extensions import found
from suture.formats.format import (
    LARGEST_MESSAGE,
    Acknowledge,
    Format,
    Profile,
    Read,
    Reading,
    Running,
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
    "Running",
    "Sample",
    "Stamp",
    "Unwritable",
    "Verdict",
    "Write",
    "formats",
]


def formats() -> Mapping[str, Format]:
    """Every format by its name: those of this folder, and of the entry-point group ``suture.formats``."""
    return MappingProxyType(found(__name__, "FORMAT", Format))
