"""The conservation ledger: every document that was accepted is in exactly one end state, or still owed with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, field

from suture.journal import Recorded
from suture.model import (
    Case,
    CaseResolved,
    Decided,
    Delivered,
    Document,
    GoodsReceipt,
    MessageReceived,
    Owed,
    Parked,
    Repaired,
    RequisitionStatus,
    Usage,
)

#: Events of the accepting side that are not documents of a partner.
NOT_DOCUMENTS = (MessageReceived, Case)


class Entry(Struct):
    """One accepted document: what was debited (owed) because of it, and what has been credited."""

    once: str
    name: str
    source: str
    debits: dict[str, Owed] = field(default_factory=dict)
    credits: dict[str, str] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    parked: bool = False
    rejected: bool = False
    undone: bool = False

    def state(self) -> str:
        """in_flight, parked, refused, compensated or delivered; exactly one of them."""
        fates = Counter(self.credits.get(delivery, "open") for delivery in self.debits)
        if fates["open"]:
            return "in_flight"
        if self.parked or self.cases or fates["parked"]:
            return "parked"
        if self.rejected or fates["refused"]:
            return "refused"
        if self.undone or fates["cancelled"]:
            return "compensated"
        return "delivered"


class Ledger(Struct, frozen=True, kw_only=True):
    """The balance: what was accepted is what ended in one of five ways; deliveries are debits, their fates credits."""

    accepted: int
    delivered: int
    refused: int
    compensated: int
    parked: int
    in_flight: int
    repeated: int
    debits: int
    credits: int
    open: int
    by_name: dict[str, dict[str, int]]
    by_instance: dict[str, dict[str, int]]
    strays: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Whether both sums hold and no credit lacks its debit."""
        ends = self.delivered + self.refused + self.compensated + self.parked + self.in_flight
        return self.accepted == ends and self.debits == self.credits + self.open and not self.strays


def ledger(history: Iterable[Recorded], repeats: int = 0) -> Ledger:
    """Fold the journal into the balance. ``repeats`` is the journal's own count of messages that came again."""
    books = Books()
    for row in history:
        books.enter(row)
    return books.close(repeats)


class Books:
    """The fold: one entry per accepted document, one debit per delivery owed, one credit per fate."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.owner: dict[str, str] = {}
        self.instances: dict[str, Counter[str]] = {}
        self.latest: dict[str, str] = {}
        self.cases: dict[str, str] = {}
        self.documents: dict[tuple[str, str], str] = {}
        self.strays: list[str] = []

    def enter(self, row: Recorded) -> None:
        """Take one event into the books."""
        event, data = row.event, row.event.data
        match data:
            case Parked():
                self._entry(event.once, data.reason, event.source).parked = True
            case Case():
                self._case(data, event.root)
            case CaseResolved():
                self._resolved(data)
            case MessageReceived() | Decided() | Repaired():
                self._debit(event.root or event.once, data.owes, event.source)
            case Delivered():
                self._credit(data)
            case RequisitionStatus(state="cancelled"):
                self._undo("Requisition", data.requisition)
            case _ if event.kind == "accepted" and not isinstance(data, NOT_DOCUMENTS):
                self._accept(event.once, data, event.source)

    def _entry(self, once: str, name: str, source: str) -> Entry:
        return self.entries.setdefault(once, Entry(once, name, source))

    def _accept(self, once: str, document: Document, source: str) -> None:
        released = once.partition("/released/")[0]
        if released in self.entries:
            self.entries[released].parked = False
        self._entry(once, type(document).__name__, source)
        name = type(document).__name__
        self.documents.setdefault((name, str(getattr(document, "id", ""))), once)
        if isinstance(document, GoodsReceipt | Usage) and document.reverses:
            self._undo(name, document.reverses)

    def _undo(self, name: str, id: str) -> None:
        once = self.documents.get((name, id))
        if once:
            self.entries[once].undone = True

    def _case(self, case: Case, root: str) -> None:
        self.cases[case.id] = root
        if root in self.entries:
            self.entries[root].cases.add(case.id)

    def _resolved(self, resolved: CaseResolved) -> None:
        entry = self.entries.get(self.cases.pop(resolved.case, ""))
        if entry is None:
            return
        entry.cases.discard(resolved.case)
        if resolved.action == "reject":
            entry.rejected, entry.parked = True, False

    def _debit(self, root: str, owes: Iterable[Owed], source: str) -> None:
        for owed in owes:
            self.owner[owed.delivery] = root
            self.latest[owed.delivery] = "open"
            self.instances.setdefault(owed.instance, Counter())["owed"] += 1
            if root in self.entries:
                self.entries[root].debits[owed.delivery] = owed

    def _credit(self, fate: Delivered) -> None:
        if fate.delivery not in self.owner:
            self.strays.append(fate.delivery)
            return
        was = self.latest[fate.delivery]
        self.latest[fate.delivery] = fate.outcome
        counts = self.instances[fate.instance]
        if was != "open":
            counts[was] -= 1
        counts[fate.outcome] += 1
        entry = self.entries.get(self.owner[fate.delivery])
        if entry is not None:
            entry.credits[fate.delivery] = fate.outcome

    def close(self, repeats: int) -> Ledger:
        """The balance of everything entered."""
        states: Counter[str] = Counter()
        names: dict[str, Counter[str]] = {}
        for entry in self.entries.values():
            state = entry.state()
            states[state] += 1
            names.setdefault(entry.name, Counter())[state] += 1
        credited = sum(1 for fate in self.latest.values() if fate != "open")
        return Ledger(
            accepted=len(self.entries),
            delivered=states["delivered"],
            refused=states["refused"],
            compensated=states["compensated"],
            parked=states["parked"],
            in_flight=states["in_flight"],
            repeated=repeats,
            debits=len(self.latest),
            credits=credited,
            open=len(self.latest) - credited,
            by_name={name: dict(counts) for name, counts in sorted(names.items())},
            by_instance={name: dict(counts) for name, counts in sorted(self.instances.items())},
            strays=tuple(self.strays),
        )
