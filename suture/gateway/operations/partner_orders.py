"""A supplier's own orders, by state, a page at a time."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import listing, samples
from suture.gateway.answers import Page
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said
from suture.model import OrderState


class Asked(Struct, frozen=True):
    """Blank is not narrowed."""

    state: OrderState | None = None


async def answer(given: Given, inside: Inside) -> Said:
    """From the register, in order of first appearance."""
    supplier = listing.narrowed(given.asked, given)
    return await listing.page(given, inside, "order", supplier=supplier, state=given.asked.state or "")


OPERATION = Operation(
    name="partner_orders",
    title="Your orders",
    text="In order of their first appearance; a cursor stays good, however much comes in meanwhile.",
    layer="partner",
    method="GET",
    path="/orders",
    asks=Asked,
    gives=Page,
    answer=answer,
    paged=True,
    permission="orders.read",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=500,
    criticality=Criticality(tolerance_s=300, volume_per_day=10_000, recovery="retry"),
    rests_on=("order_to_receipt",),
    examples=(Example(answer=samples.LISTED),),
)
