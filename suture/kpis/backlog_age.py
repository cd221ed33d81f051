"""How old the deliveries are that are owed and have not come to an end."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure
from suture.kpis.owing import OWING, owed, whose
from suture.kpis.stages import stage_of
from suture.model import Delivered


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """Something is owed, or an end has come to it; what is parked waits on."""
    if isinstance(event.data, Delivered):
        if event.data.outcome != "parked":
            yield Dropped(event.data.delivery)
        return
    for debt in owed(event):
        document = debt.document
        origin = whose(document, event, known)
        yield Measure(
            subject=debt.delivery,
            about=document.id,
            since=event.at,
            facility=origin.facility,
            supplier=origin.supplier,
            stage=stage_of(document.type),
            kind=f"{document.type} to {debt.instance}",
        )


KPI = Kpi(
    name="backlog_age",
    title="Backlog age",
    unit="hours",
    good="down",
    target=Decimal(4),
    definition="hours since each delivery became owed, over all that are queued, under way, in doubt or parked now; the median",
    owner="operations",
    hears=(*OWING, Delivered),
    step=step,
    kind="flow",
    standing=True,
)
