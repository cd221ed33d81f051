"""Records as rows of a table, and back: the one place that knows the order of columns.

``key`` opens what is locked in them, see ``locks``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from suture.journal.drafts import decode_event
from suture.journal.locks import unlock
from suture.journal.records import OPEN, Checkpoint, Delivery, Event, Recorded, State, Timer, Work
from suture.model import decode

Row = tuple[Any, ...]

#: What waits for time alone.
WAITING = ("queued", "unknown", "awaiting")
#: The conditions of the partial indexes, word for word, so that both databases recognise it.
IS_OPEN = f"status in ({', '.join(repr(status) for status in OPEN)})"
HAS_ENDED = "status in ('done', 'refused', 'cancelled')"
WAITS = f"status in ({', '.join(repr(status) for status in WAITING)})"

EVENTS = ("position", "once", "kind", "type", "source", "at", "root", "body")
DELIVERIES = (
    *("id", "instance", "role", "key", "document", "due", "process", "process_key", "cause", "root"),
    *("created", "status", "attempts", "priority", "reference", "note", "number", "sequence"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; raises TypeError for a datetime without a timezone."""
    return (at - _EPOCH) // _MICROSECOND


def instant(count: int) -> datetime:
    """The datetime (UTC) of ``micros``."""
    return _EPOCH + timedelta(microseconds=count)


def partition_of(process: str, key: str, partitions: int) -> int:
    """Which partition decides this key of this process; the same on every machine and for ever."""
    return zlib.crc32(f"{process}/{key}".encode()) % partitions


def work_id(position: int, number: int) -> int:
    """The id of the ``number``-th route of a unit, at its event's position: ids are ordered as positions are."""
    return position << 16 | number


def event_row(position: int, event: Event, body: bytes) -> Row:
    """A row of ``EVENTS``."""
    at = micros(event.at)
    return (position, event.once, event.kind, type(event.data).__name__, event.source, at, event.root, body)


def recorded(rows: Iterable[Row], key: bytes) -> list[Recorded]:
    """Events from rows of (position, body)."""
    return [Recorded(position, decode_event(unlock(key, body))) for position, body in rows]


def works(rows: Iterable[Row], key: bytes) -> list[Work]:
    """Work from rows of (id, process, key, position, body) in order of id; each event is decoded once."""
    found: list[Work] = []
    for id, process, owner, position, body in rows:
        event = found[-1].event if found and found[-1].position == position else decode_event(unlock(key, body))
        found.append(Work(id, process, owner, position, event))
    return found


def states(rows: Iterable[Row], key: bytes) -> list[State]:
    """States from rows of (process, key, version, data)."""
    return [State(process, owner, version, unlock(key, data)) for process, owner, version, data in rows]


def delivery_row(delivery: Delivery, document: bytes) -> Row:
    """A row of ``DELIVERIES`` without the two columns that the journal assigns."""
    return (
        *(delivery.id, delivery.instance, delivery.role, delivery.key, document, micros(delivery.due), delivery.process),
        *(delivery.process_key, delivery.cause, delivery.root, micros(delivery.created), delivery.status, delivery.attempts),
        *(delivery.priority, delivery.reference, delivery.note),
    )


def deliveries(rows: Iterable[Row], key: bytes) -> list[Delivery]:
    """Deliveries from rows of ``DELIVERIES``."""
    return [_delivery(dict(zip(DELIVERIES, row, strict=True)), key) for row in rows]


def _delivery(row: dict[str, Any], key: bytes) -> Delivery:
    document: Any = decode(unlock(key, row.pop("document")))
    due, created = instant(row.pop("due")), instant(row.pop("created"))
    return Delivery(document=document, due=due, created=created, **row)


def timers(rows: Iterable[Row]) -> list[Timer]:
    """Timers from rows of (process, key, name, due, cause, root)."""
    return [Timer(process, key, name, instant(due), cause, root) for process, key, name, due, cause, root in rows]


def checkpoint_row(seal: Checkpoint) -> Row:
    """A row of (position, events, head, at, signature)."""
    return (seal.position, seal.events, seal.head, micros(seal.at), seal.signature)


def checkpoints(rows: Iterable[Row]) -> list[Checkpoint]:
    """Seals from rows of (position, events, head, at, signature)."""
    return [
        Checkpoint(position=position, events=events, head=head, at=instant(at), signature=signature)
        for position, events, head, at, signature in rows
    ]
