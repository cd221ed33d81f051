"""Service levels: what a policy promises for each flow, and what is left of its error budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from suture.model import Policy
from suture.rules.service_levels import NAME, Level, levels


def policy(**values: object) -> Policy:
    effective = datetime(2026, 1, 1, tzinfo=UTC)
    return Policy(id=NAME, version=1, effective=effective, author="author", approver="controller", values=values)


def test_a_flow_has_its_own_promise_and_others_the_default() -> None:
    promised = levels(policy(PurchaseOrder={"minutes": 15, "percent": "99.5"}, default={"minutes": 120}))
    assert promised.of("PurchaseOrder") == Level(minutes=15, percent=Decimal("99.5"))
    assert promised.of("Invoice").within == timedelta(hours=2)


def test_without_a_policy_an_hour_in_99_of_100_cases_is_promised() -> None:
    assert levels(None).of("Invoice") == Level(minutes=60, percent=Decimal(99))


def test_a_slip_in_the_policy_hides_nothing() -> None:
    promised = levels(policy(Invoice={"minutes": "soon"}, Usage=7, PurchaseOrder={"minuets": 5}))
    assert {promised.of(flow) for flow in ("Invoice", "Usage", "PurchaseOrder")} == {Level()}


def test_the_error_budget_is_spent_by_what_is_missed() -> None:
    level = Level(percent=Decimal(99))
    assert [level.budget(1000, missed) for missed in (0, 5, 10, 20)] == [Decimal(100), Decimal(50), Decimal(0), Decimal(-100)]
    assert level.budget(0, 0) is None
    assert Level(percent=Decimal(100)).budget(10, 1) is None
