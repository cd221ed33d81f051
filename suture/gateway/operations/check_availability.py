"""How much of an item is on hand in a place, and on its way to it."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from suture.gateway.access import About
from suture.gateway.answers import Availability
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Part, Said
from suture.model import Item, Place, Quantity
from suture.processes.shelf import Shelf

NAME = "usage_to_replenishment"


class Asked(Struct, frozen=True):
    """Which item, where; in the group's codes."""

    item: str
    place: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """As counted from usages, receipts and movements; unknown where no stock is kept in view."""
    asked = given.asked
    item: Item | None = next((each for each in await inside.filed(Item, asked.item)), None)
    place: Place | None = next((each for each in await inside.filed(Place, asked.place)), None)
    if item is None or place is None:
        return None
    shelf, version = await inside.state(NAME, f"{asked.item}@{asked.place}")
    about = About(entity=place.entity, facility=place.facility)
    if not isinstance(shelf, Shelf) or not shelf.opened:
        source = Part(source=NAME, state="unknown", why="no stock of it is kept in view there")
        unknown = Availability(item=item.id, place=place.id, state="unknown", sources=(source,))
        return Said(value=unknown, about=(about,), etag="0")
    low = shelf.phase == "low"
    value = Availability(
        item=item.id,
        place=place.id,
        state="none" if shelf.balance <= 0 else "low" if low else "available",
        on_hand=Quantity(shelf.balance, item.unit),
        on_order=Quantity(shelf.awaiting, item.unit),
        sources=(Part(source=NAME, state="known"),),
    )
    return Said(value=value, about=(about,), etag=str(version))


OPERATION = Operation(
    name="check_availability",
    title="Check availability",
    text="In the item's base unit, as counted from movements; what is on its way is what the latest requisition still brings.",
    layer="process",
    method="GET",
    path="/availability",
    asks=Asked,
    gives=Availability,
    answer=answer,
    permission="documents.read",
    owner="supply_chain",
    data_class="internal",
    quota="critical",
    latency_ms=200,
    criticality=Criticality(tolerance_s=5, volume_per_day=50_000, recovery="retry"),
    rests_on=("usage_to_replenishment", "masters"),
    examples=(
        Example(
            given={"item": "GLOVE", "place": "NSH-OR"},
            answer=Availability(
                item="GLOVE",
                place="NSH-OR",
                state="available",
                on_hand=Quantity(Decimal(40), "EA"),
                on_order=Quantity(Decimal(0), "EA"),
                sources=(Part(source=NAME, state="known"),),
            ),
        ),
    ),
)
