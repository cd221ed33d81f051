"""The whole history as a stream, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator

from suture.journal import Journal, Recorded

PAGE = 2000


def history(journal: Journal, after: int = 0) -> Iterator[Recorded]:
    """Every event after a position, in order; memory stays at one page."""
    while page := journal.read(after, PAGE):
        yield from page
        after = page[-1].position
