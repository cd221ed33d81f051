"""What becomes of an order: changes to its lines, what a supplier's answer would make of them, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import structs

from suture.model import AcknowledgedLine, Item, OrderChange, OrderLine, OrderState, Price, PurchaseOrder, Quantity, UnitMismatch

#: The version of a cancellation. It is the last word on an order and outranks the changes, which count from 1, so that whoever
#: wishes it need not know how many there were.
CANCELLATION = 1000
_NOTHING = Decimal(0)


def count(quantity: Quantity, unit: str, item: Item | None) -> Decimal:
    """``quantity`` counted in ``unit``, exactly; raises UnitMismatch or InexactConversion."""
    if quantity.unit == unit:
        return quantity.value
    if item is None:
        raise UnitMismatch(f"cannot count {quantity} in {unit}: the item is unknown")
    return item.convert(quantity, unit).value


def changed(order: PurchaseOrder, change: OrderChange) -> PurchaseOrder:
    """The order with the change's lines in place of its own; a line that it did not have is added."""
    lines = {line.number: line for line in (*order.lines, *change.lines)}
    return structs.replace(order, lines=tuple(lines[number] for number in sorted(lines)))


def reduced(order: PurchaseOrder, received: Mapping[int, Decimal]) -> tuple[OrderLine, ...]:
    """All lines, those of which less came than was ordered brought down to what came (a short close)."""
    came = {line.number: min(line.quantity.value, received.get(line.number, Decimal(0))) for line in order.lines}
    return tuple(structs.replace(line, quantity=Quantity(came[line.number], line.quantity.unit)) for line in order.lines)


def in_units_of(line: OrderLine, said: AcknowledgedLine, item: Item | None) -> AcknowledgedLine:
    """The supplier's word with quantity and price in the order line's unit; raises UnitMismatch or InexactConversion."""
    unit, price = line.quantity.unit, said.price
    if price is not None and price.per.unit != unit:
        price = item.price(price, unit) if item else None
    return structs.replace(said, quantity=Quantity(count(said.quantity, unit, item), unit), price=price)


def as_answered(line: OrderLine, said: AcknowledgedLine) -> OrderLine:
    """What the order line would become if the supplier had its way; the line itself if that is what was ordered.

    ``said`` is in the line's unit. A substitute keeps contract and cost centre.
    """
    match said.status:
        case "rejected":
            left = max(Decimal(0), line.quantity.value - said.quantity.value)
            return structs.replace(line, quantity=Quantity(left, line.quantity.unit))
        case "quantity_changed":
            return structs.replace(line, quantity=said.quantity)
        case "price_changed" if said.price is not None and not same_price(said.price, line.price):
            return structs.replace(line, price=said.price)
        case "substituted":
            return structs.replace(line, item=said.substitute or line.item, price=said.price or line.price)
    return line


def same_price(price: Price, other: Price) -> bool:
    """Whether two prices per the same unit come to the same: 12.50 per 1 BX is 1.25 per 0.1 BX."""
    return price.currency == other.currency and price.amount * other.per.value == other.amount * price.per.value


def rejected(said: Iterable[AcknowledgedLine]) -> Decimal:
    """How much of a line the supplier will not deliver, in the unit in which it is said."""
    return sum((part.quantity.value for part in said if part.status == "rejected"), Decimal(0))


def outstanding(order: PurchaseOrder, received: Mapping[int, Decimal], refused: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """What is still to come per line, in the line's unit; never negative."""
    left = {}
    for line in order.lines:
        number = line.number
        left[number] = max(_NOTHING, line.quantity.value - refused.get(number, _NOTHING) - received.get(number, _NOTHING))
    return left


def standing(
    order: PurchaseOrder,
    received: Mapping[int, Decimal],
    refused: Mapping[int, Decimal],
    *,
    acknowledged: bool,
    backordered: bool,
    shipped: bool,
) -> OrderState:
    """Where an order stands, drawn from what is known of it: the sequence in which it became known does not matter."""
    open_lines = any(outstanding(order, received, refused).values())
    if any(received.values()):
        return "partially_received" if open_lines else "received"
    if not open_lines:
        return "rejected" if any(refused.values()) else "cancelled"
    if shipped:
        return "shipped"
    if backordered:
        return "backordered"
    return "acknowledged" if acknowledged else "confirmed"
