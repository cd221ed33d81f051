"""The door for pages: a page is one value in one file of ``suture/console/pages``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from suture.extensions import found
from suture.journal import Journal
from suture.views.books import Books
from suture.views.trail import Trail

#: The parts of the navigation, in order; a page of no section is reached from others.
SECTIONS = ("Work", "Run", "Govern")


class Ask(Struct, frozen=True):
    """What a page may look at: the journal, the books and the trail up to now, the query of its address, and the time."""

    journal: Journal
    books: Books
    trail: Trail
    query: Mapping[str, str]
    now: datetime
    #: How the journal was named on the command line, for commands that a page shows.
    place: str = "."


class Page(Struct, frozen=True, kw_only=True):
    """One page: ``load`` answers with a struct that its template draws and its ``.json`` twin writes as it stands.

    The twin shows whatever the struct holds, so it never holds bytes of partners, bank details or documents as they were sent.
    ``rank`` orders the pages of a section. ``load`` raises Missing for what is not there.
    """

    path: str
    title: str
    load: Callable[[Ask], Struct]
    template: str
    section: Literal["Work", "Run", "Govern", ""] = ""
    rank: int = 50

    @property
    def name(self) -> str:
        """The path without its slash: what the page is known by."""
        return self.path.removeprefix("/")


class Missing(LookupError):
    """Nothing with that identity; ``alike`` are identifiers that begin so."""

    def __init__(self, what: str, alike: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.alike = alike


def pages() -> list[Page]:
    """Every page, in the order of the navigation."""
    order = (*SECTIONS, "")
    values = found("suture.console.pages", "PAGE", Page).values()
    return sorted(values, key=lambda page: (order.index(page.section), page.rank, page.title))
