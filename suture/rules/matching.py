"""The three-way match: what an invoice bills against what one order asked for and what was received.

Quantities are compared in the order line's unit and prices per that unit, as exact fractions, so that 7 pieces of a box of 12 are
no rounding question. Every difference is named; the outcome says whether it is tolerated (matched), may heal by itself (waiting
for goods or for the order) or needs a person (exception).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct, structs

from suture.model import InvoiceLine, Item, MatchedLine, Money, Policy, Price, Quantity, UnitMismatch
from suture.model.quantities import minor_unit
from suture.rules.tolerances import Tolerances, tolerances

Outcome = Literal["matched", "waiting", "exception"]
RANK: dict[Outcome, int] = {"matched": 0, "waiting": 1, "exception": 2}
#: Sums and products never round in it; nothing is divided.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_NOTHING, _ONE = Decimal(0), Decimal(1)
_SHOWN = Decimal("0.000001")


class LineAccount(Struct, frozen=True, kw_only=True):
    """What one order line stands at: ordered, received, and what other invoices hold of it, each as it was counted.

    ``billed`` holds against the ordered quantity, ``matched`` (the part of it that passed) against the received one; credits are
    negative. ``cancelled``: nothing more is wanted, but what was received is owed.
    """

    number: int
    item: str
    ordered: Quantity
    price: Price
    received: tuple[Quantity, ...] = ()
    billed: tuple[Quantity, ...] = ()
    matched: tuple[Quantity, ...] = ()
    cancelled: bool = False


class Matched(Struct, frozen=True, kw_only=True):
    """The answer of a match: the worst line decides; ``variance`` is what is billed beyond what may be billed now."""

    outcome: Outcome
    lines: tuple[MatchedLine, ...]
    variance: Money

    def reasons(self) -> tuple[str, ...]:
        """The reasons of all lines, each once."""
        return tuple(dict.fromkeys(reason for line in self.lines for reason in line.reasons))


class Terms(Struct, frozen=True, kw_only=True):
    """What a match is judged by: the policy in force, the supplier it may make an exception for, and the items."""

    currency: str
    supplier: str = ""
    policy: Policy | None = None
    items: Mapping[str, Item] = {}

    def tolerances(self, item: str) -> Tolerances:
        """The tolerances for one item."""
        known = self.items.get(item)
        return tolerances(self.policy, self.supplier, known.category if known else "")


class Weighed(Struct, frozen=True):
    """One difference and how much it weighs: "matched" if it is tolerated."""

    reason: str
    outcome: Outcome


class _Measured(Struct, frozen=True, kw_only=True):
    """One line in the order line's unit: exact quantities, and prices per that unit."""

    quantity: Fraction
    ordered: Fraction
    received: Fraction
    billed: Fraction
    matched: Fraction
    price: Fraction
    order_price: Fraction


def match(
    lines: Sequence[InvoiceLine], order: Mapping[int, LineAccount], terms: Terms, objections: Sequence[str] = ()
) -> Matched:
    """Match the lines that bill one order; ``objections`` to the invoice as a whole make an exception of every line."""
    held: dict[int, tuple[Quantity, ...]] = {}
    judged: list[MatchedLine] = []
    for line in lines:
        account = account_for(line, order)
        if account is not None:
            before = held.get(account.number, ())
            account = structs.replace(account, billed=(*account.billed, *before), matched=(*account.matched, *before))
        judged.append(_objected(_judged(line, account, terms), objections))
        if account is not None and judged[-1].received is not None:
            held[account.number] = (*held.get(account.number, ()), line.quantity)
    return summed(judged, terms.currency)


def claims(lines: Sequence[InvoiceLine], judged: Sequence[MatchedLine]) -> dict[int, tuple[Quantity, ...]]:
    """What lines hold of each order line: the quantities of those that could be measured against it."""
    held: dict[int, tuple[Quantity, ...]] = {}
    for line, answer in zip(lines, judged, strict=True):
        if answer.received is not None:
            held[answer.order_line] = (*held.get(answer.order_line, ()), line.quantity)
    return held


