"""What belongs to the evidence of one thing: its needs, orders, invoices and payments, and none of their neighbours'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suture.journal import Journal, Recorded
from suture.model import (
    CreditNote,
    Delivered,
    Document,
    Invoice,
    InvoiceStatus,
    PaymentInstruction,
    PurchaseOrder,
    Ref,
    Requisition,
)
from suture.views.events import partition_key
from suture.views.journey import journey

#: What a purchase hangs on; neighbours of these types are left out.
SPINE = ("Payment", "Invoice", "CreditNote", "PurchaseOrder", "Requisition")
#: So many events about one thing are looked at, and so many things belong to one pack.
EVENTS_MOST, THINGS_MOST = 2_000, 200
_DOCUMENTS: dict[str, type[Document]] = {
    "Payment": PaymentInstruction,
    "Invoice": Invoice,
    "CreditNote": CreditNote,
    "PurchaseOrder": PurchaseOrder,
    "Requisition": Requisition,
}


class Ambiguous(LookupError):
    """Several things bear that number."""


class Scope:
    """The things that belong together, and the events about them. ``cut`` if a limit left some out."""

    def __init__(self, journal: Journal, id: str) -> None:
        self._journal = journal
        self.things: dict[Ref, None] = {}
        self.cut = False
        found = self._subject(id)
        self.subject = found or Ref("", id)
        if found is not None:
            self._grow(found)

    def events(self) -> list[Recorded]:
        """Every event about these things, in order of position."""
        rows = self._around()
        seen = dict.fromkeys(thing.id for thing in self.things)
        # what a receipt, a notice or a change led to is found by its own number
        for id in dict.fromkeys(str(getattr(row.event.data, "id", "")) for row in rows.values()):
            if id and id not in seen:
                rows |= self._about(Ref("", id))
        return [rows[position] for position in sorted(rows)]

    def _around(self) -> dict[int, Recorded]:
        if not self.things:
            walked = journey(self._journal, self.subject.id)
            self.cut = walked.cut
            return {row.position: row for row in walked.events}
        return {position: row for thing in self.things for position, row in self._about(Ref("", thing.id)).items()}

    def _about(self, ref: Ref) -> dict[int, Recorded]:
        rows = self._journal.find(ref, EVENTS_MOST)
        self.cut = self.cut or len(rows) >= EVENTS_MOST
        return {row.position: row for row in rows if self._belongs(row.event.data)}

    def _belongs(self, document: Document) -> bool:
        """Whether it is about one of these things, and not about a neighbour that shares a requisition or an item with them."""
        if isinstance(document, Delivered) or not self.things:
            return True
        type, _, id = partition_key(document).partition(":")
        # what is said of a credit note is said as of an invoice
        named = (Ref(type, id), Ref("CreditNote", id)) if type == "Invoice" else (Ref(type, id),)
        return type not in SPINE or any(thing in self.things for thing in named)

    # -- which things

    def _subject(self, id: str) -> Ref | None:
        """The thing that an identifier names, or that it leads to first; None if it leads to none. Raises Ambiguous."""
        name = id.partition(":")[2] if id.partition(":")[0] in SPINE else id
        for type in SPINE:
            # a supplier's own number is found, too: two suppliers may count alike
            named = sorted({str(getattr(each, "id", "")) for each in self._bearing(Ref(type, name))})
            if name in named or len(named) == 1:
                return Ref(type, name if name in named else named[0])
            if named:
                raise Ambiguous(f"several are numbered {name}: {', '.join(named)}")
        return next((Ref(ref.type, ref.id) for ref in journey(self._journal, id).objects if ref.type in SPINE), None)

    def _grow(self, subject: Ref) -> None:
        """Forward to the money, and from the subject back to the need: what was merely paid together stays apart."""
        self._add(subject)
        forward = back = [subject]
        while forward:
            forward = [after for thing in forward for after in self._after(thing) if self._add(after)]
        while back:
            back = [before for thing in back for before in self._before(thing) if self._add(before)]

    def _add(self, thing: Ref) -> bool:
        if thing in self.things:
            return False
        if len(self.things) >= THINGS_MOST:
            self.cut = True
            return False
        self.things[thing] = None
        return True

    def _before(self, thing: Ref) -> Iterator[Ref]:
        for document in self._documents(thing):
            match document:
                case PaymentInstruction(invoices=invoices):
                    yield from (self._billed(invoice) for invoice in invoices)
                case Invoice():
                    yield from (Ref("PurchaseOrder", order) for order in document.orders())
                case PurchaseOrder(requisition=requisition):
                    yield Ref("Requisition", requisition)

    def _billed(self, id: str) -> Ref:
        return Ref("CreditNote" if self._documents(Ref("CreditNote", id)) else "Invoice", id)

    def _after(self, thing: Ref) -> Iterator[Ref]:
        for row in self._journal.find(Ref("", thing.id), EVENTS_MOST):
            match row.event.data:
                case InvoiceStatus(payment=payment) if payment and thing.type in ("Invoice", "CreditNote"):
                    yield Ref("Payment", payment)
                case Invoice() as bill if thing.type == "PurchaseOrder":
                    yield Ref(type(bill).__name__, bill.id)
                case PurchaseOrder(id=order) if thing.type == "Requisition":
                    yield Ref("PurchaseOrder", order)

    def _documents(self, thing: Ref) -> list[Document]:
        """What the thing is: the documents themselves, not what was said about them."""
        return [each for each in self._bearing(thing) if str(getattr(each, "id", "")) == thing.id]

    def _bearing(self, thing: Ref) -> list[Document]:
        """The documents of its type that bear this number."""
        rows: Iterable[Recorded] = self._journal.find(thing, EVENTS_MOST)
        return [row.event.data for row in rows if type(row.event.data) is _DOCUMENTS[thing.type]]
