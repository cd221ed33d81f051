"""How long an invoice takes from its arrival to its payment."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, took
from suture.model import InvoiceStatus


def step(event: Event, known: Known) -> Iterable[Measure]:
    """An invoice is paid, for the first time."""
    status = event.data
    if not isinstance(status, InvoiceStatus) or status.state != "paid":
        return
    came = known.origin("Invoice", status.invoice)
    if came is not None and known.measure(status.invoice) is None:
        yield took(status.invoice, status.invoice, came, status.at, stage="paying")


KPI = Kpi(
    name="invoice_cycle_time",
    title="Invoice cycle time",
    unit="hours",
    good="down",
    target=Decimal(30 * 24),
    definition="hours from the arrival of an invoice to the bank's word that it is paid; the median",
    owner="accounts payable",
    hears=(InvoiceStatus,),
    step=step,
)
