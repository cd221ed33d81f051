"""Units made ready for writing: encoded, sealed and checked before any transaction begins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from suture.journal.locks import lock
from suture.journal.records import Event, State, Unit
from suture.journal.shelves import Keys, keys_of
from suture.model import Document, Ref, decode, encode

#: So long may a ``once`` be, in characters: PostgreSQL indexes no more than 2,704 bytes.
LONGEST_ONCE = 512
#: So many processes and keys may one event be routed to.
MOST_ROUTES = 1 << 16
#: How JSON says NUL (and, rarely, how it says something harmless: then a closer look is taken).
_NUL = b"\\u0000"

encode_event = msgspec.json.Encoder(decimal_format="string").encode
decode_event = msgspec.json.Decoder(Event).decode


class Draft(Struct, frozen=True, gc=False):
    """A unit with everything that can be prepared outside the transaction, in the order of the unit's own fields.

    ``events`` are as they will be read back; a repair is b"" where the settlement leaves the document as it is.
    """

    unit: Unit
    events: Sequence[Event]
    bodies: Sequence[bytes]
    refs: Sequence[Sequence[Ref]]
    documents: Sequence[bytes]
    repairs: Sequence[bytes]
    blobs: Sequence[tuple[str, bytes]]


def draft(unit: Unit, keys: bytes | Keys) -> Draft:
    """The unit made ready; ``keys`` encrypt its blobs and lock what is locked at rest.

    Raises ValueError for what could not be read back or written everywhere: a document outside its own declaration, one
    ``once`` twice, a ``once`` that is blank or too long, a NUL in a key, a route to no event, a blob under a wrong address.
    """
    keys = keys_of(keys)
    key = keys.master
    _check_onces([event.once for event in unit.events])
    _check_routes(unit)
    _check_texts(_names(unit))
    bodies = [encode_event(event) for event in unit.events]
    events = [_read_back(event, body) for event, body in zip(unit.events, bodies, strict=True)]
    # what an event says is often what is delivered: one look is enough
    sound = {id(event.data) for event in unit.events}
    states = [_locked(key, state) for state in unit.states]
    return Draft(
        unit=msgspec.structs.replace(unit, states=states),
        events=events,
        bodies=[lock(key, body) for body in bodies],
        refs=[_refs(event, body) for event, body in zip(events, bodies, strict=True)],
        documents=[lock(key, _document(delivery.document, sound)) for delivery in unit.deliveries],
        repairs=[lock(key, _document(change.document, sound)) if change.document else b"" for change in unit.settlements],
        blobs=[(address, keys.seal(unit.shelf, address, content)) for address, content in unit.blobs],
    )


def _locked(key: bytes, state: State) -> State:
    data = lock(key, state.data)
    return state if data is state.data else State(state.process, state.key, state.version, data)


def _read_back(event: Event, body: bytes) -> Event:
    try:
        return decode_event(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"event {event.once!r} could not be read back: {error}") from error


def _refs(event: Event, body: bytes) -> Sequence[Ref]:
    refs = tuple(dict.fromkeys(event.refs()))
    if _NUL in body:
        _check_texts([event.once, event.source, event.root, *(ref.id for ref in refs)])
    return refs


def _document(document: Document, sound: set[int]) -> bytes:
    body = encode(document)
    if id(document) not in sound:
        try:
            decode(body)
        except msgspec.MsgspecError as error:
            raise ValueError(f"a {type(document).__name__} could not be read back: {error}") from error
    return body


def _check_onces(onces: list[str]) -> None:
    if len(set(onces)) != len(onces):
        raise ValueError("a unit says the same once twice")
    for once in onces:
        if not 0 < len(once) <= LONGEST_ONCE:
            raise ValueError(f"a once has 1 to {LONGEST_ONCE} characters, this one {len(once)}")


def _check_routes(unit: Unit) -> None:
    if any(not 0 <= route.event < len(unit.events) for route in unit.routes):
        raise ValueError("a route names an event that its unit does not have")
    if len(unit.routes) > MOST_ROUTES:
        raise ValueError(f"a unit has at most {MOST_ROUTES} routes, this one {len(unit.routes)}")


def _check_texts(texts: list[str]) -> None:
    # one look at all together: PostgreSQL stores no NUL, and nothing stores half a surrogate pair
    if b"\0" in "\n".join(texts).encode():
        raise ValueError("a key, name or reference contains a NUL character")


def _names(unit: Unit) -> list[str]:
    """Every text outside the events that becomes a column of its own."""
    names = [name for name, _ in unit.cursors]
    for route in unit.routes:
        names += (route.process, route.key)
    for state in unit.states:
        names += (state.process, state.key)
    for timer in unit.timers:
        names += (timer.process, timer.key, timer.name, timer.cause, timer.root)
    for delivery in unit.deliveries:
        names += (delivery.id, delivery.instance, delivery.role, delivery.key, delivery.process, delivery.process_key)
        names += (delivery.cause, delivery.root, delivery.reference, delivery.note)
    for change in unit.settlements:
        names += (change.reference, change.note)
    return names
