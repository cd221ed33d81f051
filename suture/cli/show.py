"""``suture show``: the journey of any business identifier."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.text import Text

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.cli.tables import plain_table
from suture.gateway.governance.runbooks import runbook_of
from suture.views import exceptions
from suture.views.journey import Journey, journey
from suture.views.story import tell
from suture.views.whereabouts import near


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
        if not found.events and not found.open:
            alike = ", ".join(near(opened, id))
            fail(f"nothing is known of {id}", f"known are {alike}" if alike else "try the number on the order or the invoice", 1)
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
    table = plain_table(f"The journey of {found.subject}", "time, UTC", "who", "what happened")
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "left", False
    table.columns[0].no_wrap = True
    for row in found.events:
        line = tell(row.event)
        if line:
            table.add_row(f"{row.event.at:%d %b %H:%M}", _who(row.event.source), Text(line))
    console.print(table)
    for delivery in found.open:
        what = f"{type(delivery.document).__name__} {getattr(delivery.document, 'id', '')}"
        _line(f"still owed: {what} to {delivery.instance}, {delivery.status} {delivery.note}")
    if not found.open:
        _line("nothing is still owed")
    for case in (row.case for row in exceptions(found.events)):
        _line(f"open: Case:{case.id} takes {' or '.join(case.actions) or 'no decision'}: {case.suggestion}")
        _line(f"      what to do: suture runbook {case.reason} (docs/runbooks/{runbook_of(case.reason).name}.md)")
    others = ", ".join(str(ref) for ref in found.objects[:20])
    _line(f"objects: {others}" + (" …" if len(found.objects) > 20 or found.cut else ""))


def _who(source: str) -> str:
    return source.replace("_", " ")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)