def summed(lines: Sequence[MatchedLine], currency: str) -> Matched:
    """The lines under their worst outcome, with the sum of their variances in the invoice's currency."""
    outcome: Outcome = max((line.outcome for line in lines), key=RANK.__getitem__, default="matched")
    variance = Money(Decimal(0), currency)
    for line in lines:
        if line.variance is not None and line.variance.currency == currency:
            variance = variance + line.variance
    return Matched(outcome=outcome, lines=tuple(lines), variance=variance)


def _objected(line: MatchedLine, objections: Sequence[str]) -> MatchedLine:
    if not objections:
        return line
    return structs.replace(line, outcome="exception", reasons=tuple(dict.fromkeys((*objections, *line.reasons))))


def account_for(line: InvoiceLine, order: Mapping[int, LineAccount]) -> LineAccount | None:
    """The order line that an invoice line bills: by its number or, where it gives none, by the only line of that item."""
    if line.order_line:
        return order.get(line.order_line)
    same = [account for account in order.values() if account.item == line.item]
    return same[0] if len(same) == 1 else None


def _judged(line: InvoiceLine, account: LineAccount | None, terms: Terms) -> MatchedLine:
    if account is None:
        return MatchedLine(number=line.number, outcome="exception", reasons=("line_unknown",), variance=line.amount)
    plain = MatchedLine(number=line.number, outcome="exception", order_line=account.number, price=account.price)
    if {line.price.currency, line.amount.currency, terms.currency} != {account.price.currency}:
        return structs.replace(plain, reasons=("currency",), variance=line.amount, ordered=account.ordered)
    item = terms.items.get(account.item)
    try:
        measured = _measured(line, account, item)
    except UnitMismatch:
        return structs.replace(plain, reasons=("unit_unknown",), variance=line.amount, ordered=account.ordered)
    return _weighed(plain, line, account, measured, terms)


def _weighed(plain: MatchedLine, line: InvoiceLine, account: LineAccount, measured: _Measured, terms: Terms) -> MatchedLine:
    limits, item = terms.tolerances(account.item), terms.items.get(account.item)
    two_way = limits.services_two_way and item is not None and item.service
    found = [*_identity(line, account, measured), *_quantity(measured, limits, account.cancelled, two_way)]
    if line.quantity.value:
        found += _price(measured, limits, line.amount.currency)
    variance = _variance(line, measured, account.cancelled, two_way)
    unit = account.ordered.unit
    return structs.replace(
        plain,
        outcome=max((each.outcome for each in found), key=RANK.__getitem__, default="matched"),
        reasons=tuple(each.reason for each in found),
        variance=variance if variance.amount else None,
        ordered=account.ordered,
        received=_shown(measured.received, unit),
        before=_shown(measured.billed, unit),
    )


def _identity(line: InvoiceLine, account: LineAccount, measured: _Measured) -> list[Weighed]:
    found = []
    if line.item != account.item:
        found.append(Weighed("item_differs", "exception"))
    if line.quantity.value < 0 or line.amount.amount < 0 or line.price.amount < 0:
        found.append(Weighed("negative_line", "exception"))
    # less than two minor units: one for the rounding of the line, one for that of a credit that came off it
    if abs(measured.price * measured.quantity - Fraction(line.amount.amount)) >= 2 * Fraction(minor_unit(line.amount.currency)):
        found.append(Weighed("arithmetic", "exception"))
    return found


def _quantity(measured: _Measured, limits: Tolerances, cancelled: bool, two_way: bool) -> list[Weighed]:
    """More than ordered needs a person; more than received, within the order, waits for the goods."""
    if not measured.quantity:
        return []
    stretch = 1 + Fraction(limits.quantity_percent) / 100
    goods = measured.matched + measured.quantity
    if cancelled:
        return [Weighed("order_cancelled", "exception")] if goods > measured.received else []
    claimed = measured.billed + measured.quantity
    if claimed > measured.ordered * stretch:
        return [Weighed("quantity_over_ordered", "exception")]
    found = [Weighed("quantity_over_ordered", "matched")] if claimed > measured.ordered else []
    if two_way or goods <= measured.received:
        return found
    if goods <= measured.received * stretch:
        return [*found, Weighed("quantity_over_received", "matched")]
    return [*found, Weighed("quantity_over_received" if measured.received > 0 else "not_received", "waiting")]


