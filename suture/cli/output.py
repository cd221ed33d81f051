"""What the commands share: where to write, how to write JSON, and how to fail with a reason and a next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import msgspec
import typer
from rich.console import Console

from suture.journal import Journal, open_journal
from suture.journal.blobs import load_or_create_key

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

JsonOption = typer.Option("--json", metavar="FILE", help="Write the report as JSON to FILE; - for standard output.")
JournalOption = typer.Option(
    "--journal", "-j", metavar="PATH|URL", help="The journal: a folder kept by --keep, a file, or postgresql://…"
)


def fail(what: str, then: str, code: int = 2) -> NoReturn:
    """Say what went wrong and what to do next, and leave."""
    errors.print(f"[red]suture:[/red] {what}", soft_wrap=True)
    errors.print(f"        {then}", soft_wrap=True)
    raise typer.Exit(code)


def write_json(target: str, report: Any) -> None:
    """Write a report; ``-`` is standard output."""
    raw = msgspec.json.format(msgspec.json.encode(report), indent=2)
    if target == "-":
        console.file.write(raw.decode() + "\n")
    else:
        Path(target).write_bytes(raw + b"\n")


def existing_journal(place: str) -> tuple[Journal, Path]:
    """The journal at a place, and the folder of its keys; leaves with a reason if there is none."""
    if place.startswith("postgresql://"):
        folder = Path.cwd()
        return open_journal(place, load_or_create_key(folder / "blobs.key")), folder
    path = Path(place)
    file = path / "suture.db" if path.is_dir() else path
    if not file.is_file():
        fail(
            f"there is no journal at {place}",
            "run `suture demo --keep DIR` and pass --journal DIR, or name the network's journal file",
        )
    return open_journal(str(file), load_or_create_key(file.parent / "blobs.key")), file.parent
