"""The journal of a simulated run: what it holds survives a crash, and a crash may come before or after any write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from suture.journal import Committed, MemoryJournal, Unavailable, Unit
from suture.sandbox.simulator.faults import Fault

#: Asked at every write; whatever strikes there is carried out by the disk.
Strikes = Callable[[], Sequence[Fault]]


class Crash(BaseException):
    """The process died at this point. No handler of the runtime may catch it."""


class Disk(MemoryJournal):
    """A memory journal that goes on from a copy of another and fails where the weather says so.

    A write that has begun and did not end leaves nothing behind, as the law of ``Journal.commit`` demands of every journal.
    Whether SQLite keeps that law when the power fails is shown on real files by ``torn.TornDisk``.
    """

    def __init__(self, source: MemoryJournal, strikes: Strikes) -> None:
        super().__init__(b"s" * 32, source.partitions)
        for name, value in vars(source).items():
            setattr(self, name, _copied(value))
        self._strikes, self._full = strikes, 0
        #: Crash points that were passed: one before and one after every write.
        self.points = 0

    @property
    def last(self) -> int:
        """The position of the newest event."""
        return self._counters.get("position", 0)

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        """Write, unless the process dies or the disk is full."""
        self.points += 2
        kinds = {fault.kind: fault for fault in self._strikes()}
        if "disk full" in kinds:
            self._full = kinds["disk full"].lasts
        if self._full:
            self._full -= 1
            raise Unavailable("the disk is full")
        if "crash before a write" in kinds:
            raise Crash
        answers = super().commit(units)
        if "crash after a write" in kinds:
            raise Crash
        if "write in doubt" in kinds:
            raise Unavailable("it was written, but the answer was lost")
        return answers


def _copied(value: object) -> object:
    """Tables are copied, with the tables in them; what stands in them never changes."""
    if isinstance(value, dict):
        return {key: dict(inner) if isinstance(inner, dict) else inner for key, inner in value.items()}
    return list(value) if isinstance(value, list) else value
