"""Whether a receipt may be posted: right order, line, item, quantity, lot, serial, shelf life and place.

The policy ``receiving`` reads ``over_percent``: how much more than ordered may come on a line (0 without a policy).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import structs

from suture.model import (
    ExpectedLine,
    GoodsReceipt,
    InexactConversion,
    Item,
    OrderLine,
    Place,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    UnitMismatch,
)
from suture.rules.faults import Fault
from suture.rules.ordering import count, outstanding
from suture.rules.policies import number

_NOTHING = Decimal(0)


def receipt_faults(
    receipt: GoodsReceipt,
    order: PurchaseOrder,
    *,
    items: Mapping[str, Item | None],
    place: Place | None,
    received: Mapping[int, Decimal],
    announced: Mapping[int, Sequence[str]],
    policy: Mapping[str, Any],
) -> tuple[Fault, ...]:
    """Everything wrong with a receipt; ``received`` is what came before, ``announced`` are the lots of ship notices per line."""
    lines, day = {line.number: line for line in order.lines}, receipt.received_at.date()
    found = [*_place_faults(receipt, order, place)]
    if not receipt.lines:
        found.append(Fault("no_lines", "it says nothing of what was received", passable=False))
    for got in receipt.lines:
        line = lines.get(got.line)
        if line is None:
            found.append(Fault("unknown_line", f"{order.id} has no line {got.line}", passable=False))
            continue
        for fault in _line_faults(got, line, items.get(got.item), day, announced.get(got.line, ())):
            found.append(structs.replace(fault, text=f"line {got.line}: {fault.text}"))
    if all(fault.passable for fault in found):
        found += _over_faults(counted(receipt, order, items), lines, received, policy)
    return tuple(found)


def counted(receipt: GoodsReceipt, order: PurchaseOrder, items: Mapping[str, Item | None]) -> dict[int, Decimal]:
    """What was received per order line, in the line's unit; raises UnitMismatch or InexactConversion."""
    units, total = {line.number: line.quantity.unit for line in order.lines}, dict[int, Decimal]()
    for got in receipt.lines:
        total[got.line] = total.get(got.line, _NOTHING) + count(got.quantity, units[got.line], items.get(got.item))
    return total


def same_goods(receipt: GoodsReceipt, other: GoodsReceipt) -> bool:
    """Whether a reversal names the goods of the receipt that it undoes, whatever the sign; naming none means all of them."""
    return not receipt.lines or _goods(receipt) == _goods(other)


def _goods(receipt: GoodsReceipt) -> list[tuple[int, str, str, Decimal, str]]:
    return sorted((line.line, line.item, line.lot, abs(line.quantity.value), line.quantity.unit) for line in receipt.lines)


def expected_lines(
    order: PurchaseOrder,
    received: Mapping[int, Decimal],
    refused: Mapping[int, Decimal],
    announced: Mapping[int, Sequence[str]],
) -> tuple[ExpectedLine, ...]:
    """What the dock should still look out for; a line of which nothing is to come is left out."""
    left = outstanding(order, received, refused)
    return tuple(
        ExpectedLine(
            line=line.number,
            item=line.item,
            quantity=Quantity(left[line.number], line.quantity.unit),
            lots=tuple(announced.get(line.number, ())),
        )
        for line in order.lines
        if left[line.number]
    )


def _place_faults(receipt: GoodsReceipt, order: PurchaseOrder, place: Place | None) -> Iterable[Fault]:
    if receipt.place == order.ship_to:
        return
    if place is None:
        yield Fault("wrong_place", f"it was received at {receipt.place}, an unknown place, not at {order.ship_to}")
    elif place.facility != order.facility or place.status != "active":
        yield Fault("wrong_place", f"it was received at {place.id} of {place.facility} ({place.status}), not at {order.ship_to}")


def _line_faults(got: ReceivedLine, line: OrderLine, item: Item | None, day: date, announced: Sequence[str]) -> Iterable[Fault]:
    if got.item != line.item:
        yield Fault("wrong_item", f"{got.item} came, {line.item} was ordered")
    if item is None:
        yield Fault("unknown_item", f"item {got.item} is unknown", passable=False)
    if got.quantity.value <= 0:
        yield Fault("bad_quantity", f"a received quantity must be positive, got {got.quantity}", passable=False)
    try:
        count(got.quantity, line.quantity.unit, item)
    except (UnitMismatch, InexactConversion) as error:
        yield Fault("bad_unit", str(error), passable=False)
    if got.expires is not None and got.expires < day:
        yield Fault("expired", f"lot {got.lot or 'without number'} expired on {got.expires}")
    yield from _tracking_faults(got, item, announced)


def _tracking_faults(got: ReceivedLine, item: Item | None, announced: Sequence[str]) -> Iterable[Fault]:
    if item is not None and item.lot_tracked and not got.lot:
        yield Fault("lot_missing", f"{got.item} is tracked by lot and none was given")
    if got.lot and announced and got.lot not in announced:
        yield Fault("wrong_lot", f"lot {got.lot} came, {', '.join(announced)} was announced")
    if item is not None and item.serial_tracked and len(set(got.serials)) != len(got.serials):
        yield Fault("serial_twice", "a serial number is given twice")
    if item is not None and item.serial_tracked and not _serials_complete(got, item):
        yield Fault("serial_missing", f"{got.quantity} came with {len(got.serials)} serial number(s)")


def _serials_complete(got: ReceivedLine, item: Item) -> bool:
    try:
        return count(got.quantity, item.unit, item) == len(got.serials)
    except (UnitMismatch, InexactConversion):
        return True  # told already, as bad_unit


def _over_faults(
    came: Mapping[int, Decimal], lines: Mapping[int, OrderLine], received: Mapping[int, Decimal], policy: Mapping[str, Any]
) -> Iterable[Fault]:
    tolerance = 1 + number(policy, "over_percent", _NOTHING) / 100
    for line_number, quantity in came.items():
        ordered, total = lines[line_number].quantity, received.get(line_number, _NOTHING) + quantity
        if total > ordered.value * tolerance:
            yield Fault("over_receipt", f"line {line_number}: {total} {ordered.unit} came in all, {ordered} were ordered")
