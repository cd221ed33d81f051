"""From a need to a confirmed order: requisition, approval, purchase order, change, acknowledgement."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from suture.model.documents import (
    CAUSE,
    NUMBER,
    CostCenterId,
    Document,
    EntityId,
    FacilityId,
    Id,
    Instant,
    ItemId,
    PlaceId,
    Ref,
    SupplierId,
    Text,
    only,
)
from suture.model.quantities import Currency, Money, Price, Quantity


class RequisitionLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One need: an item from a supplier, charged to a cost centre."""

    number: int
    item: ItemId
    supplier: SupplierId
    quantity: Quantity
    cost_center: CostCenterId
    price: Price | None = None


class Requisition(Document, frozen=True, kw_only=True):
    """A request to buy, from a person in the procurement suite or from a stock that ran low."""

    id: Id
    entity: EntityId
    facility: FacilityId
    ship_to: PlaceId
    requester: Id
    requested_at: Instant
    lines: tuple[RequisitionLine, ...]
    needed_by: date | None = None
    urgency: Literal["routine", "urgent", "emergency"] = "routine"
    origin: Literal["person", "replenishment"] = "person"
    cause: str = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("Requisition", self.id),
            Ref("Usage", self.cause, CAUSE) if self.origin == "replenishment" else None,
            *(Ref("Item", line.item) for line in self.lines),
            *(Ref("Supplier", line.supplier) for line in self.lines),
        )


class RequisitionCancellation(Document, frozen=True, kw_only=True):
    """The need is gone: stop what has not been bought yet."""

    requisition: Id
    reason: Text
    at: Instant

    @property
    def id(self) -> str:
        return self.requisition

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Requisition", self.requisition),)


class RequisitionStatus(Document, frozen=True, kw_only=True):
    """Where a requisition stands, told to whoever asked for it."""

    requisition: Id
    state: Literal["awaiting_approval", "approved", "ordered", "returned", "rejected", "cancelled"]
    at: Instant
    reasons: tuple[str, ...] = ()
    orders: tuple[Id, ...] = ()

    @property
    def id(self) -> str:
        return self.requisition

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Requisition", self.requisition), *(Ref("PurchaseOrder", order) for order in self.orders))


class ApprovalRequest(Document, frozen=True, kw_only=True):
    """A question to a person with authority: may this be bought, or paid?"""

    id: Id
    subject: Ref
    requester: Id
    role: Id
    amount: Money
    reason: Text
    at: Instant

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("ApprovalRequest", self.id), self.subject)


class Approval(Document, frozen=True, kw_only=True):
    """The answer of one person to one approval request."""

    id: Id
    request: Id
    subject: Ref
    approver: Id
    decision: Literal["approve", "reject"]
    at: Instant
    reason: Text = ""

    def refs(self) -> tuple[Ref, ...]:
        request = Ref("ApprovalRequest", self.request)
        return only(Ref("Approval", self.id), self.subject, request, Ref("Person", self.approver, "approver"))


class OrderLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order at the contract's price."""

    number: int
    item: ItemId
    quantity: Quantity
    price: Price
    cost_center: CostCenterId
    description: str = ""
    contract: str = ""
    supplier_item: str = ""

    def value(self) -> Money:
        """Quantity times price, unrounded; the order is written in the price's unit."""
        return self.price.of(self.quantity)


class PurchaseOrder(Document, frozen=True, kw_only=True):
    """An order to one supplier, published only after the ERP has committed it."""

    id: Id
    requisition: Id
    entity: EntityId
    facility: FacilityId
    ship_to: PlaceId
    supplier: SupplierId
    currency: Currency
    ordered_at: Instant
    lines: tuple[OrderLine, ...]
    requester: str = ""
    needed_by: date | None = None
    urgency: Literal["routine", "urgent", "emergency"] = "routine"

    def total(self) -> Money:
        """The order's value, rounded per line to the minor unit."""
        total = Money(type(self.lines[0].price.amount)(0), self.currency)
        for line in self.lines:
            total = total + line.value().rounded()
        return total

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("PurchaseOrder", self.id),
            Ref("Requisition", self.requisition),
            Ref("Supplier", self.supplier),
            *(Ref("Item", line.item) for line in self.lines),
        )


class OrderChange(Document, frozen=True, kw_only=True):
    """What an order is to become: absolute quantities and prices of the changed lines (zero cancels a line)."""

    order: Id
    version: int
    supplier: SupplierId
    at: Instant
    kind: Literal["change", "cancel"] = "change"
    lines: tuple[OrderLine, ...] = ()
    reason: Text = ""

    @property
    def id(self) -> str:
        return f"{self.order}/{self.version}"

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("PurchaseOrder", self.order), Ref("OrderChange", self.id))


class AcknowledgedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the supplier says of one line; several may speak of the same line (split, back-order)."""

    number: int
    status: Literal["accepted", "rejected", "backordered", "substituted", "price_changed", "date_changed", "quantity_changed"]
    quantity: Quantity
    price: Price | None = None
    ships_on: date | None = None
    substitute: str = ""


class OrderAcknowledgement(Document, frozen=True, kw_only=True):
    """The supplier's answer to an order (X12 855, cXML ConfirmationRequest, UBL OrderResponse)."""

    number: Id
    order: Id
    supplier: SupplierId
    at: Instant
    status: Literal["accepted", "changed", "rejected"]
    lines: tuple[AcknowledgedLine, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.order}/{self.number}"

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("OrderAcknowledgement", self.id),
            Ref("OrderAcknowledgement", self.number, NUMBER),
            Ref("PurchaseOrder", self.order),
            Ref("Supplier", self.supplier),
        )


OrderState = Literal[
    "confirmed",
    "acknowledged",
    "backordered",
    "shipped",
    "partially_received",
    "received",
    "rejected",
    "cancelled",
    "closed",
]


class OrderStatus(Document, frozen=True, kw_only=True):
    """One change of an order's state; each yields exactly one of these."""

    order: Id
    state: OrderState
    at: Instant
    reason: Text = ""
    requisition: str = ""

    @property
    def id(self) -> str:
        return self.order

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("PurchaseOrder", self.order), Ref("Requisition", self.requisition))
