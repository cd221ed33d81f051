"""The share of requests that could not wait."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import Requisition


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Each requisition, as it was first filed."""
    asked = event.data
    if isinstance(asked, Requisition) and known.measure(asked.id) is None:
        rush = asked.urgency != "routine"
        yield share(asked.id, asked.id, rush, event.at, known.where(event), stage="ordering", kind=asked.urgency)


KPI = Kpi(
    name="rush_orders",
    title="Rush orders",
    unit="percent",
    good="down",
    target=Decimal(20),
    definition="requisitions filed as urgent or as an emergency, divided by all that were filed",
    owner="supply chain",
    hears=(Requisition,),
    step=step,
    kind="urgency",
)
