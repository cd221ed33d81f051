"""A fold kept in a file beside the journal: a cache that holds up to a position, catches up, and may be deleted at any time.

The file says up to which position it holds and what the chain's head is there (see ``journal.seal``). It is believed only if
the journal still has the same event at that position, and if every checkpoint passed on the way forward carries the head that
the fold comes to. A file of another journal, of one that has changed since, or of another version is begun anew.

Any number of processes may keep the same file while others write to the journal: each enters whole pages in turn, from where the
last has left off, and looks at what stands still.
"""

from __future__ import annotations

import contextlib
import fcntl
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

_PRAGMAS = ("busy_timeout = 10000", "synchronous = normal", "cache_size = -100000")
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


#: Enters what is no event.
Beside = Callable[[sqlite3.Connection], None]
#: Up to which position a file holds, and the bytes of the event there.
_Mark = tuple[int, bytes]
#: How often a file that is not of this past, or was begun anew by others meanwhile, is tried before it is left alone.
_TRIES = 4


class _Foreign(Exception):
    """What the file held at ``mark`` is not this journal's past; without a mark: others have begun it anew."""

    def __init__(self, mark: _Mark | None = None) -> None:
        super().__init__()
        self.mark = mark


def _silent(position: int) -> None:
    """Nobody wants to know."""


def _nothing(db: sqlite3.Connection) -> None:
    """There is nothing beside the events."""


@contextlib.contextmanager
def kept_books(journal: Sealed, path: Path, tell: Tell = _silent) -> Iterator[Books]:
    """The books of everything in the journal; see ``kept``."""
    with kept(journal, path, BOOKS, tell) as db:
        yield Books(db)


@contextlib.contextmanager
def kept(
    journal: Sealed, path: Path, fold: Fold, tell: Tell = _silent, beside: Beside = _nothing
) -> Iterator[sqlite3.Connection]:
    """The fold over everything in the journal, from the file where it holds, from the beginning where it does not.

    What is yielded is for reading only and stands still: whatever is asked is answered as of one position. ``beside`` is called
    after the last page, in a transaction. Where the file cannot be written the fold is made in memory. Raises Unavailable if the
    journal does not answer.
    """
    with contextlib.closing(_current(journal, path, fold, tell, beside)) as db:
        yield db


def _current(journal: Sealed, path: Path, fold: Fold, tell: Tell, beside: Beside) -> sqlite3.Connection:
    for _ in range(_TRIES):
        try:
            return _caught_up(journal, _opened(path, fold), fold, tell, beside)
        except _Foreign:
            continue
        except (sqlite3.OperationalError, OSError):
            break
        except sqlite3.DatabaseError:
            _thrown_away(path)
    return _caught_up(journal, _made(sqlite3.connect(":memory:", isolation_level=None), fold), fold, tell, beside)


def _opened(path: Path, fold: Fold) -> sqlite3.Connection:
    with contextlib.suppress(FileExistsError):
        # it repeats what the journal says, so only the journal's owner may read it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"pragma {pragma}")
        if db.execute("pragma journal_mode").fetchone() != ("wal",):
            with _alone(path):  # at this one SQLite does not wait for its turn
                db.execute("pragma journal_mode = wal")
        return _made(db, fold)
    except BaseException:
        db.close()
        raise


def _made(db: sqlite3.Connection, fold: Fold) -> sqlite3.Connection:
    """With the tables of this version and no others."""
    if _version(db) != fold.version:
        with _transaction(db):
            if _version(db) != fold.version:  # nobody else has done it meanwhile
                _begun_anew(db, fold)
    return db