def _price(measured: _Measured, limits: Tolerances, currency: str) -> list[Weighed]:
    difference = (measured.price - measured.order_price) * measured.quantity
    expected = measured.order_price * measured.quantity
    if measured.price > measured.order_price:
        allowed = limits.allows_price(difference, expected, currency)
        return [Weighed("price_over", "matched" if allowed else "exception")]
    if measured.price < measured.order_price:
        allowed = limits.allows_price_under(-difference, expected)
        return [Weighed("price_under", "matched" if allowed else "exception")]
    return []


def _variance(line: InvoiceLine, measured: _Measured, cancelled: bool, two_way: bool) -> Money:
    """What is billed less the order's price of what may be billed now."""
    in_order, in_stock = measured.ordered - measured.billed, measured.received - measured.matched
    open_now = in_stock if cancelled else in_order if two_way else min(in_order, in_stock)
    payable = max(Fraction(0), min(measured.quantity, open_now)) * measured.order_price
    return line.amount.rounded() - _exact(payable, line.amount.currency).rounded()


def _measured(line: InvoiceLine, account: LineAccount, item: Item | None) -> _Measured:
    unit = account.ordered.unit
    return _Measured(
        quantity=counted(line.quantity, unit, item),
        ordered=counted(account.ordered, unit, item),
        received=total(account.received, unit, item),
        billed=total(account.billed, unit, item),
        matched=total(account.matched, unit, item),
        price=per_unit(line.price, unit, item),
        order_price=per_unit(account.price, unit, item),
    )


def counted(quantity: Quantity, unit: str, item: Item | None) -> Fraction:
    """``quantity`` counted in ``unit``, exactly; raises UnitMismatch if the item does not come in one of the units."""
    if quantity.unit == unit:
        return Fraction(quantity.value)
    if item is None:
        raise UnitMismatch(f"the item is not known, so {quantity.unit} cannot be counted in {unit}")
    return Fraction(quantity.value) * Fraction(item.factor(quantity.unit)) / Fraction(item.factor(unit))


def sizes(quantities: Iterable[Quantity], unit: str, item: Item | None) -> Mapping[str, Decimal]:
    """How much one of each unit holds, ``unit`` among them, in a measure that they share; raises UnitMismatch as ``counted``."""
    units = {quantity.unit for quantity in quantities} | {unit}
    if len(units) == 1:
        return {unit: _ONE}
    if item is None:
        raise UnitMismatch(f"the item is not known, so {' and '.join(sorted(units))} cannot be compared")
    return {each: item.factor(each) for each in units}


def summed_up(quantities: Iterable[Quantity], size: Mapping[str, Decimal]) -> Decimal:
    """The sum of quantities in the measure of ``sizes``, exactly."""
    total = _NOTHING
    for quantity in quantities:
        total = EXACT.fma(quantity.value, size[quantity.unit], total)
    return total


def total(quantities: Sequence[Quantity], unit: str, item: Item | None) -> Fraction:
    """The sum of quantities in any units, counted in ``unit``; raises UnitMismatch."""
    counts = [counted(quantity, unit, item) for quantity in quantities]
    # most lines have one: adding it to nothing would cost as much as counting it
    return sum(counts[1:], counts[0]) if counts else Fraction(0)


def per_unit(price: Price, unit: str, item: Item | None) -> Fraction:
    """What one ``unit`` costs, exactly, whatever basis the price is quoted for; raises UnitMismatch."""
    return Fraction(price.amount) / counted(price.per, unit, item)


def _exact(amount: Fraction, currency: str) -> Money:
    """A fraction as money, to 28 significant digits: far below any minor unit."""
    return Money(Decimal(amount.numerator) / Decimal(amount.denominator), currency)


def _shown(value: Fraction, unit: str) -> Quantity:
    """A fraction as people read it: whole where it is whole, else to six places."""
    number = Decimal(value.numerator) / Decimal(value.denominator)
    return Quantity(Decimal(value.numerator) if value.denominator == 1 else number.quantize(_SHOWN).normalize(), unit)
