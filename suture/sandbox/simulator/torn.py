"""A real SQLite journal whose power fails: what was synced stays, what was not is lost, torn, or by luck all there.

SQLite syncs the write-ahead log before a commit returns (``synchronous=FULL``), and syncs the database before it begins the log
anew. So at each crash the files are copied as a disk may hold them: everything up to the last commit that returned, and of the
bytes written after it a part. The journal is opened on that copy, and must hold exactly what was committed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from msgspec import Struct

from suture.journal import Committed, Unavailable, Unit
from suture.journal.sqlite import SqliteJournal
from suture.sandbox.simulator.disk import Crash, Strikes
from suture.sandbox.simulator.faults import Fault

#: What a disk writes at once or not at all, in bytes.
SECTOR = 512
#: The log's header, which SQLite syncs before it writes frames behind it; the log's pages before a checkpoint, so few that
#: there are many checkpoints.
HEADER, PAGES = 32, 60
#: Events that are compared after a failure.
RECENT = 500
KEY = b"s" * 32
_WAITING = """select 'delivery', id, status, attempts, due from deliveries where status not in ('done', 'cancelled')
union all select 'timer', process, key, name, due from timers
union all select 'work', id, process, key, partition from work
union all select 'repeat', once, times, 0, 0 from repeats
union all select 'counter', name, value, 0, 0 from counters
union all select 'states', process, count(*), sum(version), 0 from states group by process
order by 1, 2, 3, 4"""


class Broke(Exception):
    """The file did not give back what had been committed to it."""


class Image(Struct, frozen=True):
    """The bytes of the database and of its write-ahead log at one moment."""

    database: bytes
    log: bytes


class TornDisk(SqliteJournal):
    """A journal in a file of ``folder`` that begins with the bytes ``start`` and fails where the weather says so."""

    def __init__(self, folder: Path, start: bytes, strikes: Strikes) -> None:
        self._folder, self._strikes, self._number = folder, strikes, 0
        self._full = 0
        #: Crash points that were passed: one before and one after every write.
        self.points = 0
        self._install(Image(start, b""))
        self._switch_on()

    @property
    def last(self) -> int:
        """The position of the newest event."""
        return self._counters({"position"}).get("position", 0)

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        """Write, unless the power fails or the disk is full."""
        self.points += 2
        kinds = {fault.kind: fault for fault in self._strikes()}
        if "disk full" in kinds:
            self._full = kinds["disk full"].lasts
        if self._full:
            self._full -= 1
            raise Unavailable("the disk is full")
        if "crash before a write" in kinds:
            self._fail(self._image(), self._digest())
        if fault := kinds.get("torn checkpoint"):
            self._tear_checkpoint(fault)
        for kind in ("torn write", "unsynced write lost"):
            if fault := kinds.get(kind):
                self._tear_write(units, fault)
        answers = super().commit(units)
        if "crash after a write" in kinds:
            self._fail(self._image(), self._digest())
        if "write in doubt" in kinds:
            raise Unavailable("it was written, but the answer was lost")
        return answers

    @contextmanager
    def together(self) -> Iterator[None]:
        """Each commit for itself: that a turn is lost whole is one of the cases of losing it between two commits."""
        yield

    # -- power failures

    def _tear_write(self, units: Sequence[Unit], fault: Fault) -> None:
        """The power fails while the log is being synced; one time in four all of it had got there."""
        random, before, held = Random(fault.chance), self._image(), self._digest()
        super().commit(units)
        after = self._image()
        whole = fault.kind == "torn write" and random.random() < 0.25
        lost = fault.kind == "unsynced write lost"
        log = after.log if whole else before.log if lost else torn(before.log, after.log, random, HEADER)
        self._fail(Image(before.database, log), self._digest() if whole else held)

    def _tear_checkpoint(self, fault: Fault) -> None:
        """The power fails while the log is being brought home into the database; the log is still all there."""
        before = self._image()
        self._db.execute("pragma wal_checkpoint(passive)").fetchall()
        after = self._image()
        self._fail(Image(torn(before.database, after.database, Random(fault.chance)), before.log), self._digest())

    def _fail(self, image: Image, held: str) -> None:
        """Go on from this image, as whoever switches the machine on again; raises Crash, or Broke unless it holds the same."""
        self.close()
        self._number += 1
        self._install(image)
        self._switch_on()
        if self._digest() != held:
            raise Broke(f"after the power failed, the file with {self.last} events does not hold what had been committed")
        raise Crash

    def _digest(self) -> str:
        """A hash over what a failure can have touched: the newest events, and everything that waits."""
        digest = hashlib.sha256(repr(self._db.execute(_WAITING).fetchall()).encode())
        for position, body in self.bodies(max(0, self.last - RECENT), RECENT):
            digest.update(position.to_bytes(8, "big") + body)
        return digest.hexdigest()

    # -- files

    @property
    def _database(self) -> Path:
        return self._folder / f"{self._number}.db"

    @property
    def _log(self) -> Path:
        return self._folder / f"{self._number}.db-wal"

    def _install(self, image: Image) -> None:
        for old in self._folder.iterdir():
            old.unlink()
        self._database.write_bytes(image.database)
        if image.log:
            self._log.write_bytes(image.log)

    def _image(self) -> Image:
        return Image(self._database.read_bytes(), self._log.read_bytes() if self._log.exists() else b"")

    def _switch_on(self) -> None:
        """Open the file; that a commit is synced before it returns is what all of this rests on."""
        super().__init__(self._database, KEY)
        self._db.execute(f"pragma wal_autocheckpoint = {PAGES}")
        (mode,), (level,) = self._db.execute("pragma journal_mode").fetchone(), self._db.execute("pragma synchronous").fetchone()
        if (mode, level) != ("wal", 2):
            raise Broke(f"the journal is opened with journal_mode={mode}, synchronous={level}; a commit would not be durable")


def torn(before: bytes, after: bytes, random: Random, synced: int = 0) -> bytes:
    """``after`` with a part of what was written since ``before`` missing, always its last byte: cut off, or with holes.

    The first ``synced`` bytes are there in any case.
    """
    low, high = _changed(before, after, synced)
    if low == high:
        return after
    image = bytearray(after)
    if random.random() < 0.5:
        cut = random.randrange(low, high)
        _revert(image, before, cut, high)
        return bytes(image[: max(len(before), cut)])
    for start in range(low - low % SECTOR, high, SECTOR):
        if random.random() < 0.5 or start + SECTOR >= high:
            _revert(image, before, max(low, start), min(high, start + SECTOR))
    return bytes(image)


def _changed(before: bytes, after: bytes, synced: int) -> tuple[int, int]:
    """From the first to behind the last byte that differs; a file grows or stays as long as it is."""
    padded = before.ljust(len(after), b"\0")
    differ = [at for at in range(0, len(after), SECTOR) if padded[at : at + SECTOR] != after[at : at + SECTOR]]
    if not differ:
        return 0, 0
    first, last = range(differ[0], differ[0] + SECTOR), range(min(differ[-1] + SECTOR, len(after)), differ[-1], -1)
    low = next(at for at in first if padded[at : at + 1] != after[at : at + 1])
    high = next(at for at in last if padded[at - 1] != after[at - 1])
    return min(max(low, synced), high), high


def _revert(image: bytearray, before: bytes, start: int, end: int) -> None:
    """What did not get there is what was there before, or nothing where nothing was."""
    image[start:end] = before[start:end].ljust(end - start, b"\0")
