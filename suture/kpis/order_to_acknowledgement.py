"""How long suppliers take to answer an order."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, took
from suture.model import OrderAcknowledgement


def step(event: Event, known: Known) -> Iterable[Measure]:
    """The first answer to an order that we know, whatever it says."""
    answer = event.data
    if not isinstance(answer, OrderAcknowledgement):
        return
    ordered = known.origin("PurchaseOrder", answer.order)
    if ordered is not None and known.measure(answer.order) is None:
        yield took(answer.order, answer.order, ordered, event.at, stage="ordering", kind=answer.status)


KPI = Kpi(
    name="order_to_acknowledgement",
    title="Order to acknowledgement",
    unit="hours",
    good="down",
    target=Decimal(24),
    definition="hours from the commitment of an order to the arrival of its supplier's first answer; the median",
    owner="buyers",
    hears=(OrderAcknowledgement,),
    step=step,
    kind="answer",
)
