"""A supplier's own invoices and credit notes, and how they stand."""

from __future__ import annotations

from suture.gateway import listing, samples
from suture.gateway.answers import Listed, Page
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


async def answer(given: Given, inside: Inside) -> Said:
    """From the register, in order of first appearance."""
    return await listing.page(given, inside, "invoice", supplier=listing.narrowed(given.asked, given))


OPERATION = Operation(
    name="partner_invoices",
    title="Your invoices",
    text="In order of their first appearance, by whatever route they came.",
    layer="partner",
    method="GET",
    path="/invoices",
    gives=Page,
    answer=answer,
    paged=True,
    permission="invoices.read",
    owner="ap",
    data_class="financial",
    latency_ms=500,
    criticality=Criticality(tolerance_s=300, volume_per_day=5_000, recovery="retry"),
    rests_on=("invoice_to_payment",),
    examples=(Example(answer=Page(items=(Listed(id="ALDER:71", supplier="ALDER", state="posted", at=samples.AT),))),),
)
