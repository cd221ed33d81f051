"""Service levels: each flow's promise, how often it was kept, what is left of its error budget, and what is about to miss it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.pages.kpis import Narrowing, Tile, narrowing_of, tile_of
from suture.console.times import Times, times_of
from suture.kpis.figures import Figure, figures, parts
from suture.kpis.measures import Measures, Narrowed
from suture.rules.service_levels import NAME, Level, levels
from suture.runtime.policies import in_force

#: The KPI that the page is about, and how much of a promise's time may have gone before it is called close.
KPI, CLOSE = "sla_attainment", 0.8
#: Open deliveries that are looked at for what is late or about to be, the oldest first, and how many of them are shown.
LOOKED_AT, SHOWN = 2000, 25


class Promise(Struct, frozen=True, kw_only=True):
    """One flow: within so many minutes in so many percent; ``late`` and ``close`` count what is open and past it or nearly so.

    ``budget`` is what is left of the error budget in percent, None where nothing has been counted.
    """

    flow: str
    minutes: int
    percent: Decimal
    number: int
    kept: int
    attained: Decimal | None
    met: bool | None
    budget: Decimal | None
    late: int
    close: int


class Pending(Struct, frozen=True, kw_only=True):
    """An open delivery that has missed its promise, or is about to at ``until``."""

    about: str
    flow: str
    facility: str
    supplier: str
    since: datetime
    until: datetime
    late: bool


class Slas(Struct, frozen=True):
    """Every flow that has been owed something, those that miss first; so many open ones were ``looked_at``.

    ``tile`` is all of them together, day by day.
    """

    flows: tuple[Promise, ...]
    pending: tuple[Pending, ...]
    late: int
    close: int
    looked_at: int
    narrowing: Narrowing
    tile: Tile
    times: Times


def load(ask: Ask) -> Slas:
    """Query: ``facility``, ``supplier``, ``stage``, ``days``."""
    with ask.figures() as kept:
        narrowing, narrowed = narrowing_of(ask, kept.measures)
        promised = levels(in_force(ask.journal, NAME, ask.now))
        found = parts(kept.measures, kept.kpis[KPI], "kind", narrowed, ask.now)
        whole = figures(kept.measures, [kept.kpis[KPI]], narrowed, ask.now)[KPI]
        tile, times = tile_of(kept.measures, kept.kpis[KPI], whole, narrowed, ask.now), times_of(ask, kept)
        pending, looked_at = pending_of(kept.measures, narrowed, ask.now, promised.of)
    flows = {*found, *(each.flow for each in pending)}
    told = [_promise(flow, promised.of(flow), found.get(flow, ()), pending) for flow in flows]
    late = sum(each.late for each in pending)
    ordered = sorted(told, key=lambda each: (each.met is not False, -each.late, each.flow))
    return Slas(tuple(ordered), tuple(pending[:SHOWN]), late, len(pending) - late, looked_at, narrowing, tile, times)


def pending_of(measures: Measures, narrowed: Narrowed, now: datetime, level: Callable[[str], Level]) -> tuple[list[Pending], int]:
    """What is open and late or close to it, the latest first, and how many open deliveries were looked at."""
    begun = measures.about(KPI, narrowed, which="begun", limit=LOOKED_AT)
    found = []
    for each in begun:
        if each.since is None:
            continue
        within = level(each.kind).within
        until = each.since + within
        if now - each.since >= within * CLOSE:
            whose = {"facility": each.facility, "supplier": each.supplier}
            found.append(Pending(about=each.about, flow=each.kind, since=each.since, until=until, late=until < now, **whose))
    return sorted(found, key=lambda each: each.until), len(begun)


def _promise(flow: str, level: Level, figures: tuple[Figure, ...], pending: list[Pending]) -> Promise:
    number, kept = sum(figure.number for figure in figures), int(sum(figure.sum for figure in figures))
    attained = (Decimal(100 * kept) / number).quantize(Decimal("0.1")) if number else None
    mine = [each for each in pending if each.flow == flow]
    late = sum(each.late for each in mine)
    return Promise(
        flow=flow,
        minutes=level.minutes,
        percent=level.percent,
        number=number,
        kept=kept,
        attained=attained,
        met=Decimal(100 * kept) >= level.percent * number if number else None,
        budget=level.budget(number, number - kept),
        late=late,
        close=len(mine) - late,
    )


PAGE = Page(
    path="/slas",
    title="Service levels",
    allow="kpis.read",
    section="Run",
    rank=30,
    load=load,
    template="slas.html",
    ranged=True,
)
