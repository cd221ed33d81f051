"""The share of deliveries that were refused or parked instead of done."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.kpis.owing import whose
from suture.kpis.stages import stage_of
from suture.model import Delivered


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A delivery came to an end; one that has failed once stays counted as failed, however it ends at last."""
    end = event.data
    if not isinstance(end, Delivered) or end.outcome == "cancelled":
        return
    failed, before = end.outcome in ("refused", "parked"), known.measure(end.delivery)
    if before is None or (failed and not before.value):
        document, origin = end.document, whose(end.document, event, known)
        kind = f"{document.type} to {end.role}"
        yield share(end.delivery, document.id, failed, end.at, origin, stage=stage_of(document.type), kind=kind)


KPI = Kpi(
    name="failed_deliveries",
    title="Failed deliveries",
    unit="percent",
    good="down",
    target=Decimal(1),
    definition="deliveries that were refused or parked at any time, divided by all that ended otherwise than cancelled",
    owner="operations",
    hears=(Delivered,),
    step=step,
    kind="flow",
)
