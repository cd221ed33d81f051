"""One exception: its context, its story, and what one may decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.console.rows import Fact, overdue, story
from suture.journal import Recorded
from suture.model import Case, CaseResolved, Decision, Ref
from suture.views.journey import journey
from suture.views.whereabouts import near

#: Facts of the story that stand beside a decision, the latest; the document's own page has them all.
FACTS_MOST = 12
#: Verbs that need more than a reason: the repaired bytes, which the command line takes.
NEEDS_CONTENT = ("repair",)


class Decided(Struct, frozen=True):
    """A decision that somebody made about it."""

    position: int
    at: datetime
    actor: str
    verb: str
    reason: str


class OneException(Struct, frozen=True):
    """An exception in whatever state it is; ``position`` is what a decision made on this page rests on."""

    case: Case
    state: Literal["open", "decided", "closed"]
    overdue: bool
    position: int
    decided: tuple[Decided, ...]
    closed_by: str
    closed_at: datetime | None
    verbs: tuple[str, ...]
    by_hand: tuple[str, ...]
    facts: tuple[Fact, ...]
    place: str


def load(ask: Ask) -> OneException:
    """Query: ``id`` of the exception. Raises Missing."""
    id = ask.query.get("id", "")
    known = ask.journal.find(Ref("Case", id)) if id else []
    opened = next((row for row in reversed(known) if isinstance(row.event.data, Case)), None)
    if opened is None:
        raise Missing(f"there is no exception {id}", tuple(near(ask.journal, id)))
    case = opened.event.data
    assert isinstance(case, Case)
    since = [row for row in known if row.position >= opened.position]
    decided, end = _decided(since), since[-1].event.data
    closed = isinstance(end, CaseResolved)
    return OneException(
        case=case,
        state="closed" if closed else "decided" if decided else "open",
        overdue=not closed and overdue(case, ask.now),
        position=known[-1].position,
        decided=decided,
        closed_by=f"{end.action} by {end.actor}" if isinstance(end, CaseResolved) else "",
        closed_at=end.at if isinstance(end, CaseResolved) else None,
        verbs=() if closed else tuple(verb for verb in case.actions if verb not in NEEDS_CONTENT),
        by_hand=() if closed else tuple(verb for verb in case.actions if verb in NEEDS_CONTENT),
        facts=_story(ask, case),
        place=ask.place,
    )


def _decided(rows: Sequence[Recorded]) -> tuple[Decided, ...]:
    made = ((row.position, row.event.data) for row in rows)
    return tuple(
        Decided(position, data.at, data.actor, data.verb, data.reason) for position, data in made if isinstance(data, Decision)
    )


def _story(ask: Ask, case: Case) -> tuple[Fact, ...]:
    """What happened last to what it is about."""
    about = {ref.id for ref in case.objects if ref.type not in ("Instance", "Supplier")}
    first = next((ref.id for ref in case.objects if ref.id in about), "")
    walked = journey(ask.journal, first).events if first else ()
    return story(tuple(row for row in walked if not about.isdisjoint(ref.id for ref in row.event.refs())))[-FACTS_MOST:]


PAGE = Page(path="/exception", title="Exception", allow="exceptions.read", load=load, template="exception.html")
