"""The orders, by supplier and state, a page at a time."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import listing, samples
from suture.gateway.answers import Page
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said
from suture.model import OrderState


class Asked(Struct, frozen=True):
    """Blank is not narrowed."""

    supplier: str = ""
    state: OrderState | None = None


async def answer(given: Given, inside: Inside) -> Said:
    """From the register, in order of first appearance."""
    supplier = listing.narrowed(given.asked, given)
    return await listing.page(given, inside, "order", supplier=supplier, state=given.asked.state or "")


OPERATION = Operation(
    name="list_orders",
    title="List purchase orders",
    text="In order of their first appearance; a cursor stays good, however much comes in meanwhile.",
    layer="process",
    method="GET",
    path="/orders",
    asks=Asked,
    gives=Page,
    answer=answer,
    paged=True,
    permission="orders.read",
    owner="supply_chain",
    data_class="internal",
    latency_ms=500,
    criticality=Criticality(tolerance_s=60, volume_per_day=2_000, recovery="retry"),
    rests_on=("order_to_receipt",),
    examples=(Example(given={"supplier": "ALDER"}, answer=samples.LISTED),),
)
