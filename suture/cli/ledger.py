"""``suture ledger``: the balance of everything that was accepted, and where any one thing is."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from suture.cli.output import JournalOption, JsonOption, books_file, console, counted, existing_journal, fail, write_json
from suture.cli.tables import (
    ages_table,
    balance_table,
    documents_by_kind_table,
    exceptions_table,
    instances_table,
    kinds_table,
)
from suture.cli.whereabouts import lines
from suture.journal import Journal
from suture.runtime.clock import SystemClock
from suture.views import Ledger, OpenException
from suture.views.exceptions import grouped
from suture.views.kept import kept_books
from suture.views.ledger import balance, next_due
from suture.views.whereabouts import near, where


class By(StrEnum):
    """What the balance is broken down by."""

    SYSTEM = "system"
    KIND = "kind"
    DOCUMENT = "document"


AT = typer.Option(metavar="TIME", help="Tell ages as of this time, UTC, such as 2026-03-02T18:00; now if left out.")
BY = typer.Option(help="Deliveries by system, or by system and kind; or accepted documents by kind.")
ID = typer.Argument(metavar="ID", help="Where is this? Any number: of a document, lot, message, file or delivery.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ledger)


def ledger(
    id: Annotated[str, ID] = "",
    journal: Annotated[str, JournalOption] = ".",
    by: Annotated[By, BY] = By.SYSTEM,
    at: Annotated[datetime | None, AT] = None,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Show that everything accepted is delivered, refused, compensated, parked or still in flight; exit code 1 if not.

    With an ID, tell where that is: who has it, who is still owed it and why; exit code 1 if nothing is known of it.

    Examples:

      suture ledger --journal day

      suture ledger PO-REQ-000001 -j day

      suture ledger --by kind -j day --json ledger.json
    """
    opened, folder = existing_journal(journal)
    try:
        if id:
            _where(opened, id, json)
            return
        now = at.replace(tzinfo=UTC) if at else SystemClock().now()
        with kept_books(opened, books_file(journal, folder)) as books:
            told, cases = balance(books, sum(opened.repeats().values()), now), books.exceptions()
        if json:
            write_json(json, {**msgspec.structs.asdict(told), "balanced": told.balanced})
        if json != "-":
            _print(opened, told, cases, by)
    finally:
        opened.close()
    raise typer.Exit(0 if told.balanced else 1)


def _print(opened: Journal, told: Ledger, cases: list[OpenException], by: By) -> None:
    match by:
        case By.SYSTEM:
            console.print(instances_table(told.by_instance))
        case By.KIND:
            console.print(kinds_table(told.by_kind))
        case By.DOCUMENT:
            console.print(documents_by_kind_table(told.by_name))
    if told.open_items:
        console.print(ages_table(told.open_items, next_due(opened, dict.fromkeys(item.instance for item in told.open_items))))
    if cases:
        console.print(exceptions_table(grouped(cases)))
    console.print(balance_table(told))
    console.print(_verdict(told))


def _verdict(balance: Ledger) -> str:
    """The two sums in words, and the repeats that changed nothing."""
    deliveries = f"{balance.debits:,} deliveries owed, {balance.credits:,} ended, {balance.open:,} open"
    verdict = (
        "balanced" if balance.balanced else f"[red]not balanced[/red]: {'; '.join(balance.strays[:10]) or 'the sums differ'}"
    )
    return f"{verdict}; {deliveries}; {counted(balance.repeated, 'repeat')} recognised"


def _where(opened: Journal, id: str, json: str) -> None:
    found = where(opened, id)
    if found is None:
        alike = near(opened, id)
        fail(
            f"nothing is known of {id}", f"known are {', '.join(alike)}" if alike else "try the number on the order or invoice", 1
        )
    if json:
        write_json(json, msgspec.to_builtins(found, builtin_types=()))
    if json != "-":
        for line in lines(found):
            console.print(line, soft_wrap=True)
