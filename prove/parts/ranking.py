"""The queue's order, proven by what is lost: the same clerk, the same weeks, once in order of arrival and once as we rank.

The losses are counted in the twins by a scenario that knows nothing of the ranking; see ``prove.shift``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from prove.part import Part, Result, Table, Task
from prove.shift import Loss, dearest_first, first_in_first_out, weeks

#: The full size, and by how much the loss has to be lower over all seeds together.
SEEDS, LOWER = 20, Decimal("0.40")
#: Needs of one run, and decisions that the clerk can make in a day: too few for all that comes.
REQUISITIONS, A_DAY = 100, 2
WORKERS = 2


def run(task: Task) -> Result:
    """Seeds from 1 upwards, shared among the workers."""
    total = task.of(SEEDS, least=2)
    found: dict[int, tuple[Loss, Loss]] = {}
    for seed, losses in _pairs(total):
        found[seed] = losses
        task.tell(f"{len(found)} of {total} seeds: {_lower(found.values()):.0%} less is lost")
    return judged(dict(sorted(found.items())))


def _pairs(total: int) -> Iterator[tuple[int, tuple[Loss, Loss]]]:
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(compare, seed): seed for seed in range(1, total + 1)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def compare(seed: int, requisitions: int = REQUISITIONS, a_day: int = A_DAY) -> tuple[Loss, Loss]:
    """What is lost in order of arrival, and as we rank."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        before = weeks(seed, requisitions, first_in_first_out, Path(one), a_day)
        return before, weeks(seed, requisitions, dearest_first, Path(other), a_day)


def _lower(pairs: Collection[tuple[Loss, Loss]]) -> Decimal:
    before, after = (sum((pair[index].total for pair in pairs), Decimal(0)) for index in (0, 1))
    return 1 - after / before if before else Decimal(0)


def judged(found: dict[int, tuple[Loss, Loss]]) -> Result:
    """Held if over all seeds at least the share ``LOWER`` of the loss is spared."""
    lower = _lower(found.values())
    worse = [seed for seed, (before, after) in found.items() if after.total > before.total]
    before, after = ([pair[index] for pair in found.values()] for index in (0, 1))
    rows = tuple(_row(str(seed), *pair) for seed, pair in found.items())
    return Result(
        held=lower >= LOWER,
        lines=(
            f"Over {len(found)} seeds {lower:.0%} less is lost than in order of arrival, with the same clerk, "
            f"who makes {A_DAY} decisions a day; at least {LOWER:.0%} was to be shown.",
            f"Procedures cancelled though their goods stood at the dock: {sum(each.cancelled for each in before)} in order of "
            f"arrival, {sum(each.cancelled for each in after)} as ranked. Invoices paid late: "
            f"{sum(each.late for each in before)} and {sum(each.late for each in after)}.",
            f"Seeds in which the ranking lost more: {', '.join(map(str, worse)) or 'none'}.",
        ),
        tables=(
            Table(
                title="What is lost, in USD",
                columns=("seed", "in order of arrival", "as ranked", "less by", "procedures", "late invoices"),
                rows=rows,
            ),
        ),
        figures={
            "seeds": len(found),
            "fifo_loss": float(sum((each.total for each in before), Decimal(0))),
            "ranked_loss": float(sum((each.total for each in after), Decimal(0))),
            "lower_percent": round(float(lower * 100), 1),
            "seeds_worse": len(worse),
        },
    )


def _row(seed: str, before: Loss, after: Loss) -> tuple[str, ...]:
    less = f"{1 - after.total / before.total:.0%}" if before.total else "–"
    procedures, late = f"{before.cancelled} → {after.cancelled}", f"{before.late} → {after.late}"
    return (seed, f"{before.total:,.0f}", f"{after.total:,.0f}", less, procedures, late)


PART = Part(
    name="ranking",
    order=12,
    title="The order of the queue: what is lost with the same clerk",
    minutes=15,
    run=run,
)
