"""The share of the money ordered that is ordered at a contract's price."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.model import PurchaseOrder


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Each line of an order, as it was first committed."""
    order = event.data
    if not isinstance(order, PurchaseOrder):
        return
    for line in order.lines:
        subject, worth = f"{order.id}/{line.number}", line.value().rounded()
        if known.measure(subject) is None:
            yield Measure(
                subject=subject,
                about=order.id,
                at=event.at,
                value=worth.amount if line.contract else Decimal(0),
                weight=worth.amount,
                currency=worth.currency,
                facility=order.facility,
                supplier=order.supplier,
                stage="ordering",
                kind=line.contract or "no contract",
            )


KPI = Kpi(
    name="on_contract_spend",
    title="On-contract spend",
    unit="percent",
    good="up",
    target=Decimal(85),
    definition="the value of order lines that name a contract, divided by the value of all order lines, in each currency",
    owner="sourcing",
    hears=(PurchaseOrder,),
    step=step,
    kind="contract",
)
