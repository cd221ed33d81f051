"""The three-way match: what an invoice bills against what one order asked for and what was received.

Quantities are compared in a measure that all units of a line share, and prices without dividing by what they are per, so that
7 pieces of a box of 12 are no rounding question. Every difference is named; the outcome says whether it is tolerated (matched),
may heal by itself (waiting for goods or for the order) or needs a person (exception).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Literal

from msgspec import Struct, structs

from suture.model import InvoiceLine, Item, MatchedLine, Money, Policy, Price, Quantity, UnitMismatch
from suture.model.quantities import minor_unit
from suture.rules.tolerances import Tolerances, tolerances

Outcome = Literal["matched", "waiting", "exception"]
RANK: dict[Outcome, int] = {"matched": 0, "waiting": 1, "exception": 2}
#: Sums and products never round in it. It has no end of digits, so a quotient must not be asked of it.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
#: Quotients to 28 digits: far below any minor unit.
_ROUNDING = Context(prec=28)
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
    """One line in a measure that its units share, exactly: quantities, what prices are per, and the size of the order's unit."""

    quantity: Decimal
    ordered: Decimal
    received: Decimal
    billed: Decimal
    matched: Decimal
    price: Decimal
    per: Decimal
    order_price: Decimal
    order_per: Decimal
    size: Decimal


def match(
    lines: Sequence[InvoiceLine], order: Mapping[int, LineAccount], terms: Terms, objections: Sequence[str] = ()
) -> Matched:
    """Match the lines that bill one order; ``objections`` to the invoice as a whole make an exception of every line."""
    held: dict[int, tuple[Quantity, ...]] = {}
    judged: list[MatchedLine] = []
    with localcontext(EXACT):
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
        received=_shown(measured.received, measured.size, unit),
        before=_shown(measured.billed, measured.size, unit),
    )


def _identity(line: InvoiceLine, account: LineAccount, measured: _Measured) -> list[Weighed]:
    found = []
    if line.item != account.item:
        found.append(Weighed("item_differs", "exception"))
    if line.quantity.value < 0 or line.amount.amount < 0 or line.price.amount < 0:
        found.append(Weighed("negative_line", "exception"))
    # less than two minor units: one for the rounding of the line, one for that of a credit that came off it
    off = abs(measured.price * measured.quantity - line.amount.amount * measured.per)
    if off >= 2 * minor_unit(line.amount.currency) * measured.per:
        found.append(Weighed("arithmetic", "exception"))
    return found


def _quantity(measured: _Measured, limits: Tolerances, cancelled: bool, two_way: bool) -> list[Weighed]:
    """More than ordered needs a person; more than received, within the order, waits for the goods."""
    if not measured.quantity:
        return []
    percent, parts = limits.quantity_percent.as_integer_ratio()
    stretch, whole = 100 * parts + percent, 100 * parts
    goods = measured.matched + measured.quantity
    if cancelled:
        return [Weighed("order_cancelled", "exception")] if goods > measured.received else []
    claimed = measured.billed + measured.quantity
    if claimed * whole > measured.ordered * stretch:
        return [Weighed("quantity_over_ordered", "exception")]
    found = [Weighed("quantity_over_ordered", "matched")] if claimed > measured.ordered else []
    if two_way or goods <= measured.received:
        return found
    if goods * whole <= measured.received * stretch:
        return [*found, Weighed("quantity_over_received", "matched")]
    return [*found, Weighed("quantity_over_received" if measured.received > 0 else "not_received", "waiting")]


def _price(measured: _Measured, limits: Tolerances, currency: str) -> list[Weighed]:
    dearer = measured.price * measured.order_per - measured.order_price * measured.per
    if not dearer:
        return []
    difference = Fraction(dearer * measured.quantity) / Fraction(measured.per * measured.order_per)
    expected = Fraction(measured.order_price * measured.quantity) / Fraction(measured.order_per)
    if dearer > 0:
        allowed = limits.allows_price(difference, expected, currency)
        return [Weighed("price_over", "matched" if allowed else "exception")]
    allowed = limits.allows_price_under(-difference, expected)
    return [Weighed("price_under", "matched" if allowed else "exception")]


def _variance(line: InvoiceLine, measured: _Measured, cancelled: bool, two_way: bool) -> Money:
    """What is billed less the order's price of what may be billed now."""
    in_order, in_stock = measured.ordered - measured.billed, measured.received - measured.matched
    open_now = in_stock if cancelled else in_order if two_way else min(in_order, in_stock)
    payable = max(_NOTHING, min(measured.quantity, open_now)) * measured.order_price
    return line.amount.rounded() - Money(_ROUNDING.divide(payable, measured.order_per), line.amount.currency).rounded()


def _measured(line: InvoiceLine, account: LineAccount, item: Item | None) -> _Measured:
    """Raises UnitMismatch."""
    unit, price, order_price = account.ordered.unit, line.price, account.price
    counts = (line.quantity, price.per, order_price.per, *account.received, *account.billed, *account.matched)
    size = sizes(counts, unit, item)
    return _Measured(
        quantity=summed_up((line.quantity,), size),
        ordered=summed_up((account.ordered,), size),
        received=summed_up(account.received, size),
        billed=summed_up(account.billed, size),
        matched=summed_up(account.matched, size),
        price=price.amount,
        per=summed_up((price.per,), size),
        order_price=order_price.amount,
        order_per=summed_up((order_price.per,), size),
        size=size[unit],
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


def per_unit(price: Price, unit: str, item: Item | None) -> Fraction:
    """What one ``unit`` costs, exactly, whatever basis the price is quoted for; raises UnitMismatch."""
    return Fraction(price.amount) / counted(price.per, unit, item)


def _shown(value: Decimal, size: Decimal, unit: str) -> Quantity:
    """A quantity as people read it, ``size`` being one ``unit``: whole where it is whole, else to six places."""
    whole, rest = divmod(value, size)
    return Quantity(_ROUNDING.divide(value, size).quantize(_SHOWN).normalize() if rest else Decimal(int(whole)), unit)
