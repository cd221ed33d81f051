"""The second hundred simulated weeks, in a file of their own so that another core can run them."""

from __future__ import annotations

import pytest

from suture.sandbox.simulator.run import Outcome
from tests.sandbox.weeks import broken, weeks

SEEDS = range(100, 200)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The slice, run once."""
    return weeks(SEEDS)


def test_every_promise_holds(outcomes: list[Outcome]) -> None:
    assert not broken(outcomes)
