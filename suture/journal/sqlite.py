"""The journal in one SQLite file: WAL, synchronous=FULL, one writer at a time, one transaction per commit."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from suture.journal import schema
from suture.journal.backup import FLOOR
from suture.journal.batch import Batch, Repeated
from suture.journal.drafts import Draft, draft
from suture.journal.reading import Reading
from suture.journal.records import Beat, Committed, Fenced, Unavailable, Unit
from suture.journal.rows import DELIVERIES, EVENTS, IS_OPEN, Row
from suture.journal.shelves import Keys, keys_of

#: How long to wait for another process that is writing, in milliseconds.
_BUSY_MS = 10_000
_PRAGMAS = (
    f"busy_timeout = {_BUSY_MS}",
    "journal_mode = wal",
    "synchronous = full",
    "wal_autocheckpoint = 4000",
    # in kB: with what decoding and sending need, a service stays below 250 MB however long its journal is
    "cache_size = -100000",
    "temp_store = memory",
)

_SAVEPOINT = ("savepoint unit", "release unit", "rollback to unit")
#: Two of the counters; the others are FLOOR and the name of an instance: the last number of a delivery to it.
_POSITION, _SEQUENCE = "position", "sequence"
_COUNTERS = "select name, value from counters where name in (:names...)"
_KNOWN = "select once from events where once in (:onces...)"
# ids follow positions, so the oldest work is found by walking the primary key; the cross join keeps that order
_WORK = """select w.id, w.process, w.key, e.position, e.body from work w cross join events e on e.position = w.id >> 16
where w.partition in (:partitions...) order by w.id limit :limit"""
_STATES = """select s.process, s.key, s.version, s.data from json_each(:keys) k cross join states s
on s.process = json_extract(k.value, '$[0]') and s.key = json_extract(k.value, '$[1]')"""
_COUNT_STATES = "select count(*) from states where process = ? and instr(data, ?) = 1"
# new ones that were to go out at once, and have to wait for another
_HELD_BACK = f"""update deliveries as d set status = 'queued', attempts = attempts - 1
where d.id in (:ids...) and d.status = 'sending' and exists (
    select 1 from deliveries e where e.instance = d.instance and e.key = d.key and e.sequence < d.sequence and e.{IS_OPEN})
