"""The share of invoices that became an exception, each under its first reason."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import InvoiceStatus

#: States that show that an invoice has been judged.
JUDGED = ("matched", "exception", "approved", "posted", "scheduled", "paid", "rejected")


def step(event: Event, known: Known) -> Iterable[Measure]:
    """An invoice is judged; one that was an exception once stays one, under the reason that it was first given."""
    status = event.data
    if not isinstance(status, InvoiceStatus) or status.state not in JUDGED:
        return
    before, odd = known.measure(status.invoice), status.state == "exception"
    if before is None or (odd and not before.value):
        reason = next(iter(status.reasons), "unnamed") if odd else ""
        yield share(status.invoice, status.invoice, odd, status.at, known.where(event), stage="invoicing", kind=reason)


KPI = Kpi(
    name="invoice_exceptions",
    title="Invoice exception rate",
    unit="percent",
    good="down",
    target=Decimal(10),
    definition="invoices that were an exception at any time, under the first reason given, divided by all that were judged",
    owner="accounts payable",
    hears=(InvoiceStatus,),
    step=step,
    kind="reason",
)
