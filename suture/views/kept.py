"""The books kept in a file beside the journal: a cache that holds up to a position, catches up, and may be deleted at any time.

The file says up to which position it holds and what the chain's head is there (see ``journal.seal``). It is believed only if
the journal still has the same event at that position, and if every checkpoint passed on the way forward carries the head that
the books come to. Books of another journal, or of one that has changed since, are thrown away and made anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from suture.journal import Journal, Recorded
from suture.journal.drafts import decode_event
from suture.journal.seal import BEGINNING, link
from suture.views.books import TABLES, Books

#: Raised whenever the books would be entered otherwise than before: older files are then made anew.
VERSION = 2
#: Events in one transaction of the file.
PAGE = 5000

_PRAGMAS = ("busy_timeout = 10000", "journal_mode = wal", "synchronous = normal", "cache_size = -100000")
_MARK = "create table mark (position integer not null, head blob not null, last blob not null)"


class _Foreign(Exception):
    """The file's past is not this journal's past."""


@contextlib.contextmanager
def kept_books(journal: Journal, path: Path) -> Iterator[Books]:
    """The books of everything in the journal, from the file where it holds, from the beginning where it does not.

    Where the file cannot be written the books are made in memory. Raises Unavailable if the journal does not answer.
    """
    with contextlib.closing(_current(journal, path)) as db:
        yield Books(db)


def _current(journal: Journal, path: Path) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return _caught_up(journal, _opened(path))
        except sqlite3.OperationalError:
            break
        except (sqlite3.DatabaseError, _Foreign):
            _thrown_away(path)
        except OSError:
            break
    return _caught_up(journal, _made(sqlite3.connect(":memory:", isolation_level=None)))


def _opened(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(FileExistsError):
        # it repeats what the journal says, so only the journal's owner may read it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"pragma {pragma}")
        return _made(db)
    except BaseException:
        db.close()
        raise


def _made(db: sqlite3.Connection) -> sqlite3.Connection:
    """With tables; raises _Foreign if it has others, or was made by another version."""
    with _transaction(db):
        [(version,)] = db.execute("pragma user_version")
        if version == VERSION:
            return db
        if version or db.execute("select 1 from sqlite_master").fetchone():
            raise _Foreign
        for statement in (*filter(str.strip, TABLES.split(";")), _MARK, f"pragma user_version = {VERSION}"):
            db.execute(statement)
        db.execute("insert into mark values (0, ?, x'')", (BEGINNING,))
    return db


def _thrown_away(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


# -- catching up


def _caught_up(journal: Journal, db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        [(position, last)] = db.execute("select position, last from mark")
        if position and journal.bodies(position - 1, 1) != [(position, last)]:
            raise _Foreign
        while _page(journal, db, fresh=not position):
            pass
    except BaseException:
        db.close()
        raise
    return db


def _page(journal: Journal, db: sqlite3.Connection, *, fresh: bool) -> bool:
    """Enter the next page in one transaction; whether there was one. Another process may have entered some meanwhile."""
    with _transaction(db):
        books = Books(db)
        [(position, head)] = db.execute("select position, head from mark")
        bodies = journal.bodies(position, PAGE)
        seals = {seal.position: seal.head for seal in journal.checkpoints(position, PAGE)} if bodies else {}
        body = b""
        for position, body in bodies:
            head = link(head, position, body)
            if seals.get(position, head.hex()) != head.hex():
                _doubted(books, position, fresh=fresh)
            books.enter(Recorded(position, decode_event(body)))
        if bodies:
            db.execute("update mark set position = ?, head = ?, last = ?", (position, head, body))
    return bool(bodies)


def _doubted(books: Books, position: int, *, fresh: bool) -> None:
    """A seal does not fit: the books are of another past, or, where they were begun from nothing, the journal was changed."""
    if not fresh:
        raise _Foreign
    books.doubt(f"the seal at position {position} does not fit the events before it")
