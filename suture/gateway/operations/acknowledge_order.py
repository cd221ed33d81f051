"""A supplier's answer to one of its orders: accepted, changed or rejected, line by line."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import OrderAcknowledgement


class Asked(Struct, frozen=True):
    """Which order."""

    order: str


async def about(document: OrderAcknowledgement, inside: Inside) -> Sequence[About]:
    """The supplier that answers."""
    return (About(supplier=document.supplier),)


async def fits(given: Given, document: OrderAcknowledgement, inside: Inside) -> str:
    """The answer is to the order in the address, which is this supplier's."""
    if document.order != given.asked.order:
        return f"the acknowledgement is of order {document.order}, the address names {given.asked.order}"
    return await standing.orders_of(document.supplier, (document.order,), inside)


OPERATION = Operation(
    name="acknowledge_order",
    title="Acknowledge an order",
    text="The latest word on each line counts; what differs from the order is put to the buyer.",
    layer="partner",
    method="POST",
    path="/orders/{order}/acknowledgements",
    asks=Asked,
    takes=(OrderAcknowledgement,),
    permission="orders.acknowledge",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=5_000, recovery="retry"),
    about=about,
    fits=fits,
    guards="partner_order",
    rests_on=("order_to_receipt",),
    examples=(
        Example(
            given={"order": "PO-R-1"},
            document=samples.ACKNOWLEDGEMENT,
            answer=samples.accepted("OrderAcknowledgement:PO-R-1/A-1"),
        ),
    ),
)
