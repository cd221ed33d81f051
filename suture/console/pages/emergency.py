"""Emergency: the rights that somebody may take when it must be, what they hold now, and how they give it back."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.gateway.identity import emergency


class Emergency(Struct, frozen=True, kw_only=True):
    """The roles that the policy offers to who asks, for so many minutes, and what they hold until when and why."""

    offered: tuple[str, ...]
    minutes: int
    held: tuple[str, ...]
    until: datetime | None
    reason: str


def load(ask: Ask) -> Emergency:
    """No query."""
    taken = emergency.held(ask.journal, ask.caller.subject, ask.now)
    held = taken if taken is not None and ask.caller.emergency else None
    return Emergency(
        offered=() if held else ask.access.takes(ask.caller),
        minutes=ask.access.emergency_s // 60,
        held=held.roles if held else (),
        until=held.until if held else None,
        reason=held.reason if held else "",
    )


PAGE = Page(
    path="/emergency", title="Emergency", allow="console.read", load=load, template="emergency.html", section="Govern", rank=90
)
