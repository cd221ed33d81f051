"""What a journal holds and what one atomic unit of writing may say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from suture.model import AnyDocument, Ref

EventKind = Literal["accepted", "decided", "emitted", "settled", "fired", "commanded"]
DeliveryStatus = Literal["queued", "sending", "awaiting", "unknown", "done", "refused", "parked", "cancelled"]

#: A delivery in one of these holds back later deliveries to the same instance under the same key.
OPEN: tuple[DeliveryStatus, ...] = ("queued", "sending", "awaiting", "unknown", "parked")


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An immutable fact. ``once`` is its unique key: an event whose ``once`` is already in the journal is a repeat.

    ``source`` is the instance or process that says it, ``cause`` the ``once`` of the event that led to it, ``root`` that
    of the accepted message at the beginning of the chain. ``blob`` addresses the raw bytes, ``mapping`` the format and
    version that read them, ``seen`` what a decision looked at ("supplier:S-1#12" = as of position 12).
    ``to`` addresses one process and key, for answers that belong to whoever asked.
    """

    once: str
    kind: EventKind
    source: str
    at: datetime
    data: AnyDocument
    cause: str = ""
    root: str = ""
    blob: str = ""
    mapping: str = ""
    seen: tuple[str, ...] = ()
    to: tuple[str, str] | None = None

    def refs(self) -> tuple[Ref, ...]:
        """The objects that the event is about."""
        return self.data.refs()


class Recorded(Struct, frozen=True):
    """An event and its position in the journal (1 upwards, in order of writing, gaps allowed)."""

    position: int
    event: Event


class Work(Struct, frozen=True):
    """One event waiting to be decided by one process under one key."""

    id: int
    process: str
    key: str
    position: int
    event: Event


class State(Struct, frozen=True):
    """What a process knows under a key. ``version`` counts up from 1; 0 means that there is none yet."""

    process: str
    key: str
    version: int
    data: bytes


class Delivery(Struct, frozen=True, kw_only=True):
    """One obligation to bring one document to one system.

    ``id`` is unique and serves as idempotency key; ``key`` orders deliveries within an instance; ``process`` and
    ``process_key`` say who is told of its fate; ``number`` is assigned by the journal, 1 upwards per instance, and serves
    as control number; ``sequence`` is assigned by the journal and gives the order.

    A new one that is ``sending`` is to go out at once, and the attempt counts: it stays so if its commit leaves no earlier OPEN
    delivery of the same instance and key before it, and becomes what ``behind`` says otherwise.
    """

    id: str
    instance: str
    role: str
    key: str
    document: AnyDocument
    due: datetime
    process: str
    process_key: str
    cause: str
    root: str
    created: datetime
    status: DeliveryStatus = "queued"
    attempts: int = 0
    #: 0 critical (patient care), 5 normal, 9 background.
    priority: int = 5
    reference: str = ""
    note: str = ""
    number: int = 0
    sequence: int = 0


def behind(delivery: Delivery) -> Delivery:
    """A delivery that was to go out at once, where another stands before it: queued, with one attempt less."""
    return msgspec.structs.replace(delivery, status="queued", attempts=delivery.attempts - 1)


class Settlement(Struct, frozen=True, kw_only=True):
    """A change of a delivery's life; it applies only if the delivery is still in ``was`` with ``attempts_was`` attempts.

    A blank ``reference`` keeps the one that is there; the note is always replaced.
    """

    id: str
    was: DeliveryStatus
    status: DeliveryStatus
    attempts_was: int
    attempts: int
    due: datetime
    reference: str = ""
    note: str = ""
    #: Set to replace the document (a repair).
    document: AnyDocument | None = None


class Backlog(Struct, frozen=True):
    """How many deliveries to an instance are open in one status, and when the oldest of them was created."""

    instance: str
    status: DeliveryStatus
    count: int
    oldest: datetime


class Timer(Struct, frozen=True):
    """A wait of a process under a key; one per name. ``due`` None cancels it."""

    process: str
    key: str
    name: str
    due: datetime | None
    cause: str = ""
    root: str = ""


class Checkpoint(Struct, frozen=True, kw_only=True):
    """The seal up to ``position``: the hash chain's head, how many events it covers, and an Ed25519 signature over them."""

    position: int
    events: int
    head: str
    at: datetime
    signature: str = ""


class Route(Struct, frozen=True):
    """The event with index ``event`` of the same unit is to be decided by ``process`` under ``key``."""

    event: int
    process: str
    key: str


class Unit(Struct, frozen=True, kw_only=True):
    """Writes that happen together or not at all.

    If the ``once`` of any event is already in the journal, the whole unit is a repeat: nothing of it is written and the
    repeat is counted. ``done`` are ids of Work that this unit finishes; ``states`` carry the *new* version (old + 1).
    Work that is gone, a state that moved on or a settlement that no longer applies raises ``Fenced`` for the whole commit.
    """

    events: Sequence[Event] = ()
    routes: Sequence[Route] = ()
    blobs: Sequence[tuple[str, bytes]] = ()
    done: Sequence[int] = ()
    states: Sequence[State] = ()
    deliveries: Sequence[Delivery] = ()
    settlements: Sequence[Settlement] = ()
    timers: Sequence[Timer] = ()
    #: Timers that fired: (process, key, name, due) that must still be there.
    fired: Sequence[tuple[str, str, str, datetime]] = ()
    cursors: Sequence[tuple[str, int]] = ()
    checkpoints: Sequence[Checkpoint] = ()
    #: Where its blobs belong when they are needed no longer: see ``shelves``; a blank is never destroyed.
    shelf: str = ""


class Committed(Struct, frozen=True):
    """What became of a unit: the positions of its events, or the ``once`` that proved it a repeat.

    ``sending`` are those of its new deliveries that go out at once, by id, each with its number.
    """

    positions: tuple[int, ...] = ()
    repeated: str = ""
    sending: Mapping[str, int] = {}


class Beat(Struct, frozen=True, kw_only=True):
    """What a worker learns from a sign of life: the leases that are its own now, all that anybody has, who else lives, with their
    roles, and into how many partitions the work is divided."""

    held: frozenset[str]
    taken: frozenset[str] = frozenset()
    members: tuple[tuple[str, tuple[str, ...]], ...]
    partitions: int


class Fenced(RuntimeError):
    """Fewer rows were written than sent: somebody else owns this work now. Stop, reload, write nothing."""


class Unavailable(RuntimeError):
    """The store did not answer, or is busy. A commit may or may not have happened: do it again, ``once`` tells."""
