"""The one encoding of documents: JSON with exact decimals, tagged by type."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, get_args

import msgspec

from suture.model.assets import Asset, WorkOrder
from suture.model.documents import Document
from suture.model.facts import (
    Acknowledgement,
    CallsAnswered,
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    FunctionalAcknowledgement,
    MessageReceived,
    Parked,
    Reconciled,
    Repaired,
    SuppliersCompared,
    TimerFired,
)
from suture.model.goods import (
    ExpectedReceipt,
    GoodsReceipt,
    Posting,
    ReceiptPosted,
    ShipmentStatus,
    ShipNotice,
    StockCount,
    StockLow,
    StockMovement,
    Usage,
)
from suture.model.masters import (
    ContractPrice,
    CostCenter,
    Crosswalk,
    Entity,
    Item,
    Person,
    Place,
    Policy,
    StockPolicy,
    Supplier,
)
from suture.model.money import (
    CreditNote,
    Invoice,
    InvoiceStatus,
    MatchResult,
    PaymentInstruction,
    PaymentStatus,
    Remittance,
)
from suture.model.orders import (
    Approval,
    ApprovalRequest,
    OrderAcknowledgement,
    OrderChange,
    OrderStatus,
    PurchaseOrder,
    Requisition,
    RequisitionCancellation,
    RequisitionStatus,
)

if TYPE_CHECKING:
    AnyDocument = Document  #: Any of the documents below, by its ``type``.
else:
    AnyDocument = (
        Acknowledgement
        | Approval
        | ApprovalRequest
        | Asset
        | CallsAnswered
        | Case
        | CaseResolved
        | ContractPrice
        | CostCenter
        | CreditNote
        | Crosswalk
        | Decided
        | Decision
        | Delivered
        | Entity
        | ExpectedReceipt
        | FunctionalAcknowledgement
        | GoodsReceipt
        | Invoice
        | InvoiceStatus
        | Item
        | MatchResult
        | MessageReceived
        | OrderAcknowledgement
        | OrderChange
        | OrderStatus
        | Parked
        | PaymentInstruction
        | PaymentStatus
        | Person
        | Place
        | Policy
        | Posting
        | PurchaseOrder
        | ReceiptPosted
        | Reconciled
        | Remittance
        | Repaired
        | Requisition
        | RequisitionCancellation
        | RequisitionStatus
        | ShipNotice
        | ShipmentStatus
        | StockCount
        | StockLow
        | StockMovement
        | StockPolicy
        | Supplier
        | SuppliersCompared
        | TimerFired
        | Usage
        | WorkOrder
    )

#: Every document type by its name on the wire.
DOCUMENTS: dict[str, type[Document]] = {kind.__name__: kind for kind in get_args(AnyDocument)}

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder = msgspec.json.Decoder(AnyDocument)


def encode(document: Document) -> bytes:
    """The document as JSON bytes; decimals are strings and keep their scale."""
    return _encoder.encode(document)


def identity(document: Document) -> str:
    """Which document it is: its type and id, or what it says, apart from when, where it has no id of its own.

    A state of an object is such a document: it bears the object's number, and so does the next state.
    """
    kind = type(document).__name__
    if "id" in document.__struct_fields__:
        return f"{kind}/{getattr(document, 'id', '')}"
    said = msgspec.to_builtins(document)
    said.pop("at", None)
    return f"{kind}/{hashlib.sha256(_encoder.encode(said)).hexdigest()}"


def decode(raw: bytes) -> Document:
    """The document that ``encode`` wrote; raises msgspec.ValidationError. A partner's bytes go to ``formats``."""
    document: Document = _decoder.decode(raw)
    return document
