"""The shipments that a supplier has announced, and how they stand."""

from __future__ import annotations

from suture.gateway import listing, samples
from suture.gateway.answers import Listed, Page
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


async def answer(given: Given, inside: Inside) -> Said:
    """From the register, in order of first appearance."""
    return await listing.page(given, inside, "shipment", supplier=listing.narrowed(given.asked, given))


OPERATION = Operation(
    name="partner_shipments",
    title="Your shipments",
    text="In order of their announcement, each with what its carrier said last.",
    layer="partner",
    method="GET",
    path="/shipments",
    gives=Page,
    answer=answer,
    paged=True,
    permission="shipments.read",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=500,
    criticality=Criticality(tolerance_s=300, volume_per_day=5_000, recovery="retry"),
    rests_on=("order_to_receipt",),
    examples=(Example(answer=Page(items=(Listed(id="ALDER:SN-1", supplier="ALDER", state="in_transit", at=samples.AT),))),),
)