returning id"""
_BODIES = "select position, body from events where position > :after order by position limit :limit"

#: How rows are written, table by table, as ``Batch.tables`` names them.
_WRITES = {
    "events": f"insert into events ({', '.join(EVENTS)}) values ({', '.join('?' * len(EVENTS))})",
    "refs": "insert into refs (id, type, position, role) values (?, ?, ?, ?)",
    "work": "insert into work (id, partition, process, key) values (?, ?, ?, ?)",
    "blobs": "insert into blobs (address, sealed) values (?, ?) on conflict do nothing",
    "repeats": """insert into repeats (once, times) values (?, ?)
        on conflict (once) do update set times = times + excluded.times""",
    "done": "delete from work where id = ?",
    "begun": "insert into states (process, key, version, data) values (?, ?, ?, ?) on conflict do nothing",
    "moved": "update states set version = ?, data = ? where process = ? and key = ? and version = ?",
    "settled": """update deliveries set status = ?, attempts = ?, due = ?, reference = coalesce(nullif(?, ''), reference),
        note = ?, document = coalesce(nullif(?, x''), document) where id = ? and status = ? and attempts = ?""",
    "deliveries": f"""insert into deliveries ({", ".join(DELIVERIES)}) values ({", ".join("?" * len(DELIVERIES))})
        on conflict do nothing""",
    "fired": "delete from timers where process = ? and key = ? and name = ? and due = ?",
    "armed": "insert or replace into timers (process, key, name, due, cause, root) values (?, ?, ?, ?, ?, ?)",
    "cancelled": "delete from timers where process = ? and key = ? and name = ?",
    "cursors": "insert or replace into cursors (name, position) values (?, ?)",
    "seals": """insert into checkpoints (position, events, head, at, signature) values (?, ?, ?, ?, ?)
        on conflict do nothing""",
    "counters": "insert or replace into counters (name, value) values (?, ?)",
}
#: Where fewer rows written than sent mean that somebody else was there.
_EXACT = frozenset({"done", "begun", "moved", "settled", "deliveries", "fired", "seals"})
_ID, _NUMBER = DELIVERIES.index("id"), DELIVERIES.index("number")


class SqliteJournal(Reading):
    """One file; any thread may use it, one at a time. See ``Journal`` for the law of each method."""

    shared = False

    def __init__(self, path: str | Path, key: bytes | Keys, partitions: int = 16) -> None:
        """Open the file, or make it with that many partitions; ``key`` (32 bytes) encrypts blobs.

        Raises SchemaTooNew if a later version wrote it, Unavailable if it cannot be opened or is no journal.
        """
        self._keys, self._path = keys_of(key), Path(path)
        self._key = self._keys.master
        self._served: int | None = None
        self._grouping = False
        with _SPEAKING:
            with contextlib.suppress(FileExistsError):
                # only its owner may read what SQLite would make readable for all; -wal and -shm take its mode over
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.partitions = self._open(partitions)
        except BaseException:
            self._db.close()
            raise

    def _open(self, partitions: int) -> int:
        with _SPEAKING:
            for pragma in _PRAGMAS:
                self._db.execute(f"pragma {pragma}")
        with self._transaction():
            for number, script in schema.pending(self._version(), schema.scripts("sqlite")):
                for statement in _statements(script):
                    self._db.execute(statement)
                self._db.execute("insert or replace into meta (name, value) values ('schema', ?)", (str(number),))
            self._db.execute("insert into meta (name, value) values ('partitions', ?) on conflict do nothing", (str(partitions),))
        return int(self._rows("select value from meta where name = 'partitions'")[0][0])

    def _version(self) -> int:
        tables = {name for (name,) in self._db.execute("select name from sqlite_master where type = 'table'")}
        if tables and not {"meta", "events"} <= tables:
            raise Unavailable("the file is an SQLite database, but not a journal")
        return int(self._rows("select value from meta where name = 'schema'")[0][0]) if tables else 0

    def close(self) -> None:
        self._db.close()
        if self._served is not None:
            os.close(self._served)

    def beat(self, worker: str, roles: Sequence[str], wanted: Iterable[str], within_s: float) -> Beat:
        """The lock of a file beside the journal lasts as long as the process: no other can serve it, and none has to wait."""
        if self._served is None:
            self._served = _locked(self._path.with_name(f"{self._path.name}.lock"))
        return Beat(held=frozenset(wanted), members=((worker, tuple(roles)),), partitions=self.partitions)

    def wait(self, timeout_s: float) -> bool:
        return False

    # -- writing

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        drafts = [draft(unit, self._keys) for unit in units]
        try:
            return self._commit(drafts, [])
        except (Fenced, Repeated, sqlite3.IntegrityError):
            return self._commit(drafts, [event.once for each in drafts for event in each.events])

    def _commit(self, drafts: Sequence[Draft], onces: list[str]) -> list[Committed]:
        """Commit all but what repeats one of these ``onces``.

        What comes for the first time is the rule, so nobody looks (none) before something speaks against it.
        """
        with self._transaction():
            known = {once for (once,) in self._rows(_KNOWN, onces=onces)} if onces else ()
            counters = self._counters(_counted(drafts))
            batch = Batch(counters.get(_POSITION, 0) + 1, known, self.partitions)
            for each in drafts:
                batch.add(each)
            if batch.repeats and not onces:
                raise Repeated
            if _POSITION in counters:
                counters[_POSITION] = batch.next - 1
            tables = dict(batch.tables())
            owed = tables["deliveries"] = _numbered(tables.get("deliveries", ()), counters)
            for table, rows in tables.items():
                self._write_rows(table, rows)
            self._write_rows("counters", list(counters.items()))
            going = self._going(batch.sending(), owed)
        return batch.answers(going)

    def _going(self, asked: Sequence[str], owed: Sequence[Row]) -> dict[str, int]:
        """Which of the new deliveries go out at once, with their numbers, where these are asked to."""
        held_back = {id for (id,) in self._rows(_HELD_BACK, ids=list(asked))} if asked else set()
        going = set(asked) - held_back
        return {row[_ID]: row[_NUMBER] for row in owed if row[_ID] in going}

    def _write_rows(self, table: str, rows: Sequence[Row]) -> None:
        """Raises Fenced where each row of a table must be as expected, and one was not."""
        if not rows:
            return
        written = self._db.executemany(_WRITES[table], rows).rowcount
        if written != len(rows) and table in _EXACT:
            raise Fenced(f"{len(rows) - written} of {len(rows)} {table} were not as expected")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, begun by the first commit within, whose commits are savepoints: the disk is waited for once."""
        self._grouping = True
        try:
            yield
        finally:
            self._grouping = False
            if self._db.in_transaction:
                with _SPEAKING:
                    self._end("commit", "rollback")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction of its own; within ``together`` the first begins it, and each further one is a savepoint of it."""
        first = not self._db.in_transaction
        begin, well, ill = ("begin immediate", "commit", "rollback") if first else _SAVEPOINT
        with _SPEAKING:
            self._db.execute(begin)
            try:
                yield
            except BaseException:
                self._give_up(ill)
                raise
            if not (first and self._grouping):
                self._end(well, ill)

    def _end(self, well: str, ill: str) -> None:
        try:
            self._db.execute(well)
        except BaseException:
            self._give_up(ill)
            raise

    def _give_up(self, ill: str) -> None:
        # SQLite may have ended the transaction itself
        if self._db.in_transaction:
            self._db.execute(ill)

    def _counters(self, names: set[str]) -> dict[str, int]:
        """How far these have counted; an instance that nobody has counted for begins where a restored journal leaves room."""
        if not names:
            return {}
        found: dict[str, int] = dict(self._rows(_COUNTERS, names=[*names, FLOOR]))
        floor = found.pop(FLOOR, 0)
        return {name: found.get(name, floor if name.startswith(FLOOR) else 0) for name in names}

    # -- reading

    def _rows(self, query: str, **values: str | int | list[str]) -> list[Row]:
        bound = {name: _json(value) if isinstance(value, list) else value for name, value in values.items()}
        with _SPEAKING:
            return self._db.execute(_spoken(query), bound).fetchall()

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        return self._rows(_WORK, partitions=_json(partitions), limit=limit)

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        return self._rows(_STATES, keys=_json(keys))

    def count_states(self, process: str, beginning: bytes) -> int:
        with _SPEAKING:
            return int(self._db.execute(_COUNT_STATES, (process, beginning)).fetchone()[0])

    def latest(self) -> int:
        return int(self._rows("select coalesce(max(position), 0) from events")[0][0])

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return [(position, body) for position, body in self._whole(self._rows(_BODIES, after=after, limit=limit))]

    def _write(self, statement: str, **values: str | int) -> int:
        with self._transaction():
            return self._db.execute(statement, values).rowcount


def _counted(drafts: Sequence[Draft]) -> set[str]:
    """The names of the counters that units may move."""
    instances = {delivery.instance for draft in drafts for delivery in draft.unit.deliveries}
    names = {f"{FLOOR}{instance}" for instance in instances} | ({_SEQUENCE} if instances else set())
    return names | {_POSITION} if any(draft.events for draft in drafts) else names


def _numbered(deliveries: Sequence[Row], counters: dict[str, int]) -> list[Row]:
    """The rows with the two columns that the journal assigns, the instance's number and the sequence, counted on."""
    numbered = []
    for row in deliveries:
        number = f"{FLOOR}{row[1]}"
        counters[number] += 1
        counters[_SEQUENCE] += 1
        numbered.append((*row, counters[number], counters[_SEQUENCE]))
    return numbered


def _locked(path: Path) -> int:
    """The open lock file; raises Fenced if another process has it."""
    with _SPEAKING:
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise Fenced("another process serves this journal; stop it first") from None
    return file


class _Speaking:
    """What the file or the disk does not allow becomes Unavailable; a mistake in a statement stays what it is."""

    def __enter__(self) -> None:
        """Nothing is kept, so that one serves all."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return
        if isinstance(error, sqlite3.DatabaseError | OSError):
            raise Unavailable(f"the journal's file cannot be used: {error}") from error


_SPEAKING = _Speaking()


@functools.cache
def _spoken(query: str) -> str:
    """The query as SQLite understands it: a list arrives as one JSON array."""
    return re.sub(r":(\w+)\.\.\.", r"select value from json_each(:\1)", query)


def _json(values: Sequence[object]) -> str:
    return msgspec.json.encode(values).decode()


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
