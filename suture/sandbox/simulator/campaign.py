"""Many seeds one after the other: the figures over all of them, and every seed that broke a promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from time import process_time

from msgspec import Struct, field

from suture.sandbox.simulator.faults import KINDS
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.run import Outcome, simulate


class Struck(Struct):
    """How often one kind of fault has struck, and in how many runs of how many it struck in every promise held."""

    injected: int = 0
    runs: int = 0
    survived: int = 0


class Report(Struct):
    """What a campaign has seen so far."""

    seeds: int = 0
    documents: int = 0
    hospital_days: float = 0.0
    commits: int = 0
    crash_points: int = 0
    crashes: int = 0
    cpu_seconds: float = 0.0
    faults: dict[str, Struck] = field(default_factory=dict)
    scenarios: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)
    last: Outcome | None = None

    @property
    def documents_per_cpu_hour(self) -> int:
        """The speed so far."""
        return round(self.documents / self.cpu_seconds * 3600) if self.cpu_seconds else 0

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.seeds += 1
        self.documents += outcome.documents
        self.hospital_days += outcome.days
        self.commits += outcome.commits
        self.crash_points += outcome.crash_points
        self.crashes += outcome.crashes
        self.scenarios[outcome.scenario] += 1
        self.last = outcome
        if outcome.violations:
            self.broken.append(outcome)
        for kind, times in outcome.faults.items():
            struck = self.faults.setdefault(kind, Struck())
            struck.injected += times
            struck.runs += 1
            struck.survived += not outcome.violations

    def join(self, other: Report) -> None:
        """Count the runs of another campaign too."""
        self.seeds += other.seeds
        self.documents += other.documents
        self.hospital_days += other.hospital_days
        self.commits += other.commits
        self.crash_points += other.crash_points
        self.crashes += other.crashes
        self.cpu_seconds += other.cpu_seconds
        self.scenarios.update(other.scenarios)
        self.broken += other.broken
        self.last = other.last
        for kind, struck in other.faults.items():
            here = self.faults.setdefault(kind, Struck())
            here.injected += struck.injected
            here.runs += struck.runs
            here.survived += struck.survived

    def never_struck(self) -> list[str]:
        """Kinds of fault that no run has met: what they would do is not shown by this campaign."""
        return [kind for kind in KINDS if kind not in self.faults]


def campaign(seeds: Iterable[int], tell: Callable[[Report], bool] = lambda _: True) -> Report:
    """Run these seeds; ``tell`` hears of each and may end the campaign by returning False."""
    report, began = Report(), process_time()
    for seed in seeds:
        outcome, _ = simulate(plan_of(seed))
        report.add(outcome)
        report.cpu_seconds = process_time() - began
        if not tell(report):
            break
    return report
