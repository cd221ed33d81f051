"""Whether a requisition may become an order, at which price and in which unit."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from suture.model import (
    ContractPrice,
    CostCenter,
    InexactConversion,
    Item,
    Money,
    OrderLine,
    Price,
    PurchaseOrder,
    Quantity,
    Requisition,
    RequisitionLine,
    Supplier,
    UnitMismatch,
)
from suture.rules.policies import money


class Sources(Struct, frozen=True):
    """The masters that one requisition line names, as far as they are known."""

    supplier: Supplier | None = None
    item: Item | None = None
    cost_center: CostCenter | None = None
    prices: Sequence[ContractPrice] = ()


class NotOrderable(ValueError):
    """A line has no price or no exact quantity to order at; the message is the reason told to the requester."""


#: No partner's field for an order number is shorter (X12 4010: BEG03, data element 324).
LONGEST_ORDER_ID = 22


def order_id(requisition: str, index: int = 0) -> str:
    """The number of a requisition's order to its first (0), second (1), ... supplier.

    A requisition whose number is too long for some partner's field is named by a digest of it (60 bits).
    """
    suffix = f"-{index + 1}" if index else ""
    if len(f"PO-{requisition}{suffix}") <= LONGEST_ORDER_ID:
        return f"PO-{requisition}{suffix}"
    digest = hashlib.blake2s(requisition.encode(), digest_size=8).digest()
    return f"PO-{base64.b32encode(digest).decode()[:12]}{suffix}"


def contract_price(
    prices: Iterable[ContractPrice], item: Item, quantity: Quantity, facility: str, day: date
) -> ContractPrice | None:
    """The contract price that holds for this quantity on this day: the facility's own before the group's, then the highest
    minimum quantity that is reached, then the youngest. Raises UnitMismatch or InexactConversion."""
    holding = [price for price in prices if price.item == item.id and price.applies(day, facility)]
    wanted = item.convert(quantity, item.unit).value
    reached = [price for price in holding if _minimum(price, item) <= wanted]
    return max(reached, key=lambda price: _rank(price, item), default=None)


def _rank(price: ContractPrice, item: Item) -> tuple[bool, Decimal, date, str]:
    return price.facility != "", _minimum(price, item), price.effective_from, price.id


def _minimum(price: ContractPrice, item: Item) -> Decimal:
    return item.convert(price.minimum, item.unit).value if price.minimum else Decimal(0)


def faults(line: RequisitionLine, sources: Sources, entity: str) -> tuple[str, ...]:
    """Everything that forbids to order this line: supplier, item, cost centre, quantity."""
    found = [
        _standing("supplier", line.supplier, sources.supplier),
        _standing("item", line.item, sources.item),
        _standing("cost centre", line.cost_center, sources.cost_center),
    ]
    if sources.cost_center and sources.cost_center.entity != entity:
        found.append(f"cost centre {line.cost_center} belongs to {sources.cost_center.entity}, not to {entity}")
    if line.quantity.value <= 0:
        found.append(f"a quantity must be positive, got {line.quantity}")
    return tuple(f"line {line.number}: {fault}" for fault in found if fault)


def _standing(kind: str, id: str, found: Supplier | Item | CostCenter | None) -> str:
    if found is None:
        return f"{kind} {id} is unknown"
    return "" if found.status == "active" else f"{kind} {id} is {found.status}"


def order_line(line: RequisitionLine, sources: Sources, facility: str, day: date, policy: Mapping[str, Any]) -> OrderLine:
    """The order line at the contract's price and in its unit, or at the catalogue's up to the policy's ``catalogue`` limit.

    Raises NotOrderable where there is no such price or the quantity has no exact count in the price's unit.
    """
    assert sources.item is not None
    try:
        agreed = contract_price(sources.prices, sources.item, line.quantity, facility, day)
        price = agreed.price if agreed else _catalogue_price(line, facility, day)
        quantity = sources.item.convert(line.quantity, price.per.unit)
    except (UnitMismatch, InexactConversion) as error:
        raise NotOrderable(f"line {line.number}: {error}") from error
    ordered = OrderLine(
        number=line.number,
        item=line.item,
        quantity=quantity,
        price=price,
        cost_center=line.cost_center,
        description=sources.item.name,
        contract=agreed.contract if agreed else "",
    )
    if not agreed:
        _check_catalogue(ordered, policy)
    return ordered


def _catalogue_price(line: RequisitionLine, facility: str, day: date) -> Price:
    if line.price is None:
        wanted = f"of {line.supplier} for {line.item} at {facility} on {day}"
        raise NotOrderable(f"line {line.number}: no contract price {wanted}, and no catalogue price")
    return line.price


def _check_catalogue(line: OrderLine, policy: Mapping[str, Any]) -> None:
    limit = money(policy.get("catalogue", {}), line.price.currency)
    if limit is None or not line.value() <= limit:
        allowed = f"up to {limit}, this is {line.value()}" if limit else "not accepted"
        raise NotOrderable(f"line {line.number}: no contract price, and a catalogue price is {allowed}")


class Sourcing(Struct, frozen=True):
    """The answer to a requisition: orders, or every reason why not."""

    orders: tuple[PurchaseOrder, ...] = ()
    reasons: tuple[str, ...] = ()

    def total(self) -> Money:
        """What all orders cost together; they are in one currency."""
        first, *others = (order.total() for order in self.orders)
        for other in others:
            first = first + other
        return first


def source(requisition: Requisition, sources: Sequence[Sources], policy: Mapping[str, Any], at: datetime) -> Sourcing:
    """One order per supplier in the order of the lines, if every line passes; ``sources`` belong to the lines one by one."""
    reasons = list(_form_faults(requisition))
    sourced: list[tuple[str, OrderLine]] = []
    for line, known in zip(requisition.lines, sources, strict=True):
        reasons += faults(line, known, requisition.entity)
        if known.item is not None and line.quantity.value > 0:
            try:
                sourced.append((line.supplier, order_line(line, known, requisition.facility, at.date(), policy)))
            except NotOrderable as error:
                reasons.append(str(error))
    currencies = sorted({line.price.currency for _, line in sourced})
    if len(currencies) > 1:
        reasons.append(f"one requisition is approved as one amount; its prices are in {', '.join(currencies)}")
    return Sourcing(reasons=tuple(reasons)) if reasons else Sourcing(orders=_orders(requisition, sourced, at))


def _form_faults(requisition: Requisition) -> Iterable[str]:
    numbers = [line.number for line in requisition.lines]
    if not numbers:
        yield "it has no lines"
    for number in sorted({number for number in numbers if numbers.count(number) > 1}):
        yield f"line {number} occurs more than once"


def _orders(requisition: Requisition, sourced: Sequence[tuple[str, OrderLine]], at: datetime) -> tuple[PurchaseOrder, ...]:
    suppliers = dict.fromkeys(supplier for supplier, _ in sourced)
    return tuple(
        PurchaseOrder(
            id=order_id(requisition.id, index),
            requisition=requisition.id,
            entity=requisition.entity,
            facility=requisition.facility,
            ship_to=requisition.ship_to,
            supplier=supplier,
            currency=lines[0].price.currency,
            ordered_at=at,
            lines=lines,
            requester=requisition.requester,
            needed_by=requisition.needed_by,
            urgency=requisition.urgency,
        )
        for index, supplier in enumerate(suppliers)
        if (lines := tuple(line for of, line in sourced if of == supplier))
    )
