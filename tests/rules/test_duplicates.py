"""A second copy is told from a second delivery."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from suture.model import InvoiceLine, Money, Price, Quantity
from suture.rules.duplicates import Copy, same_content, same_number

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)


def copy(number: str, day: date = DAY, count: int = 10) -> Copy:
    quantity = Quantity(Decimal(count), "EA")
    price = Price(Decimal(4), "USD", Quantity(Decimal(1), "EA"))
    amount = Money(Decimal(4 * count), "USD")
    return Copy(number, day, (InvoiceLine(number=1, item="I", quantity=quantity, price=price, amount=amount, order_line=1),))


@pytest.mark.parametrize(
    ("one", "other", "number", "content"),
    [
        (copy("INV-0077"), copy("inv 77"), True, True),
        (copy("INV-0077"), copy("INV77", NEXT), True, False),
        (copy("77"), copy("88"), False, True),
        (copy("77"), copy("88", NEXT), False, False),
        (copy("77"), copy("88", count=5), False, False),
        (copy("77"), copy("0077", count=5), False, False),
        (copy("170"), copy("17"), False, True),
        (copy("170"), copy("17", NEXT), False, False),
    ],
)
def test_copies(one: Copy, other: Copy, number: bool, content: bool) -> None:
    assert (same_number(one, other), same_content(one, other)) == (number, content)
    assert (same_number(other, one), same_content(other, one)) == (number, content)
