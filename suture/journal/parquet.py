"""The archive: sealed events in Parquet files, a folder for each day, with the signed checkpoints that prove them.

    TARGET/archive.json                              how far it goes: position, events, head of the chain, public key
    TARGET/events/day=2026-03-01/POSITION.parquet    events in a row, from that position on, ``body`` exactly as stored
    TARGET/checkpoints/POSITION.parquet              checkpoints, the last of them at that position

An archive is the beginning of one journal's chain and ends at a checkpoint; each run goes on where the one before ended.
``archive.json`` is written last: files after what it says are of a run that was interrupted, and do not count.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow
from msgspec import Struct
from pyarrow import parquet

from suture.journal.drafts import decode_event
from suture.journal.journal import Journal
from suture.journal.records import Checkpoint
from suture.journal.seal import BEGINNING, link

#: Rows of one file at most; a file is read as a whole.
FILE_ROWS = 50_000
_PAGE = 5000
_TEXTS = ("once", "kind", "type", "source", "root")
_INSTANT = pyarrow.timestamp("us", "UTC")
_EVENTS = pyarrow.schema(
    [("position", pyarrow.int64()), ("at", _INSTANT), *((name, pyarrow.string()) for name in _TEXTS), ("body", pyarrow.binary())]
)
_CHECKPOINTS = pyarrow.schema(
    [
        ("position", pyarrow.int64()),
        ("events", pyarrow.int64()),
        ("head", pyarrow.string()),
        ("at", _INSTANT),
        ("signature", pyarrow.string()),
    ]
)


class Mark(Struct, frozen=True, kw_only=True):
    """How far an archive goes: up to and including ``position`` it holds ``events`` events, and the chain's head is ``head``.
    ``public_key`` is PEM, "" if it is not known."""

    archive: int = 1
    position: int = 0
    events: int = 0
    head: str = BEGINNING.hex()
    public_key: str = ""


class NotThisArchive(ValueError):
    """What lies there cannot be gone on with or read; the message says why."""


def mark_of(target: Path) -> Mark:
    """How far the archive in a folder goes; nowhere if there is none. Raises NotThisArchive."""
    try:
        mark = msgspec.json.decode((target / "archive.json").read_bytes(), type=Mark)
    except FileNotFoundError:
        return Mark()
    except msgspec.DecodeError as error:
        raise NotThisArchive(f"{target / 'archive.json'} cannot be read: {error}") from None
    if mark.archive != 1:
        raise NotThisArchive(f"{target} has format {mark.archive}, this program knows 1: upgrade the program")
    return mark


# -- writing


def archive(journal: Journal, target: Path, before: datetime, public: bytes) -> Mark:
    """Write what was sealed before ``before`` and is not there yet; returns how far the archive goes now.

    Raises NotThisArchive if it is another journal's, or what stands in the journal is not what was sealed: then nothing counts.
    """
    mark = mark_of(target)
    _continues(journal, mark)
    checkpoints = list(_sealed(journal, mark.position, before))
    if not checkpoints:
        return mark
    _forget_after(target, mark.position)
    events, head = _write_events(journal, target, mark, checkpoints[-1].position)
    last = checkpoints[-1]
    if (events, head) != (last.events, last.head):
        raise NotThisArchive(f"what stands after position {mark.position} up to {last.position} is not what was sealed")
    rows = [msgspec.structs.asdict(checkpoint) for checkpoint in checkpoints]
    _whole(target / "checkpoints" / _named(last.position), _table(rows, _CHECKPOINTS))
    reached = Mark(position=last.position, events=events, head=head, public_key=public.decode() or mark.public_key)
    _replace(target / "archive.json", lambda path: path.write_bytes(msgspec.json.encode(reached) + b"\n"))
    return reached


def _continues(journal: Journal, mark: Mark) -> None:
    if mark.position:
        found = journal.checkpoints(mark.position - 1, 1)
        if not found or (found[0].position, found[0].head) != (mark.position, mark.head):
            raise NotThisArchive(f"the archive ends at position {mark.position} with a seal that this journal does not have")


def _sealed(journal: Journal, after: int, before: datetime) -> Iterator[Checkpoint]:
    """Checkpoints after a position, up to the first that was made too late."""
    while page := journal.checkpoints(after, 1000):
        for checkpoint in page:
            if checkpoint.at >= before:
                return
            yield checkpoint
        after = page[-1].position


def _write_events(journal: Journal, target: Path, mark: Mark, last: int) -> tuple[int, str]:
    """Write the events after the mark up to a position; returns how many the chain has now, and its head."""
    events, head = mark.events, bytes.fromhex(mark.head)
    rows: list[dict[str, object]] = []
    day: date | None = None
    for position, body in _bodies(journal, mark.position, last):
        row = _row(position, body)
        head, events = link(head, position, body), events + 1
        falls = row["at"].date()  # type: ignore[attr-defined]  # the time of the event
        if rows and (falls != day or len(rows) >= FILE_ROWS):
            _write_day(target, day, rows)
            rows = []
        day = falls
        rows.append(row)
    if rows:
        _write_day(target, day, rows)
    return events, head.hex()


def _bodies(journal: Journal, after: int, last: int) -> Iterator[tuple[int, bytes]]:
    while after < last and (page := journal.bodies(after, _PAGE)):
        yield from (row for row in page if row[0] <= last)
        after = page[-1][0]


def _row(position: int, body: bytes) -> dict[str, object]:
    event = decode_event(body)
    return {
        "position": position,
        "at": event.at.astimezone(UTC),
        "once": event.once,
        "kind": event.kind,
        "type": type(event.data).__name__,
        "source": event.source,
        "root": event.root,
        "body": body,
    }


def _write_day(target: Path, day: date | None, rows: list[dict[str, object]]) -> None:
    _whole(target / "events" / f"day={day}" / _named(rows[0]["position"]), _table(rows, _EVENTS))


def _table(rows: list[dict[str, object]], schema: pyarrow.Schema) -> pyarrow.Table:
    return pyarrow.Table.from_pylist(rows, schema=schema)


def _named(position: object) -> str:
    return f"{position:019}.parquet"


def _whole(path: Path, table: pyarrow.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, lambda draft: parquet.write_table(table, draft, compression="zstd"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """A file appears whole and on the disk, or not at all."""
    draft = path.with_name(f".{path.name}")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _forget_after(target: Path, position: int) -> None:
    """Remove what an interrupted run left."""
    for path in [*target.glob("events/*/*.parquet"), *target.glob("checkpoints/*.parquet")]:
        if path.name.startswith(".") or int(path.stem) > position:
            path.unlink()


# -- reading


class Archive:
    """What was archived, read as a journal is: events and checkpoints in order of position."""

    def __init__(self, target: Path) -> None:
        """Raises NotThisArchive if there is none."""
        self.target, self.mark = target, mark_of(target)
        if not self.mark.position:
            raise NotThisArchive(f"there is no archive in {target}")
        self._files = [path for path in _files(target, "events/*") if _first(path) <= self.mark.position]
        self._firsts = [_first(path) for path in self._files]
        self._seals = _files(target, "checkpoints")
        self._held: tuple[Path, list[tuple[int, bytes]]] | None = None

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Positions and stored bytes of the events after a position, in order."""
        found: list[tuple[int, bytes]] = []
        for path in self._files[max(bisect_right(self._firsts, after) - 1, 0) :]:
            if len(found) >= limit:
                break
            found += [row for row in self._content(path) if row[0] > after]
        return found[:limit]

    def these(self, positions: Iterable[int]) -> dict[int, bytes]:
        """The stored bytes of the events at these positions; raises NotThisArchive if one is not here."""
        wanted = sorted(positions)
        found: dict[int, bytes] = {}
        for number in dict.fromkeys(max(bisect_right(self._firsts, position) - 1, 0) for position in wanted):
            found.update(self._content(self._files[number]))
        if missing := [position for position in wanted if position not in found]:
            raise NotThisArchive(f"it does not hold position {missing[0]}")
        return {position: found[position] for position in wanted}

    def _content(self, path: Path) -> list[tuple[int, bytes]]:
        if self._held is None or self._held[0] != path:
            table = _read(path, ["position", "body"])
            self._held = path, list(zip(table["position"].to_pylist(), table["body"].to_pylist(), strict=True))
        return self._held[1]

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        """Seals after a position, in order."""
        paths = [path for path in self._seals if after < _first(path) <= self.mark.position]
        rows = (row for path in paths for row in _read(path, None).to_pylist())
        found = (msgspec.convert({**row, "at": row["at"].astimezone(UTC)}, Checkpoint) for row in rows if row["position"] > after)
        return [checkpoint for checkpoint, _ in zip(found, range(limit), strict=False)]


def _files(target: Path, folder: str) -> list[Path]:
    """In order of position; what an interrupted run left half written begins with a dot."""
    return sorted(target.glob(f"{folder}/[0-9]*.parquet"), key=_first)


def _first(path: Path) -> int:
    return int(path.stem)


def _read(path: Path, columns: list[str] | None) -> pyarrow.Table:
    try:
        # the file alone: the name of its folder would become a column
        return parquet.ParquetFile(path).read(columns=columns)
    except (pyarrow.ArrowException, OSError) as error:
        raise NotThisArchive(f"{path} cannot be read: {type(error).__name__}") from None
