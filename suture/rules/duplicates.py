"""One bill by two routes: how a second copy is told from a second delivery when its number is not quite the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from suture.model import InvoiceLine


class Copy(Struct, frozen=True):
    """What two copies of one bill have in common, however it came."""

    number: str
    issued_on: date
    lines: Sequence[InvoiceLine]


def same_number(one: Copy, other: Copy) -> bool:
    """Whether two bills of one supplier are one: numbers agree but for punctuation and leading zeros, and so does the money."""
    return _plain(one.number) == _plain(other.number) and _sum(one) == _sum(other)


def same_content(one: Copy, other: Copy) -> bool:
    """Whether two bills read the same on the same day under different numbers: a copy, or another delivery of the same goods.

    Only what order and receipts have no room for is the former.
    """
    return one.issued_on == other.issued_on and _content(one) == _content(other)


def _plain(number: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[^0-9a-z]", "", number.casefold()))


def _sum(copy: Copy) -> Decimal:
    return sum((line.amount.amount for line in copy.lines), Decimal(0))


def _content(copy: Copy) -> Counter[tuple[int, str, Decimal, str, Decimal]]:
    return Counter(
        (line.order_line, line.item, line.quantity.value, line.quantity.unit, line.amount.amount) for line in copy.lines
    )
