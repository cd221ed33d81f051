"""The limit: the same bytes decoded, the same rows written, as durably and in the same batches, and nothing else.

A run of ours is recorded at the database's own door (every statement with its rows, every body that was read); the limit then
does just that on a second copy of the journal. What lies between the two is the price of everything that Suture does on top.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from suture.journal import postgres, sqlite
from suture.journal.rows import Row

#: Statements of SQLite, or names of tables as ``PostgresJournal`` says them, each with its rows.
Writes = list[tuple[str, Sequence[Row]]]


def _unnest(table: str) -> str:
    columns = postgres._SAYS[table]
    names, types = ", ".join(name for name, _ in columns), ", ".join(f"%b::{type}[]" for _, type in columns)
    return f"unnest({types}) as s ({names})"


_DELIVERED = [name for name, _ in postgres._SAYS["deliveries"] if name != "later"]
#: What each table gets, as plainly as it can be said: lists go as the driver packs them (ours: ``journal.columns``).
_STATEMENTS = {
    table: statement.encode()
    for table, statement in {
        "events": f"insert into events select * from {_unnest('events')}",
        "refs": f"insert into refs select * from {_unnest('refs')}",
        "work": f"insert into work select * from {_unnest('work')}",
        "blobs": f"insert into blobs select * from {_unnest('blobs')} on conflict do nothing",
        "done": f"delete from work where id in (select id from {_unnest('done')})",
        "begun": f"insert into states select * from {_unnest('begun')}",
        "moved": f"update states t set version = s.version, data = s.data from {_unnest('moved')} "
        "where t.process = s.process and t.key = s.key",
        "counted": f"insert into counters as c select * from {_unnest('counted')} "
        "on conflict (name) do update set value = c.value + excluded.value",
        "deliveries": f"insert into deliveries (number, {', '.join(_DELIVERED)}) select later, {', '.join(_DELIVERED)} "
        f"from {_unnest('deliveries')}",
        "armed": f"insert into timers select process, key, name, due, cause, root from {_unnest('armed')} "
        "on conflict (process, key, name) do update set due = excluded.due",
        "cancelled": f"delete from timers where (process, key, name) in (select * from {_unnest('cancelled')})",
        "cursors": f"insert into cursors select * from {_unnest('cursors')} "
        "on conflict (name) do update set position = excluded.position",
    }.items()
}


class Commit:
    """One transaction: the bodies and states that were read for it, and what it wrote."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.states: list[tuple[str, bytes]] = []
        self.writes: Writes = []


class _Notes:
    """What both recorders note: reads belong to the commit that follows them."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.open = Commit()

    def closed(self) -> None:
        self.commits.append(self.open)
        self.open = Commit()


class _Watched:
    """An SQLite connection that notes what is written in bulk."""

    def __init__(self, db: sqlite3.Connection, notes: _Notes) -> None:
        self._db, self._notes = db, notes

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        kept = list(rows)
        self._notes.open.writes.append((statement, kept))
        return self._db.executemany(statement, kept)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


class RecordedSqlite(sqlite.SqliteJournal):
    """A journal in SQLite that remembers what it did."""

    def __init__(self, address: str, key: bytes) -> None:
        super().__init__(address, key)
        self.notes = _Notes()
        self._db = _Watched(self._db, self.notes)  # type: ignore[assignment]  # a connection in all that the journal asks of it

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        rows = super()._work(partitions, limit)
        self.notes.open.events += _bodies(rows)
        return rows

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        rows = super()._states(keys)
        self.notes.open.states += [(row[0], row[3]) for row in rows]
        return rows

    def _commit(self, drafts: Any, onces: Any) -> Any:
        answers = super()._commit(drafts, onces)
        self.notes.closed()
        return answers


class RecordedPostgres(postgres.PostgresJournal):
    """A journal in PostgreSQL that remembers what it did."""

    def __init__(self, address: str, key: bytes) -> None:
        super().__init__(address, key)
        self.notes = _Notes()

    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        rows = super()._work(partitions, limit)
        self.notes.open.events += _bodies(rows)
        return rows

    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        rows = super()._states(keys)
        self.notes.open.states += [(row[0], row[3]) for row in rows]
        return rows

    def _called(self, says: Mapping[str, Sequence[Row]]) -> int:
        first = super()._called(says)
        if first or "events" not in says:
            self.notes.open.writes += [(table, _placed(table, rows, first)) for table, rows in says.items() if rows]
            self.notes.closed()
        return first


def _placed(table: str, rows: Sequence[Row], first: int) -> Sequence[Row]:
    """The rows with the positions that the journal gave them."""
    match table:
        case "events":
            return [(first + row[0], *row[1:]) for row in rows]
        case "refs":
            return [(*row[:2], first + row[2], *row[3:]) for row in rows]
        case "work":
            return [((first << 16) + row[0], *row[1:]) for row in rows]
    return rows


def _bodies(rows: Sequence[Row]) -> list[bytes]:
    """The events of work, each once."""
    return list({row[3]: row[4] for row in rows}.values())


def limit(address: str, commits: Sequence[Commit], event: Any, states: dict[str, msgspec.json.Decoder[Any]]) -> float:
    """Seconds to decode and write it all on the journal at ``address``; ``event`` and ``states`` decode what was read."""
    write = _postgres(address) if "://" in address else _sqlite(address)
    began = time.perf_counter()
    for commit in commits:
        for body in commit.events:
            event(body)
        for process, data in commit.states:
            if process in states:
                states[process].decode(data)
        write(commit.writes)
    seconds = time.perf_counter() - began
    write([])
    return seconds


def _sqlite(address: str) -> Any:
    db = sqlite3.connect(address, isolation_level=None)
    for pragma in sqlite._PRAGMAS:
        db.execute(f"pragma {pragma}")

    def write(writes: Writes) -> None:
        if not writes:
            db.close()
            return
        db.execute("begin immediate")
        for statement, rows in writes:
            db.executemany(statement, rows)
        db.execute("commit")

    return write


def _postgres(address: str) -> Any:
    db = psycopg.connect(address, autocommit=True, prepare_threshold=2)
    db.execute(postgres._SETTINGS)

    def write(writes: Writes) -> None:
        if not writes:
            db.close()
            return
        with db.pipeline(), db.transaction():
            for table, rows in writes:
                db.execute(_STATEMENTS[table], [list(column) for column in zip(*rows, strict=True)])

    return write
