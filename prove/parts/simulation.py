"""Hospital weeks in virtual time, thousands of seeds of them, with every kind of fault; judged by what the twins hold."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from prove.part import Part, Result, Table, Task
from suture.sandbox.simulator.campaign import Report, campaign
from suture.sandbox.simulator.faults import KINDS, SCENARIOS, TORN

#: What the full size has to come to.
SEEDS, DOCUMENTS, CRASH_POINTS = 5_000, 1_000_000, 100_000
#: Seeds that a worker runs before it tells, and workers.
CHUNK, WORKERS = 20, 2
#: Broken seeds that are told one by one.
SHOWN = 12


def run(task: Task) -> Result:
    """Seeds from 0 upwards, shared among the workers."""
    total, report = task.of(SEEDS, least=CHUNK), Report()
    for done in _reports(total):
        report.join(done)
        task.tell(
            f"{report.seeds:,} of {total:,} seeds, {report.documents:,} documents, {report.crashes:,} crashes, "
            f"{len(report.broken)} seeds broke a promise"
        )
    return judged(report, task.share)


def _reports(total: int) -> Iterator[Report]:
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        chunks = [range(first, min(first + CHUNK, total)) for first in range(0, total, CHUNK)]
        for future in as_completed([pool.submit(campaign, chunk) for chunk in chunks]):
            yield future.result()


def judged(report: Report, share: float) -> Result:
    """Held if no seed broke a promise and, at full size, if enough was run and every kind of fault has struck."""
    missing = [*_short(report), *_never(report)] if share >= 1 else []
    return Result(
        held=not report.broken and not missing,
        lines=(*_lines(report), *missing),
        tables=(_faults(report), _scenarios(report)),
        figures={
            "seeds": report.seeds,
            "documents": report.documents,
            "hospital_days": round(report.hospital_days),
            "commits": report.commits,
            "crash_points": report.crash_points,
            "crashes": report.crashes,
            "cpu_seconds": round(report.cpu_seconds),
            "documents_per_cpu_hour": report.documents_per_cpu_hour,
            "broken_seeds": len(report.broken),
            "violations": sum(len(outcome.violations) for outcome in report.broken),
        },
    )


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"{report.seeds:,} seeds, {report.documents:,} documents, {report.hospital_days:,.0f} hospital days: "
        f"{len(report.broken)} seeds broke a promise."
    )
    yield (
        f"The process died {report.crashes:,} times. It passed {report.crash_points:,} places at which it may die: before and "
        "after each write, before each request, before its reply and after it, at each arrival."
    )
    yield f"{report.documents_per_cpu_hour:,} documents per CPU-hour."
    yield "One seed again, with its story: `suture simulate --seed N --trace`."
    for outcome in sorted(report.broken, key=lambda one: one.seed)[:SHOWN]:
        first = outcome.violations[0]
        yield f"seed {outcome.seed} ({outcome.scenario}): {first.promise}: {first.text.splitlines()[0]}"


def _short(report: Report) -> Iterator[str]:
    for what, seen, wanted in (
        ("seeds", report.seeds, SEEDS),
        ("documents", report.documents, DOCUMENTS),
        ("crash points", report.crash_points, CRASH_POINTS),
    ):
        if seen < wanted:
            yield f"Too small: {seen:,} {what} of {wanted:,}."


def _never(report: Report) -> Iterator[str]:
    if kinds := report.never_struck():
        yield f"Never struck: {', '.join(kinds)}."


def _faults(report: Report) -> Table:
    return Table(
        title="Faults injected and survived",
        columns=("fault", "injected", "runs", "runs in which every promise held"),
        rows=tuple(
            (kind, f"{struck.injected:,}", f"{struck.runs:,}", f"{struck.survived:,}")
            for kind in KINDS
            if (struck := report.faults.get(kind))
        ),
    )


def _scenarios(report: Report) -> Table:
    names = [*(scenario.name for scenario in SCENARIOS), TORN.name]
    return Table(
        title="Scenarios",
        columns=("scenario", "seeds"),
        rows=tuple((name, f"{report.scenarios[name]:,}") for name in names if report.scenarios[name]),
    )


PART = Part(name="simulation", order=1, title="The whole network in one thread", minutes=40, run=run)
