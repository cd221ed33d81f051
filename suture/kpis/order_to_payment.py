"""How long it takes from an order to the payment of what was billed over it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, took
from suture.model import InvoiceStatus


def step(event: Event, known: Known) -> Iterable[Measure]:
    """An invoice is paid: once for each order that it bills."""
    status = event.data
    if not isinstance(status, InvoiceStatus) or status.state != "paid":
        return
    for order in status.orders:
        ordered, subject = known.origin("PurchaseOrder", order), f"{status.invoice}/{order}"
        if ordered is not None and known.measure(subject) is None:
            yield took(subject, status.invoice, ordered, status.at, stage="paying")


KPI = Kpi(
    name="order_to_payment",
    title="Order to payment",
    unit="hours",
    good="down",
    target=Decimal(45 * 24),
    definition="hours from the commitment of an order to the bank's word that an invoice over it is paid; the median",
    owner="accounts payable",
    hears=(InvoiceStatus,),
    step=step,
)
