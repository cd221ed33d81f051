"""Submit a supplier's invoice or credit note."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Inside, Operation
from suture.model import CreditNote, Invoice


async def about(document: Invoice, inside: Inside) -> Sequence[About]:
    """The supplier that bills and the entity that is billed."""
    return (About(supplier=document.supplier, entity=document.entity),)


OPERATION = Operation(
    name="submit_invoice",
    title="Submit an invoice",
    text="Matched against order and receipts; a copy by another route is recognised by supplier and number.",
    layer="process",
    method="POST",
    path="/invoices",
    takes=(Invoice, CreditNote),
    permission="invoices.submit",
    owner="ap",
    data_class="financial",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=10_000, recovery="retry"),
    about=about,
    rests_on=("invoice_match", "invoice_to_payment"),
    examples=(Example(document=samples.INVOICE, answer=samples.accepted("Invoice:ALDER:71")),),
)