def _begun_anew(db: sqlite3.Connection, fold: Fold) -> None:
    """Empty, within the same file: who has a file open that is unlinked may take the log of its successor along."""
    names = "select name from sqlite_master where type = ? and name not like 'sqlite^_%' escape '^'"
    for kind in ("view", "table"):
        for (name,) in db.execute(names, (kind,)).fetchall():
            db.execute(f'drop {kind} if exists "{name.replace(chr(34), chr(34) * 2)}"')
    for statement in (*filter(str.strip, fold.tables.split(";")), _MARK, f"pragma user_version = {fold.version}"):
        db.execute(statement)
    db.execute("insert into mark values (0, ?, x'')", (BEGINNING,))


def _version(db: sqlite3.Connection) -> int:
    [(version,)] = db.execute("pragma user_version")
    return int(version)


def _thrown_away(path: Path) -> None:
    """A damaged file, unless another process has done so meanwhile."""
    with _alone(path):
        if not _sound(path):
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)


def _sound(path: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path)) as db:
            return bool(db.execute("pragma quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time, for files in one folder."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    _taken(db)
    try:
        yield
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


def _taken(db: sqlite3.Connection) -> None:
    """Wait for the turn to write, as long as whoever has it gets on; raises OperationalError if nobody does."""
    while True:
        [(before,)] = db.execute("pragma data_version")
        try:
            db.execute("begin immediate")
            return
        except sqlite3.OperationalError:
            if db.execute("pragma data_version").fetchone() == (before,):
                raise


# -- catching up


def _caught_up(journal: Sealed, db: sqlite3.Connection, fold: Fold, tell: Tell, beside: Beside) -> sqlite3.Connection:
    """Up to the journal's end, standing still there; raises _Foreign if that is to be tried again."""
    try:
        first = _mark(db, fold)
        if first[0] and journal.bodies(first[0] - 1, 1) != [first]:
            raise _Foreign(first)
        reached = first[0]
        while (position := _page(journal, db, fold, fresh=not first[0])) is not None:
            tell(reached := position)
        with _transaction(db):
            beside(db)
        db.execute("begin")
        if _mark(db, fold)[0] < reached:
            raise _Foreign
    except _Foreign as foreign:
        with contextlib.closing(db):
            _disowned(db, fold, foreign.mark)
        raise
    except BaseException:
        db.close()
        raise
    return db


def _disowned(db: sqlite3.Connection, fold: Fold, mark: _Mark | None) -> None:
    """Begin a file anew that still holds what is not this journal's past."""
    if mark is not None:
        with _transaction(db):
            if _version(db) == fold.version and _mark(db, fold) == mark:
                _begun_anew(db, fold)


def _mark(db: sqlite3.Connection, fold: Fold) -> _Mark:
    """Up to where the file holds; raises _Foreign if it is another version's by now."""
    if _version(db) != fold.version:
        raise _Foreign
    [(position, last)] = db.execute("select position, last from mark")
    return position, last


def _page(journal: Sealed, db: sqlite3.Connection, fold: Fold, *, fresh: bool) -> int | None:
    """Enter the next page in one transaction; its last position, None if there was none.

    Another process may have entered some meanwhile.
    """
    with _transaction(db):
        mark = _mark(db, fold)
        reader = fold.reader(db)
        [(position, head)] = db.execute("select position, head from mark")
        bodies = journal.bodies(position, PAGE)
        seals = {seal.position: seal.head for seal in journal.checkpoints(position, PAGE)} if bodies else {}
        body = b""
        for position, body in bodies:
            head = link(head, position, body)
            if seals.get(position, head.hex()) != head.hex():
                _doubted(reader, position, mark, fresh=fresh)
            if not fold.words or any(word in body for word in fold.words):
                reader.enter(Recorded(position, decode_event(body)))
        if bodies:
            db.execute("update mark set position = ?, head = ?, last = ?", (position, head, body))
    return position if bodies else None


def _doubted(reader: Reader, position: int, mark: _Mark, *, fresh: bool) -> None:
    """A seal does not fit: the fold is of another past, or, where it was begun from nothing, the journal was changed."""
    if not fresh:
        raise _Foreign(mark)
    reader.doubt(f"the seal at position {position} does not fit the events before it")
