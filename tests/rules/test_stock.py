"""Cost to the cent, and as much ordered again as is needed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.model import Money, Usage
from suture.processes.cast import GLOVE, GLOVE_PRICE, GLOVE_STOCK, MORNING, SURGERY, THEATRE, price, quantity
from suture.rules.stock import Grounds, base, cost, policy_fault, posting_lines, replenishment, usage_faults

GROUNDS = Grounds(policy=GLOVE_STOCK, item=GLOVE, place=THEATRE, cost_center=SURGERY, prices=(GLOVE_PRICE,))


def usage(value: str = "1", unit: str = "EA") -> Usage:
    return Usage(
        id="U-1",
        kind="used",
        item="GLOVE-M",
        quantity=quantity(value, unit),
        place="OR-1",
        used_at=MORNING,
        encounter="E",
        patient="P",
    )


def test_a_usage_on_good_grounds_has_no_fault_and_one_without_any_has_all() -> None:
    assert usage_faults(usage(), GROUNDS, ()) == ()
    codes = [fault.code for fault in usage_faults(usage("0"), Grounds(), ())]
    assert codes == ["unknown_item", "bad_quantity", "no_stock_policy", "unknown_place", "unknown_cost_center"]


@pytest.mark.parametrize(
    ("amount", "per", "value", "unit", "expected"),
    [
        ("12.50", "BX", "1", "EA", "0.13"),
        ("12.50", "BX", "100", "EA", "12.50"),
        ("12.50", "BX", "3", "CS", "375.00"),
        ("0.10", "EA", "1", "BX", "10.00"),
        ("1", "CS", "1", "EA", "0.00"),
        ("5", "CS", "1", "EA", "0.01"),
    ],
)
def test_cost_is_rounded_once_half_up(amount: str, per: str, value: str, unit: str, expected: str) -> None:
    grounds = structs.replace(GROUNDS, prices=(structs.replace(GLOVE_PRICE, price=price(amount, per)),))
    assert cost(usage(value, unit), grounds) == Money(Decimal(expected), "USD")


def test_the_price_at_which_the_stock_is_replenished_counts() -> None:
    tier = structs.replace(GLOVE_PRICE, id="T", minimum=quantity("10", "BX"), price=price("10"), effective_from=date(2026, 2, 1))
    assert cost(usage("100"), structs.replace(GROUNDS, prices=(GLOVE_PRICE, tier))) == Money(Decimal("10.00"), "USD")


@given(st.decimals(-(10**6), 10**6, places=2))
def test_debits_equal_credits(amount: Decimal) -> None:
    debit, credit = posting_lines(Money(amount, "USD"), expense="6100", stock="1400", cost_center="CC")
    assert debit.amount + credit.amount == Money(Decimal(0), "USD")


@given(st.integers(-5000, 300), st.integers(1, 2000))
def test_a_replenishment_is_the_least_that_brings_the_stock_above_its_point(balance: int, lot: int) -> None:
    policy = structs.replace(GLOVE_STOCK, reorder_quantity=quantity(str(lot)))
    ordered = base(replenishment(policy, GLOVE, Decimal(balance)), GLOVE)
    assert balance + ordered > 300
    assert balance + ordered - lot <= 300
    assert ordered % lot == 0


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"reorder_quantity": quantity("0")}, "the reorder quantity must be positive"),
        ({"reorder_point": quantity("1", "PA")}, "item GLOVE-M does not come in PA"),
    ],
)
def test_a_policy_that_cannot_be_followed_says_why(changes: dict[str, object], fault: str) -> None:
    assert policy_fault(structs.replace(GLOVE_STOCK, **changes), GLOVE) == fault
