"""A fold kept in a file beside the journal: a cache that holds up to a position, catches up, and may be deleted at any time.

The file says up to which position it holds and what the chain's head is there (see ``journal.seal``). It is believed only if
the journal still has the same event at that position, and if every checkpoint passed on the way forward carries the head that
the fold comes to. A file of another journal, or of one that has changed since, is thrown away and made anew.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.drafts import decode_event
from suture.journal.seal import BEGINNING, Sealed, link
from suture.views.books import TABLES, Books

#: Events in one transaction of the file.
PAGE = 5000

_PRAGMAS = ("busy_timeout = 10000", "journal_mode = wal", "synchronous = normal", "cache_size = -100000")
_MARK = "create table mark (position integer not null, head blob not null, last blob not null)"


class Reader(Protocol):
    """What enters events, in order, into the tables of a fold."""

    def enter(self, row: Recorded) -> None:
        """Take one event in."""

    def doubt(self, what: str) -> None:
        """Something about the journal itself that keeps the fold from being believed."""


class Fold(Struct, frozen=True):
    """A read model that can be kept: its tables, and who enters events into a database that has them.

    ``version`` is raised whenever events would be entered otherwise than before: older files are then made anew. Where
    ``words`` are named, only events whose bytes hold one of them are read at all.
    """

    version: int
    tables: str
    reader: Callable[[sqlite3.Connection], Reader]
    words: tuple[bytes, ...] = ()


#: The books of the conservation ledger.
BOOKS = Fold(4, TABLES, Books)

#: Called with the position that has been reached, after each page.
Tell = Callable[[int], None]


class _Foreign(Exception):
    """The file's past is not this journal's past."""


def _silent(position: int) -> None:
    """Nobody wants to know."""


@contextlib.contextmanager
def kept_books(journal: Sealed, path: Path, tell: Tell = _silent) -> Iterator[Books]:
    """The books of everything in the journal; see ``kept``."""
    with kept(journal, path, BOOKS, tell) as db:
        yield Books(db)


@contextlib.contextmanager
def kept(journal: Sealed, path: Path, fold: Fold, tell: Tell = _silent) -> Iterator[sqlite3.Connection]:
    """The fold over everything in the journal, from the file where it holds, from the beginning where it does not.

    Where the file cannot be written the fold is made in memory. Raises Unavailable if the journal does not answer.
    """
    with contextlib.closing(_current(journal, path, fold, tell)) as db:
        yield db


def _current(journal: Sealed, path: Path, fold: Fold, tell: Tell) -> sqlite3.Connection:
    for _ in range(2):
        try:
            return _caught_up(journal, _opened(path, fold), fold, tell)
        except sqlite3.OperationalError:
            break
        except (sqlite3.DatabaseError, _Foreign):
            _thrown_away(path)
        except OSError:
            break
    return _caught_up(journal, _made(sqlite3.connect(":memory:", isolation_level=None), fold), fold, tell)


def _opened(path: Path, fold: Fold) -> sqlite3.Connection:
    with contextlib.suppress(FileExistsError):
        # it repeats what the journal says, so only the journal's owner may read it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"pragma {pragma}")
        return _made(db, fold)
    except BaseException:
        db.close()
        raise


def _made(db: sqlite3.Connection, fold: Fold) -> sqlite3.Connection:
    """With tables; raises _Foreign if it has others, or was made by another version."""
    with _transaction(db):
        [(version,)] = db.execute("pragma user_version")
        if version == fold.version:
            return db
        if version or db.execute("select 1 from sqlite_master").fetchone():
            raise _Foreign
        for statement in (*filter(str.strip, fold.tables.split(";")), _MARK, f"pragma user_version = {fold.version}"):
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


def _caught_up(journal: Sealed, db: sqlite3.Connection, fold: Fold, tell: Tell) -> sqlite3.Connection:
    try:
        [(position, last)] = db.execute("select position, last from mark")
        if position and journal.bodies(position - 1, 1) != [(position, last)]:
            raise _Foreign
        while (reached := _page(journal, db, fold, fresh=not position)) is not None:
            tell(reached)
    except BaseException:
        db.close()
        raise
    return db


def _page(journal: Sealed, db: sqlite3.Connection, fold: Fold, *, fresh: bool) -> int | None:
    """Enter the next page in one transaction; its last position, None if there was none.

    Another process may have entered some meanwhile.
    """
    with _transaction(db):
        reader = fold.reader(db)
        [(position, head)] = db.execute("select position, head from mark")
        bodies = journal.bodies(position, PAGE)
        seals = {seal.position: seal.head for seal in journal.checkpoints(position, PAGE)} if bodies else {}
        body = b""
        for position, body in bodies:
            head = link(head, position, body)
            if seals.get(position, head.hex()) != head.hex():
                _doubted(reader, position, fresh=fresh)
            if not fold.words or any(word in body for word in fold.words):
                reader.enter(Recorded(position, decode_event(body)))
        if bodies:
            db.execute("update mark set position = ?, head = ?, last = ?", (position, head, body))
    return position if bodies else None


def _doubted(reader: Reader, position: int, *, fresh: bool) -> None:
    """A seal does not fit: the fold is of another past, or, where it was begun from nothing, the journal was changed."""
    if not fresh:
        raise _Foreign
    reader.doubt(f"the seal at position {position} does not fit the events before it")
