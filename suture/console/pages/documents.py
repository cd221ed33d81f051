"""Documents: a search line finds them; any number on anything finds where it is, who is owed it, and its story."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.masks import CONTENT_MOST, known_of, masked
from suture.console.page import Ask, Missing, Page
from suture.console.rows import ExceptionRow, Fact, exception_row, story
from suture.gateway.evidence.gathering import applied_to
from suture.journal import BlobDamaged, Delivery
from suture.model import MessageReceived, Ref
from suture.views.exceptions import exceptions
from suture.views.journey import Journey, journey
from suture.views.query import QUALIFIERS, Answer, answer, read_query
from suture.views.whereabouts import Held, Origin, Whereabouts, near, where

#: Letters of an identifier at most, and rows of one page of answers.
ID_LETTERS, PAGE_ROWS = 300, 30
#: Facts of a story on one page, and messages of a transaction that are shown as they came.
FACTS_MOST, MESSAGES_MOST = 40, 12
#: One history, several lenses, each at an address of its own.
LENSES = ("story", "timeline", "raw")


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


class Message(Struct, frozen=True):
    """A message as it came: from whom, when, by which mapping it was read, its size, and its text, masked unless asked for."""

    blob: str
    source: str
    at: datetime
    mapping: str
    size: int
    text: str
    masked: int
    open: bool


class Rested(Struct, frozen=True):
    """A version of a policy that applied to it."""

    name: str
    version: int
    author: str
    approver: str


class Found(Struct, frozen=True):
    """The answer about one identifier; ``earlier`` facts lie before position ``before``.

    ``cut`` where a journey's own limits left something out; ``messages`` only under the lens raw.
    """

    subject: str
    lens: str
    documents: tuple[Ref, ...]
    #: How each of them stands, as the search tells it; "" where it knows no state of it.
    states: tuple[str, ...]
    origin: Origin | None
    held: tuple[Held, ...]
    owed: tuple[Owed, ...]
    failed: tuple[Failed, ...]
    cases: tuple[ExceptionRow, ...]
    rests_on: tuple[Rested, ...]
    facts: tuple[Fact, ...]
    objects: tuple[Ref, ...]
    messages: tuple[Message, ...]
    unmask_denied: str
    position: int
    earlier: int
    before: int
    cut: bool


class Documents(Struct, frozen=True):
    """One transaction, or the documents that a search line names."""

    found: Found | None
    line: str
    answer: Answer | None
    faults: tuple[str, ...]
    qualifiers: tuple[str, ...]
    skip: int


def load(ask: Ask) -> Documents:
    """Query: ``id`` any identifier, with ``lens`` and ``before`` a position of its story; or ``q`` a search line, with ``skip``.

    A line that is one known identifier finds its transaction. Raises Missing with those that begin as it does.
    """
    id, line = ask.query.get("id", "").strip()[:ID_LETTERS], ask.query.get("q", "").strip()
    query = read_query(line)
    if id:
        return _transaction(ask, id)
    if line and query.bare:
        told = where(ask.journal, line)
        if told is not None:
            return _transaction(ask, line, told)
    found = answer(ask.index, query, ask.number("skip"), PAGE_ROWS)
    if query.bare and not found.rows:
        raise Missing(f"nothing is known of {line}", tuple(near(ask.journal, line)))
    return Documents(None, line, found, query.faults, QUALIFIERS, ask.number("skip"))


def _transaction(ask: Ask, id: str, told: Whereabouts | None = None) -> Documents:
    told = told or where(ask.journal, id)
    if told is None:
        raise Missing(f"nothing is known of {id}", tuple(near(ask.journal, id)))
    return Documents(_found(told, journey(ask.journal, id), ask), id, None, (), QUALIFIERS, 0)


def _found(told: Whereabouts, walked: Journey, ask: Ask) -> Found:
    before, lens = ask.number("before"), ask.query.get("lens", "")
    lens = lens if lens in LENSES else LENSES[0]
    facts = tuple(fact for fact in story(walked.events) if not before or fact.position < before)
    shown = facts[-FACTS_MOST:] if lens == "story" else facts
    return Found(
        subject=told.subject,
        lens=lens,
        documents=told.documents,
        states=tuple(ask.index.state(ref) for ref in told.documents),
        origin=told.origin,
        held=told.held,
        owed=tuple(map(_owed, told.owed)),
        failed=tuple(Failed(end.document, end.instance, end.outcome, end.at, end.reason) for end in told.failed),
        cases=tuple(exception_row(row, ask) for row in exceptions(walked.events)),
        rests_on=_rests_on(walked, ask),
        facts=() if lens == "raw" else shown,
        objects=tuple(ref for ref in told.objects if ref.type != "Case" and ref not in told.documents),
        messages=tuple(_messages(walked, ask)) if lens == "raw" else (),
        unmask_denied=ask.may("raw.unmask").reason,
        position=ask.trail.position,
        earlier=len(facts) - len(shown),
        before=shown[0].position if shown else 0,
        cut=walked.cut,
    )


def _owed(delivery: Delivery) -> Owed:
    """Without the document itself, which may hold a bank account."""
    document = next(iter(delivery.document.refs()), Ref(type(delivery.document).__name__, delivery.id))
    status, note = delivery.status, delivery.note
    return Owed(document, delivery.instance, status, delivery.created, delivery.due, delivery.attempts, note)


def _rests_on(walked: Journey, ask: Ask) -> tuple[Rested, ...]:
    """Nothing where the journey was cut short: part of the answer would pass for all of it."""
    applied = () if walked.cut else applied_to(ask.journal, walked.events)
    return tuple(Rested(each.name, each.version, each.author, each.approver) for each in applied)


def _messages(walked: Journey, ask: Ask) -> list[Message]:
    """The messages that the transaction came in, the first first; masked but for what this session has asked to read."""
    carriers = [row for row in walked.events if row.event.blob]
    first = {row.event.blob: row for row in reversed(carriers) if not isinstance(row.event.data, MessageReceived)}
    known = known_of(ref for row in walked.events for ref in row.event.refs())
    rows = sorted(first.values(), key=lambda row: row.position)[:MESSAGES_MOST]
    return [_message(ask, row.event.blob, row.event.source, row.event.at, row.event.mapping, known) for row in rows]


def _message(ask: Ask, blob: str, source: str, at: datetime, mapping: str, known: frozenset[str]) -> Message:
    try:
        raw = ask.journal.blob(blob)
        text = raw[:CONTENT_MOST].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("~", "~\n")
    except (KeyError, BlobDamaged) as error:
        return Message(blob, source, at, mapping, 0, f"the bytes cannot be read: {type(error).__name__}", 0, open=False)
    shown, reading = masked(text, known), blob in ask.unmasked
    return Message(blob, source, at, mapping, len(raw), text if reading else shown.text, len(shown.pieces), open=reading)


PAGE = Page(
    path="/documents",
    title="Documents",
    allow="documents.read",
    section="Work",
    rank=30,
    load=load,
    template="documents.html",
)
