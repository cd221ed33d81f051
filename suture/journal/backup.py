"""A copy of a journal as it stood at one position, taken while others write, and the way back into an empty place.

SQLite is copied by its online backup in one step: one read transaction, writers go on in the log. PostgreSQL is dumped by
its own ``pg_dump`` in one snapshot. Neither holds the keys: they lie elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from suture.journal.records import Unavailable

_POSTGRES = ("postgresql://", "postgres://")
_SQLITE_MAGIC, _DUMP_MAGIC = b"SQLite format 3\0", b"PGDMP"
#: What libpq takes from the environment instead of the command line, where others could read a password.
_LIBPQ = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
}
#: Control numbers that the original may have used after the backup; they are passed over.
NUMBERS_SKIPPED = 1_000_000
#: The counter from which instances count that had no number yet.
FLOOR = "number/"

# Rows of another server carry its transaction ids, which this one would take for the future and show to nobody.
_SETTLE_XIDS = "update {} set xid = '3' where xid >= pg_snapshot_xmin(pg_current_snapshot())"
_SKIP = f"update counters set value = value + {NUMBERS_SKIPPED} where substr(name, 1, 7) = '{FLOOR}'"
_FLOOR = f"insert into counters (name, value) values ('{FLOOR}', {NUMBERS_SKIPPED}) on conflict do nothing"


class NoBackup(ValueError):
    """The file is no backup of a journal, or of another kind of database; the message says which."""


class Occupied(ValueError):
    """There is something already where a backup is to be restored."""


def back_up(address: str, target: Path) -> None:
    """Write a copy of the journal at ``address`` (a path or postgresql://...) to ``target``, whole or not at all.

    Raises Occupied if the target exists, Unavailable if the journal cannot be read or the programs of PostgreSQL are missing.
    """
    if target.exists():
        raise Occupied(f"{target} exists; a backup never replaces another")
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        if address.startswith(_POSTGRES):
            _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={part}"], _environment(address))
        else:
            _copy(Path(address), part)
        _make_durable(part, target)
    finally:
        part.unlink(missing_ok=True)


def load(backup: Path, address: str) -> None:
    """Bring a backup into an empty place: a path where nothing lies, or an empty database.

    Raises NoBackup, Occupied, and Unavailable.
    """
    kind = _kind(backup)
    if address.startswith(_POSTGRES):
        if kind != "postgres":
            raise NoBackup(f"{backup} is a backup of SQLite; a path takes it, a PostgreSQL database does not")
        _load_dump(backup, address)
        return
    if kind != "sqlite":
        raise NoBackup(f"{backup} is a backup of PostgreSQL; postgresql://... takes it, a path does not")
    target = Path(address)
    if target.exists():
        raise Occupied(f"{target} exists; restore beside it and move it yourself")
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        _copy(backup, part)
        _make_durable(part, target)
    finally:
        part.unlink(missing_ok=True)


def pass_over_numbers(address: str) -> None:
    """Let control numbers go on well after those that were used after the backup: a partner would take them for repeats."""
    if address.startswith(_POSTGRES):
        _execute(address, _SKIP, _FLOOR)
        return
    with _speaking(), contextlib.closing(sqlite3.connect(address)) as db, db:
        db.execute(_SKIP)
        db.execute(_FLOOR)


def _kind(backup: Path) -> str:
    with backup.open("rb") as file:
        head = file.read(len(_SQLITE_MAGIC))
    kinds = {_SQLITE_MAGIC: "sqlite", _DUMP_MAGIC: "postgres"}
    kind = next((kind for magic, kind in kinds.items() if head.startswith(magic)), "")
    if not kind:
        raise NoBackup(f"{backup} is no backup: neither an SQLite database nor a dump of PostgreSQL in custom format")
    return kind


def _make_durable(part: Path, target: Path) -> None:
    """Give the file its name once its bytes are on the disk."""
    for path in (part, part.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    os.link(part, target)


# -- SQLite


def _copy(source: Path, target: Path) -> None:
    with _speaking():
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with (
            contextlib.closing(sqlite3.connect(source.absolute().as_uri() + "?mode=ro", uri=True)) as origin,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            if not {"meta", "events"} <= {name for (name,) in origin.execute("select name from sqlite_master")}:
                raise NoBackup(f"{source} is an SQLite database, but not a journal")
            origin.backup(copy)
            if (found := copy.execute("pragma quick_check(1)").fetchone()) != ("ok",):
                raise Unavailable(f"the copy is damaged: {found[0]}")


@contextlib.contextmanager
def _speaking() -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise Unavailable(f"the journal's file cannot be copied: {error}") from error


# -- PostgreSQL


def _load_dump(backup: Path, address: str) -> None:
    if _execute(address, "select to_regclass('meta')") != [(None,)]:
        raise Occupied("the database holds a journal already; restore into an empty one")
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    environment = _environment(address)
    _run(["pg_restore", *options, f"--dbname={environment['PGDATABASE']}", str(backup)], environment)
    settle_transactions(address)


def settle_transactions(address: str) -> None:
    """Make rows that came from another server visible: all of them were committed there."""
    _execute(address, *(_SETTLE_XIDS.format(table) for table in ("events", "work")), "analyze")


def _execute(address: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements in one connection; returns the rows of the last."""
    import psycopg  # an extra: only who asks for PostgreSQL needs it

    try:
        with psycopg.connect(address) as db:
            cursor = [db.execute(statement.encode()) for statement in statements][-1]
            return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise Unavailable(f"the journal's PostgreSQL did not answer: {str(error).strip().splitlines()[0]}") from None


def _environment(address: str) -> Mapping[str, str]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(address)
    except ProgrammingError:
        raise Unavailable("the address cannot be read; write postgresql://USER@HOST/DATABASE") from None
    if unknown := parts.keys() - _LIBPQ.keys():
        raise Unavailable(f"pg_dump cannot be told {', '.join(sorted(unknown))}; leave it out of the address")
    return {**os.environ, **{_LIBPQ[name]: str(value) for name, value in parts.items()}}


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]} here; install PostgreSQL's client programs") from None
    if done.returncode:
        raise Unavailable(f"{command[0]}: {(done.stderr.strip().splitlines() or ['it failed'])[0]}")
