"""The door for workloads: what one is told, and the figures that it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

from msgspec import Struct

#: Called with one line whenever there is progress to show.
Tell = Callable[[str], None]


class Task(Struct, frozen=True, kw_only=True):
    """How a workload is to run: how often, at which ``share`` of its size, in an empty ``folder`` of its own."""

    folder: Path
    tell: Tell
    runs: int = 5
    share: float = 1.0
    #: Also the sizes that take an hour.
    long: bool = False

    def of(self, full: int, least: int = 1) -> int:
        """So many of ``full`` repetitions, but at least ``least``."""
        return max(least, round(full * self.share))

    def room(self, name: str) -> Path:
        """A fresh folder within ``folder``."""
        path = self.folder / name
        path.mkdir(parents=True)
        return path


class Goal(Struct, frozen=True, kw_only=True):
    """What is to be reached: a bound on our own figure, or on its ratio to the baseline's."""

    bound: float
    of: str = "ours"
    most: bool = False

    def met(self, ours: float, ratio: float | None) -> bool | None:
        """Whether it is reached; None where there was no baseline to compare with."""
        value = ours if self.of == "ours" else ratio
        if value is None:
            return None
        return value <= self.bound if self.most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.most else '≥'} {self.bound:,g}{' ×' if self.of == 'ratio' else ''}"


class Figure(Struct, frozen=True, kw_only=True):
    """One row of the table: every run of ours and of the baseline, side by side on the same work.

    ``cpu_ms`` is CPU time for each document (service and database together), ``memory_mb`` the peak of the service (PSS).
    """

    workload: str
    unit: str
    ours: tuple[float, ...]
    baseline: tuple[float, ...] = ()
    baseline_name: str = ""
    goal: Goal | None = None
    cpu_ms: float | None = None
    memory_mb: float | None = None
    note: str = ""

    @property
    def middle(self) -> float:
        """The median of our runs."""
        return median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Our median over the baseline's."""
        return self.middle / median(self.baseline) if self.baseline and median(self.baseline) else None


class Workload(Struct, frozen=True, kw_only=True):
    """Something that is measured. ``name`` is its word on the command line, ``order`` its place in the table."""

    name: str
    order: int
    title: str
    run: Callable[[Task], Iterable[Figure]]
