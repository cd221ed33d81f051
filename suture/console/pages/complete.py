"""Completion: the search lines that a line which somebody has begun may become."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.views.query import LINE_LETTERS, QUALIFIERS, completions


class Completions(Struct, frozen=True):
    """The line, and what it may become; ``qualifiers`` are all there are."""

    line: str
    lines: tuple[str, ...]
    qualifiers: tuple[str, ...]


def load(ask: Ask) -> Completions:
    """Query: ``q``, the line so far."""
    line = ask.query.get("q", "")[:LINE_LETTERS]
    return Completions(line, completions(ask.index, line), QUALIFIERS)


PAGE = Page(path="/complete", title="Search", allow="documents.read", load=load, template="complete.html")
