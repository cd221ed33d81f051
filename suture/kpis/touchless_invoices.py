"""The share of invoices that were posted without any person's decision."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import Approval, Case, Decision, InvoiceStatus

#: The mark of an invoice that a person has touched before it was posted.
_TOUCHED = "touched"


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A case is about an invoice; a person decides about it; an invoice is posted."""
    match event.data:
        case Case(id=id, objects=objects):
            invoice = next((ref.id for ref in objects if ref.type in ("Invoice", "CreditNote")), "")
            if invoice:
                yield Measure(subject=f"case/{id}", about=invoice)
        case Decision(subject=subject):
            about = known.measure(f"case/{subject.id}") if subject.type == "Case" else None
            if about is not None:
                yield from _touched(about.about, known)
        case Approval(subject=subject) if subject.type == "Invoice":
            yield from _touched(subject.id, known)
        case InvoiceStatus(state="posted", invoice=invoice, at=at):
            before = known.measure(invoice)
            if before is None or before.at is None:
                touched = before is not None
                kind = _TOUCHED if touched else "untouched"
                yield share(invoice, invoice, not touched, at, known.where(event), stage="invoicing", kind=kind)


def _touched(invoice: str, known: Known) -> Iterable[Measure]:
    """Noted before it is posted; afterwards it is too late to change how it was posted."""
    if known.measure(invoice) is None:
        yield Measure(subject=invoice, about=invoice, kind=_TOUCHED)


KPI = Kpi(
    name="touchless_invoices",
    title="Touchless invoices",
    unit="percent",
    good="up",
    target=Decimal(80),
    definition="invoices posted without a person's decision or approval about them, divided by all invoices posted",
    owner="accounts payable",
    hears=(Case, Decision, Approval, InvoiceStatus),
    step=step,
    kind="how",
)
