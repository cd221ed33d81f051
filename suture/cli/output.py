"""What the commands share: where to write, how to write JSON, and how to fail with a reason and a next step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console

from suture.journal import Journal, Unavailable, open_journal
from suture.journal.shelves import load_keys
from suture.runtime.network import BadNetwork
from suture.runtime.publish import BadMasters
from suture.runtime.secrets import NoSecret

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

JsonOption = typer.Option("--json", metavar="FILE", help="Write the report as JSON to FILE; - for standard output.")
JournalOption = typer.Option(
    "--journal", "-j", metavar="PATH|URL", help="The journal: a folder kept by --keep, a file, or postgresql://…"
)

#: What can go wrong outside of us, and what to do next.
NEXT: dict[type[Exception], str] = {
    BadNetwork: "`suture check FILE` lists everything that is wrong with a network file",
    BadMasters: "mend the master data, or name another folder as masters in the network file",
    NoSecret: "set it, or name another place for it in the network file",
    Unavailable: "is this a journal, and does its server run?",
    OSError: "look at the path, its folder and who may write there",
}


def fail(what: str, then: str, code: int = 2) -> NoReturn:
    """Say what went wrong and what to do next, and leave."""
    _complain(what, then)
    raise typer.Exit(code)


def _complain(what: str, then: str) -> None:
    errors.print("[red]suture:[/red] ", end="")
    errors.print(what, soft_wrap=True, markup=False)
    errors.print(f"        {then}", soft_wrap=True, markup=False)


@contextmanager
def told() -> Iterator[None]:
    """Whatever goes wrong outside of us leaves as two lines and exit code 2, never as a traceback."""
    try:
        yield
    except tuple(NEXT) as error:
        _complain(str(error), next(then for kind, then in NEXT.items() if isinstance(error, kind)))
        sys.exit(2)


def write_json(target: str, report: Any) -> None:
    """Write a report; ``-`` is standard output."""
    raw = msgspec.json.format(msgspec.json.encode(report), indent=2)
    if target == "-":
        console.file.write(raw.decode() + "\n")
    else:
        Path(target).write_bytes(raw + b"\n")


def counted(number: int, what: str) -> str:
    """A number and its noun: "1 error", "2 errors"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def existing_journal(place: str) -> tuple[Journal, Path]:
    """The journal at a place, and the folder of its keys; leaves with a reason if there is none."""
    if "://" in place:
        file, folder = None, Path.cwd()
    else:
        file = Path(place) / "suture.db" if Path(place).is_dir() else Path(place)
        folder = file.parent
    if file is not None and not file.is_file():
        fail(
            f"there is no journal at {place}",
            "run `suture demo --keep DIR` and pass --journal DIR, or name the network's journal file",
        )
    if not (folder / "blobs.key").is_file():
        fail(
            f"{place} has no key: there is no {folder / 'blobs.key'}",
            "keys lie beside the journal's file, or in the folder where the network runs: go there",
        )
    try:
        return open_journal(str(file or place), load_keys(folder)), folder
    except (ValueError, ModuleNotFoundError) as error:
        fail(str(error), "name a folder kept by --keep, a file, or postgresql://… (needs suture[postgres])")


def books_file(place: str, folder: Path) -> Path:
    """The file of the books, named after the journal, beside its keys."""
    if "://" in place:
        name = urlsplit(place).path.strip("/").replace("/", "-") or "journal"
    else:
        name = "suture" if Path(place).is_dir() else Path(place).stem
    return folder / f"{name}.ledger"
