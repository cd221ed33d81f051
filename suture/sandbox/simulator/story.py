"""What happened in one run, in business words, with every fault where it struck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from suture.sandbox.simulator.run import Outcome
from suture.sandbox.simulator.world import World
from suture.views.events import history
from suture.views.story import tell

#: Stands before a fault and before a broken promise.
FAULT, BROKEN = "  !!", "  ##"


def story(outcome: Outcome, world: World) -> Iterator[str]:
    """The run, line by line: the plan, the facts and the faults in their order, and the judgement."""
    plan = world.plan
    yield (
        f"seed {plan.seed}: {plan.scenario}; {plan.requisitions} requisitions, {plan.usages} usages, "
        f"{len(plan.faults)} faults planned until {plan.ends:%d %b %H:%M}"
    )
    marks = list(world.marks)
    for row in history(world.disk, world.base.journal.counts()["events"]):
        while marks and marks[0][0] < row.position:
            yield _fault(*marks.pop(0))
        if words := tell(row.event):
            yield f"{row.event.at:%d %b %H:%M:%S}  {words}"
    yield from (_fault(*mark) for mark in marks)
    for violation in outcome.violations:
        yield f"{BROKEN} {violation.promise}: {violation.text}"
    yield f"{len(outcome.violations)} promises broken; state {outcome.state_hash}"


def _fault(position: int, at: datetime, text: str) -> str:
    return f"{at:%d %b %H:%M:%S}{FAULT} {text}"
