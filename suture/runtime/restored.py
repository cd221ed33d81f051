"""After a restore: the original went on after the backup, and nobody knows here what it still brought to whom.

What was open at the backup may have arrived since: it is in doubt, and the class of its operation decides how that ends. What
is owed anew in the hours after the restore may have been brought by the original too, because it decided on the same
events, or because a partner sends again what the original had taken. It begins in doubt. Where an idempotency key or a
look-up settles that, nobody notices. Where only a statement can, or the key is a control number, which the original may
have given differently, it is not sent: it waits for word, and its exception goes to a person at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from suture.journal import Delivery, DeliveryStatus, Event, Journal, Settlement, State, Unit
from suture.model import Decision, Ref
from suture.systems import Operation

#: Built-in state: the last restore of this journal.
RESTORED = "restored"
#: Deliveries that one restore looks at.
MOST = 1_000_000
#: Classes whose probe tells whether the counterpart has it.
LOOKED_UP = ("lookup", "readback")
_NOTE = "open when the backup was taken; the original may have brought it since"
_BORN = "the original may have brought it before the restore"


class Restored(Struct, frozen=True):
    """A restore: when, where the backup ended, and until when what is owed anew begins in doubt."""

    at: datetime
    position: int
    until: datetime
    phase: str = "restored"


class Marked(Struct, frozen=True, kw_only=True):
    """What a restore found: where the backup ended (0 if it was empty) and when, and how many deliveries it put in doubt."""

    position: int
    ended: datetime | None
    in_doubt: Mapping[str, int]


def restored(journal: Journal) -> Restored | None:
    """The last restore of this journal, if there was one after which something may have run."""
    state = journal.states([(RESTORED, "")]).get((RESTORED, ""))
    return msgspec.json.decode(state.data, type=Restored) if state else None


def under_another_key(known: Restored | None, delivery: Delivery) -> bool:
    """Whether the original may have brought a delivery's document under another key: messages that reached it in another order
    led it to the same document by another event."""
    return known is not None and known.at <= delivery.created < known.until


def end_of(journal: Journal) -> tuple[int, datetime | None]:
    """Position and time of the last event; 0 and None in an empty journal."""
    position, at, after = 0, None, _near_the_end(journal)
    while page := journal.read(after, 1000):
        after, position, at = page[-1].position, page[-1].position, page[-1].event.at
    return position, at


def _near_the_end(journal: Journal) -> int:
    """A position not far before the last event, so that the whole history need not be read."""
    seal = journal.checkpoint()
    return max(seal.position - 1, 0) if seal else 0


def mark(journal: Journal, now: datetime, until: datetime, actor: str) -> Marked:
    """Put everything open in doubt and journal the restore, in one commit. Doing it twice changes nothing."""
    position, ended = end_of(journal)
    open_ones = [
        delivery
        for status in ("queued", "sending", "awaiting")
        for delivery in journal.open_deliveries(status=status, limit=MOST)
    ]
    counts: dict[str, int] = {}
    for delivery in open_ones:
        counts[delivery.status] = counts.get(delivery.status, 0) + 1
    known = journal.states([(RESTORED, "")]).get((RESTORED, ""))
    state = State(RESTORED, "", (known.version if known else 0) + 1, msgspec.json.encode(Restored(now, position, until)))
    event = Event(
        once=f"restore/{position}/{now.isoformat()}", kind="commanded", source=actor, at=now, data=_word(position, now, actor)
    )
    journal.commit([Unit(events=[event], states=[state], settlements=[_doubted(delivery, now) for delivery in open_ones])])
    return Marked(position=position, ended=ended, in_doubt=counts)


def _word(position: int, now: datetime, actor: str) -> Decision:
    return Decision(
        id=f"restore/{position}/{now:%Y%m%dT%H%M%S%f}",
        subject=Ref("Journal", "journal"),
        verb="restore",
        actor=actor,
        at=now,
        reason=f"restored from a backup that ended at position {position}",
        position=position,
    )


def _doubted(delivery: Delivery, now: datetime) -> Settlement:
    """The same delivery in doubt: at least one attempt may have been made, under the number that it has."""
    return Settlement(
        id=delivery.id,
        was=delivery.status,
        status="unknown",
        attempts_was=delivery.attempts,
        attempts=max(delivery.attempts, 1),
        due=now,
        note=_NOTE,
    )


def born_in_doubt(delivery: Delivery, operation: Operation | None) -> Delivery:
    """A delivery that is owed anew while the original's doings are in doubt."""
    # who does not take it at all is found out by the attempt
    settled = operation is None or operation.outcome in LOOKED_UP or (operation.outcome == "key" and not operation.numbered)
    status: DeliveryStatus = "unknown" if settled else "awaiting"
    name = str(getattr(delivery.document, "id", "")) or type(delivery.document).__name__
    reference = "" if settled else f"restored/{name}"
    return msgspec.structs.replace(delivery, status=status, reference=reference, note=_BORN)
