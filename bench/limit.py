"""The limit: the same bytes decoded, the same rows written, as durably and in the same batches, and nothing else.

A run of ours is recorded at the database's own door (every statement with its rows, every body that was read); the limit then
does just that on a second copy of the journal. What lies between the two is the price of everything that Suture does on top.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from suture.journal import postgres, sqlite
from suture.journal.rows import Row

Writes = list[tuple[str, Sequence[Row]]]


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

    def _write_rest(self, batch: Any) -> None:
        super()._write_rest(batch)
        self.notes.closed()


class _Sending:
    """The pipeline of one commit, noted."""

    def __init__(self, writes: Any, notes: _Notes) -> None:
        self._writes, self._notes = writes, notes

    def send(self, statement: str, values: Sequence[Row]) -> Any:
        if values:
            self._notes.open.writes.append((statement, values))
        return self._writes.send(statement, values)

    def each(self, statement: str, values: Sequence[Row], what: str) -> None:
        if values:
            self._notes.open.writes.append((statement, values))
        self._writes.each(statement, values, what)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._writes, name, value) if name == "events" else super().__setattr__(name, value)


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

    def _write_facts(self, writes: Any, batch: Any) -> None:
        super()._write_facts(_Sending(writes, self.notes), batch)  # type: ignore[arg-type]

    def _write_lives(self, writes: Any, batch: Any) -> None:
        super()._write_lives(_Sending(writes, self.notes), batch)  # type: ignore[arg-type]

    def _write_rest(self, writes: Any, batch: Any) -> None:
        super()._write_rest(_Sending(writes, self.notes), batch)  # type: ignore[arg-type]
        self.notes.closed()


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
            for statement, rows in writes:
                db.execute(statement.encode(), [list(column) for column in zip(*rows, strict=True)])

    return write
