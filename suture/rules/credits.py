"""Credit notes in the match: what they take back from an invoice, and whether they take back no more than it billed.

A credit at half of the price or more takes goods back; a smaller one corrects the price of goods that stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct, structs

from suture.model import InvoiceLine, Item, MatchedLine, Money, Price, Quantity, UnitMismatch
from suture.rules.matching import RANK, LineAccount, Matched, Terms, Weighed, account_for, counted, per_unit, summed


def corrects_price(credit: InvoiceLine, price: Price, item: Item | None) -> bool:
    """Whether a credit line takes back money only, not goods: it credits less than half of the price; raises UnitMismatch."""
    unit = credit.quantity.unit
    return 2 * per_unit(credit.price, unit, item) < per_unit(price, unit, item)


def net(
    lines: Sequence[InvoiceLine], credits: Sequence[InvoiceLine], order: Mapping[int, LineAccount], terms: Terms
) -> tuple[InvoiceLine, ...]:
    """Invoice lines less the credits for the same order lines: what the supplier still claims.

    A credit comes off the first line that bills its order line; one that cannot be counted against it changes nothing here:
    its own match says why.
    """
    left = tuple(lines)
    for credit in credits:
        left = _after(left, credit, order, terms)
    return left


def _after(
    lines: tuple[InvoiceLine, ...], credit: InvoiceLine, order: Mapping[int, LineAccount], terms: Terms
) -> tuple[InvoiceLine, ...]:
    account = account_for(credit, order)
    place = next((index for index, line in enumerate(lines) if account and account_for(line, order) == account), None)
    if account is None or place is None:
        return lines
    try:
        less = _less(lines[place], credit, terms.items.get(account.item))
    except UnitMismatch:
        return lines
    return (*lines[:place], less, *lines[place + 1 :])


def _less(line: InvoiceLine, credit: InvoiceLine, item: Item | None) -> InvoiceLine:
    """One line less one credit; goods come off the quantity and the amount, a price correction off the amount only."""
    if credit.amount.currency != line.amount.currency:
        return line
    amount = max(line.amount.amount - credit.amount.amount, Decimal(0))
    if corrects_price(credit, line.price, item):
        return _repriced(line, line.quantity, amount)
    quantity = _left(line.quantity, credit.quantity, item)
    unit = line.quantity.unit
    if not quantity.value or per_unit(credit.price, unit, item) == per_unit(line.price, unit, item):
        return structs.replace(line, quantity=quantity, amount=Money(amount, line.amount.currency))
    return _repriced(line, quantity, amount)


def _left(billed: Quantity, back: Quantity, item: Item | None) -> Quantity:
    """What is left, never below nothing; in the item's base unit where the two are counted differently: that is always exact."""
    unit = billed.unit if billed.unit == back.unit or item is None else item.unit
    left = counted(billed, unit, item) - counted(back, unit, item)
    return Quantity(max(Decimal(left.numerator) / Decimal(left.denominator), Decimal(0)), unit)


def _repriced(line: InvoiceLine, quantity: Quantity, amount: Decimal) -> InvoiceLine:
    """The line at the price that its remaining amount comes to."""
    if not quantity.value:
        return line
    price = Price(amount, line.amount.currency, quantity)
    return structs.replace(line, quantity=quantity, price=price, amount=Money(amount, line.amount.currency))


class Billed(Struct, frozen=True, kw_only=True):
    """What can be credited: the lines that invoices billed on this order, and what earlier credits took back of them."""

    lines: tuple[InvoiceLine, ...] = ()
    credited: tuple[InvoiceLine, ...] = ()
    #: Whether the invoice that the note names is here; a note that names none is held against all.
    here: bool = True


def match_credit(lines: Sequence[InvoiceLine], billed: Billed, order: Mapping[int, LineAccount], terms: Terms) -> Matched:
    """Match a credit note's lines on one order: it may take back what was billed there, and no more."""
    judged: list[MatchedLine] = []
    for index, line in enumerate(lines):
        before = structs.replace(billed, credited=(*billed.credited, *lines[:index]))
        judged.append(_judged(line, before, order, terms))
    return summed(judged, terms.currency)


def _judged(line: InvoiceLine, billed: Billed, order: Mapping[int, LineAccount], terms: Terms) -> MatchedLine:
    account = account_for(line, order)
    plain = MatchedLine(number=line.number, outcome="exception", variance=line.amount)
    if account is None:
        return structs.replace(plain, reasons=("line_unknown",))
    plain = structs.replace(plain, order_line=account.number, price=account.price, ordered=account.ordered)
    if line.amount.currency != account.price.currency or line.amount.currency != terms.currency:
        return structs.replace(plain, reasons=("currency",))
    try:
        found, over = _over(line, account, billed, order, terms)
    except UnitMismatch:
        return structs.replace(plain, reasons=("unit_unknown",))
    return structs.replace(
        plain,
        outcome=max((each.outcome for each in found), key=RANK.__getitem__, default="matched"),
        reasons=tuple(each.reason for each in found),
        variance=over if over.amount else None,
    )


def _over(
    line: InvoiceLine, account: LineAccount, billed: Billed, order: Mapping[int, LineAccount], terms: Terms
) -> tuple[list[Weighed], Money]:
    """The differences of one credit line, and the money that it takes back beyond what is left of the bill."""
    item, unit = terms.items.get(account.item), account.ordered.unit
    found = [] if line.item == account.item else [Weighed("item_differs", "exception")]
    if not billed.here:
        return [*found, Weighed("invoice_awaited", "waiting")], line.amount
    bills = [each for each in billed.lines if account_for(each, order) == account]
    credits = [each for each in billed.credited if account_for(each, order) == account]
    goods = sum((counted(each.quantity, unit, item) for each in bills), Fraction(0))
    back = sum(
        (counted(each.quantity, unit, item) for each in (*credits, line) if _takes_goods(each, account, item)), Fraction(0)
    )
    money = sum((each.amount.amount for each in bills), Decimal(0)) - sum((each.amount.amount for each in credits), Decimal(0))
    over = Money(max(line.amount.amount - max(money, Decimal(0)), Decimal(0)), line.amount.currency)
    if over.amount > 0 or back > goods:
        found.append(Weighed("credit_over_invoice", "exception"))
    return found, over


def _takes_goods(credit: InvoiceLine, account: LineAccount, item: Item | None) -> bool:
    return not corrects_price(credit, account.price, item)
