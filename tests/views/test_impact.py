"""Impact: each reason a loss with its moment, what is near counts in full, and what sleeps wakes on its condition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.model import Case, Decision, Money, Ref
from suture.views.exceptions import OpenException
from suture.views.impact import Facts, asleep, impact, terms

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
TERMS = terms({})
CASE = Case(
    id="invoice_to_payment/A:1/match_exception",
    reason="match_exception",
    text="billed more than was ordered",
    objects=(Ref("Invoice", "A:1"),),
    owner="ap",
    at=NOW,
    money=Money(Decimal(1000), "USD"),
)
BILL = Facts(
    type="Invoice", id="A:1", supplier="A", amount=Money(Decimal(20_000), "USD"), issued=NOW, due=NOW + timedelta(days=10)
)


def cost(case: Case = CASE, facts: Facts = BILL, policy: dict[str, Any] | None = None, now: datetime = NOW) -> dict[str, Decimal]:
    """What each reason counts."""
    return {reason.kind: reason.counts for reason in impact(case, facts, terms(policy or {}), now).reasons}


def test_a_late_payment_costs_interest_and_a_fee_the_more_the_nearer_it_is() -> None:
    far, near = cost(), cost(now=NOW + timedelta(days=9, hours=12))
    assert far == {"late": Decimal("1.00"), "fee": Decimal("4.00")}
    assert near == {"late": Decimal("10.00"), "fee": Decimal("40.00")}
    assert cost(now=NOW + timedelta(days=11)) == {"late": Decimal("10.00")}, "the fee is lost already; interest goes on"


def test_a_discount_counts_until_it_is_lost() -> None:
    policy = {"discounts": {"A": {"percent": "2", "days": 3}}}
    assert cost(policy=policy, now=NOW + timedelta(days=2))["discount"] == Decimal("400.00")
    assert "discount" not in cost(policy=policy, now=NOW + timedelta(days=4))
    assert "discount" not in cost(facts=structs.replace(BILL, supplier="B"), policy=policy)


def test_care_counts_by_the_day_of_need_and_by_how_long_the_stock_lasts() -> None:
    case = structs.replace(CASE, care="procedure", objects=(Ref("PurchaseOrder", "PO-1"),))
    needed = Facts(type="PurchaseOrder", id="PO-1", needed=NOW + timedelta(days=4))
    assert cost(case, needed)["care"] == Decimal("1250.00")
    assert cost(case, structs.replace(needed, cover=Decimal(10), scarce="STENT-01"))["care"] == Decimal("500.00")
    assert cost(case, structs.replace(needed, needed=NOW - timedelta(days=1)))["care"] == TERMS.short
    assert cost(structs.replace(case, care="supply"), needed)["care"] == Decimal("125.00")
    assert "care" not in cost(structs.replace(case, care="none"), needed)


def test_money_of_another_currency_is_worth_what_the_policy_says() -> None:
    euros = structs.replace(BILL, amount=Money(Decimal(20_000), "EUR"), due=NOW)
    assert cost(facts=euros, policy={"rates": {"EUR": "1.10"}})["late"] == Decimal("11.00")


@given(st.integers(0, 10**7), st.integers(0, 60), st.integers(0, 60), st.integers(0, 30))
def test_the_sum_is_what_its_reasons_add_up_to_and_never_more_than_they_lose(
    amount: int, due: int, needed: int, waiting: int
) -> None:
    facts = structs.replace(
        BILL,
        amount=Money(Decimal(amount), "USD"),
        due=NOW + timedelta(days=due),
        needed=NOW + timedelta(days=needed),
        waiting=waiting,
    )
    found = impact(structs.replace(CASE, care="procedure"), facts, TERMS, NOW)
    assert found.score == sum((reason.counts for reason in found.reasons), Decimal(0))
    assert all(Decimal(0) <= reason.counts <= reason.loss for reason in found.reasons)


@pytest.mark.parametrize(
    ("values", "sleeps"),
    [
        ({}, False),
        ({"until": (NOW + timedelta(hours=1)).isoformat()}, True),
        ({"until": NOW.isoformat()}, False),
        ({"count": "3"}, True),
        ({"count": "2"}, False),
        ({"value": "2001"}, True),
        ({"value": "2000"}, False),
        ({"until": (NOW + timedelta(hours=1)).isoformat(), "count": "2"}, False),
    ],
)
def test_what_sleeps_wakes_on_the_first_condition_that_comes_true(values: dict[str, str], sleeps: bool) -> None:
    made = Decision(
        id="1", subject=Ref("Note", CASE.id), verb="snooze", actor="nia", at=NOW, reason="later", position=1, values=values
    )
    alike = [OpenException(1, CASE), OpenException(2, structs.replace(CASE, id="another"))]
    other = OpenException(3, structs.replace(CASE, id="other", reason="receipt_overdue"))
    assert asleep(made, CASE, [*alike, other], TERMS, NOW) is sleeps
