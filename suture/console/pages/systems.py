"""Systems: for each counterpart whether it is in reach, what it was owed, what became of it, and when it last spoke."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.pages.today import OUT_OF_REACH
from suture.views.ledger import balance


class Counterpart(Struct, frozen=True):
    """One counterpart. ``out_since`` and ``case`` tell of the outage that the journal knows; None and "" while there is none.

    ``done``, ``refused``, ``parked`` and ``cancelled`` are what became of the deliveries ``owed`` to it; ``open`` are the rest.
    """

    name: str
    out_since: datetime | None
    case: str
    owed: int
    done: int
    refused: int
    parked: int
    cancelled: int
    open: int
    oldest: datetime | None
    heard: datetime | None
    taken: datetime | None


class Systems(Struct, frozen=True):
    """Every counterpart that was owed something or has said something."""

    counterparts: tuple[Counterpart, ...]


def load(ask: Ask) -> Systems:
    """No query."""
    told = balance(ask.books, now=ask.now)
    outages = {ref.id: row.case for row in ask.books.exceptions() if row.case.reason == OUT_OF_REACH for ref in row.case.objects}
    oldest = {item.instance: item.oldest for item in sorted(told.open_items, key=lambda item: item.oldest, reverse=True)}
    names = sorted({*told.by_instance, *ask.trail.heard, *outages})
    ends = ("done", "refused", "parked", "cancelled")
    counterparts = []
    for name in names:
        counts, outage = told.by_instance.get(name, {}), outages.get(name)
        each = {end: counts.get(end, 0) for end in ends}
        counterparts.append(
            Counterpart(
                name=name,
                out_since=outage.at if outage else None,
                case=outage.id if outage else "",
                owed=counts.get("owed", 0),
                **each,
                open=counts.get("owed", 0) - sum(each.values()),
                oldest=oldest.get(name),
                heard=ask.trail.heard.get(name),
                taken=ask.trail.taken.get(name),
            )
        )
    return Systems(tuple(sorted(counterparts, key=lambda one: (not one.case, one.name))))


PAGE = Page(path="/systems", title="Systems", allow="systems.read", section="Run", rank=10, load=load, template="systems.html")
