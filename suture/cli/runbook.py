"""``suture runbook``: what to do about an exception, or to keep a flow going."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown

from suture.cli.output import console, fail
from suture.gateway.governance.runbooks import ANY, RUNBOOKS, index, page, runbook_for, runbook_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(runbook)


def runbook(
    name: Annotated[str, typer.Argument(help="The code of an exception, a flow, or a runbook; without it the list of all.")] = "",
) -> None:
    """Show what an exception means, where to look first, what to do, what never to do, and whom to call.

    Examples:

      suture runbook over_receipt

      suture runbook payment
    """
    if not name:
        console.print(Markdown(index()))
        return
    found = RUNBOOKS.get(name) or next((each for each in (runbook_for(name), runbook_of(name)) if each is not ANY), None)
    if found is None:
        fail(f"there is no runbook for {name}", "`suture runbook` lists them; `suture runbook any` is for what has none", 1)
    console.print(Markdown(page(found)))
