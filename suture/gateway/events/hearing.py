"""Who may hear an event: the same policy as everywhere, asked about the document that the event carries.

Partners hear only what concerns themselves, and only of the kinds that their contract with us lets them hear. Whose a document is
stands in it, or in the order, invoice, payment or requisition that it is about.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from suture.gateway.access import About, Access, Caller
from suture.gateway.events.contract import CONTRACTS, EventContract, contract_of
from suture.journal import Journal, Recorded
from suture.model import (
    CreditNote,
    Document,
    Invoice,
    PaymentInstruction,
    PurchaseOrder,
    ReceiptPosted,
    Ref,
    Requisition,
)
from suture.views.events import CloudEvent, crossing

#: Orders, invoices, payments and requisitions whose owners are remembered.
REMEMBERED = 20_000
#: Events about one thing among which the thing itself is looked for.
_LOOKED_AT = 50
_ORIGINS: tuple[type[Document], ...] = (PurchaseOrder, Invoice, CreditNote, PaymentInstruction, Requisition)
_ORIGIN_TYPES = frozenset({"PurchaseOrder", "Invoice", "CreditNote", "Payment", "Requisition"})


class Whose(Struct, frozen=True):
    """Whom a document concerns; ``certain`` is false where what it is about could not be found."""

    supplier: str = ""
    entity: str = ""
    facility: str = ""
    certain: bool = True

    def filled(self, other: Whose) -> Whose:
        """The same, with blanks filled in from what it is about."""
        return Whose(
            self.supplier or other.supplier,
            self.entity or other.entity,
            self.facility or other.facility,
            self.certain and other.certain,
        )


class Belonging:
    """Whose documents are, remembered: an order does not change hands."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: OrderedDict[Ref, Whose] = OrderedDict()

    def whose(self, document: Document) -> Whose:
        """Whom this document concerns."""
        found = _said(document)
        for ref in _parents(document):
            if found.supplier and found.entity and found.facility:
                break
            found = found.filled(self._of(ref))
        return found

    def _of(self, ref: Ref) -> Whose:
        known = self._known.get(ref)
        if known is None:
            known = self._looked_up(ref)
            if known.certain:
                self._remember(ref, known)
        else:
            self._known.move_to_end(ref)
        return known

    def _looked_up(self, ref: Ref) -> Whose:
        for row in self._journal.find(ref, _LOOKED_AT):
            if isinstance(row.event.data, _ORIGINS) and _itself(row.event.data, ref):
                return self.whose(row.event.data)
        return Whose(certain=False)

    def _remember(self, ref: Ref, whose: Whose) -> None:
        self._known[ref] = whose
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


class Hearing:
    """What callers may hear of a network's journal."""

    def __init__(self, journal: Journal, network: str) -> None:
        self.network, self._belonging = network, Belonging(journal)

    def heard(self, recorded: Recorded, caller: Caller, access: Access) -> CloudEvent | None:
        """The event as this caller hears it; None if it does not cross the border, or is not for this caller."""
        contract = contract_of(recorded.event.data)
        if contract is None or recorded.event.kind not in contract.kinds or not _holds(access, caller, contract):
            return None
        event = crossing(recorded, self.network)
        if event is None or not self._concerns(recorded.event.data, caller, access, contract):
            return None
        return event

    def _concerns(self, document: Document, caller: Caller, access: Access, contract: EventContract) -> bool:
        if not (caller.bound or caller.entities or caller.facilities):
            return True
        whose = self._belonging.whose(document)
        # what names no entity at all is the group's; what has one that could not be found is nobody's to hear
        if not whose.certain and ((caller.entities and not whose.entity) or (caller.facilities and not whose.facility)):
            return False
        about = About(supplier=whose.supplier, entity=whose.entity, facility=whose.facility)
        return bool(access.allows(caller, _permission(access, caller, contract), about))


def hears_anything(access: Access, caller: Caller) -> bool:
    """Whether there is any event that this caller could hear."""
    return any(_could(access, caller, contract) for contract in CONTRACTS.values())


def unheard(access: Access, caller: Caller, types: Sequence[str]) -> tuple[str, ...]:
    """Those of these documents or event types that this caller could never hear."""
    mine = [contract for contract in CONTRACTS.values() if _could(access, caller, contract)]
    heard = {name for contract in mine for name in (contract.name, *contract.types)}
    return tuple(name for name in types if name not in heard)


def _could(access: Access, caller: Caller, contract: EventContract) -> bool:
    return (not caller.bound or bool(caller.supplier)) and _holds(access, caller, contract)


def _holds(access: Access, caller: Caller, contract: EventContract) -> bool:
    if caller.bound and not contract.partners:
        return False
    return access.holds(caller, _permission(access, caller, contract))


def _permission(access: Access, caller: Caller, contract: EventContract) -> str:
    return "events.read" if access.holds(caller, "events.read") else contract.reads


def _said(document: Document) -> Whose:
    """What the document says of itself."""
    supplier, entity, facility = (str(getattr(document, name, "") or "") for name in ("supplier", "entity", "facility"))
    return Whose(supplier, entity, facility)


def _parents(document: Document) -> Iterator[Ref]:
    """What it is about, apart from itself."""
    if isinstance(document, ReceiptPosted):
        yield Ref("PurchaseOrder", document.receipt.order)
        return
    for ref in document.refs():
        if ref.type in _ORIGIN_TYPES and not ref.role and not (isinstance(document, _ORIGINS) and _itself(document, ref)):
            yield ref


def _itself(document: Document, ref: Ref) -> bool:
    first = document.refs()[0]
    return (first.type, first.id) == (ref.type, ref.id)
