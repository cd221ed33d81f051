"""Audit: what people decided, in order, each with who, why and the position that it rested on; and who called the gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.gateway.trail import Called, calls_of
from suture.journal import BlobDamaged
from suture.model import Ref
from suture.views.trail import Decided

#: Decisions on one page, and calls.
PAGE_ROWS, CALLS_MOST = 40, 200
HOUR = timedelta(hours=1)


class Entry(Struct, frozen=True):
    """One decision: at which position it stands, and on which it rested."""

    position: int
    at: datetime
    actor: str
    verb: str
    subject: Ref
    reason: str
    rested_on: int


class Calls(Struct, frozen=True):
    """The calls of one hour, the latest first; ``more`` were left out, ``fault`` says why none could be read."""

    hour: datetime
    before: str
    after: str
    calls: tuple[Called, ...]
    more: int
    fault: str


class Audit(Struct, frozen=True):
    """The latest decisions first; ``before`` asks for those before a position, 0 when there are none.

    ``calls`` are those of the gateway within one hour, where they were asked for; ``hour`` is the present one.
    """

    count: int
    entries: tuple[Entry, ...]
    before: int
    actor: str
    dropped: int
    hour: str
    calls: Calls | None


def load(ask: Ask) -> Audit:
    """Query: ``before`` a position, ``actor``; ``calls`` an hour such as 2026-03-02T14."""
    text, actor = ask.query.get("before", ""), ask.query.get("actor", "")
    before = int(text) if text.isdecimal() and len(text) < 19 else 0
    made = [row for row in ask.trail.decisions if actor in ("", row.decision.actor)]
    older = [row for row in made if not before or row.position < before]
    shown = tuple(map(_entry, reversed(older[-PAGE_ROWS:])))
    calls = _calls(ask, actor) if ask.query.get("calls") else None
    earlier = shown[-1].position if len(older) > PAGE_ROWS else 0
    return Audit(len(made), shown, earlier, actor, ask.trail.dropped, _named(ask.now), calls)


def _calls(ask: Ask, actor: str) -> Calls:
    hour, found, fault = _hour(ask), [], ""
    try:
        found = [each for each in calls_of(ask.journal, hour, hour + HOUR) if actor in ("", each.actor)]
    except (BlobDamaged, OverflowError) as error:
        fault = str(error)
    shown = tuple(reversed(found[-CALLS_MOST:]))
    return Calls(hour, _named(hour - HOUR), _named(hour + HOUR), shown, len(found) - len(shown), fault)


def _hour(ask: Ask) -> datetime:
    """The hour that is asked for; the present one where that is none."""
    try:
        asked = datetime.fromisoformat(f"{ask.query.get('calls', '')[:13]}:00").replace(tzinfo=UTC)
    except ValueError:
        asked = ask.now
    return asked.replace(minute=0, second=0, microsecond=0)


def _named(hour: datetime) -> str:
    return f"{hour:%Y-%m-%dT%H}"


def _entry(row: Decided) -> Entry:
    made = row.decision
    return Entry(row.position, made.at, made.actor, made.verb, made.subject, made.reason, made.position)


PAGE = Page(path="/audit", title="Audit", allow="audit.read", section="Govern", rank=20, load=load, template="audit.html")
