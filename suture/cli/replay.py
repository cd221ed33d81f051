"""``suture replay``: decide everything again from the journal and compare."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import Progress

from suture.cli.output import JournalOption, JsonOption, console, errors, existing_journal, fail, write_json
from suture.extensions import found
from suture.journal import Journal
from suture.processes import Process
from suture.runtime.replay import Narrowed, Replayed
from suture.runtime.replay import replay as decide_again

#: Decisions shown of each kind; --json gives all that were kept.
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    journal: Annotated[str, JournalOption] = ".",
    object: Annotated[str, typer.Option(metavar="ID", help="Only decisions about this order, invoice, item, …")] = "",
    cause: Annotated[str, typer.Option(metavar="ONCE", help="Only decisions that this message or event led to.")] = "",
    process: Annotated[str, typer.Option(metavar="NAME", help="Only decisions of this process.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="Only decisions from then on: 2026-03-02, 2026-03-02T08:00Z.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME|POSITION", help="Only decisions up to then; stop at this position.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Make every recorded decision again, in memory, and list those that would differ today. Nothing is written or sent.

    With the processes that decided then, no decision may differ; after a change the list is the change's effect on
    recorded traffic. Narrowed to an object, a cause, a process or a time, the decisions themselves are listed, too. Exit
    code 1 if any differs.

    Examples:

      suture replay --journal day

      suture replay -j day --object PO-REQ-000001

      suture replay -j day --process payment --since 2026-03-02T12:00Z --json -
    """
    stop, end = (int(until), None) if until.isdecimal() else (None, _moment(until, "--until"))
    only = Narrowed(object=object, cause=cause, process=process, since=_moment(since, "--since"), until=end)
    opened, _ = existing_journal(journal)
    try:
        result = _with_progress(opened, stop or None, None if only == Narrowed() else only)
    finally:
        opened.close()
    if json:
        write_json(json, result)
    if json != "-":
        _print(result)
    raise typer.Exit(1 if result.differences else 0)


def _moment(text: str, option: str) -> datetime | None:
    """A day or moment in UTC unless it says otherwise; leaves with a reason for anything else."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text} is no time", "write a day or a moment: 2026-03-02, 2026-03-02T08:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print(result: Replayed) -> None:
    for remade in result.chosen[:_SHOWN]:
        if not remade.differs:
            _line(f"  at {remade.position} {remade.process} {remade.key}: {', '.join(remade.now)}")
    for remade in result.differences[:_SHOWN]:
        _line(f"  at {remade.position} {remade.process} {remade.key}")
        _line(f"    then {', '.join(remade.then)}")
        _line(f"    now  {', '.join(remade.now)}")
    _line(f"{result.decisions:,} decisions made again, {len(result.differences):,} differ")


def _line(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)


def _with_progress(journal: Journal, until: int | None, only: Narrowed | None) -> Replayed:
    last = max(journal.counts().get("events", 0), 1)
    with Progress(console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("Deciding again", total=last)
        return decide_again(
            journal,
            found("suture.processes", "PROCESS", Process),
            until=until,
            only=only,
            tell=lambda position: bar.update(task, completed=position),
        )
