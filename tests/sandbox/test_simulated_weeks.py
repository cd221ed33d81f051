"""The first hundred simulated weeks: every promise holds under every kind of fault."""

from __future__ import annotations

import pytest

from suture.sandbox.simulator.faults import KINDS, SCENARIOS, TORN
from suture.sandbox.simulator.run import Outcome
from tests.sandbox.weeks import broken, struck, weeks

SEEDS = range(100)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The slice, run once."""
    return weeks(SEEDS)


def test_every_promise_holds(outcomes: list[Outcome]) -> None:
    assert not broken(outcomes)


def test_every_kind_of_fault_strikes(outcomes: list[Outcome]) -> None:
    assert set(struck(outcomes)) == set(KINDS)
    assert {one.scenario for one in outcomes} == {scenario.name for scenario in (*SCENARIOS, TORN)}
    assert sum(one.crashes for one in outcomes) > 200


def test_other_seeds_end_in_other_states(outcomes: list[Outcome]) -> None:
    assert len({one.state_hash for one in outcomes}) == len(outcomes)
