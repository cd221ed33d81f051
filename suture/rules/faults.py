"""What a rule finds wrong with a document, and whether a person may let it pass."""

from __future__ import annotations

from msgspec import Struct


class Fault(Struct, frozen=True):
    """A code, a sentence for a clerk, and whether a person may release the document in spite of it."""

    code: str
    text: str
    passable: bool = True
