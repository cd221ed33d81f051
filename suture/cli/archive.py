"""``suture archive``: old sealed events as Parquet files, and back to one file that a third party can check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from suture.cli.export import write
from suture.cli.output import JournalOption, JsonOption, console, counted, existing_journal, fail, write_json
from suture.journal import Checkpoint, load_or_create_signing_key
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
    journal: Annotated[str, JournalOption] = ".",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Copy sealed events to Parquet files, a folder for each day, up to the last seal before a date; goes on where it ended.

    Nothing is taken out of the journal. The archive is the beginning of the chain with its signed checkpoints, so it proves
    itself: --export writes it for `python -m verifier`. Needs the extra: pip install 'suture[archive]'.

    Examples:

      suture archive old --before 2026-03-01 --journal day

      suture archive old --export old.jsonl
    """
    if bool(before) == bool(export):
        fail("an archive is written or read", "pass --before DATE to write it, or --export FILE to read it")
    try:
        from suture.journal.parquet import NotThisArchive
    except ImportError:
        fail("Parquet needs pyarrow", "pip install 'suture[archive]'")
    try:
        said = _read(Path(target), Path(export)) if export else _written(Path(target), _day(before), journal)
    except NotThisArchive as error:
        fail(str(error), _NEXT, 1)
    if json:
        write_json(json, said)
    if json != "-":
        events, position = said["events"], said["position"]
        assert isinstance(events, int)
        where = export or target
        console.print(f"{counted(events, 'event')} up to position {position} in {where}", soft_wrap=True, markup=False)


def _written(target: Path, before: datetime, place: str) -> dict[str, object]:
    from suture.journal.parquet import archive as write_archive

    opened, folder = existing_journal(place)
    try:
        public = public_pem(load_or_create_signing_key(folder / "seal.key")) if (folder / "seal.key").is_file() else b""
        return _told(write_archive(opened, target, before, public))
    finally:
        opened.close()


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
