"""The shortest list of faults that still breaks the promise: halves first, then one after the other, within a budget of runs."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from suture.sandbox.simulator.faults import Fault
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.run import Outcome, simulate

#: Runs that shrinking one plan may take.
RUNS = 120


def shrunk(plan: Plan, outcome: Outcome, runs: int = RUNS) -> Plan:
    """The plan with as few faults as still break a promise that ``outcome`` saw broken; the plan itself if none is."""
    promises = {violation.promise for violation in outcome.violations}

    def fails(faults: tuple[Fault, ...]) -> bool:
        again, _ = simulate(structs.replace(plan, faults=faults))
        return bool(promises & {violation.promise for violation in again.violations})

    return structs.replace(plan, faults=fewest(plan.faults, fails, runs)) if promises else plan


def fewest(faults: tuple[Fault, ...], fails: Callable[[tuple[Fault, ...]], bool], runs: int) -> tuple[Fault, ...]:
    """Drop stretches of faults while it still fails: all at once, halves, quarters, down to single ones."""
    size = len(faults)
    while size and runs:
        start = 0
        while start < len(faults) and runs:
            fewer = faults[:start] + faults[start + size :]
            runs -= 1
            if fails(fewer):
                faults = fewer
            else:
                start += size
        size = min(size // 2, len(faults))
    return faults
