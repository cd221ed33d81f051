"""What was billed above the price that was ordered, in money."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import FINEST, Known, Kpi, Measure
from suture.model import CreditNote, Invoice, InvoiceLine, InvoiceStatus, Item, PurchaseOrder, UnitMismatch
from suture.rules.matching import counted, per_unit


def step(event: Event, known: Known) -> Iterable[Measure]:
    """An invoice is posted: each of its lines against the order's line, once."""
    status = event.data
    if not isinstance(status, InvoiceStatus) or status.state != "posted":
        return
    invoice = known.document("Invoice", status.invoice)
    if not isinstance(invoice, Invoice) or isinstance(invoice, CreditNote):
        return
    for line in invoice.lines:
        order = known.document("PurchaseOrder", line.order)
        variance = _variance(line, order, known) if isinstance(order, PurchaseOrder) else None
        subject = f"{invoice.id}/{line.number}"
        if isinstance(order, PurchaseOrder) and variance is not None and known.measure(subject) is None:
            yield Measure(
                subject=subject,
                about=invoice.id,
                at=status.at,
                value=variance,
                currency=line.price.currency,
                facility=order.facility,
                supplier=order.supplier,
                stage="invoicing",
                kind=line.item,
            )


def _variance(line: InvoiceLine, order: PurchaseOrder, known: Known) -> Decimal | None:
    """Signed, for the quantity billed; None where currencies or units cannot be compared."""
    ordered = next((each for each in order.lines if each.number == line.order_line), None)
    if ordered is None or ordered.price.currency != line.price.currency:
        return None
    item, unit = known.document("Item", line.item), ordered.quantity.unit
    packs = item if isinstance(item, Item) else None
    try:
        dearer = per_unit(line.price, unit, packs) - per_unit(ordered.price, unit, packs)
        exact = dearer * counted(line.quantity, unit, packs)
    except (UnitMismatch, ZeroDivisionError):
        return None
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(FINEST)


KPI = Kpi(
    name="price_variance",
    title="Price variance",
    unit="money",
    good="down",
    target=Decimal(0),
    definition="the price billed less the price ordered, times the quantity, over all invoice lines posted, in each currency",
    owner="sourcing",
    hears=(InvoiceStatus,),
    step=step,
    kind="item",
)
