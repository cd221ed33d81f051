"""The payments to a supplier, and how they stand."""

from __future__ import annotations

from suture.gateway import listing, samples
from suture.gateway.answers import Listed, Page
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


async def answer(given: Given, inside: Inside) -> Said:
    """From the register, in order of first appearance."""
    return await listing.page(given, inside, "payment", supplier=listing.narrowed(given.asked, given))


OPERATION = Operation(
    name="partner_payments",
    title="Payments to you",
    text="In order of their instruction, each with what the bank said last.",
    layer="partner",
    method="GET",
    path="/payments",
    gives=Page,
    answer=answer,
    paged=True,
    permission="payments.read",
    owner="treasury",
    data_class="financial",
    latency_ms=500,
    criticality=Criticality(tolerance_s=300, volume_per_day=5_000, recovery="retry"),
    rests_on=("payment",),
    examples=(Example(answer=Page(items=(Listed(id="PAY-ALDER:71-1", supplier="ALDER", state="settled", at=samples.AT),))),),
)
