"""The simulator: a slice of its seeds, the same state for the same seed, and engine bugs that it must not miss."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec import structs

from suture.formats import Reading
from suture.journal import Delivery, MemoryJournal
from suture.runtime import decide, deliver, intake, settle
from suture.runtime.deliver import Delivering
from suture.runtime.units import UnitBuilder
from suture.sandbox.simulator.campaign import campaign
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import KINDS, SCENARIOS, Fault
from suture.sandbox.simulator.plan import Plan, plan_of
from suture.sandbox.simulator.run import Outcome, simulate
from suture.sandbox.simulator.shrink import fewest
from suture.sandbox.simulator.story import story
from suture.systems import Again
from suture.transports import Answer

SEEDS = range(60)
Patch = pytest.MonkeyPatch


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


# -- it must be able to fail: bugs put into the engine, each of which some seed has to catch


def _every_arrival_is_new(patch: Patch) -> None:
    count = iter(range(10**9))
    init = intake._Intake.__init__

    def begin(self: Any, *args: Any) -> None:
        init(self, *args)
        self.once = f"{self.once}/{next(count)}"

    patch.setattr(intake._Intake, "__init__", begin)


def _answered_before_the_commit(patch: Patch) -> None:
    plain = intake.accept

    def accept(wiring: Any, arrivals: Any, now: Any) -> list[Answer]:
        try:
            return plain(wiring, arrivals, now)
        except BaseException:
            return [Answer(outcome="accepted") for _ in arrivals]

    patch.setattr("suture.sandbox.still.accept", accept)


def _interrupted_means_queued(patch: Patch) -> None:
    plain = settle.change

    def change(unit: Any, delivery: Any, status: str, **more: Any) -> None:
        doubt = more.get("note") == "interrupted while sending"
        plain(unit, delivery, "queued" if doubt else status, **more)  # type: ignore[arg-type]  # one of the statuses

    patch.setattr(deliver, "change", change)


def _no_reply_means_not_taken(patch: Patch) -> None:
    def unsure(self: Delivering, unit: Any, delivery: Delivery, reason: str) -> None:
        self._again(unit, delivery, "queued", reason, 0.0)

    patch.setattr(Delivering, "_unsure", unsure)


def _nobody_looks_before_sending_again(patch: Patch) -> None:
    patch.setattr(deliver, "conversation", lambda operation, document, call, doubtful: operation.send(document, call))


def _every_attempt_has_its_own_key(patch: Patch) -> None:
    plain = Delivering._call

    def call(self: Any, instance: Any, delivery: Any, attempt: int) -> Any:
        made = plain(self, instance, delivery, attempt)
        return structs.replace(made, key=f"{made.key}/{attempt}")

    patch.setattr(Delivering, "_call", call)


def _no_reply_means_done(patch: Patch) -> None:
    def unsure(self: Delivering, unit: Any, delivery: Delivery, reason: str) -> None:
        settle.change(unit, delivery, "done")

    patch.setattr(Delivering, "_unsure", unsure)


def _timers_fire_twice(patch: Patch) -> None:
    plain = decide._fired

    def fired(wiring: Any, timer: Any, now: Any) -> Any:
        unit = plain(wiring, timer, now)
        twice = [*unit.events, *(structs.replace(event, once=f"{event.once}/2") for event in unit.events)]
        return structs.replace(unit, events=twice)

    patch.setattr(decide, "_fired", fired)


def _order_is_not_kept(patch: Patch) -> None:
    def heads(self: MemoryJournal) -> Any:
        return (self._deliveries[id] for lane in self._lanes.values() for id in reversed(lane.values()))

    patch.setattr(MemoryJournal, "_heads", heads)


def _now_and_then_a_delivery_is_forgotten(patch: Patch) -> None:
    plain, count = decide.Batch._send, iter(range(10**9))

    def send(self: Any, item: Any, effect: Any, id: str) -> None:
        if next(count) % 29:
            plain(self, item, effect, id)

    patch.setattr(decide.Batch, "_send", send)


def _now_and_then_a_state_is_forgotten(patch: Patch) -> None:
    plain, count = UnitBuilder.state, iter(range(10**9))

    def state(self: Any, state: Any) -> None:
        if next(count) % 17:
            plain(self, state)

    patch.setattr(UnitBuilder, "state", state)


def _giving_up_is_told_to_nobody(patch: Patch) -> None:
    patch.setattr(deliver, "raise_case", lambda unit, case, once, cause, root: None)


def _recovery_is_left_out(patch: Patch) -> None:
    patch.setattr(Delivering, "recover", lambda self, now, under_way=(): 0)


def _part_of_a_message_is_dropped(patch: Patch) -> None:
    plain = intake._reading

    def reading(*args: Any) -> Reading:
        read = plain(*args)
        return msgspec.structs.replace(read, documents=read.documents[1:]) if len(read.documents) == 1 and read.kind else read

    patch.setattr(intake, "_reading", reading)


def _a_busy_partner_has_refused(patch: Patch) -> None:
    plain = Delivering._conclude

    def conclude(self: Any, unit: Any, attempt: Any, outcome: Any) -> None:
        if isinstance(outcome, Again):
            settle.change(unit, attempt.delivery, "done")
        else:
            plain(self, unit, attempt, outcome)

    patch.setattr(Delivering, "_conclude", conclude)


MUTANTS: Sequence[tuple[Callable[[Patch], None], str]] = (
    (_every_arrival_is_new, "bad lines"),
    (_answered_before_the_commit, "a bad disk"),
    (_interrupted_means_queued, "power cuts"),
    (_no_reply_means_not_taken, "bad lines"),
    (_nobody_looks_before_sending_again, "bad lines"),
    (_every_attempt_has_its_own_key, "bad lines"),
    (_no_reply_means_done, "partners away"),
    (_timers_fire_twice, "everything"),
    (_order_is_not_kept, "partners away"),
    (_now_and_then_a_delivery_is_forgotten, "power cuts"),
    (_now_and_then_a_state_is_forgotten, "power cuts"),
    (_giving_up_is_told_to_nobody, "partners away"),
    (_recovery_is_left_out, "power cuts"),
    (_part_of_a_message_is_dropped, "bad lines"),
    (_a_busy_partner_has_refused, "everything"),
)


@pytest.mark.parametrize(("mutant", "scenario"), MUTANTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bug_in_the_engine_is_caught(mutant: Callable[[Patch], None], scenario: str, monkeypatch: Patch) -> None:
    mutant(monkeypatch)
    seeds = [seed for seed in range(48) if plan_of(seed).scenario == scenario]
    assert any(simulate(small(seed))[0].violations for seed in seeds), f"{len(seeds)} seeds saw nothing"
