"""``suture simulate``: hospital weeks in memory, with everything going wrong, judged by what the twins hold."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Annotated, Any

import typer
from msgspec import to_builtins
from rich.progress import Progress
from rich.table import Table

from suture.cli.output import JsonOption, console, counted, errors, fail, write_json
from suture.sandbox.simulator.campaign import Report, campaign
from suture.sandbox.simulator.drill import DRILLS, Drilled, drill
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.run import Outcome
from suture.sandbox.simulator.run import simulate as run_plan
from suture.sandbox.simulator.shrink import shrunk
from suture.sandbox.simulator.story import story

#: Violations and faults of one seed that are shown.
SHOWN = 12


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    seeds: Annotated[int, typer.Option(min=1, metavar="COUNT", help="How many seeds to run, one after the other.")] = 200,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Begin with this seed; with --trace run only this one.")] = 0,
    trace: Annotated[
        bool, typer.Option("--trace", help="Tell the whole story of one seed, with the faults where they struck.")
    ] = False,
    minutes: Annotated[float, typer.Option(min=0, metavar="M", help="Stop after so many minutes; 0 runs all seeds.")] = 0.0,
    exercise: Annotated[
        str, typer.Option("--drill", metavar="FLOW", help="Practise: procurement, receiving or payment without its counterpart.")
    ] = "",
    hours: Annotated[int, typer.Option(min=1, max=96, help="How long the counterpart of a drill is away.")] = 6,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Simulate small hospital weeks under power cuts, lost replies, absent partners and busy people, in virtual time.

    Each seed is one run; the same seed always ends in the same state. A seed that breaks a promise is the bug report: its
    faults are shrunk to the few that matter. Exit code 1 if any promise is broken.

    A drill takes the counterpart of one flow away when it is needed most, and times how long until people are told, with which
    runbook, and until everything has arrived after its return.

    Examples:

      suture simulate

      suture simulate --seeds 5000 --minutes 30 --json report.json

      suture simulate --seed 17 --trace

      suture simulate --drill payment --hours 8
    """
    if exercise:
        raise typer.Exit(_practise(exercise, hours, seed, json))
    if trace:
        raise typer.Exit(_tell(seed))
    report = _campaign(seed, seeds, minutes, quiet=json == "-")
    if json:
        write_json(json, summary(report))
    if json != "-":
        _show(report)
    raise typer.Exit(1 if report.broken else 0)


def _practise(name: str, hours: int, seed: int, json: str) -> int:
    if name not in DRILLS:
        fail(f"there is no drill {name}", f"there are {', '.join(DRILLS)}")
    try:
        went = drill(name, hours, seed)
    except ValueError as error:
        fail(str(error), "take another seed", 1)
    if json:
        write_json(json, {**to_builtins(went), "passed": went.passed})
    if json != "-":
        for line in _told(went):
            console.print(line, soft_wrap=True, markup=False)
    return 0 if went.passed else 1


def _told(went: Drilled) -> Iterator[str]:
    """A drill in words."""
    yield f"{' and '.join(went.away)}: away from {went.gone:%d %b %H:%M} to {went.back:%d %b %H:%M}, in the group's time"
    yield f"  people were told after   {_long(went.told_s)} of the first that it could not take: {', '.join(went.runbooks)}"
    yield f"  waited for it            {counted(went.waited, 'document')}"
    yield f"  all had arrived          {_long(went.drained_s)} after its return"
    yield f"  the exception was closed {_long(went.closed_s)} after its return"
    yield f"  lost {len(went.lost)}, doubled {len(went.doubled)}, promises broken {len(went.broken)}"
    yield from (f"    {each}" for each in (*went.lost, *went.doubled, *went.broken)[:SHOWN])
    yield f"The drill {'passed' if went.passed else 'FAILED'}."


def _long(seconds: float | None) -> str:
    return "never" if seconds is None else f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02} min"


def _tell(seed: int) -> int:
    outcome, world = run_plan(plan_of(seed))
    for line in story(outcome, world):
        console.print(line, soft_wrap=True, markup=False)
    _shrink(outcome)
    return 1 if outcome.violations else 0


def _shrink(outcome: Outcome) -> None:
    """Say which faults the violation needs."""
    if not outcome.violations:
        return
    plan = shrunk(plan_of(outcome.seed), outcome)
    console.print(f"  it needs {counted(len(plan.faults), 'fault')}:")
    for fault in plan.faults[:SHOWN]:
        console.print(f"    {fault}", markup=False)


def _campaign(first: int, count: int, minutes: float, *, quiet: bool) -> Report:
    until = monotonic() + minutes * 60 if minutes else float("inf")
    with Progress(console=errors, disable=quiet or not errors.is_terminal) as bar:
        task = bar.add_task("Hospital weeks", total=count)

        def tell(report: Report) -> bool:
            said = f"{report.documents:,} documents, {report.crashes:,} crashes, {len(report.broken)} broken"
            bar.update(task, completed=report.seeds, description=said)
            return monotonic() < until

        return campaign(range(first, first + count), tell)


def summary(report: Report) -> dict[str, Any]:
    """The report as data."""
    return {
        "seeds": report.seeds,
        "seed": report.last.seed if report.last else None,
        "state_hash": report.last.state_hash if report.last else "",
        "documents": report.documents,
        "hospital_days": round(report.hospital_days, 1),
        "commits": report.commits,
        "crash_points": report.crash_points,
        "crashes": report.crashes,
        "cpu_seconds": round(report.cpu_seconds, 2),
        "documents_per_cpu_hour": report.documents_per_cpu_hour,
        "scenarios": dict(sorted(report.scenarios.items())),
        "faults": report.faults,
        "never_struck": report.never_struck(),
        "violations": [
            {"seed": outcome.seed, "promise": violation.promise, "text": violation.text}
            for outcome in report.broken
            for violation in outcome.violations
        ],
    }


def _show(report: Report) -> None:
    table = Table("Fault", title="Faults injected and survived")
    for column in ("Injected", "Runs", "Runs in which every promise held"):
        table.add_column(column, justify="right")
    for kind, struck in sorted(report.faults.items()):
        table.add_row(kind, f"{struck.injected:,}", f"{struck.runs:,}", f"{struck.survived:,}")
    console.print(table)
    console.print(
        f"{counted(report.seeds, 'seed')}, {counted(report.documents, 'document')}, {report.hospital_days:,.0f} hospital days, "
        f"{report.crash_points:,} crash points passed, {report.crashes:,} crashes; "
        f"{report.documents_per_cpu_hour:,} documents per CPU-hour"
    )
    for outcome in report.broken[:SHOWN]:
        console.print(f"[red]seed {outcome.seed}[/red] ({outcome.scenario}): suture simulate --seed {outcome.seed} --trace")
        for violation in outcome.violations[:SHOWN]:
            console.print(f"  {violation.promise}: {violation.text}", soft_wrap=True, markup=False)
    if report.broken:
        _shrink(report.broken[0])
    verdict = f"[red]{len(report.broken)} seeds broke a promise[/red]" if report.broken else "[green]Every promise held[/green]"
    console.print(verdict)
