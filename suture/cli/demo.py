"""``suture demo``: the main job, a day of an invented hospital group."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from suture.cli import looping
from suture.cli.output import JsonOption, console, errors, fail, write_json
from suture.cli.tables import balance_table, count_table, documents_table, exceptions_table, money_table, states_table
from suture.sandbox.demo import Demo, Result
from suture.sandbox.demo import Progress as Step
from suture.sandbox.group import MORNING
from suture.views.exceptions import grouped
from suture.views.purchasing import Purchasing


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    json: Annotated[str, JsonOption] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same group and the same day.")] = 1,
    requisitions: Annotated[int, typer.Option(min=0, max=100_000, help="How many requisitions people file.")] = 500,
    usages: Annotated[int, typer.Option(min=0, max=100_000, help="How many clinical usages theatre documents.")] = 300,
    keep: Annotated[str, typer.Option(metavar="DIR", help="Keep the journal here for `suture show` and `suture export`.")] = "",
) -> None:
    """Run a day of a hospital group against twins of 15 systems over their real protocols, and count at the end.

    Exit code 0 only if the ledger balances and nothing is lost or doubled, counted in the twins.

    Examples:

      suture demo

      suture demo --seed 7 --requisitions 100 --usages 50 --json -

      suture demo --keep day && suture show PO-REQ-000001 --journal day
    """
    folder = _folder(keep)
    try:
        result = _run(Demo(folder, seed=seed, requisitions=requisitions, usages=usages), quiet=json == "-")
        report = summary(result)
        if json != "-":
            _show(result)
        if json:
            write_json(json, report)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if keep and json != "-":
        console.print(f"\nThe journal is kept: [bold]suture show ID --journal {keep}[/bold]")
    raise typer.Exit(0 if result.ok else 1)


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
            {"reason": group.reason, "count": group.count, "money": f"{group.money:f}", "owners": list(group.owners)}
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
    purchasing: Purchasing = result.purchasing
    console.print()
    console.print(documents_table(result.received, result.sent))
    console.print(states_table("Orders by state", purchasing.orders))
    console.print(states_table("Invoice match", purchasing.matches))
    console.print(money_table(purchasing.money))
    console.print(exceptions_table(grouped(result.open)))
    console.print(count_table(result.audit.counts, result.faults))
    console.print(balance_table(result.ledger, len(result.audit.lost), len(result.audit.doubled)))
    for line in (*result.audit.lost[:10], *result.audit.doubled[:10]):
        console.print(f"  [red]{line}[/red]")
    at_stake = sum((row.money for row in result.open), Decimal(0))
    console.print(
        f"{result.ledger.accepted} documents, {result.ledger.debits} deliveries, {len(result.open)} open exceptions "
        f"worth {at_stake:,.2f} USD, in {result.seconds:.1f} s"
    )
