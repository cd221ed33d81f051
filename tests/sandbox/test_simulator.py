"""The simulator: a slice of its seeds, and the same state for the same seed; see test_mutants for bugs that it must not miss."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from msgspec import structs

from suture.journal import MemoryJournal
from suture.sandbox.simulator.campaign import campaign
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import KINDS, SCENARIOS, Fault
from suture.sandbox.simulator.plan import Plan, plan_of
from suture.sandbox.simulator.run import Outcome, simulate
from suture.sandbox.simulator.shrink import fewest
from suture.sandbox.simulator.story import story

SEEDS = range(60)


def small(seed: int) -> Plan:
    """The plan of a seed with fewer needs, so that many seeds fit into a test."""
    return structs.replace(plan_of(seed), requisitions=6, usages=4)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The slice, run once."""
    return [simulate(small(seed))[0] for seed in SEEDS]


def test_every_promise_holds_on_the_slice(outcomes: list[Outcome]) -> None:
    broken = [(one.seed, violation.promise, violation.text) for one in outcomes for violation in one.violations]
    assert not broken, f"suture simulate --seed {broken[0][0]} --trace: {broken[:5]}"


def test_every_kind_of_fault_strikes_on_the_slice(outcomes: list[Outcome]) -> None:
    struck: Counter[str] = Counter()
    for one in outcomes:
        struck.update(one.faults)
    assert set(KINDS) == set(struck)
    assert {one.scenario for one in outcomes} == {scenario.name for scenario in SCENARIOS}
    assert sum(one.crashes for one in outcomes) > 100


def test_the_same_seed_ends_in_the_same_state_whatever_python_hashes() -> None:
    line = "from suture.sandbox.simulator.run import *; from suture.sandbox.simulator.plan import *; import sys; "
    line += "sys.stdout.write(simulate(plan_of(5))[0].state_hash)"
    seen = {simulate(plan_of(5))[0].state_hash for _ in range(2)}
    for hash_seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_other_seeds_end_in_other_states(outcomes: list[Outcome]) -> None:
    assert len({one.state_hash for one in outcomes}) == len(outcomes)


def test_a_campaign_adds_up() -> None:
    report = campaign([3, 4], lambda report: report.seeds < 1)
    assert (report.seeds, report.last and report.last.seed) == (1, 3)
    assert report.crash_points == 2 * report.commits
    assert report.documents_per_cpu_hour > 100_000
    assert "clock jump" in report.never_struck()


def test_the_story_names_the_faults_where_they_struck() -> None:
    outcome, world = simulate(small(5))
    lines = list(story(outcome, world))
    assert "everything" in lines[0]
    assert sum("!!" in line for line in lines) == sum(outcome.faults.values())
    assert any("requisition REQ-000001" in line for line in lines)


# -- the disk


def test_a_crash_before_a_write_leaves_nothing_and_after_it_everything() -> None:
    held = []
    for kind in ("crash before a write", "crash after a write"):
        disk = Disk(MemoryJournal(b"k" * 32), lambda kind=kind: [Fault(kind=kind)])  # type: ignore[misc]  # bound in the loop
        with pytest.raises(Crash):
            disk.commit([_one_event()])
        held.append(disk.last)
    assert held == [0, 1]


def _one_event() -> Any:
    from datetime import UTC, datetime

    from suture.journal import Event, Unit
    from suture.model import OrderStatus

    at = datetime(2026, 3, 2, tzinfo=UTC)
    event = Event(once="e", kind="accepted", source="t", at=at, data=OrderStatus(order="PO-1", state="confirmed", at=at))
    return Unit(events=[event])


# -- shrinking


def test_shrinking_keeps_only_what_is_needed() -> None:
    faults = tuple(Fault(kind="reply lost", at=number) for number in range(1, 33))
    needed = {7, 20}
    found = fewest(faults, lambda some: needed <= {fault.at for fault in some}, 200)
    assert {fault.at for fault in found} == needed


def test_shrinking_stops_at_its_budget() -> None:
    runs = []
    faults = tuple(Fault(kind="reply lost", at=number) for number in range(1, 33))
    fewest(faults, lambda some: bool(runs.append(1)), 5)
    assert len(runs) == 5
