"""The journey of a business object: every fact about it and about the documents it became."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from suture.journal import Delivery, Journal, Recorded
from suture.model import NUMBER, Delivered, MessageReceived, Parked, Ref

#: Objects that belong to one transaction; suppliers, items and places would join everything with everything.
FOLLOWED = frozenset(
    {
        "Requisition",
        "PurchaseOrder",
        "OrderChange",
        "OrderAcknowledgement",
        "ShipNotice",
        "GoodsReceipt",
        "Invoice",
        "CreditNote",
        "Payment",
        "PaymentInstruction",
        "Remittance",
        "Usage",
        "Posting",
        "Case",
        "ApprovalRequest",
        "Asset",
        "WorkOrder",
    }
)
#: A journey follows so many objects and holds so many events, however much hangs together.
OBJECTS_MOST, EVENTS_MOST = 60, 2000
#: So many deliveries that wait for word are looked through for a number that no fact knows yet.
AWAITING_MOST = 1000


class Journey(Struct, frozen=True):
    """What happened to ``subject``, in order; what was followed; what is still owed; whether a limit cut it short."""

    subject: str
    objects: tuple[Ref, ...]
    events: tuple[Recorded, ...]
    open: tuple[Delivery, ...]
    cut: bool


def journey(journal: Journal, id: str) -> Journey:
    """Walk the object graph from any identifier: of ours, of a partner, of a message or file, of a delivery or an exception.

    ``Type:ID`` is found without its type too. An unknown identifier gives an empty journey.
    """
    for name in dict.fromkeys((id, id.partition(":")[2])):
        walk = _Walk(journal)
        walk.begin(name)
        if walk.events or walk.seen:
            return walk.journey(name)
    return Journey(id, (), (), (), False)


class _Walk:
    """From object to object, nearest first; each is looked up once."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.events: dict[int, Recorded] = {}
        self.seen: dict[str, Ref] = {}
        self.queue: deque[str] = deque()
        self.cut = False

    def begin(self, id: str) -> None:
        """Walk from an identifier."""
        if not id:
            return
        self._visit(id)
        for row in list(self.events.values()):
            if isinstance(row.event.data, MessageReceived):
                self._take(self._contents(row.event.once, row.event.data))
        for delivery in self._deliveries(id):
            self._follow(delivery.document.refs())
        while self.queue:
            if len(self.events) >= EVENTS_MOST:
                self.cut = True
                break
            self._visit(self.queue.popleft())

    def _visit(self, id: str) -> None:
        self._take(self.journal.find(Ref("", id), limit=EVENTS_MOST))

    def _take(self, rows: Iterable[Recorded]) -> None:
        for row in rows:
            self.events[row.position] = row
            self._follow(_leads(row))

    def _follow(self, refs: Iterable[Ref]) -> None:
        for ref in refs:
            # a partner's own number finds its fact and leads no further: two ERPs count alike
            if ref.type in FOLLOWED and ref.role != NUMBER and ref.id not in self.seen:
                self.cut = self.cut or len(self.seen) >= OBJECTS_MOST
                if len(self.seen) < OBJECTS_MOST:
                    self.seen[ref.id] = ref
                    self.queue.append(ref.id)

    def _contents(self, once: str, message: MessageReceived) -> Iterable[Recorded]:
        """The documents of a message, and what became of it where it held none."""
        held = min(message.documents, OBJECTS_MOST)
        self.cut = self.cut or held < message.documents
        return self.journal.by_once([*(f"{once}#{index}" for index in range(held)), f"{once}#refused"]).values()

    def _deliveries(self, id: str) -> list[Delivery]:
        """The delivery of this id, or those that wait for word about this number; there may be no fact about them yet."""
        delivery = self.journal.delivery(id)
        if delivery is not None:
            return [delivery]
        if self.events:
            return []
        return [row for row in self.journal.open_deliveries(status="awaiting", limit=AWAITING_MOST) if row.reference == id]

    # -- the end

    def journey(self, subject: str) -> Journey:
        """What was found, in order, with the messages that it came in and what is still owed."""
        accepted = [row.event for row in self.events.values() if row.event.kind == "accepted"]
        for row in self.journal.by_once({event.cause for event in accepted if event.cause}).values():
            if isinstance(row.event.data, MessageReceived):
                self.events[row.position] = row
        ordered = tuple(self.events[position] for position in sorted(self.events))
        self.cut = self.cut or len(ordered) > EVENTS_MOST
        return Journey(subject, tuple(self.seen.values()), ordered[:EVENTS_MOST], self._open(), self.cut)

    def _open(self) -> tuple[Delivery, ...]:
        roots = {row.event.root or row.event.once for row in self.events.values()}
        return tuple(row for row in self.journal.owed(roots) if any(ref.id in self.seen for ref in row.document.refs()))


def _leads(row: Recorded) -> tuple[Ref, ...]:
    """The objects to which a fact leads."""
    data = row.event.data
    match data:
        case Delivered():
            return (data.document, *data.causes)
        case Parked():
            return data.about
        case _:
            return data.refs()
