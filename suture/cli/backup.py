"""``suture backup`` and ``suture restore``: a copy of a busy journal, and its return without saying anything twice."""

from __future__ import annotations

import getpass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JournalOption, JsonOption, console, existing_journal, fail, write_json
from suture.journal.backup import NoBackup, Occupied, back_up, load, pass_over_numbers, settle_transactions
from suture.runtime.clock import SystemClock
from suture.runtime.restored import Marked, end_of, mark

#: How long what is owed anew begins in doubt after a restore, in hours.
IN_DOUBT_HOURS = 4.0
_POSTGRES = ("postgresql://", "postgres://")


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    target: Annotated[str, typer.Argument(metavar="FILE", help="Where to write the copy.")],
    journal: Annotated[str, JournalOption] = ".",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Copy the journal as it stands at one position; the network goes on running. The keys are not in it: keep them apart.

    Examples:

      suture backup /backup/monday.db --journal suture.db

      suture backup /backup/monday.dump --journal postgresql://127.0.0.1/suture
    """
    opened, _ = existing_journal(journal)
    position, at = end_of(opened)
    opened.close()
    file = _file(journal)
    try:
        back_up(file, Path(target))
    except (NoBackup, Occupied) as error:
        fail(str(error), "name a journal, and a file that is not there yet")
    size = Path(target).stat().st_size
    if json:
        write_json(json, {"file": target, "at_least": position, "time": at, "bytes": size})
    if json != "-":
        said = f"{target}: {size:,} bytes, everything up to position {position:,}{_when(at)} at least"
        console.print(said, soft_wrap=True, markup=False)


def restore(
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="What `suture backup` wrote.")],
    target: Annotated[str, typer.Argument(metavar="PATH|URL", help="Where nothing is: a path, or an empty database.")],
    nothing_ran_since: Annotated[
        bool, typer.Option("--nothing-ran-since", help="The service did nothing after the backup: nothing is in doubt.")
    ] = False,
    in_doubt_for: Annotated[
        float, typer.Option(metavar="HOURS", min=0.0, help="How long what is owed anew may have been sent before.")
    ] = IN_DOUBT_HOURS,
    already_there: Annotated[
        bool, typer.Option("--already-there", help="TARGET was restored by other means: only put it in doubt.")
    ] = False,
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Bring a backup back. The original went on after it, so whatever was open may have arrived: it is put in doubt.

    Doubt ends as the class of each operation says: the same key again, a look-up, the partner's word, or a person. The
    keys (blobs.key, privacy.key, seal.key) must lie beside TARGET, or here if it is a database.

    Examples:

      suture restore /backup/monday.db suture.db

      suture restore /backup/monday.dump postgresql://127.0.0.1/suture --nothing-ran-since
    """
    try:
        _bring(Path(backup), _file(target), already_there)
    except (NoBackup, Occupied) as error:
        fail(str(error), "name a backup, and a place where nothing is")
    opened, _ = existing_journal(target)
    now = SystemClock().now()
    try:
        position, at = end_of(opened)
        marked = Marked(position=position, ended=at, in_doubt={})
        if not nothing_ran_since:
            pass_over_numbers(_file(target))
            marked = mark(opened, now, now + timedelta(hours=in_doubt_for), _actor())
    finally:
        opened.close()
    _report(target, marked, json)


def _bring(backup: Path, target: str, already_there: bool) -> None:
    if not already_there:
        load(backup, target)
    elif target.startswith(_POSTGRES):
        settle_transactions(target)


def _file(place: str) -> str:
    """The journal's file or database."""
    if "://" in place:
        return place.removeprefix("sqlite:///") if place.startswith("sqlite:///") else place
    return str(Path(place) / "suture.db") if Path(place).is_dir() else place


def _actor() -> str:
    """Who restores, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def _when(at: datetime | None) -> str:
    return f" ({at:%Y-%m-%d %H:%M:%S} UTC)" if at else ""


def _report(target: str, marked: Marked, json: str) -> None:
    if json:
        write_json(json, {"journal": target, "position": marked.position, "ended": marked.ended, "in_doubt": marked.in_doubt})
    if json == "-":
        return
    doubts = sum(marked.in_doubt.values())
    deliveries = "1 delivery" if doubts == 1 else f"{doubts:,} deliveries"
    said = f"{target} ends at position {marked.position:,}{_when(marked.ended)}; {deliveries} put in doubt"
    console.print(said, soft_wrap=True, markup=False)
    console.print(
        "Whatever partners were told to be accepted after that is not here: ask them to send it again.",
        soft_wrap=True,
        markup=False,
    )
