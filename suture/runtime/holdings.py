"""Holdings: what a counterpart says that it holds, read list by list and page by page over a link."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec import Struct

from suture.model import Held
from suture.runtime.drive import ask
from suture.systems import Call, Listing, NotListed, Page
from suture.transports import NoReply, NotSent, Reply, Request
from suture.transports.exchange import Link

#: Pages and rows of one list; more is told as a list that was not heard to the end.
PAGES_MOST, ROWS_MOST = 5_000, 500_000


class Sheet(Struct, frozen=True, kw_only=True):
    """One list as it was told; ``unheard`` says why it was not told to the end, and then nothing follows from it."""

    listing: Listing
    rows: tuple[Held, ...] = ()
    unheard: str = ""


async def holdings(listings: Sequence[Listing], call: Call, link: Link) -> list[Sheet]:
    """Each of these lists, one after the other."""
    return [await _sheet(listing, call, link) for listing in listings]


async def _sheet(listing: Listing, call: Call, link: Link) -> Sheet:
    rows: list[Held] = []
    cursor, known = "", {""}
    for _ in range(PAGES_MOST):
        page = await ask(_told(listing.ask(cursor, call)), link)
        if page is None or isinstance(page, str):
            return Sheet(listing=listing, unheard=page or "the list cannot be read")
        held, cursor = page
        rows += held
        if not cursor:
            return Sheet(listing=listing, rows=tuple(rows))
        if cursor in known or len(rows) > ROWS_MOST:
            break
        known.add(cursor)
    return Sheet(listing=listing, unheard=f"the list does not come to an end after {len(rows):,} rows")


def _told(page: Page) -> Generator[Request, Reply, tuple[tuple[Held, ...], str] | str]:
    """The page, or in words why it could not be had."""
    try:
        return (yield from page)
    except (NotListed, NotSent, NoReply) as failure:
        return str(failure) or type(failure).__name__
