"""``suture replay``: decide everything again from the journal and compare."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import Progress

from suture.cli.output import JournalOption, JsonOption, console, errors, existing_journal, write_json
from suture.extensions import found
from suture.journal import Journal
from suture.processes import Process
from suture.runtime.replay import Replayed
from suture.runtime.replay import replay as decide_again


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    journal: Annotated[str, JournalOption] = ".",
    until: Annotated[int, typer.Option(min=0, metavar="POSITION", help="Stop at this position; 0 goes to the end.")] = 0,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Make every recorded decision again, in memory, and list those that would differ today. Nothing is written or sent.

    With the processes that decided then, no decision may differ; after a change the list is the change's effect on
    recorded traffic. Exit code 1 if any differs.

    Examples:

      suture replay --journal day

      suture replay -j day --until 5000 --json -
    """
    opened, _ = existing_journal(journal)
    try:
        result = _with_progress(opened, until)
    finally:
        opened.close()
    if json:
        write_json(json, result)
    if json != "-":
        for difference in result.differences[:20]:
            console.print(f"  at {difference.position} {difference.process} {difference.key}", soft_wrap=True)
            console.print(f"    then {', '.join(difference.then)}\n    now  {', '.join(difference.now)}", soft_wrap=True)
        console.print(f"{result.decisions:,} decisions made again, {len(result.differences):,} differ")
    raise typer.Exit(1 if result.differences else 0)


def _with_progress(journal: Journal, until: int) -> Replayed:
    last = max(journal.counts().get("events", 0), 1)
    with Progress(console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("Deciding again", total=last)
        return decide_again(
            journal,
            found("suture.processes", "PROCESS", Process),
            until=until or None,
            tell=lambda position: bar.update(task, completed=position),
        )
