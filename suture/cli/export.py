"""``suture export``: the journal as one file that a third party can read and check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress

from suture.cli.output import JournalOption, console, errors, existing_journal
from suture.journal import Journal
from suture.model.schema import schema


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    target: Annotated[str, typer.Argument(metavar="FILE", help="Where to write; JSON Lines. For --schema a JSON file.")],
    journal: Annotated[str, JournalOption] = ".",
    only_schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema of all documents instead.")] = False,
) -> None:
    """Write every event with its position, in order, and the signed checkpoints: one JSON object a line.

    Examples:

      suture export day.jsonl --journal day

      suture export documents.json --schema
    """
    if only_schema:
        Path(target).write_bytes(msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n")
        console.print(f"schema written to {target}")
        return
    opened, _ = existing_journal(journal)
    try:
        count = _write(opened, Path(target))
    finally:
        opened.close()
    console.print(f"{count:,} events written to {target}")


def _write(journal: Journal, target: Path) -> int:
    count, after = 0, 0
    with target.open("wb") as out, Progress(console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("Exporting", total=max(journal.counts().get("events", 0), 1))
        while page := journal.bodies(after, 2000):
            for position, body in page:
                out.write(b'{"position":%d,"event":%b}\n' % (position, body))
            count, after = count + len(page), page[-1][0]
            bar.update(task, completed=count)
        for checkpoint in _checkpoints(journal):
            out.write(b'{"checkpoint":' + msgspec.json.encode(checkpoint) + b"}\n")
    return count


def _checkpoints(journal: Journal) -> list[Any]:
    rows, after = [], 0
    while page := journal.checkpoints(after):
        rows += page
        after = page[-1].position
    return rows
