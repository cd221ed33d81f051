"""The history as a stream, a page at a time, and what of it may cross the border: each event as a CloudEvent 1.0.

What is not named in ``CROSSING`` stays inside: what the runtime tells itself, persons, policies, exceptions with the words of
people and peers. Nor does anything cross that refers to a patient's usage or stay, nor a bank account. A consumer sees facts of
the business; how Suture came to them it does not see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct, structs

from suture.journal import Event, Journal, Recorded
from suture.model import (
    Approval,
    ApprovalRequest,
    ContractPrice,
    CostCenter,
    CreditNote,
    Delivered,
    Document,
    Entity,
    ExpectedReceipt,
    GoodsReceipt,
    Invoice,
    InvoiceStatus,
    Item,
    MatchResult,
    OrderAcknowledgement,
    OrderChange,
    OrderStatus,
    PaymentInstruction,
    PaymentStatus,
    Place,
    Posting,
    PurchaseOrder,
    ReceiptPosted,
    Remittance,
    Requisition,
    RequisitionCancellation,
    RequisitionStatus,
    ShipNotice,
    StockLow,
    StockMovement,
    StockPolicy,
    Supplier,
    encode,
)
from suture.model.schema import SCHEMA_VERSION

PAGE = 2000
#: The largest event that carries its document, in bytes; brokers take a mebibyte unless told otherwise.
EVENT_MAX = 768 * 1024
#: The first number of the schema's version: part of every event's type.
MAJOR = SCHEMA_VERSION.partition(".")[0]

#: Every document that crosses, and its fields that do not: bank accounts and tax numbers, links to a patient's usage, and what
#: banks, peers and people wrote freely, where nobody knows what it quotes.
CROSSING: Mapping[type[Document], tuple[str, ...]] = {
    Approval: ("reason",),
    ApprovalRequest: (),
    ContractPrice: (),
    CostCenter: (),
    CreditNote: (),
    Delivered: ("reason",),
    Entity: (),
    ExpectedReceipt: (),
    GoodsReceipt: (),
    Invoice: (),
    InvoiceStatus: ("reasons",),
    Item: (),
    MatchResult: (),
    OrderAcknowledgement: (),
    OrderChange: ("reason",),
    OrderStatus: ("reason",),
    PaymentInstruction: ("creditor", "text"),
    PaymentStatus: ("reason",),
    Place: (),
    Posting: ("text",),
    PurchaseOrder: (),
    ReceiptPosted: (),
    Remittance: (),
    Requisition: ("cause",),
    RequisitionCancellation: ("reason",),
    RequisitionStatus: ("reasons",),
    ShipNotice: (),
    StockLow: (),
    StockMovement: (),
    StockPolicy: (),
    Supplier: ("account", "tax_id"),
}
#: Whatever still refers to one of these is about a patient, and stays.
PATIENT = frozenset({"Usage", "Encounter"})
_NOTHING = Raw(b"null")


class CloudEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as the world outside sees it (CloudEvents 1.0, JSON format), with three of its documented extensions.

    ``partitionkey`` names what keeps its order; ``sequence`` is the position, so written that texts sort as numbers do;
    ``dataref`` says where a document is that is too large to come along.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    dataschema: str
    partitionkey: str
    sequence: str
    dataref: str = ""
    data: Raw = _NOTHING


def history(journal: Journal, after: int = 0) -> Iterator[Recorded]:
    """Every event after a position, in order; memory stays at one page."""
    while page := journal.read(after, PAGE):
        yield from page
        after = page[-1].position


def crossing(recorded: Recorded, network: str, only: Collection[str] = ()) -> CloudEvent | None:
    """The event of a network as it crosses the border; None if it stays. ``only`` narrows to these types of documents."""
    event, document = recorded.event, recorded.event.data
    withheld = CROSSING.get(type(document))
    if withheld is None or (only and type(document).__name__ not in only):
        return None
    shown = structs.replace(document, **dict.fromkeys(withheld, "")) if withheld else document
    subjects = shown.refs()
    if any(subject.type in PATIENT for subject in subjects):
        return None
    name, body = type(document).__name__, _without(encode(document), withheld)
    whole = len(body) <= EVENT_MAX
    return CloudEvent(
        specversion="1.0",
        id=event.once,
        source=quote(f"/{network}/{event.source}"),
        type=event_type(event),
        subject=str(subjects[0]),
        time=event.at,
        datacontenttype="application/json",
        dataschema=f"urn:suture:events:{MAJOR}:{name}",
        partitionkey=partition_key(document),
        sequence=f"{recorded.position:019}",
        dataref="" if whole else quote(f"/{network}/journal/{recorded.position}"),
        data=Raw(body) if whole else _NOTHING,
    )


def written(event: CloudEvent) -> bytes:
    """The event in CloudEvents' JSON format."""
    return _encoder.encode(event)


def event_type(event: Event) -> str:
    """What happened to what, with the major version of its schema: ``suture.purchase_order.emitted.v1``."""
    return f"suture.{snake(type(event.data).__name__)}.{event.kind}.v{MAJOR}"


def snake(name: str) -> str:
    """A document's type as part of a name: ``purchase_order``."""
    return _WORDS.sub("_", name).lower()


def partition_key(document: Document) -> str:
    """The business object whose events keep their order: what an order's, an invoice's or a payment's events have in common."""
    match document:
        case (
            OrderStatus(order=order)
            | OrderChange(order=order)
            | OrderAcknowledgement(order=order)
            | ExpectedReceipt(order=order)
            | GoodsReceipt(order=order)
            | ReceiptPosted(receipt=GoodsReceipt(order=order))
        ):
            return f"PurchaseOrder:{order}"
        case Invoice(id=invoice) | MatchResult(invoice=invoice) | InvoiceStatus(invoice=invoice):
            return f"Invoice:{invoice}"
        case ApprovalRequest(subject=subject) | Approval(subject=subject) | Delivered(document=subject):
            return f"{subject.type}:{subject.id}"
        case StockMovement(item=item, place=place) | StockLow(item=item, place=place):
            return f"Stock:{item}@{place}"
    return str(document.refs()[0])


def _without(body: bytes, withheld: tuple[str, ...]) -> bytes:
    if not withheld:
        return body
    fields = _fields.decode(body)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in withheld})


_WORDS = re.compile(r"(?<!^)(?=[A-Z])")
_encoder = msgspec.json.Encoder()
#: Only the outermost level is looked at; what is inside stays byte for byte.
_fields = msgspec.json.Decoder(dict[str, Raw])
