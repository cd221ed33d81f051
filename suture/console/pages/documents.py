"""Documents: any number on anything finds where it is, who is still owed it, and its story."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.console.rows import ExceptionRow, Fact, exception_row, story
from suture.journal import Delivery
from suture.model import Ref
from suture.views.exceptions import exceptions
from suture.views.journey import FOLLOWED, Journey, journey
from suture.views.whereabouts import Held, Origin, Whereabouts, near, where

#: Letters of an identifier at most, recent documents that are offered, events that are looked through for them.
ID_LETTERS, RECENT, LOOKED_THROUGH = 300, 12, 400
#: Facts of a story on one page.
FACTS_MOST = 40


class Owed(Struct, frozen=True):
    """A delivery that has not ended: of what to whom, how it stands, since when, and when it goes next."""

    document: Ref
    instance: str
    status: str
    since: datetime
    due: datetime
    attempts: int
    note: str


class Failed(Struct, frozen=True):
    """A delivery that ended otherwise than done."""

    document: Ref
    instance: str
    outcome: str
    at: datetime
    reason: str


class Found(Struct, frozen=True):
    """The answer about one identifier; ``earlier`` facts lie before position ``before``.

    ``cut`` where a journey's own limits left something out.
    """

    subject: str
    documents: tuple[Ref, ...]
    origin: Origin | None
    held: tuple[Held, ...]
    owed: tuple[Owed, ...]
    failed: tuple[Failed, ...]
    cases: tuple[ExceptionRow, ...]
    facts: tuple[Fact, ...]
    objects: tuple[Ref, ...]
    earlier: int
    before: int
    cut: bool


class Documents(Struct, frozen=True):
    """What was asked for, or the documents that came last."""

    found: Found | None
    recent: tuple[Ref, ...]


def load(ask: Ask) -> Documents:
    """Query: ``id``, any identifier; ``before`` a position of its story. Raises Missing with those that begin as it does."""
    id = ask.query.get("id", "").strip()[:ID_LETTERS]
    if not id:
        return Documents(None, _recent(ask))
    told = where(ask.journal, id)
    if told is None:
        raise Missing(f"nothing is known of {id}", tuple(near(ask.journal, id)))
    return Documents(_found(told, journey(ask.journal, id), ask), ())


def _found(told: Whereabouts, walked: Journey, ask: Ask) -> Found:
    text = ask.query.get("before", "")
    before = int(text) if text.isdecimal() and len(text) < 19 else 0
    facts = tuple(fact for fact in story(walked.events) if not before or fact.position < before)
    shown = facts[-FACTS_MOST:]
    return Found(
        subject=told.subject,
        documents=told.documents,
        origin=told.origin,
        held=told.held,
        owed=tuple(map(_owed, told.owed)),
        failed=tuple(Failed(end.document, end.instance, end.outcome, end.at, end.reason) for end in told.failed),
        cases=tuple(exception_row(row, ask) for row in exceptions(walked.events)),
        facts=shown,
        objects=tuple(ref for ref in told.objects if ref.type != "Case" and ref not in told.documents),
        earlier=len(facts) - len(shown),
        before=shown[0].position if shown else 0,
        cut=walked.cut,
    )


def _owed(delivery: Delivery) -> Owed:
    """Without the document itself, which may hold a bank account."""
    document = next(iter(delivery.document.refs()), Ref(type(delivery.document).__name__, delivery.id))
    status, note = delivery.status, delivery.note
    return Owed(document, delivery.instance, status, delivery.created, delivery.due, delivery.attempts, note)


def _recent(ask: Ask) -> tuple[Ref, ...]:
    rows = ask.journal.read(max(ask.trail.position - LOOKED_THROUGH, 0), LOOKED_THROUGH)
    refs = (ref for row in reversed(rows) if row.event.kind == "accepted" for ref in row.event.refs()[:1])
    return tuple(dict.fromkeys(ref for ref in refs if ref.type in FOLLOWED and ref.type != "Case"))[:RECENT]


PAGE = Page(
    path="/documents", title="Documents", allow="documents.read", section="Work", rank=30, load=load, template="documents.html"
)
