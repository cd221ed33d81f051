"""Decisions about access as facts of the journal: who, what, why, and on which state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from suture.journal import Event, Journal
from suture.model import Decision, Ref

#: The letters of a reason.
REASON_LETTERS = 1000


def reasoned(actor: str, reason: str) -> str:
    """The reason, without blanks around it; raises ValueError if there is none, or nobody to answer for it."""
    kept = reason.strip()
    if not actor.strip() or not 0 < len(kept) <= REASON_LETTERS:
        raise ValueError(f"this needs somebody who answers for it, and a reason of 1 to {REASON_LETTERS:,} letters")
    return kept


def decision(
    journal: Journal, subject: Ref, verb: str, *, actor: str, reason: str, now: datetime, values: Mapping[str, str]
) -> Event:
    """The event of a decision about ``subject`` as the journal has it now."""
    known, id = journal.find(subject), uuid.uuid4().hex
    data = Decision(
        id=id,
        subject=subject,
        verb=verb,
        actor=actor,
        at=now,
        reason=reason,
        position=known[-1].position if known else 0,
        values=dict(values),
    )
    once = f"decision/{id}"
    return Event(once=once, kind="commanded", source=actor, at=now, data=data, root=once)
