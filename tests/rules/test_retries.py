"""Retry: each kind of document as its policy says, within bounds, and never not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from suture.processes.cast import policy
from suture.rules.retries import NAME, Retry, check_retry, retry_of


def test_a_kind_has_its_own_table_and_the_default_fills_it() -> None:
    said = policy(NAME, default={"attempts": 6, "patience_hours": "48"}, PaymentInstruction={"attempts": 3, "first_s": "30"})
    assert retry_of(said, "PaymentInstruction") == Retry(attempts=3, first_s=30.0, patience=timedelta(hours=48))
    assert retry_of(said, "PurchaseOrder") == Retry(attempts=6, patience=timedelta(hours=48))


def test_without_a_policy_the_code_says() -> None:
    assert retry_of(None, "PurchaseOrder") == Retry() == retry_of(policy(NAME), "PurchaseOrder")


#: What no policy may say, and why.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"default": {"attempts": 0}}, "attempts must be from 1"),
    ({"default": {"attempts": "often"}}, "attempts must be a number"),
    ({"default": {"first_s": "0"}}, "first_s must be from 0.5"),
    ({"default": {"factor": "0.5"}}, "factor must be from 1"),
    ({"default": {"tries": 3}}, "not of tries"),
    ({"default": 3}, "is a table of"),
    ({"Purchaseorder": {"attempts": 3}}, "no type of document"),
]


@pytest.mark.parametrize(("values", "why"), WRONG)
def test_what_would_never_end_or_never_rest_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_retry(values)


@pytest.mark.parametrize("values", [values for values, _ in WRONG])
def test_a_slip_that_is_in_force_all_the_same_keeps_nothing_from_being_delivered(values: dict[str, Any]) -> None:
    assert retry_of(policy(NAME, **values), "PurchaseOrder") == Retry()
