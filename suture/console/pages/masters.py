"""Master data: the suppliers and items that documents name, and what each system calls them, as they are filed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.journal import State
from suture.masters import Clash, Nearest
from suture.model import Crosswalk, Document, Item, Supplier
from suture.processes.masters import Filed

#: Rows of one page, characters of an identifier, names that are compared for likeness, and clashes that are shown.
ROWS, ID_LETTERS, COMPARED, CLASHES = 25, 200, 2000, 40
#: The kinds, by the word in the address: the type as it is filed, and its kind in the crosswalk.
KINDS: dict[str, tuple[type[Document], str]] = {
    "suppliers": (Supplier, "supplier"),
    "items": (Item, "item"),
    "crosswalk": (Crosswalk, ""),
}
_MEANS = {
    "ambiguous": "one code stands for two things on one day",
    "several_locals": "several codes for one thing; the least goes out",
    "borrowed": "a code that is ours for something else",
}
_filed = msgspec.json.Decoder(Filed).decode


class Entry(Struct, frozen=True):
    """One thing as it is filed: our code (of a crosswalk row: its key), what it is, and how it stands."""

    id: str
    name: str
    status: str
    facts: tuple[tuple[str, str], ...]


class Confusion(Struct, frozen=True):
    """Codes of a system that contradict each other, and in which way."""

    system: str
    kind: str
    golden: str
    codes: tuple[str, ...]
    means: str


class One(Struct, frozen=True):
    """A supplier or an item in whole: its facts, by which codes systems call it, and others whose names look like its own."""

    entry: Entry
    called: tuple[tuple[str, str], ...]
    alike: tuple[Entry, ...]


class Masters(Struct, frozen=True):
    """A page of one kind, the codes that clash, or one thing; ``after`` is where the next page begins, "" for none."""

    kind: str
    kinds: tuple[str, ...]
    begins: str
    entries: tuple[Entry, ...]
    clashes: tuple[Confusion, ...]
    after: str
    one: One | None


def load(ask: Ask) -> Masters:
    """Query: ``kind``; ``q`` what a code begins with, ``after`` a page further on; ``id`` of one thing. Raises Missing."""
    kind = ask.query.get("kind", "suppliers")
    if kind not in KINDS:
        raise Missing(f"there is no master data called {kind}", tuple(KINDS))
    begins, after, id = (ask.query.get(name, "").strip()[:ID_LETTERS] for name in ("q", "after", "id"))
    prefix, one = f"{KINDS[kind][0].__name__}:", _one(ask, kind, id) if id else None
    exact = [] if after or not begins else list(ask.journal.states([("masters", prefix + begins)]).values())
    states = [*exact, *ask.journal.scan_states("masters", prefix + (after or begins), ROWS + 1)]
    found = [state for state in states if state.key.startswith(prefix + begins)]
    entries = tuple(_entry(each) for each in _documents(found[:ROWS]))
    more = found[ROWS - 1].key.removeprefix(prefix) if len(found) > ROWS else ""
    clashes = _clashes(ask) if kind == "crosswalk" and not (begins or after) else ()
    return Masters(kind, tuple(KINDS), begins, entries if one is None else (), clashes, more, one)


def _one(ask: Ask, kind: str, id: str) -> One:
    type_, code = KINDS[kind]
    key = ("masters", f"{type_.__name__}:{id}")
    state = ask.journal.states([key]).get(key)
    filed = _documents([state]) if state else []
    if not filed:
        raise Missing(f"no {type_.__name__.lower()} {id} is filed")
    return One(_entry(filed[0]), _called(ask, code, id) if code else (), _alike(ask, type_, filed[0]) if code else ())


def _documents(states: Iterable[State]) -> list[Any]:
    return [document for state in states for document in _filed(state.data).documents]


def _entry(document: Any) -> Entry:
    """Neither bank accounts nor tax numbers are told, only whether they are kept."""
    match document:
        case Supplier() as one:
            kept = tuple(name for name, value in (("bank account", one.account), ("tax number", one.tax_id)) if value)
            facts = (("Currency", one.currency), ("Paid within", f"{one.terms_days} days"), ("Category", one.category))
            more = (("Made by", one.created_by), ("Kept, not shown", ", ".join(kept)))
            return Entry(one.id, one.name, one.status, _said(*facts, *more))
        case Item() as one:
            packs = ", ".join(f"{pack.unit} of {pack.factor:f} {one.unit}" for pack in one.packs)
            marks = ("lot_tracked", "serial_tracked", "service", "implant")
            traits = ", ".join(name.replace("_", " ") for name in marks if getattr(one, name))
            told = (("Unit", one.unit), ("Comes in", packs), ("GTIN", one.gtin), ("Category", one.category), ("Is", traits))
            return Entry(one.id, one.name, one.status, _said(*told, ("Instead", ", ".join(one.substitutes))))
        case Crosswalk() as one:
            since = f"{one.effective_from or 'ever'} to {one.effective_to or 'now'}"
            return Entry(one.id, f"{one.system} calls {one.kind} {one.golden} {one.local}", "active", (("Holds", since),))
    raise TypeError(f"{type(document).__name__} is not shown")


def _said(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in facts if value)


def _called(ask: Ask, kind: str, id: str) -> tuple[tuple[str, str], ...]:
    """The codes of every system that has one of its own, as of today."""
    ask.wiring.refresh_book()
    names = sorted({*ask.wiring.instances, *ask.trail.heard, *ask.trail.taken})
    codes = ((name, ask.wiring.book.outbound(name, kind, id, ask.now.date())) for name in names)
    return tuple((name, code) for name, code in codes if code and code != id)


def _alike(ask: Ask, type_: type[Document], document: Any) -> tuple[Entry, ...]:
    """Others of which the name has much in common with this one's, the likest first."""
    prefix, nearest, known = f"{type_.__name__}:", Nearest(), {}
    for each in _documents(_scanned(ask, prefix)):
        nearest.add(each.name, each.id)
        known[each.id] = each
    return tuple(_entry(known[id]) for id in nearest.find(document.name, 6) if id != document.id)


def _scanned(ask: Ask, prefix: str) -> Sequence[State]:
    return [state for state in ask.journal.scan_states("masters", prefix, COMPARED) if state.key.startswith(prefix)]


def _clashes(ask: Ask) -> tuple[Confusion, ...]:
    ask.wiring.refresh_book()
    return tuple(map(_confusion, ask.wiring.book.collisions()[:CLASHES]))


def _confusion(clash: Clash) -> Confusion:
    return Confusion(clash.system, clash.kind, clash.golden, clash.locals, _MEANS[clash.reason])


PAGE = Page(
    path="/masters",
    title="Master data",
    allow="documents.read",
    section="Data",
    rank=10,
    load=load,
    template="masters.html",
)
