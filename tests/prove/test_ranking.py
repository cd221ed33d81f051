"""A slice of the proof that the queue's order spares losses: one seed's weeks, the same clerk, counted in the twins."""

from __future__ import annotations

from decimal import Decimal

from prove.parts.ranking import compare, judged
from prove.shift import Loss


def test_the_same_clerk_loses_less() -> None:
    found = compare(2, requisitions=40, a_day=1)
    before, after = found
    assert before.cancelled > after.cancelled
    assert after.total <= before.total * Decimal("0.6")
    assert judged({2: found}).held


def test_a_ranking_that_spares_too_little_is_refused() -> None:
    before, after = Loss(cancelled=2, care=Decimal(10_000)), Loss(cancelled=1, care=Decimal(6_100))
    told = judged({1: (before, after)})
    assert not told.held
    assert told.figures["lower_percent"] == 39.0
    assert judged({1: (before, Loss())}).held
