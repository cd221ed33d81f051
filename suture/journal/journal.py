"""The door for journals: the only place where facts live, with the law of each method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Protocol

from suture.journal.records import Backlog, Beat, Checkpoint, Committed, Delivery, Recorded, State, Timer, Unit, Work
from suture.model import Document, Ref


class Journal(Protocol):
    """Memory, SQLite and PostgreSQL implement this; ``tests/conformance/test_journals.py`` is the same for the three.

    All methods are synchronous and safe to call from one thread at a time; the shell runs them in a worker thread.
    """

    partitions: int
    #: Whether several processes may share the work: then each has to ``beat``.
    shared: bool

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        """Write all units in one durable transaction, in order; durable when it returns.

        A unit that repeats a ``once`` (of the journal or of an earlier unit in the same call) is skipped as a whole and
        answered with ``repeated``. Raises Fenced, with nothing written, if any unit of work, state, delivery, settlement,
        timer or seal was not as expected; ValueError, with nothing written, for a unit that could not be read back (see
        ``drafts.draft``); Unavailable if the store did not answer: commit again, ``once`` tells what had been written.
        """

    def together(self) -> AbstractContextManager[None]:
        """What is committed within may become durable only at its end: nothing of it may be spoken of before.

        A store for which durability is dear does it once for all; others do it at each commit, as ever. If the block raises,
        what was committed before is durable all the same. Raises Unavailable at its end if the store did not take it.
        """
        return nullcontext()

    def alone(self, names: Iterable[str]) -> AbstractContextManager[None]:
        """Within, no other process is within for any of these names: what is read there is still so when it is committed there.

        Where one process serves a journal it always is. Raises Unavailable; a commit within does so, too, if it may not have
        been alone any more.
        """
        return nullcontext()

    def work(self, partitions: Iterable[int], limit: int) -> list[Work]:
        """The oldest undecided work in these partitions, in order of position; partition = crc32(process/key) % partitions."""

    def states(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], State]:
        """The states under these (process, key); absent ones are left out."""

    def scan_states(self, process: str, after: str = "", limit: int = 1000) -> list[State]:
        """States of one process in order of key, after a key: a page at a time."""

    def deliveries(
        self, now: datetime, limit: int, statuses: Sequence[str] = ("queued", "unknown"), exclude: Iterable[str] = ()
    ) -> list[Delivery]:
        """Deliveries that may go now: due, in one of ``statuses``, with no earlier OPEN delivery of the same instance
        and key; by priority, then sequence. Instances in ``exclude`` are left out (open breakers, spent quotas)."""

    def delivery(self, id: str) -> Delivery | None:
        """One delivery by its id."""

    def awaiting(self, instance: str, reference: str) -> Delivery | None:
        """The delivery to this instance that waits for word about ``reference``."""

    def open_deliveries(self, instance: str = "", status: str = "", limit: int = 1000) -> list[Delivery]:
        """Deliveries that are not at an end, oldest first, narrowed where asked."""

    def owed(self, roots: Iterable[str], limit: int = 1000) -> list[Delivery]:
        """Deliveries that are not at an end and stem from events with these roots, oldest first."""

    def scan_deliveries(self, instance: str, after: int = 0, limit: int = 1000) -> list[Delivery]:
        """All deliveries to an instance, ended or not, in order of sequence, after a sequence: a page at a time."""

    def timers(self, now: datetime, limit: int) -> list[Timer]:
        """Timers due at ``now``, earliest first."""

    def next_due(self) -> datetime | None:
        """When the earliest timer is due, or the earliest delivery that is queued, unknown or awaiting with none before it
        under its key; None if nothing waits for time."""

    def read(self, after: int, limit: int) -> list[Recorded]:
        """Events after a position, in order. Never skips: an event that could still appear below one returned here
        holds the reader back (PostgreSQL assigns positions before commit)."""

    def latest(self) -> int:
        """The position of the last event that ``read`` would come to now; 0 if there is none."""

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Positions and stored bytes of the same events as ``read``: what the seal covers."""

    def find(self, ref: Ref, limit: int = 1000) -> list[Recorded]:
        """Events about an object, in order; a blank type matches any type with that id."""

    def names(self, prefix: str, limit: int = 10) -> list[str]:
        """Ids of objects that events are about and that begin so, in order, each once."""

    def by_once(self, onces: Iterable[str]) -> dict[str, Recorded]:
        """The events with these unique keys."""

    def cursor(self, name: str) -> int:
        """How far a reader has come; 0 at the beginning."""

    def checkpoint(self) -> Checkpoint | None:
        """The latest seal."""

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        """Seals after a position, in order."""

    def blob(self, address: str) -> bytes:
        """The bytes under an address (SHA-256, hex), decrypted and verified; raises KeyError if there are none and
        BlobDamaged if the key is another one or they have changed."""

    def opened(self, document: Document) -> Document:
        """A document as it was said, where it was read from stored bytes: with what is locked in it, as far as our key goes."""

    def keyed(self, text: str) -> str:
        """A digest (128 bits, hex) under the journal's key, by which equal texts are recognised and none is told."""

    def repeats(self) -> Mapping[str, int]:
        """How often each ``once`` came again."""

    def counts(self) -> Mapping[str, int]:
        """Sizes for telemetry and reports: events, work, deliveries by status ("deliveries.queued"), timers, repeats, blobs."""

    def backlog(self) -> list[Backlog]:
        """What is not at an end, by instance and status; costs as much as the backlog is long, not the history."""

    def undecided(self, most: int) -> int:
        """How much work waits to be decided, in all partitions; counted up to ``most``."""

    def count_states(self, process: str, beginning: bytes) -> int:
        """How many states of a process have data that begin so; costs as much as the process has states."""

    def beat(self, worker: str, roles: Sequence[str], wanted: Iterable[str], within_s: float) -> Beat:
        """A sign of life, good for ``within_s`` seconds: the worker gets the leases in ``wanted`` that no other has, and gives
        back those of its own that are not. From the first beat on, everything this journal commits is fenced by it.

        Raises Fenced if the worker had been given up (its leases may be others' by now; it has to begin under another name), or,
        where the journal is not shared, if another process serves it. May be called from a second thread.
        """

    def wait(self, timeout_s: float) -> bool:
        """Return when another worker has committed something, or after the timeout; called from the thread that beats."""

    def close(self) -> None:
        """Release files and connections; everything committed stays."""
