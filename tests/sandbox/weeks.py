"""The slice of the simulator's seeds that the tests run: days so small that many fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import structs

from suture.sandbox.simulator.plan import Plan, plan_of
from suture.sandbox.simulator.run import Outcome, simulate


def small(seed: int) -> Plan:
    """The plan of a seed with as few needs as make all counterparts speak."""
    return structs.replace(plan_of(seed), requisitions=2, usages=2)


def weeks(seeds: Iterable[int]) -> list[Outcome]:
    """Run the small plans of these seeds."""
    return [simulate(small(seed))[0] for seed in seeds]


def broken(outcomes: Iterable[Outcome]) -> list[str]:
    """Every broken promise, with its seed."""
    return [f"seed {one.seed}: {each.promise}: {each.text}" for one in outcomes for each in one.violations]


def struck(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How often each kind of fault has struck."""
    total: Counter[str] = Counter()
    for one in outcomes:
        total.update(one.faults)
    return total
