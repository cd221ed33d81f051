"""The catalogue of events: for each document that crosses the border, who answers for it, how long it is kept, who may hear it.

An event type is named ``suture.DOCUMENT.KIND.vMAJOR``: the noun in snake case, how it came about, and the major version of its
schema. A contract covers all kinds of one document. Name, schema and title derive from the document itself; an example of each
stands in ``samples``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from suture.gateway.governance.levels import LEVELS, Level
from suture.gateway.operation import Criticality
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
)
from suture.model.classes import KEPT_DAYS, DataClass
from suture.model.schema import SCHEMA_VERSION
from suture.views.events import MAJOR, snake

Kind = Literal["accepted", "emitted", "settled", "commanded"]
#: The naming convention of event types.
NAME = re.compile(r"suture\.[a-z]+(_[a-z]+)*\.(accepted|emitted|settled|commanded)\.v[1-9][0-9]*")


class EventContract(Struct, frozen=True, kw_only=True):
    """What is promised of the events about one type of document.

    ``reads`` is the permission that hears them; whoever holds ``events.read`` hears all. A caller bound to a supplier hears what
    concerns that supplier, and only if ``partners`` lets it: what the house decides for itself is not a partner's business.
    """

    document: type[Document]
    kinds: tuple[Kind, ...]
    owner: str
    reads: str
    partners: bool = False
    data_class: DataClass = "internal"
    level: Level = "important"

    @property
    def name(self) -> str:
        """The document's type."""
        return self.document.__name__

    @property
    def title(self) -> str:
        """What the document is, in its own words."""
        told = inspect.getdoc(self.document) or ""
        return told.split("\n\n")[0].replace("\n", " ")

    @property
    def version(self) -> str:
        """The version of the schema, semantic: a break needs a new major one, and so new names."""
        return SCHEMA_VERSION

    @property
    def types(self) -> tuple[str, ...]:
        """The event types, one for each kind."""
        return tuple(f"suture.{snake(self.name)}.{kind}.v{MAJOR}" for kind in self.kinds)

    @property
    def retention_days(self) -> int:
        """How long these events can be replayed."""
        return KEPT_DAYS[self.data_class]

    @property
    def criticality(self) -> Criticality:
        """Latency tolerance, volume and recovery."""
        return LEVELS[self.level]


def _said(*documents: EventContract) -> Mapping[type[Document], EventContract]:
    return MappingProxyType({contract.document: contract for contract in documents})


def _master(document: type[Document], reads: str, data_class: DataClass = "internal") -> EventContract:
    return EventContract(
        document=document,
        kinds=("accepted", "commanded"),
        owner="steward",
        reads=reads,
        data_class=data_class,
        level="background",
    )


CONTRACTS: Mapping[type[Document], EventContract] = _said(
    EventContract(
        document=Requisition, kinds=("accepted", "emitted"), owner="supply_chain", reads="requisitions.read", level="critical"
    ),
    EventContract(
        document=RequisitionCancellation,
        kinds=("accepted", "emitted"),
        owner="supply_chain",
        reads="requisitions.read",
        level="critical",
    ),
    EventContract(document=RequisitionStatus, kinds=("emitted",), owner="supply_chain", reads="requisitions.read"),
    EventContract(document=ApprovalRequest, kinds=("emitted",), owner="supply_chain", reads="approvals.read"),
    EventContract(document=Approval, kinds=("accepted",), owner="supply_chain", reads="approvals.read", data_class="personal"),
    EventContract(
        document=PurchaseOrder, kinds=("emitted",), owner="supply_chain", reads="orders.read", partners=True, level="critical"
    ),
    EventContract(
        document=OrderChange,
        kinds=("accepted", "emitted"),
        owner="supply_chain",
        reads="orders.read",
        partners=True,
        level="critical",
    ),
    EventContract(document=OrderStatus, kinds=("emitted",), owner="supply_chain", reads="orders.read", partners=True),
    EventContract(document=OrderAcknowledgement, kinds=("accepted",), owner="supply_chain", reads="orders.read", partners=True),
    EventContract(document=ShipNotice, kinds=("accepted",), owner="supply_chain", reads="orders.read", partners=True),
    EventContract(document=ExpectedReceipt, kinds=("accepted",), owner="supply_chain", reads="receipts.read"),
    EventContract(document=GoodsReceipt, kinds=("accepted",), owner="supply_chain", reads="receipts.read", level="critical"),
    EventContract(
        document=ReceiptPosted, kinds=("emitted",), owner="supply_chain", reads="orders.read", partners=True, level="critical"
    ),
    EventContract(document=StockMovement, kinds=("accepted",), owner="supply_chain", reads="receipts.read"),
    EventContract(document=StockLow, kinds=("emitted",), owner="supply_chain", reads="requisitions.read", level="critical"),
    EventContract(
        document=Invoice,
        kinds=("accepted",),
        owner="ap",
        reads="invoices.read",
        partners=True,
        data_class="financial",
        level="critical",
    ),
    EventContract(
        document=CreditNote, kinds=("accepted",), owner="ap", reads="invoices.read", partners=True, data_class="financial"
    ),
    EventContract(document=MatchResult, kinds=("emitted",), owner="ap", reads="invoices.decide", data_class="financial"),
    EventContract(
        document=InvoiceStatus, kinds=("emitted",), owner="ap", reads="invoices.read", partners=True, data_class="financial"
    ),
    EventContract(document=Posting, kinds=("accepted",), owner="ap", reads="postings.read", data_class="financial"),
    EventContract(
        document=PaymentInstruction,
        kinds=("emitted",),
        owner="treasury",
        reads="payments.read",
        data_class="financial",
        level="critical",
    ),
    EventContract(
        document=PaymentStatus,
        kinds=("accepted",),
        owner="treasury",
        reads="payments.read",
        data_class="financial",
        level="critical",
    ),
    EventContract(
        document=Remittance,
        kinds=("emitted",),
        owner="treasury",
        reads="payments.read",
        partners=True,
        data_class="financial",
    ),
    EventContract(document=Delivered, kinds=("settled",), owner="operations", reads="deliveries.read", level="background"),
    _master(Supplier, "masters.read", "financial"),
    _master(Item, "catalogue.read"),
    _master(ContractPrice, "contracts.read", "financial"),
    _master(StockPolicy, "masters.read"),
    _master(Place, "masters.read"),
    _master(CostCenter, "masters.read"),
    _master(Entity, "masters.read"),
)


def contract_of(document: Document) -> EventContract | None:
    """The contract of the events about this document; None for one that never crosses."""
    return CONTRACTS.get(type(document))
