"""Calls: attempts are counted once, when they are known to have been made, and by the second."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from suture.journal import Event, Recorded
from suture.model import Delivered, Reconciled, Ref
from suture.views.calls import Calls, Used, attempts_of
from tests.journal.units import NOON, later

Fate = Literal["done", "refused", "parked", "cancelled"]
WINDOW = timedelta(seconds=1)


def end(delivery: str, fate: Fate, attempts: int, seconds: float, instance: str = "erp") -> Recorded:
    """A delivery ends after so many attempts."""
    at, order = later(seconds), Ref("PurchaseOrder", "PO-1")
    fact = Delivered(delivery=delivery, role="erp", instance=instance, document=order, outcome=fate, at=at)
    return Recorded(1, Event(once=f"{delivery}!{fate}/{attempts}", kind="settled", source=instance, at=at, data=fact))


def used(*rows: Recorded, at: float) -> Used:
    """What has been used of the counterpart's quota."""
    calls = Calls()
    for row in rows:
        calls.enter(row)
    return calls.used("erp", later(at), WINDOW)


def test_a_call_is_in_the_window_the_minute_and_the_day_until_it_is_not() -> None:
    rows = [end("a", "done", 1, 0), end("b", "done", 1, 30), end("c", "refused", 1, 30), end("d", "done", 1, 0, "other")]
    assert used(*rows, at=30) == Used(window=2, minute=3, day=3, asked=0)
    assert used(*rows, at=70) == Used(window=0, minute=2, day=3, asked=0)
    assert used(*rows, at=3600) == Used(window=0, minute=0, day=3, asked=0)
    assert used(*rows, at=86_400 + 10) == Used(window=0, minute=0, day=2, asked=0)


def test_attempts_before_the_last_count_for_the_day_alone() -> None:
    assert used(end("a", "done", 4, 0), at=0) == Used(window=1, minute=1, day=4, asked=0)


def test_what_is_released_counts_what_was_tried_since() -> None:
    parked, done = end("a", "parked", 3, 0), end("a", "done", 5, 600)
    assert used(parked, done, at=600) == Used(window=1, minute=1, day=5, asked=0)
    assert used(parked, end("a", "cancelled", 3, 600), at=600) == Used(window=0, minute=0, day=3, asked=0), "nobody was called"
    assert used(end("a", "cancelled", 0, 0), at=0).day == 0


def test_lists_that_were_read_to_compare_are_questions() -> None:
    run = Reconciled(instance="erp", at=NOON, compared={"orders": 2000, "receipts": 7}, unheard=("movements",))
    fact = Event(once="reconciled/erp/1", kind="emitted", source="reconciliation", at=NOON, data=run)
    assert used(Recorded(1, fact), at=60) == Used(window=0, minute=0, day=0, asked=3)


@pytest.mark.parametrize(("once", "attempts"), [("x!done/3", 3), ("odd/key!done/12", 12), ("strange", 0), ("x!done/9" * 9, 9)])
def test_attempts_stand_last_in_the_key(once: str, attempts: int) -> None:
    assert attempts_of(once) == attempts
