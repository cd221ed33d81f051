"""A rehearsal: one key of one process run by hand, without a journal, for examples, tests and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from suture.journal import Event
from suture.model import Crosswalk, Document, Policy
from suture.processes.process import Ask, Effect, Emit, Process, Raise, Resolve, Seen, Send, Wait

#: When rehearsals begin.
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Turn(Struct, frozen=True):
    """What one decision did: the document that came in, the state after it, and the effects."""

    given: Document
    state: Struct
    effects: tuple[Effect, ...]


def shelf(masters: Iterable[Document]) -> dict[tuple[str, str], tuple[Document, ...]]:
    """Master documents as ``Seen`` holds them: filed by type and by each id under which decisions look for them."""
    filed: dict[tuple[str, str], tuple[Document, ...]] = {}
    for document in masters:
        for id in filings(document):
            place = (type(document).__name__, id)
            filed[place] = (*filed.get(place, ()), document)
    return filed


def filings(document: Document) -> tuple[str, ...]:
    """The ids under which a master is filed: contract prices by "supplier/item", everything else by its own id."""
    if isinstance(document, Crosswalk | Policy):
        return (document.id,)
    supplier, item = getattr(document, "supplier", ""), getattr(document, "item", "")
    by_pair = type(document).__name__ == "ContractPrice"
    return (f"{supplier}/{item}",) if by_pair else (str(getattr(document, "id", "")),)


def said(effect: Effect) -> str:
    """An effect in two or three words, as examples and pictures show it: "Send erp PurchaseOrder", "Raise over_receipt"."""
    match effect:
        case Send(role=role, document=document):
            return f"Send {role} {type(document).__name__}"
        case Emit(document=document):
            return f"Emit {type(document).__name__}"
        case Ask(request=request):
            return f"Ask {request.role}"
        case Wait(name=name, until=until):
            return f"Wait {name}" if until else f"Wait {name} off"
        case Raise(case=case):
            return f"Raise {case.reason}"
        case Resolve(action=action):
            return f"Resolve {action}"


def rehearse(
    process: Process,
    documents: Sequence[Document],
    masters: Iterable[Document] = (),
    *,
    every: timedelta = timedelta(hours=1),
    key: str | None = None,
) -> list[Turn]:
    """Decide each document in turn under one key, ``every`` apart, and tell what happened.

    The key is the first that the documents name, unless ``key`` says otherwise.
    """
    if key is None:
        key = next((key for document in documents for key in process.key(document)), "")
    state, filed, turns = process.state(), shelf(masters), []
    for index, document in enumerate(documents):
        now = START + every * index
        event = Event(once=f"rehearsal/{index}", kind="accepted", source="rehearsal", at=now, data=document)
        needed = {need: filed.get(need, ()) for need in ((kind.__name__, id) for kind, id in process.needs(state, event))}
        state, effects = process.on[type(document)](state, event, Seen(now, needed, key))
        turns.append(Turn(document, state, tuple(effects)))
    return turns
