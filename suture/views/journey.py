"""The journey of a business object: every fact about it and about the documents it became."""

from __future__ import annotations

from collections import deque
from collections.abc import Set

from msgspec import Struct

from suture.journal import Delivery, Journal, Recorded
from suture.model import NUMBER, Delivered, Ref

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
    }
)
OBJECTS_MOST, EVENTS_MOST = 60, 2000


class Journey(Struct, frozen=True):
    """What happened, in order; the objects that were followed; what is still owed; whether a limit cut it short."""

    subject: str
    objects: tuple[Ref, ...]
    events: tuple[Recorded, ...]
    open: tuple[Delivery, ...]
    cut: bool


def journey(journal: Journal, id: str) -> Journey:
    """Walk the object graph from any business identifier; an unknown one gives an empty journey."""
    queue = deque([Ref("", id)])
    seen: dict[str, Ref] = {}
    events: dict[int, Recorded] = {}
    cut = False
    while queue:
        ref = queue.popleft()
        for row in journal.find(ref, limit=EVENTS_MOST):
            events[row.position] = row
            for other in _followed(row):
                if other.id not in seen:
                    cut = cut or len(seen) >= OBJECTS_MOST
                    if len(seen) < OBJECTS_MOST:
                        seen[other.id] = other
                        queue.append(Ref("", other.id))
    ordered = tuple(events[position] for position in sorted(events))[:EVENTS_MOST]
    return Journey(id, tuple(seen.values()), ordered, _open(journal, seen.keys()), cut)


def _followed(row: Recorded) -> list[Ref]:
    """Where to go on from a fact. A partner's own number finds its fact and leads no further: two ERPs count alike."""
    data = row.event.data
    refs = (data.document, *data.causes) if isinstance(data, Delivered) else row.event.refs()
    return [ref for ref in refs if ref.type in FOLLOWED and ref.role != NUMBER]


def _open(journal: Journal, objects: Set[str]) -> tuple[Delivery, ...]:
    owed = journal.open_deliveries(limit=100_000)
    return tuple(row for row in owed if any(ref.type in FOLLOWED and ref.id in objects for ref in row.document.refs()))
