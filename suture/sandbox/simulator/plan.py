"""What one seed means: how large the days are, how time goes, and what goes wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from msgspec import Struct, structs

from suture.sandbox.group import MORNING
from suture.sandbox.simulator.faults import SCENARIOS, TORN, Fault, schedule

#: One seed in so many runs on a real file, which takes longer than memory.
FILES = 20
#: One seed in about so many is a whole week of the group; the others have fewer needs and as many faults.
WHOLE = 8


class Plan(Struct, frozen=True, kw_only=True):
    """A run before it begins; the same plan always ends in the same state."""

    seed: int
    scenario: str
    requisitions: int
    usages: int
    #: Days with faults; what is owed after them drains without any.
    days: int
    #: Whatever falls into one step of this many seconds happens together.
    step_s: int
    #: Whether the journal is a SQLite file, whose power fails; otherwise it is kept in memory.
    torn: bool = False
    faults: tuple[Fault, ...]

    @property
    def ends(self) -> datetime:
        """When the last fault has struck."""
        return MORNING + timedelta(days=self.days)


def plan_of(seed: int) -> Plan:
    """The plan of a seed: a small hospital week under one of the scenarios."""
    chance = Random(f"plan/{seed}")
    scenario = TORN if seed % FILES == FILES - 1 else SCENARIOS[seed % len(SCENARIOS)]
    days = chance.randint(3, 14)
    plan = Plan(
        seed=seed,
        scenario=scenario.name,
        requisitions=chance.randint(6, 20),
        usages=chance.randint(4, 12),
        days=days,
        step_s=chance.choice((1, 60, 1800)),
        torn=scenario is TORN,
        faults=schedule(scenario, seed, days),
    )
    return small(plan) if plan.torn or chance.randrange(WHOLE) else plan


def small(plan: Plan) -> Plan:
    """The same with fewer needs."""
    return structs.replace(plan, requisitions=4, usages=3)
