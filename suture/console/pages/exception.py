"""One exception: what it costs to let it wait, its context, its story, and what one may decide about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from suture.console.authority import does, may, mildest_first, named
from suture.console.masks import content_of
from suture.console.page import Ask, Missing, Page
from suture.console.queue import queue, terms_of
from suture.console.rows import Fact, overdue, sleeping, story
from suture.gateway.governance.runbooks import runbook_of
from suture.journal import Recorded
from suture.model import Case, CaseResolved, Decision, Ref
from suture.runtime.notes import ROUTABLE, elsewhere
from suture.views.impact import Impact
from suture.views.journey import journey
from suture.views.search import Ending
from suture.views.whereabouts import near

#: Facts of the story that stand beside a decision, the latest; the document's own page has them all.
FACTS_MOST = 12
#: Verbs with a form of their own.
NEEDS_CONTENT = ("repair",)
#: What an exception names beside the documents that a decision concerns.
BESIDE = ("Delivery", "Instance", "Supplier", "Item", "Place", "Person", "Case", "Policy")
#: Lines of a difference that are shown, and characters of content that an address may carry to the page.
DIFF_LINES = 400


class Decided(Struct, frozen=True):
    """A decision that somebody made about it."""

    position: int
    at: datetime
    actor: str
    verb: str
    reason: str


class Verb(Struct, frozen=True):
    """A verb: its button, what it does, and why this person may not press it; "" if they may."""

    verb: str
    name: str
    does: str
    denied: str


class Mending(Struct, frozen=True):
    """What can be mended here, masked; ``change`` are the lines that a draft changes, each with its sign."""

    text: str
    draft: bool
    change: tuple[str, ...]
    masked: int
    denied: str


class OneException(Struct, frozen=True):
    """An exception in whatever state it is; ``position`` is what a decision made on this page rests on."""

    case: Case
    state: Literal["open", "decided", "closed"]
    overdue: bool
    position: int
    now_at: int
    impact: Impact | None
    #: Until somebody looks again; see the policy ``impact``.
    horizon: timedelta
    taken_by: str
    asleep: str
    decided: tuple[Decided, ...]
    closed_by: str
    closed_at: datetime | None
    verbs: tuple[Verb, ...]
    mending: Mending | None
    routes: tuple[str, ...]
    route_denied: str
    note_denied: str
    endings: tuple[Ending, ...]
    alike: int
    facts: tuple[Fact, ...]
    place: str
    #: What a decision concerns: documents that it names, with whom, and how many wait behind it.
    documents: int
    partner: str
    waiting: int
    #: The title of the runbook for it.
    runbook: str


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
    everything = queue(ask)
    mine = None if closed else next((each for each in everything if each.row.case.id == id), None)
    return OneException(
        case=case,
        state="closed" if closed else "decided" if decided else "open",
        overdue=not closed and overdue(case, ask.now),
        position=known[-1].position,
        now_at=ask.trail.position,
        impact=mine.impact if mine else None,
        horizon=terms_of(ask.journal, ask.now).horizon,
        taken_by=mine.taken_by if mine else "",
        asleep=sleeping(mine.asleep) if mine and mine.asleep else "",
        decided=decided,
        closed_by=f"{end.action} by {end.actor}" if isinstance(end, CaseResolved) else "",
        closed_at=end.at if isinstance(end, CaseResolved) else None,
        verbs=()
        if closed
        else tuple(_verb(ask, case, verb) for verb in mildest_first(case.actions) if verb not in NEEDS_CONTENT),
        mending=None if closed or "repair" not in case.actions else _mending(ask, case),
        routes=() if closed else _routes(ask, case),
        route_denied=ask.may("deliveries.release").reason,
        note_denied=ask.may("exceptions.decide").reason,
        endings=tuple(ask.index.endings(case.reason)[:4]),
        alike=sum(each.row.case.reason == case.reason for each in everything),
        facts=_story(ask, case),
        place=ask.place,
        documents=len({ref.id for ref in case.objects if ref.type not in BESIDE and ref.role != "number"}),
        partner=mine.facts.supplier if mine else "",
        waiting=mine.facts.waiting if mine else 0,
        runbook=runbook_of(case.reason).title,
    )


def _verb(ask: Ask, case: Case, verb: str) -> Verb:
    return Verb(verb, named(verb), does(verb), may(ask, case, verb).reason)


def _mending(ask: Ask, case: Case) -> Mending | None:
    content = content_of(ask.wiring, case)
    if content is None:
        return None
    before, draft = content.shown.text, ask.drafts.get(case.id, "")
    change: tuple[str, ...] = ()
    if draft:
        lines = difflib.unified_diff(_lines(before), _lines(draft), lineterm="", n=2)
        change = tuple(line for line in lines if not line.startswith(("---", "+++")))[:DIFF_LINES]
    return Mending(draft or before, bool(draft), change, len(content.shown.pieces), may(ask, case, "repair").reason)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("~", "~\n").splitlines()


def _routes(ask: Ask, case: Case) -> tuple[str, ...]:
    """Where a delivery that waits here could go instead."""
    id = next((ref.id for ref in case.objects if ref.type == "Delivery"), "")
    delivery = ask.journal.delivery(id) if id else None
    if delivery is None or delivery.status not in ROUTABLE:
        return ()
    return tuple(instance.name for instance in elsewhere(ask.wiring, delivery))


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
