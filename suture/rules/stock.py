"""The stock of one item in one place: whether a usage may count, what it costs, and how much to order again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import ROUND_FLOOR, Decimal

from msgspec import Struct

from suture.model import (
    ContractPrice,
    CostCenter,
    InexactConversion,
    Item,
    Money,
    Place,
    PostingLine,
    Price,
    Quantity,
    StockPolicy,
    UnitMismatch,
    Usage,
)
from suture.rules.faults import Fault
from suture.rules.sourcing import contract_price


class Grounds(Struct, frozen=True):
    """The masters on which a usage is counted and costed, as far as they are known."""

    policy: StockPolicy | None = None
    item: Item | None = None
    place: Place | None = None
    cost_center: CostCenter | None = None
    prices: Sequence[ContractPrice] = ()


def base(quantity: Quantity, item: Item) -> Decimal:
    """``quantity`` counted in the item's base unit, exactly; raises UnitMismatch or InexactConversion."""
    return item.convert(quantity, item.unit).value


def usage_faults(usage: Usage, grounds: Grounds, serials: Collection[str]) -> tuple[Fault, ...]:
    """Everything that forbids to count a usage; ``serials`` are those that were used here before."""
    return (
        *_quantity_faults(usage, grounds),
        *_cost_faults(usage, grounds),
        *(_tracking_faults(usage, grounds.item, serials) if grounds.item else ()),
    )


def _quantity_faults(usage: Usage, grounds: Grounds) -> Iterable[Fault]:
    item = grounds.item
    if item is None:
        yield Fault("unknown_item", f"item {usage.item} is unknown", passable=False)
    elif item.status != "active":
        yield Fault("item_blocked", f"item {item.id} is {item.status}")
    if usage.quantity.value <= 0:
        yield Fault("bad_quantity", f"a used quantity must be positive, got {usage.quantity}", passable=False)
    if item is not None:
        try:
            base(usage.quantity, item)
        except (UnitMismatch, InexactConversion) as error:
            yield Fault("bad_unit", str(error), passable=False)
    if usage.kind == "corrected" and usage.reverses in ("", usage.id):
        yield Fault("no_original", "a correction must name the usage that it replaces", passable=False)


def _cost_faults(usage: Usage, grounds: Grounds) -> Iterable[Fault]:
    center, place, item = grounds.cost_center, grounds.place, grounds.item
    if grounds.policy is None:
        yield Fault("no_stock_policy", f"{usage.place} keeps no stock of {usage.item}", passable=False)
    if place is None:
        yield Fault("unknown_place", f"place {usage.place} is unknown", passable=False)
    if center is None:
        yield Fault("unknown_cost_center", f"cost centre {usage.cost_center or 'of the stock'} is unknown", passable=False)
    elif center.status != "active":
        yield Fault("cost_center_blocked", f"cost centre {center.id} is {center.status}")
    if center and place and center.entity != place.entity:
        yield Fault("foreign_cost_center", f"cost centre {center.id} is of {center.entity}, the stock of {place.entity}", False)
    if (center and not center.account) or (item and not item.account):
        yield Fault("no_account", "cost centre or item has no ledger account", passable=False)
    if item and place and grounds.policy and not _price_on(usage, grounds):
        text = f"{grounds.policy.supplier} has no contract price for {item.id} on {usage.used_at.date()}"
        yield Fault("no_price", text, passable=False)


def _tracking_faults(usage: Usage, item: Item, serials: Collection[str]) -> Iterable[Fault]:
    if item.lot_tracked and not usage.lot:
        yield Fault("lot_missing", f"{item.id} is tracked by lot and none was documented")
    if item.serial_tracked and not usage.serial:
        yield Fault("serial_missing", f"{item.id} is tracked by serial number and none was documented")
    if usage.serial and usage.serial in serials:
        yield Fault("serial_twice", f"serial {usage.serial} of {item.id} was used before")


def _price_on(usage: Usage, grounds: Grounds) -> Price | None:
    """The contract price at which the stock is replenished, on the day of use."""
    policy, item, place = grounds.policy, grounds.item, grounds.place
    assert policy is not None
    assert item is not None
    assert place is not None
    try:
        agreed = contract_price(grounds.prices, item, policy.reorder_quantity, place.facility, usage.used_at.date())
        return item.price(agreed.price, item.unit) if agreed else None
    except (UnitMismatch, InexactConversion):
        return None


def cost(usage: Usage, grounds: Grounds) -> Money:
    """What the used quantity costs: exact in the base unit, rounded once at the end. The usage has passed ``usage_faults``."""
    price, item = _price_on(usage, grounds), grounds.item
    assert price is not None
    assert item is not None
    return price.of(Quantity(base(usage.quantity, item), item.unit)).rounded()


def posting_lines(amount: Money, *, expense: str, stock: str, cost_center: str) -> tuple[PostingLine, PostingLine]:
    """Debit the cost centre's account, credit the stock's: together they are zero. A negative amount takes it back."""
    return (
        PostingLine(account=expense, amount=amount, cost_center=cost_center),
        PostingLine(account=stock, amount=-amount),
    )


def policy_fault(policy: StockPolicy, item: Item) -> str:
    """Why a stock policy cannot be followed; empty if it can."""
    try:
        base(policy.reorder_point, item)
        return "" if base(policy.reorder_quantity, item) > 0 else "the reorder quantity must be positive"
    except (UnitMismatch, InexactConversion) as error:
        return str(error)


def replenishment(policy: StockPolicy, item: Item, balance: Decimal) -> Quantity:
    """How much to order: as many reorder quantities as bring the stock above its reorder point."""
    lot, short = base(policy.reorder_quantity, item), base(policy.reorder_point, item) - balance
    times = (short / lot).to_integral_value(ROUND_FLOOR) + 1
    return Quantity(policy.reorder_quantity.value * max(Decimal(1), times), policy.reorder_quantity.unit)
