"""How long it takes until what has failed is brought after all."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure, hours
from suture.kpis.owing import whose
from suture.kpis.stages import stage_of
from suture.model import Delivered


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """A delivery failed, from then on it is begun; or it was done after all, or given up, and then never recovers."""
    end = event.data
    if not isinstance(end, Delivered):
        return
    begun, document = known.measure(end.delivery), end.document
    if begun is None and end.outcome in ("refused", "parked"):
        origin = whose(document, event, known)
        yield Measure(
            subject=end.delivery,
            about=document.id,
            since=end.at,
            facility=origin.facility,
            supplier=origin.supplier,
            stage=stage_of(document.type),
            kind=f"{document.type} to {end.role}",
        )
    elif begun is not None and begun.at is None and begun.since is not None:
        if end.outcome == "done":
            yield replace(begun, at=end.at, value=hours(begun.since, end.at))
        elif end.outcome == "cancelled":
            yield Dropped(end.delivery)


KPI = Kpi(
    name="recovery_time",
    title="Recovery time",
    unit="hours",
    good="down",
    target=Decimal(8),
    definition="hours from the first failure of a delivery, refused or parked, until it was done after all; the median",
    owner="operations",
    hears=(Delivered,),
    step=step,
    kind="flow",
)
