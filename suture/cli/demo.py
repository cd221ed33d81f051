"""``suture demo``: the main job, a day of an invented hospital group."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from suture.cli import looping
from suture.cli.output import JsonOption, console, counted, errors, fail, write_json
from suture.cli.tables import (
    balance_table,
    beside,
    count_table,
    documents_table,
    exceptions_table,
    faults_line,
    money_table,
    states_table,
)
from suture.sandbox.demo import Demo, Result
from suture.sandbox.demo import Progress as Step
from suture.sandbox.group import MORNING
from suture.views.exceptions import at_stake, grouped

#: In whose name the day is looked at: a person of the invented group who may approve much; the machine's user nobody there knows.
VISITOR = "cfo-1"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    json: Annotated[str, JsonOption] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same group and the same day.")] = 1,
    requisitions: Annotated[int, typer.Option(min=0, max=100_000, help="How many requisitions people file.")] = 500,
    usages: Annotated[int, typer.Option(min=0, max=100_000, help="How many clinical usages theatre documents.")] = 300,
    exit: Annotated[bool, typer.Option("--exit", help="End at once; at a terminal the console else stays open.")] = False,
    keep: Annotated[str, typer.Option(metavar="DIR", help="Keep the journal here for `suture show` and `suture export`.")] = "",
) -> None:
    """Run a day of a hospital group against twins of 15 systems over their real protocols, and count at the end.

    At a terminal the console then stays open with this day until Ctrl-C, and what is decided there is carried out; see --exit.

    Exit code 0 only if the ledger balances and nothing is lost or doubled, counted in the twins.

    Examples:

      suture demo

      suture demo --seed 7 --requisitions 100 --usages 50 --json -

      suture demo --keep day && suture show PO-REQ-000001 --journal day
    """
    folder = _folder(keep)
    try:
        day = Demo(folder, seed=seed, requisitions=requisitions, usages=usages)
        result = _run(day, quiet=json == "-")
        report = summary(result)
        if json != "-":
            _show(result)
        if json:
            write_json(json, report)
        if console.is_terminal and not exit and json != "-":
            _look(day, result)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep and json != "-":
        gravest = next((ref.id for row in result.open for ref in row.case.objects), "ID")
        console.print(f"The journal is kept. See for yourself: suture show {gravest} --journal {keep}", soft_wrap=True)
    raise typer.Exit(0 if result.ok else 1)


def _look(day: Demo, result: Result) -> None:
    """Keep the console open with the day as it ended; what is decided there is carried out, at the moment at which it ended."""
    from suture.cli.console import OWNER, caller_of, stay  # only who looks waits for the web's libraries
    from suture.gateway import Access

    console.print(f"\nThe day in the browser, in the name of {VISITOR}, who may decide about much:")
    looker, over = caller_of(VISITOR, (*OWNER, "auditor"), Access()), threading.Event()
    going_on = threading.Thread(target=lambda: asyncio.run(day.go_on(over)), name="the day goes on")
    going_on.start()
    try:
        stay(str(day.folder), result.network, looker, 0, Access(), clock=day.clock)
    finally:
        over.set()
        going_on.join()


def _folder(keep: str) -> Path:
    if not keep:
        return Path(tempfile.mkdtemp(prefix="suture-"))
    folder = Path(keep)
    if folder.exists() and any(folder.iterdir()):
        fail(f"{keep} is not empty", "name a new folder, or empty this one: a day is never mixed with another")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(demo: Demo, *, quiet: bool) -> Result:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, disable=quiet or not errors.is_terminal) as bar:
        task = bar.add_task("A day at Northshore group", total=100.0, said="opening")

        def tell(step: Step) -> None:
            hours = (step.now - MORNING).total_seconds() / 3600
            done = 70 * min(1.0, hours / 24) + 30 * min(1.0, max(0.0, hours - 24) / 480)
            bar.update(task, completed=done, said=f"{step.now:%a %d %b %H:%M}  {step.messages} messages  {step.files} files")

        demo.tell = tell
        result = looping.run(demo.run())
        bar.update(task, completed=100.0)
    return result


def summary(result: Result) -> dict[str, Any]:
    """The report as data; amounts are decimal strings."""
    balance = result.ledger
    return {
        "accepted": balance.accepted,
        "delivered": balance.delivered,
        "refused": balance.refused,
        "compensated": balance.compensated,
        "parked": balance.parked,
        "in_flight": balance.in_flight,
        "lost": len(result.audit.lost),
        "doubled": len(result.audit.doubled),
        "duplicates_received": balance.repeated,
        "documents": {"received": result.received, "delivered": result.sent},
        "deliveries": {"owed": balance.debits, "ended": balance.credits, "open": balance.open},
        "orders": result.purchasing.orders,
        "matches": result.purchasing.matches,
        "money": {
            entity: {stage: f"{amount:f}" for stage, amount in stages.items()}
            for entity, stages in result.purchasing.money.items()
        },
        "exceptions": [
            {
                "reason": group.reason,
                "count": group.count,
                "money": {money.currency: f"{money.amount:f}" for money in group.money},
                "owners": list(group.owners),
            }
            for group in grouped(result.open)
        ],
        "counted_in_the_twins": [
            {
                "what": count.what,
                "due": count.due,
                "held": count.held,
                "missing": len(count.missing),
                "doubled": len(count.doubled),
            }
            for count in result.audit.counts
        ],
        "faults": result.faults,
        "balanced": balance.balanced,
        "virtual_end": result.ended.isoformat(),
        "seconds": round(result.seconds, 2),
    }


def _show(result: Result) -> None:
    purchasing = result.purchasing
    orders = states_table("Orders by state", purchasing.orders), states_table("Invoice match", purchasing.matches)
    console.print(beside(documents_table(result.received, result.sent), *orders))
    for table in (money_table(purchasing.money), exceptions_table(grouped(result.open)), count_table(result.audit.counts)):
        console.print(table)
    console.print(faults_line(result.faults))
    console.print(_losses(result))
    console.print(balance_table(result.ledger))
    worth = " and ".join(f"{money.amount:,.2f} {money.currency}" for money in at_stake(result.open)) or "nothing known"
    console.print(
        f"{counted(result.ledger.accepted, 'document')}, {result.ledger.debits:,} deliveries, "
        f"{counted(result.ledger.repeated, 'repeat')} recognised, "
        f"{counted(len(result.open), 'open exception')} worth {worth}, in {result.seconds:.0f} s"
    )


def _losses(result: Result) -> str:
    """The verdict of the count: what is missing without an open exception that explains it, and what is there twice."""
    lost, doubled = result.audit.lost, result.audit.doubled
    if not lost and not doubled:
        return "[green]Nothing is lost, nothing is doubled[/green]: an open exception explains whatever is missing."
    return "\n".join([f"[red]{len(lost)} lost, {len(doubled)} doubled[/red]", *(f"  {line}" for line in (*lost, *doubled)[:20])])
