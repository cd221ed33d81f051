"""``suture show``: the journey of any business identifier."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.views.journey import Journey, journey
from suture.views.story import tell


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)


def show(
    id: Annotated[str, typer.Argument(help="An order, requisition, invoice, receipt, payment, lot, usage or message id.")],
    journal: Annotated[str, JournalOption] = ".",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Show everything that happened to a business object, in order, and what is still owed.

    Examples:

      suture show PO-REQ-000017 --journal day

      suture show ALDER:SUPPLIER-ALDER-000012 -j day --json -
    """
    opened, _ = existing_journal(journal)
    try:
        found = journey(opened, id)
        if not found.events:
            fail(f"nothing is known of {id}", "identifiers are case-sensitive; try the number on the order or the invoice", 1)
        if json:
            write_json(json, [{"position": row.position, **_plain(row.event)} for row in found.events])
        if json != "-":
            _print(found)
    finally:
        opened.close()


def _plain(event: object) -> dict[str, object]:
    plain = msgspec.to_builtins(event, builtin_types=())
    return dict(plain)


def _print(found: Journey) -> None:
    table = Table(title=f"The journey of {found.subject}", title_justify="left", title_style="bold", header_style="dim")
    for column in ("time, UTC", "who", "what happened"):
        table.add_column(column)
    for row in found.events:
        line = tell(row.event)
        if line:
            table.add_row(f"{row.event.at:%d %b %H:%M}", row.event.source, line)
    console.print(table)
    for delivery in found.open:
        what = f"{type(delivery.document).__name__} {getattr(delivery.document, 'id', '')}"
        console.print(f"  still owed: {what} to {delivery.instance}, {delivery.status} {delivery.note}")
    if not found.open:
        console.print("  nothing is still owed")
    others = ", ".join(str(ref) for ref in found.objects[:20])
    console.print(f"  objects: {others}" + (" …" if len(found.objects) > 20 or found.cut else ""), soft_wrap=True)
