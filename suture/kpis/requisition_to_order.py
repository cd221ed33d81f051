"""How long it takes from a request to an order that the ERP has committed."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, Origin, took
from suture.model import PurchaseOrder


def step(event: Event, known: Known) -> Iterable[Measure]:
    """An order is there: once per order, from its requisition's own time."""
    order = event.data
    if not isinstance(order, PurchaseOrder):
        return
    asked = known.origin("Requisition", order.requisition)
    if asked is not None and known.measure(order.id) is None:
        whose = Origin(asked.at, order.facility, order.supplier)
        yield took(order.id, order.id, whose, event.at, stage="ordering", kind=order.urgency)


KPI = Kpi(
    name="requisition_to_order",
    title="Requisition to order",
    unit="hours",
    good="down",
    target=Decimal(24),
    definition="hours from the time on a requisition to the commitment of each order that came of it; the median",
    owner="buyers",
    hears=(PurchaseOrder,),
    step=step,
    kind="urgency",
)
