"""KPIs: each figure with its definition, its target and how it went, narrowed to a facility, a supplier, a stage and a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.times import DAYS_DRAWN, LOOKS, Times, look_of, times_of
from suture.kpis import Kpi
from suture.kpis.figures import Figure, days, figures, spread_of
from suture.kpis.kpi import STAGES
from suture.kpis.measures import Measures, Narrowed

#: How the tiles are grouped: a heading, and the units under it.
GROUPS = (("How long it takes", ("hours",)), ("How well it goes", ("percent", "per_thousand")), ("What it costs", ("money",)))


class Point(Struct, frozen=True):
    """What a KPI came to on a day."""

    day: datetime
    value: Decimal | None


class Tile(Struct, frozen=True, kw_only=True):
    """One KPI: its figures (one for each currency), and how it went by day in the currency with most of it."""

    name: str
    title: str
    unit: str
    good: str
    target: Decimal
    definition: str
    standing: bool
    figures: tuple[Figure, ...]
    points: tuple[Point, ...]
    spread: tuple[Decimal, ...]


class Group(Struct, frozen=True):
    """Tiles under one heading."""

    title: str
    tiles: tuple[Tile, ...]


class Narrowing(Struct, frozen=True, kw_only=True):
    """To what the page is narrowed, and what it could be narrowed to; "" and 0 narrow nothing."""

    facility: str
    supplier: str
    stage: str
    days: int
    facilities: tuple[str, ...]
    suppliers: tuple[str, ...]
    stages: tuple[str, ...] = tuple(filter(None, STAGES))
    looks: tuple[int, ...] = LOOKS


class Kpis(Struct, frozen=True):
    """The tiles, in groups, and how many of those that tell something meet their target."""

    groups: tuple[Group, ...]
    told: int
    met: int
    narrowing: Narrowing
    times: Times


def load(ask: Ask) -> Kpis:
    """Query: ``facility``, ``supplier``, ``stage``, ``days``."""
    with ask.figures() as kept:
        narrowing, narrowed = narrowing_of(ask, kept.measures)
        found = figures(kept.measures, kept.kpis.values(), narrowed, ask.now)
        tiles = [tile_of(kept.measures, kept.kpis[name], of, narrowed, ask.now) for name, of in found.items()]
        times = times_of(ask, kept)
    groups = [Group(title, tuple(tile for tile in tiles if tile.unit in units)) for title, units in GROUPS]
    verdicts = [figure.met for tile in tiles for figure in tile.figures if figure.met is not None]
    return Kpis(tuple(groups), len(verdicts), sum(verdicts), narrowing, times)


def narrowing_of(ask: Ask, measures: Measures) -> tuple[Narrowing, Narrowed]:
    """To what a page of figures is narrowed, for its form and for its queries."""
    facility, supplier, stage = (ask.query.get(part, "")[:128] for part in ("facility", "supplier", "stage"))
    narrowing = Narrowing(
        facility=facility,
        supplier=supplier,
        stage=stage,
        days=look_of(ask),
        facilities=_named(measures, "facility"),
        suppliers=_named(measures, "supplier"),
    )
    since = ask.now - timedelta(days=narrowing.days) if narrowing.days else None
    return narrowing, Narrowed(facility=facility or None, supplier=supplier or None, stage=stage or None, since=since)


def tile_of(measures: Measures, kpi: Kpi, figures: tuple[Figure, ...], narrowed: Narrowed, now: datetime) -> Tile:
    """One KPI as a tile."""
    main = max(figures, key=lambda figure: figure.number).currency if figures else ""
    told = [day for day in days(measures, kpi, narrowed, DAYS_DRAWN) if day.currency == main] if not kpi.standing else []
    return Tile(
        name=kpi.name,
        title=kpi.title,
        unit=kpi.unit,
        good=kpi.good,
        target=kpi.target,
        definition=kpi.definition,
        standing=kpi.standing,
        figures=figures,
        points=tuple(Point(day.day, day.value) for day in told),
        spread=tuple(spread_of(measures, kpi, narrowed, now)) if kpi.unit == "hours" else (),
    )


def _named(measures: Measures, part: str) -> tuple[str, ...]:
    return tuple(name for (name,) in measures.rows(f"select distinct {part} from wholes where {part} <> '' order by 1 limit 500"))


PAGE = Page(path="/kpis", title="KPIs", allow="kpis.read", section="Run", rank=40, load=load, template="kpis.html", ranged=True)
