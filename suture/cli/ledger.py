"""``suture ledger``: the balance of everything that was accepted."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, write_json
from suture.cli.tables import balance_table, exceptions_table, instances_table
from suture.views import Ledger, exceptions, history
from suture.views import ledger as balance_of
from suture.views.exceptions import grouped


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ledger)


def ledger(journal: Annotated[str, JournalOption] = ".", json: Annotated[str, JsonOption] = "") -> None:
    """Show that everything accepted is delivered, refused, compensated, parked or still in flight; exit code 1 if not.

    Examples:

      suture ledger --journal day

      suture ledger -j day --json ledger.json
    """
    opened, _ = existing_journal(journal)
    try:
        balance = balance_of(history(opened), sum(opened.repeats().values()))
        if json:
            write_json(json, {**msgspec.structs.asdict(balance), "balanced": balance.balanced})
        if json != "-":
            console.print(instances_table(balance.by_instance))
            console.print(exceptions_table(grouped(exceptions(history(opened)))))
            console.print(balance_table(balance))
            console.print(_verdict(balance))
    finally:
        opened.close()
    raise typer.Exit(0 if balance.balanced else 1)


def _verdict(balance: Ledger) -> str:
    """The two sums in words, and the repeats that changed nothing."""
    deliveries = f"{balance.debits:,} deliveries owed, {balance.credits:,} ended, {balance.open:,} open"
    verdict = (
        "balanced" if balance.balanced else f"[red]not balanced[/red]: {'; '.join(balance.strays[:10]) or 'the sums differ'}"
    )
    return f"{verdict}; {deliveries}; {counted(balance.repeated, 'repeat')} recognised"
