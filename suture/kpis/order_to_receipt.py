"""How long it takes from an order to all of its goods."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, took
from suture.model import OrderStatus


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Everything has been received, for the first time."""
    status = event.data
    if not isinstance(status, OrderStatus) or status.state != "received":
        return
    ordered = known.origin("PurchaseOrder", status.order)
    if ordered is not None and known.measure(status.order) is None:
        yield took(status.order, status.order, ordered, status.at, stage="receiving")


KPI = Kpi(
    name="order_to_receipt",
    title="Order to receipt",
    unit="hours",
    good="down",
    target=Decimal(72),
    definition="hours from the commitment of an order until everything it is still to bring has been received; the median",
    owner="supply chain",
    hears=(OrderStatus,),
    step=step,
)
