"""``suture archive``: old sealed events as Parquet files, and back to one file that a third party can check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suture.cli.export import write
from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, fail, write_json
from suture.journal import Checkpoint, Journal, load_or_create_signing_key
from suture.journal.reading import Reading
from suture.journal.seal import public_pem

if TYPE_CHECKING:
    from suture.journal.parquet import Mark

_NEXT = "name the folder where this journal's archive is, or an empty one"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(archive)


def archive(
    target: Annotated[str, typer.Argument(metavar="FOLDER", help="The archive; made if it is not there.")],
    before: Annotated[str, typer.Option(metavar="DATE", help="What was sealed before this day (UTC), as 2026-03-01.")] = "",
    export: Annotated[str, typer.Option(metavar="FILE", help="Write the archive as JSON Lines for the verifier instead.")] = "",
    move: Annotated[bool, typer.Option("--move", help="Then let the archived events leave the journal.")] = False,
    journal: Annotated[str, JournalOption] = ".",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Copy sealed events to Parquet files, a folder for each day, up to the last seal before a date; goes on where it ended.

    The archive is the beginning of the chain with its signed checkpoints, so it proves itself: --export writes it for
    `python -m verifier`. Needs the extra: pip install 'suture[archive]'.

    Nothing is taken out of the journal, unless --move says so: then the whole archive is read back and proven with the seal.key
    beside the journal, compared byte for byte, and the archived events' contents leave the journal. They are read from FOLDER
    from then on, which has to stay where it is (or be given anew, with --move) and to be backed up with the journal.

    Examples:

      suture archive old --before 2026-03-01 --journal day

      suture archive kept --before 2026-03-01 --move --journal day

      suture archive old --export old.jsonl
    """
    if move and not before:
        fail("what moves has to be archived", "pass --before DATE with --move")
    if bool(before) == bool(export):
        fail("an archive is written or read", "pass --before DATE to write it, or --export FILE to read it")
    try:
        from suture.journal.parquet import NotThisArchive
    except ImportError:
        fail("Parquet needs pyarrow", "pip install 'suture[archive]'")
    try:
        said = _read(Path(target), Path(export)) if export else _written(Path(target), _day(before), journal, move)
    except NotThisArchive as error:
        fail(str(error), _NEXT, 1)
    if json:
        write_json(json, said)
    if json != "-":
        events, position = said["events"], said["position"]
        assert isinstance(events, int)
        where = export or target
        left = f"; {counted(cast(int, said['moved']), 'event')} left the journal" if move else ""
        console.print(f"{counted(events, 'event')} up to position {position} in {where}{left}", soft_wrap=True, markup=False)


def _written(target: Path, before: datetime, place: str, move: bool) -> dict[str, object]:
    from suture.journal.parquet import archive as write_archive

    opened, folder = existing_journal(place)
    try:
        key = load_or_create_signing_key(folder / "seal.key") if (folder / "seal.key").is_file() else None
        if move and key is None:
            fail(f"nothing can be proven before it moves: there is no {folder / 'seal.key'}", "go where the network runs")
        mark = write_archive(opened, target, before, public_pem(key) if key else b"")
        return {**_told(mark), "moved": _moved(opened, target, key, mark)} if move and key else _told(mark)
    finally:
        opened.close()


def _moved(journal: Journal, target: Path, key: Ed25519PrivateKey, mark: Mark) -> int:
    from suture.journal.moving import move as move_there

    assert isinstance(journal, Reading)  # whatever lies at a place is SQLite or PostgreSQL
    return move_there(journal, target, key.public_key()) if mark.position else 0


def _read(target: Path, file: Path) -> dict[str, object]:
    from suture.journal.parquet import Archive, NotThisArchive

    archived = Archive(target)
    mark = archived.mark
    written = write(archived, file, _last(archived.checkpoints(mark.position - 1)), mark.public_key.encode())
    if (written.events, written.head) != (mark.events, mark.head):
        raise NotThisArchive(f"what lies in {target} is not what was archived; `python -m verifier {file}` says where")
    return _told(mark)


def _last(checkpoints: list[Checkpoint]) -> Checkpoint:
    from suture.journal.parquet import NotThisArchive

    if not checkpoints:
        raise NotThisArchive("the checkpoint that ends the archive is missing")
    return checkpoints[0]


def _told(mark: Mark) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(mark).items() if name in ("position", "events", "head")}


def _day(said: str) -> datetime:
    try:
        return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        fail(f"{said!r} is no day", "write it as 2026-03-01")
