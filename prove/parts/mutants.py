"""The simulator can fail: bugs put into the engine one at a time, nearly all of which break a promise within its seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prove.mutants import AREAS, Mutant
from prove.mutants.trial import SEEDS, Verdict, all_tried
from prove.part import Part, Result, Table, Task

#: The share of mutants that has to be caught.
LEAST = 0.95


def run(task: Task) -> Result:
    """Try every mutant, or an even choice of them, and the engine as it is."""
    mutants = [mutant for area in AREAS.values() for mutant in area]
    chosen = _chosen(mutants, task.of(len(mutants)))
    baseline, *verdicts = all_tried([None, *chosen], task.folder, task.tell)
    return _result(baseline, verdicts)


def _chosen(mutants: Sequence[Mutant], count: int) -> list[Mutant]:
    return [mutants[index * len(mutants) // count] for index in range(count)]


def _result(baseline: Verdict, verdicts: Sequence[Verdict]) -> Result:
    caught = [verdict for verdict in verdicts if verdict.caught]
    senseless = [verdict for verdict in (baseline, *verdicts) if verdict.senseless]
    clean = not baseline.caught and not baseline.senseless
    seconds = sorted(verdict.seconds for verdict in caught)
    lines = [
        f"{len(caught)} of {len(verdicts)} bugs were caught by a broken promise, "
        f"half of them within {seconds[len(seconds) // 2] if seconds else 0:.0f} seconds.",
        f"Without a bug {SEEDS} seeds {'break no promise' if clean else 'break a promise: ' + baseline.promise}.",
        *(f"Could not be tried: {verdict.mutant.name if verdict.mutant else 'the engine'}" for verdict in senseless),
    ]
    return Result(
        held=clean and not senseless and len(caught) >= LEAST * len(verdicts),
        lines=tuple(lines),
        tables=(_by_area(verdicts), _by_promise(caught), _survivors(verdicts)),
        figures={"mutants": len(verdicts), "caught": len(caught), "survivors": len(verdicts) - len(caught), "seeds": SEEDS},
    )


def _by_area(verdicts: Sequence[Verdict]) -> Table:
    rows = []
    for area, mutants in AREAS.items():
        mine = [verdict for verdict in verdicts if verdict.mutant in mutants]
        caught = sum(verdict.caught for verdict in mine)
        rows.append((area, f"{len(mine):,}", f"{caught:,}", f"{len(mine) - caught:,}"))
    return Table(title="Bugs by area", columns=("area", "bugs", "caught", "survive"), rows=tuple(rows))


def _by_promise(caught: Sequence[Verdict]) -> Table:
    counts = Counter(verdict.promise for verdict in caught)
    rows = tuple((promise, f"{count:,}") for promise, count in counts.most_common())
    return Table(title="The promise that broke first", columns=("promise", "bugs"), rows=rows)


def _survivors(verdicts: Sequence[Verdict]) -> Table:
    rows = tuple(
        (verdict.mutant.name, verdict.mutant.survives or "not explained")
        for verdict in verdicts
        if verdict.mutant is not None and not verdict.caught
    )
    return Table(title="Survivors", columns=("bug", "why no simulated week can tell"), rows=rows)


PART = Part(
    name="mutants",
    order=2,
    title="The simulator must be able to fail",
    minutes=40,
    run=run,
)
