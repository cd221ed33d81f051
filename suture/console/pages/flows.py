"""Flows: five numbers for each way in, each a link to exactly the messages and deliveries that it counts."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.console.pages.kpis import Tile, tile_of
from suture.console.pages.slas import KPI
from suture.console.times import Times, times_of
from suture.kpis.figures import figures
from suture.kpis.measures import Narrowed
from suture.views.flows import FIVE, Five, Flow, FlowDay, Leg, Passed

#: Documents on a page.
ROWS = 30


class Behind(Struct, frozen=True, kw_only=True):
    """What one number of one way in counts; ``more`` is where the next page begins, 0 for none."""

    flow: Flow
    which: str
    rows: tuple[Passed, ...]
    legs: tuple[Leg, ...]
    skip: int
    more: int


class Flows(Struct, frozen=True):
    """Every way in, with the sums over all; and what is behind one number, where it was asked for.

    ``days`` are those of the range of all ways in, or of the one that was asked for; ``tile`` is how much was brought in time.
    """

    flows: tuple[Flow, ...]
    total: dict[str, int]
    behind: Behind | None
    days: tuple[FlowDay, ...]
    tile: Tile
    times: Times


def load(ask: Ask) -> Flows:
    """Query: ``instance`` and ``channel`` of a way in; ``which`` of the five numbers; ``skip``; ``days``. Raises Missing."""
    instance, channel = ask.query.get("instance", ""), ask.query.get("channel", "")
    with ask.figures() as kept:
        times, kpi = times_of(ask, kept), kept.kpis[KPI]
        days = kept.flows.days(times.first, times.last, (instance, channel) if instance else None)
        narrowed = Narrowed(since=times.first if times.days else None)
        tile = tile_of(kept.measures, kpi, figures(kept.measures, [kpi], narrowed, ask.now)[KPI], narrowed, ask.now)
        flows = kept.flows.all()
        behind = None
        if instance:
            flow = next((each for each in flows if (each.instance, each.channel) == (instance, channel)), None)
            if flow is None:
                raise Missing(
                    f"nothing has come from {instance} by {channel}", tuple(dict.fromkeys(each.instance for each in flows))
                )
            which, skip = _which(ask.query.get("which", "received")), ask.number("skip")
            rows = kept.flows.behind(instance, channel, which, limit=ROWS + 1, skip=skip)
            legs = tuple(kept.flows.legs(instance, channel))
            more = skip + ROWS if len(rows) > ROWS else 0
            behind = Behind(flow=flow, which=which, rows=tuple(rows[:ROWS]), legs=legs, skip=skip, more=more)
    total = {name: sum(getattr(flow, name) for flow in flows) for name in FIVE}
    return Flows(tuple(flows), total, behind, tuple(days), tile, times)


def _which(said: str) -> Five:
    return said if said in FIVE else "received"  # type: ignore[return-value]  # FIVE holds exactly those


PAGE = Page(
    path="/flows",
    title="Flows",
    allow="documents.read",
    section="Run",
    rank=10,
    load=load,
    template="flows.html",
    ranged=True,
)
