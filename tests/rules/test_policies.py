"""Numbers, hours and limits of money in policy data."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from suture.model import Money
from suture.rules.policies import hours, money, number


@pytest.mark.parametrize(("value", "expected"), [("10", "10"), (10, "10"), (2.5, "2.5"), (Decimal("0.1"), "0.1")])
def test_a_number_is_read_exactly(value: object, expected: str) -> None:
    assert number({"x": value}, "x", Decimal(7)) == Decimal(expected)


def test_what_is_absent_is_the_default() -> None:
    assert number({}, "x", Decimal(7)) == 7
    assert hours({}, "x", 48) == timedelta(days=2)
    assert money({}, "USD") is None


@pytest.mark.parametrize("value", ["much", "", "NaN", "Infinity", None, [1]])
def test_what_is_no_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match="over_percent must be a number"):
        number({"over_percent": value}, "over_percent", Decimal(0))


def test_hours_may_be_parts_of_hours_and_limits_are_per_currency() -> None:
    assert hours({"wait": "0.5"}, "wait", 48) == timedelta(minutes=30)
    assert money({"USD": "500.00"}, "USD") == Money(Decimal("500.00"), "USD")
    assert money({"USD": "500.00"}, "EUR") is None
