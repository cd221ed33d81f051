"""A supplier bills its own orders."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples, standing
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import CreditNote, Invoice


async def about(document: Invoice, inside: Inside) -> Sequence[About]:
    """The supplier that bills."""
    return (About(supplier=document.supplier),)


async def fits(given: Given, document: Invoice, inside: Inside) -> str:
    """All orders that it bills are this supplier's."""
    return await standing.orders_of(document.supplier, document.orders(), inside)


OPERATION = Operation(
    name="partner_bill",
    title="Submit an invoice or credit note",
    text="Matched against order and receipts; a copy by another route is recognised by its number.",
    layer="partner",
    method="POST",
    path="/invoices",
    takes=(Invoice, CreditNote),
    permission="invoices.submit",
    owner="ap",
    data_class="financial",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=5_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("invoice_match", "invoice_to_payment"),
    examples=(Example(document=samples.INVOICE, answer=samples.accepted("Invoice:ALDER:71")),),
)
