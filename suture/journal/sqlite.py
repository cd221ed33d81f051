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

import msgspec

from suture.journal import schema
from suture.journal.backup import FLOOR
from suture.journal.batch import Batch
from suture.journal.drafts import Draft, draft
from suture.journal.reading import Reading
from suture.journal.records import Beat, Committed, Fenced, Unavailable, Unit
from suture.journal.rows import DELIVERIES, EVENTS, Row
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
_BODIES = "select position, body from events where position > :after order by position limit :limit"

_INSERT_EVENT = f"insert into events ({', '.join(EVENTS)}) values ({', '.join('?' * len(EVENTS))})"
_COUNT_REPEAT = "insert into repeats (once, times) values (?, ?) on conflict (once) do update set times = times + excluded.times"
_BEGIN_STATE = "insert into states (process, key, version, data) values (?, ?, ?, ?) on conflict do nothing"
_MOVE_STATE = "update states set version = ?, data = ? where process = ? and key = ? and version = ?"
_SETTLE = """update deliveries set status = ?, attempts = ?, due = ?, reference = coalesce(nullif(?, ''), reference),
note = ?, document = coalesce(nullif(?, x''), document) where id = ? and status = ? and attempts = ?"""
_DELIVER = f"""insert into deliveries ({", ".join(DELIVERIES)}) values ({", ".join("?" * len(DELIVERIES))})
on conflict do nothing"""
_FIRE = "delete from timers where process = ? and key = ? and name = ? and due = ?"
_ARM = "insert or replace into timers (process, key, name, due, cause, root) values (?, ?, ?, ?, ?, ?)"
_CANCEL = "delete from timers where process = ? and key = ? and name = ?"
_INSERT_SEAL = """insert into checkpoints (position, events, head, at, signature) values (?, ?, ?, ?, ?)
on conflict do nothing"""


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
        with _speaking():
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
        with _speaking():
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
        with self._transaction():
            counters = self._counters(_counted(drafts))
            batch = self._fold(drafts, counters)
            self._write_facts(batch)
            self._write_lives(batch, counters)
            self._write_rest(batch)
            self._all("insert or replace into counters (name, value) values (?, ?)", list(counters.items()))
        return batch.answers

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, begun by the first commit within, whose commits are savepoints: the disk is waited for once."""
        self._grouping = True
        try:
            yield
        finally:
            self._grouping = False
            if self._db.in_transaction:
                with self._ended_by("commit", "rollback"):
                    pass

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _speaking():
            if not self._grouping or not self._db.in_transaction:
                self._db.execute("begin immediate")
            if self._grouping:
                self._db.execute("savepoint unit")
        ends = ("release unit", "rollback to unit") if self._grouping else ("commit", "rollback")
        with self._ended_by(*ends):
            yield

    @contextlib.contextmanager
    def _ended_by(self, well: str, ill: str) -> Iterator[None]:
        with _speaking():
            try:
                yield
                self._db.execute(well)
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute(ill)
                raise

    def _fold(self, drafts: Sequence[Draft], counters: dict[str, int]) -> Batch:
        onces = [event.once for draft in drafts for event in draft.events]
        known = {once for (once,) in self._rows(_KNOWN, onces=onces)} if onces else set()
        batch = Batch(counters.get(_POSITION, 0) + 1, known, self.partitions)
        for each in drafts:
            batch.add(each)
        if onces:
            counters[_POSITION] = batch.next - 1
        return batch

    def _write_facts(self, batch: Batch) -> None:
        self._all(_INSERT_EVENT, batch.events)
        self._all("insert into refs (id, type, position, role) values (?, ?, ?, ?)", batch.refs)
        self._all("insert into work (id, partition, process, key) values (?, ?, ?, ?)", batch.work)
        self._all("insert into blobs (address, sealed) values (?, ?) on conflict do nothing", list(batch.blobs.items()))
        self._all(_COUNT_REPEAT, list(batch.repeats.items()))

    def _write_lives(self, batch: Batch, counters: dict[str, int]) -> None:
        self._each("delete from work where id = ?", [(id,) for id in batch.done], "work")
        self._each(_BEGIN_STATE, batch.begun(), "states")
        self._each(_MOVE_STATE, batch.moved(), "states")
        self._each(_SETTLE, batch.settled(), "settlements")
        self._each(_DELIVER, _numbered(batch.deliveries(), counters), "deliveries")
        self._each(_FIRE, batch.fired(), "timers")

    def _write_rest(self, batch: Batch) -> None:
        self._all(_ARM, batch.armed())
        self._all(_CANCEL, batch.cancelled())
        self._all("insert or replace into cursors (name, position) values (?, ?)", list(batch.cursors.items()))
        self._each(_INSERT_SEAL, list(batch.checkpoints.values()), "seals")

    def _all(self, statement: str, values: Sequence[Row]) -> None:
        if values:
            self._db.executemany(statement, values)

    def _each(self, statement: str, values: Sequence[Row], what: str) -> None:
        """Run a statement for every row; raises Fenced unless each of them wrote one."""
        if values:
            written = self._db.executemany(statement, values).rowcount
            if written != len(values):
                raise Fenced(f"{len(values) - written} of {len(values)} {what} were not as expected")

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
        with _speaking():
            return self._db.execute(_spoken(query), bound).fetchall()

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        return self._rows(_WORK, partitions=_json(partitions), limit=limit)

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        return self._rows(_STATES, keys=_json(keys))

    def count_states(self, process: str, beginning: bytes) -> int:
        with _speaking():
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
    with _speaking():
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise Fenced("another process serves this journal; stop it first") from None
    return file


@contextlib.contextmanager
def _speaking() -> Iterator[None]:
    """What the file or the disk does not allow becomes Unavailable; a mistake in a statement stays what it is."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        raise Unavailable(f"the journal's file cannot be used: {error}") from error


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
