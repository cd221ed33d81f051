"""One of a supplier's own orders: what is to be delivered, where to, and how far it is."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import PartnerLine, PartnerOrder
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


class Asked(Struct, frozen=True):
    """Which order."""

    order: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The order without what is the house's own: who asked for it, and which cost centre carries it."""
    found = await standing.order(given.asked.order, inside)
    if found is None:
        return None
    lines = tuple(
        PartnerLine(
            number=line.number,
            item=line.item,
            supplier_item=line.supplier_item,
            description=line.description,
            quantity=line.quantity,
            price=line.price,
            received=standing.received(found, line),
        )
        for line in found.order.lines
    )
    value = PartnerOrder(
        id=found.order.id,
        ordered_at=found.order.ordered_at,
        ship_to=found.order.ship_to,
        currency=found.order.currency,
        state=found.state.phase,
        version=found.version,
        lines=lines,
        needed_by=found.order.needed_by,
        urgency=found.order.urgency,
    )
    return standing.versioned(value, found.about, found.version)


OPERATION = Operation(
    name="partner_order",
    title="One of your orders",
    text="As it stands after its changes, and how much of each line was received.",
    layer="partner",
    method="GET",
    path="/orders/{order}",
    asks=Asked,
    gives=PartnerOrder,
    answer=answer,
    permission="orders.read",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=300,
    criticality=Criticality(tolerance_s=60, volume_per_day=20_000, recovery="retry"),
    rests_on=("order_to_receipt",),
    examples=(
        Example(
            given={"order": "PO-R-1"},
            answer=PartnerOrder(
                id="PO-R-1",
                ordered_at=samples.AT,
                ship_to="NSH-DOCK",
                currency="USD",
                state="confirmed",
                version=1,
                lines=(
                    PartnerLine(
                        number=1,
                        item="GLOVE",
                        supplier_item="",
                        description="Glove, nitrile, M",
                        quantity=samples.TEN,
                        price=samples.PRICE,
                        received=Decimal(0),
                    ),
                ),
                needed_by=None,
                urgency="routine",
            ),
        ),
    ),
)
