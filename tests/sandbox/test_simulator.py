"""The simulator: the same state for the same seed, its story, its disk and shrinking; the seeds are in test_simulated_weeks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from msgspec import structs

from suture.journal import MemoryJournal
from suture.sandbox.simulator.campaign import Report, campaign
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import Fault
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.plan import small as smaller
from suture.sandbox.simulator.run import simulate
from suture.sandbox.simulator.shrink import fewest
from suture.sandbox.simulator.story import story
from tests.sandbox.weeks import small


def test_the_same_seed_ends_in_the_same_state_whatever_python_hashes() -> None:
    # one in which everything goes wrong, one on a file
    seeds = (5, 19)
    line = "from suture.sandbox.simulator.run import *; from suture.sandbox.simulator.plan import *; import sys; "
    line += f"sys.stdout.write(' '.join(simulate(small(plan_of(seed)))[0].state_hash for seed in {seeds}))"
    seen = {" ".join(simulate(smaller(plan_of(seed)))[0].state_hash for seed in seeds) for _ in range(2)}
    for hash_seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_a_campaign_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.sandbox.simulator.campaign.plan_of", small)
    report = campaign([3, 4], lambda report: report.seeds < 1)
    assert (report.seeds, report.last and report.last.seed) == (1, 3)
    assert report.crash_points > 2 * report.commits
    assert report.documents_per_cpu_hour > 100_000
    assert "clock jump" in report.never_struck()


def test_campaigns_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.sandbox.simulator.campaign.plan_of", small)
    joined, whole = Report(), campaign(range(2, 4))
    joined.join(campaign([2]))
    joined.join(campaign([3]))
    joined.cpu_seconds = whole.cpu_seconds
    assert joined == whole


def test_the_story_names_the_faults_where_they_struck() -> None:
    outcome, world = simulate(small(5))
    lines = list(story(outcome, world))
    assert "everything" in lines[0]
    assert sum("!!" in line for line in lines) == sum(outcome.faults.values())
    assert any("requisition REQ-000001" in line for line in lines)


def test_a_fault_that_is_put_off_strikes_when_it_can() -> None:
    faults = [Fault(kind="overtaken", at=at) for at in range(4, 200, 9)]
    faults += [Fault(kind="clock set back", minute=300, lasts=180), Fault(kind="upgrade", minute=900, lasts=600)]
    outcome, _ = simulate(structs.replace(small(3), faults=tuple(faults)))
    assert outcome.faults["overtaken"] > 1
    assert (outcome.faults["clock set back"], outcome.faults["upgrade"], outcome.violations) == (1, 1, ())


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
