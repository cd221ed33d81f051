"""What the judges of a simulated week know of the world: who was away, and what a person decided."""

from __future__ import annotations

from msgspec import structs

from suture.sandbox.simulator.invariants.ends import parked_waits_alone
from suture.sandbox.simulator.invariants.facts import Facts
from suture.sandbox.simulator.invariants.goods import receipts_are_counted
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.run import simulate
from suture.sandbox.simulator.world import World


def week(seed: int, *faults: str) -> World:
    """The week of a seed with these of its faults, in which every promise is kept."""
    plan = plan_of(seed)
    outcome, world = simulate(structs.replace(plan, faults=tuple(fault for fault in plan.faults if str(fault) in faults)))
    assert outcome.violations == ()
    return world


def test_nobody_waits_for_a_person_while_the_counterpart_is_away() -> None:
    world = week(1685, "partner silent 03 Mar 04:07 for 2880", "clock jump 04 Mar 12:09 for 180", "operator 05 Mar 04:21")
    facts = Facts(world)
    assert list(parked_waits_alone(facts)) == []
    world.lines.closed.clear()
    (broken,) = parked_waits_alone(facts)
    assert "to erp-lake waited until another key's parked document was settled" in broken


def test_what_a_person_does_not_let_be_taken_back_stays_posted() -> None:
    operators = ("operator 04 Mar 00:30", "operator 04 Mar 06:47", "operator 04 Mar 09:31")
    facts = Facts(week(2285, "partner silent 03 Mar 08:34 for 480", *operators))
    assert list(receipts_are_counted(facts)) == []
    facts.spared.clear()
    assert list(receipts_are_counted(facts)) == ["16 are posted on PO-REQ-000001 line 1, ordered were 8"]
