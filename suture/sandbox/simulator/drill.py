"""A drill of business continuity: the counterpart of a critical flow is away for hours, and what became of it is timed.

The same days are run twice: once in peace, to see when the flow needs its counterpart most, and once with it gone then. Times are
the group's, not the machine's. The runbook that people follow meanwhile is named by the exception, and its page names the drill.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from suture.gateway.governance.runbooks import runbook_for, runbook_of
from suture.model import Case, CaseResolved, Delivered, Document
from suture.sandbox.audit import audit
from suture.sandbox.demo import explained
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.faults import GONE, Fault
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.run import simulate
from suture.sandbox.simulator.world import World

#: The largest journal that is read.
_ROWS = 1_000_000


class Drill(Struct, frozen=True, kw_only=True):
    """What is practised: the process that has to go on, and the instances that go away together."""

    flow: str
    away: tuple[str, ...]


DRILLS: Mapping[str, Drill] = {
    "procurement": Drill(flow="requisition_to_order", away=("erp-lake", "erp-north")),
    "receiving": Drill(flow="order_to_receipt", away=("inventory-lake", "inventory-main")),
    "payment": Drill(flow="payment", away=("bank",)),
}


class Drilled(Struct, frozen=True, kw_only=True):
    """How a drill went. ``told_s`` is how long after the first document that one of those away could not take its exception stood
    (the longest of them), ``drained_s`` how long after the return everything had arrived that waited for it, ``closed_s`` until
    the exceptions were closed; None where it never was."""

    drill: str
    away: tuple[str, ...]
    gone: datetime
    back: datetime
    #: What the exceptions and the flow tell people to do.
    runbooks: tuple[str, ...]
    told_s: float | None
    waited: int
    drained_s: float | None
    closed_s: float | None
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether people were told, something had waited and arrived, and nothing was lost, doubled or promised in vain."""
        timed = None not in (self.told_s, self.drained_s, self.closed_s)
        return timed and self.waited > 0 and not (self.lost or self.doubled or self.broken)


def drill(name: str, hours: int = 6, seed: int = 0, *, requisitions: int = 20, usages: int = 8) -> Drilled:
    """Run one of ``DRILLS``; raises KeyError for another name and ValueError where the flow does not need its counterpart."""
    asked = DRILLS[name]
    calm = _plan(name, seed, requisitions, usages)
    _, peace = simulate(calm)
    gone = _busiest(_needs(peace, asked), timedelta(hours=hours))
    minute = int((gone - MORNING).total_seconds() // 60)
    faults = tuple(Fault(kind=GONE, minute=minute, lasts=hours * 60, whom=instance) for instance in asked.away)
    days = minute // 1440 + 2 + hours // 24
    outcome, world = simulate(_plan(name, seed, requisitions, usages, days=days, faults=faults))
    began = MORNING + timedelta(minutes=minute)
    return _measured(name, world, began, began + timedelta(hours=hours), tuple(each.promise for each in outcome.violations))


def _plan(name: str, seed: int, requisitions: int, usages: int, days: int = 1, faults: tuple[Fault, ...] = ()) -> Plan:
    return Plan(
        seed=seed, scenario=f"drill: {name}", requisitions=requisitions, usages=usages, days=days, step_s=60, faults=faults
    )


def _needs(world: World, asked: Drill) -> list[datetime]:
    """When the flow brought something to these instances."""
    done = (said for said in _ended(world, asked.away) if said.outcome == "done")
    return [said.at for said in done if (made := world.disk.delivery(said.delivery)) and made.process == asked.flow]


def _ended(world: World, away: Collection[str]) -> list[Delivered]:
    return [said for said in _said(world) if isinstance(said, Delivered) and said.instance in away]


def _said(world: World) -> list[Document]:
    return [row.event.data for row in world.disk.read(0, _ROWS)]


def _busiest(moments: list[datetime], long: timedelta) -> datetime:
    """The moment from which on most falls into so long a time, a minute before the first of it."""
    if not moments:
        raise ValueError("nothing was carried there: there is nothing to practise")
    most = max(moments, key=lambda moment: (sum(moment <= each < moment + long for each in moments), -moment.timestamp()))
    return max(MORNING, most - timedelta(minutes=1))


def _measured(name: str, world: World, gone: datetime, back: datetime, broken: tuple[str, ...]) -> Drilled:
    asked, said = DRILLS[name], _said(world)
    raised = [each for each in said if isinstance(each, Case) and each.reason == "out_of_reach"]
    cases = {each.objects[0].id: each for each in raised if each.objects[0].id in asked.away}
    ends = {each.case: each.at for each in said if isinstance(each, CaseResolved)}
    first = _first(world, asked.away, gone)
    told = [cases[each].at - first[each] if each in cases else None for each in asked.away if each in first]
    waited, drained = _drained(world, asked.away, back)
    counted = audit(world.stage, explained(said))
    return Drilled(
        drill=name,
        away=asked.away,
        gone=gone,
        back=back,
        runbooks=tuple(dict.fromkeys([*(runbook_of(case.reason).name for case in raised), runbook_for(asked.flow).name])),
        told_s=_longest(told),
        waited=waited,
        drained_s=_longest([None if at is None else at - back for at in drained]),
        closed_s=_longest([ends[case.id] - back if case.id in ends else None for case in cases.values()]),
        lost=counted.lost,
        doubled=counted.doubled,
        broken=broken,
    )


def _first(world: World, away: Collection[str], gone: datetime) -> dict[str, datetime]:
    """When each of them was first to take something after it had gone."""
    first: dict[str, datetime] = {}
    for said in _ended(world, away):
        made = world.disk.delivery(said.delivery)
        if made is not None and said.at >= gone:
            first[said.instance] = min(max(gone, made.created), first.get(said.instance, said.at))
    return first


def _drained(world: World, away: Collection[str], back: datetime) -> tuple[int, list[datetime | None]]:
    """How much waited for the return, and when each of it arrived; None for what still waits."""
    ended = {said.delivery: said.at for said in _ended(world, away) if said.at >= back}
    made = (world.disk.delivery(id) for id in ended)
    arrived = [ended[each.id] for each in made if each is not None and each.created < back]
    still = [each for each in world.disk.open_deliveries(limit=_ROWS) if each.instance in away and each.created < back]
    return len(arrived) + len(still), [*arrived, *(None for _ in still)]


def _longest(times: Sequence[timedelta | None]) -> float | None:
    """The longest of these in seconds; None if there is none, or one never came."""
    known = [each for each in times if each is not None]
    return max(known).total_seconds() if known and len(known) == len(times) else None
