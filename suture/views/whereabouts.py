"""Where something is: which systems have it, which are still owed it and why, what waits for a person, and the last fact."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from msgspec import Struct

from suture.journal import Delivery, Event, Journal, Recorded
from suture.model import Case, Decided, Delivered, Document, MessageReceived, Parked, Ref
from suture.views.exceptions import exceptions
from suture.views.journey import FOLLOWED, Journey, journey
from suture.views.story import tell

#: An unknown identifier loses half of its letters at most until others that begin so are offered; so few may be left.
SHORTEST = 3
#: So many that begin alike are looked at.
NAMES_ASKED = 50
#: A lot or a message may stand for many documents; so many are told.
DOCUMENTS_MOST = 10


class Origin(Struct, frozen=True):
    """Who said it first, and when; the message's own number and the name of its file, where it had them."""

    source: str
    at: datetime
    number: str = ""
    file: str = ""


class Held(Struct, frozen=True):
    """A system that has it: under which number of its own, since when, and as which document."""

    instance: str
    document: Ref
    at: datetime
    reference: str = ""


class Whereabouts(Struct, frozen=True):
    """The answer about one identifier: the documents that it stands for, and where they are.

    ``failed`` are deliveries that ended otherwise than done; ``owed`` and ``cases`` tell of the whole transaction.
    """

    subject: str
    documents: tuple[Ref, ...]
    origin: Origin | None
    held: tuple[Held, ...]
    failed: tuple[Delivered, ...]
    owed: tuple[Delivery, ...]
    cases: tuple[Case, ...]
    last: Recorded | None
    objects: tuple[Ref, ...]


def where(journal: Journal, id: str) -> Whereabouts | None:
    """Where anything with this identifier is; None if nothing is known of it. The work is bounded as a journey's is."""
    found = journey(journal, id)
    if not found.events and not found.open:
        return None
    documents = _documents(found)
    ids = {ref.id for ref in documents}
    ends = _ends(found, ids)
    return Whereabouts(
        subject=found.subject,
        documents=documents,
        origin=_origin(found, ids),
        held=tuple(_held(end) for end in ends if end.outcome == "done"),
        failed=tuple(end for end in ends if end.outcome in ("refused", "cancelled")),
        owed=found.open,
        cases=tuple(row.case for row in exceptions(found.events)),
        last=_last(found, ids),
        objects=found.objects,
    )


def near(journal: Journal, id: str, limit: int = 5) -> list[str]:
    """Identifiers that begin as an unknown one does, in any case; the more of its beginning they share, the better."""
    for left in range(len(id), max(SHORTEST, len(id) // 2) - 1, -1):
        for prefix in dict.fromkeys((id[:left], id[:left].upper(), id[:left].lower())):
            # keys of the journal's own have a slash; people hold other numbers in their hands
            found = [name for name in journal.names(prefix, NAMES_ASKED) if "/" not in name]
            if found:
                return found[:limit]
    return []


def _documents(found: Journey) -> tuple[Ref, ...]:
    """What an identifier stands for: the document of that name, else the documents whose facts name it (a lot, a message)."""
    naming = [row.event for row in found.events if any(ref.id == found.subject for ref in row.event.refs())]
    named = (ref for event in naming for ref in event.refs())
    own = next((ref for ref in named if ref.id == found.subject and ref.type in FOLLOWED and not ref.role), None)
    if own is not None:
        return (own,)
    subjects = [ref for event in naming for ref in _subjects(event, found)]
    waiting = [row.document for row in found.open if found.subject in (row.id, row.reference)]
    return tuple(dict.fromkeys([*subjects, *map(_name, waiting)]))[:DOCUMENTS_MOST]


def _subjects(event: Event, found: Journey) -> list[Ref]:
    """Which documents a fact is about: a message is about what came in it."""
    match event.data:
        case MessageReceived():
            held = [row.event.data for row in found.events if row.event.cause == event.once]
            return [_name(document) for document in held if not isinstance(document, Case)]
        case Delivered(document=document):
            return [document]
        case document:
            return [_name(document)]


def _name(document: Document) -> Ref:
    if isinstance(document, Parked):
        return next(iter(document.about), Ref("Message", document.id))
    return next(iter(document.refs()), Ref(type(document).__name__, str(getattr(document, "id", ""))))


def _origin(found: Journey, ids: Set[str]) -> Origin | None:
    """The first fact that is one of these documents."""
    facts = (row.event for row in found.events if not isinstance(row.event.data, MessageReceived | Delivered | Case | Decided))
    first = next((event for event in facts if _name(event.data).id in ids), None)
    if first is None:
        return None
    message = next((row.event.data for row in found.events if row.event.once == first.cause), None)
    if isinstance(message, MessageReceived):
        return Origin(first.source, first.at, message.number, message.file)
    return Origin(first.source, first.at)


def _ends(found: Journey, ids: Set[str]) -> list[Delivered]:
    """The latest end of each of these documents at each system, unless it is owed again."""
    owed = {row.id for row in found.open}
    ends = (row.event.data for row in found.events if isinstance(row.event.data, Delivered))
    latest = {(end.instance, end.document): end for end in ends if end.document.id in ids and end.delivery not in owed}
    return list(latest.values())


def _held(end: Delivered) -> Held:
    return Held(end.instance, end.document, end.at, "" if end.reference == end.document.id else end.reference)


def _last(found: Journey, ids: Set[str]) -> Recorded | None:
    """The latest fact in words about these documents, else about anything that hangs together with them."""
    told = [row for row in found.events if tell(row.event)]
    about = [row for row in told if any(ref.id in ids for ref in row.event.refs())]
    return next(reversed(about or told), None)
