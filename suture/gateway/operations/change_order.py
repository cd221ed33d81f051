"""Change or cancel a purchase order: the absolute content that its lines are to have."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import OrderChange


class Asked(Struct, frozen=True):
    """Which order."""

    order: str


async def about(document: OrderChange, inside: Inside) -> Sequence[About]:
    """Whose the order is."""
    found = await standing.order(document.order, inside)
    return (found.about if found else ANYTHING,)


async def fits(given: Given, document: OrderChange, inside: Inside) -> str:
    """The change is of the order in the address, and of its supplier."""
    if document.order != given.asked.order:
        return f"the change is of order {document.order}, the address names {given.asked.order}"
    return await standing.orders_of(document.supplier, (document.order,), inside)


OPERATION = Operation(
    name="change_order",
    title="Change or cancel a purchase order",
    text=(
        "Lines are absolute: each names the quantity and price that it is to have, zero cancels it. What the supplier has to "
        "accept, and what is too late, is answered by the order's state. If-Match with the ETag of the order's status keeps a "
        "change from resting on what has changed since."
    ),
    layer="process",
    method="POST",
    path="/orders/{order}/changes",
    asks=Asked,
    takes=(OrderChange,),
    permission="orders.change",
    owner="supply_chain",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=300, volume_per_day=500, recovery="retry"),
    about=about,
    fits=fits,
    guards="order_status",
    rests_on=("order_to_receipt",),
    examples=(Example(given={"order": "PO-R-1"}, document=samples.CHANGE, answer=samples.accepted("OrderChange:PO-R-1/2")),),
)
