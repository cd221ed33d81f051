"""Goods on their way, on the shelf and in use: ship notice, receipt, stock movement, clinical usage."""

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
from suture.model.quantities import Money, Price, Quantity


class ShippedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in the parcel for one order line."""

    order: Id
    line: int
    item: ItemId
    quantity: Quantity
    lot: str = ""
    serials: tuple[str, ...] = ()
    expires: date | None = None
    sscc: str = ""


class ShipNotice(Document, frozen=True, kw_only=True):
    """An advance ship notice (X12 856, DESADV); it may serve several orders."""

    number: Id
    supplier: SupplierId
    shipped_at: Instant
    lines: tuple[ShippedLine, ...]
    expected_on: date | None = None
    carrier: str = ""

    @property
    def id(self) -> str:
        return f"{self.supplier}:{self.number}"

    def orders(self) -> tuple[str, ...]:
        """The orders that this notice serves, each once, in order of appearance."""
        return tuple(dict.fromkeys(line.order for line in self.lines))

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("ShipNotice", self.id),
            Ref("ShipNotice", self.number, NUMBER),
            *(Ref("PurchaseOrder", order) for order in self.orders()),
            *(Ref("Lot", line.lot) for line in self.lines),
            *(Ref("Serial", serial) for line in self.lines for serial in line.serials),
            *(Ref("LogisticUnit", line.sscc) for line in self.lines),
        )


class ShipmentStatus(Document, frozen=True, kw_only=True):
    """What the carrier says of a shipment on its way; ``shipment`` is the number of the ship notice."""

    shipment: Id
    supplier: SupplierId
    state: Literal["picked_up", "in_transit", "delayed", "out_for_delivery", "delivered", "returned", "lost"]
    at: Instant
    orders: tuple[Id, ...] = ()
    carrier: str = ""
    expected_on: date | None = None
    text: Text = ""

    @property
    def id(self) -> str:
        return f"{self.supplier}:{self.shipment}/{self.state}"

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("ShipNotice", f"{self.supplier}:{self.shipment}"),
            Ref("ShipNotice", self.shipment, NUMBER),
            *(Ref("PurchaseOrder", order) for order in self.orders),
        )


class ExpectedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the dock should look out for."""

    line: int
    item: ItemId
    quantity: Quantity
    lots: tuple[str, ...] = ()


class ExpectedReceipt(Document, frozen=True, kw_only=True):
    """What a place is to expect for an order; a later version replaces an earlier one."""

    order: Id
    version: int
    place: PlaceId
    supplier: SupplierId
    lines: tuple[ExpectedLine, ...]
    expected_on: date | None = None

    @property
    def id(self) -> str:
        return f"{self.order}/{self.version}"

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("PurchaseOrder", self.order), Ref("Place", self.place))


class ReceivedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was counted for one order line, in the unit in which it was counted."""

    line: int
    item: ItemId
    quantity: Quantity
    lot: str = ""
    serials: tuple[str, ...] = ()
    expires: date | None = None


class GoodsReceipt(Document, frozen=True, kw_only=True):
    """What the dock says it received; ``reverses`` undoes an earlier receipt of the same order."""

    id: Id
    order: Id
    place: PlaceId
    received_at: Instant
    lines: tuple[ReceivedLine, ...]
    receiver: str = ""
    reverses: str = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("GoodsReceipt", self.id),
            Ref("PurchaseOrder", self.order),
            Ref("GoodsReceipt", self.reverses, "reverses"),
            *(Ref("Lot", line.lot) for line in self.lines),
            *(Ref("Serial", serial) for line in self.lines for serial in line.serials),
        )


class ReceiptPosted(Document, frozen=True, kw_only=True):
    """A receipt that passed its checks: the fact that stock, ERP and invoice match may rely on."""

    receipt: GoodsReceipt
    entity: EntityId

    @property
    def id(self) -> str:
        return self.receipt.id

    def refs(self) -> tuple[Ref, ...]:
        return self.receipt.refs()


class StockMovement(Document, frozen=True, kw_only=True):
    """A signed change of the stock of an item in a place."""

    id: Id
    item: ItemId
    place: PlaceId
    quantity: Quantity
    reason: Literal["usage", "waste", "receipt", "adjustment", "reversal"]
    at: Instant
    cause: Id
    lot: str = ""
    serial: str = ""

    def refs(self) -> tuple[Ref, ...]:
        cause = Ref("Usage", self.cause, CAUSE) if self.reason in ("usage", "waste", "reversal") else None
        return only(
            Ref("StockMovement", self.id), cause, Ref("Item", self.item), Ref("Lot", self.lot), Ref("Serial", self.serial)
        )


class CountedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One position of a count: what was on the shelf, what the books said at that moment, in one unit, and what a thing costs."""

    item: ItemId
    counted: Quantity
    book: Quantity
    cost: Price | None = None


class StockCount(Document, frozen=True, kw_only=True):
    """What somebody counted in a place, position by position, beside what the inventory's books said (a cycle count sheet).

    Differences are moved by adjustments of their own, whose cause is the count.
    """

    id: Id
    place: PlaceId
    counted_at: Instant
    lines: tuple[CountedLine, ...]
    counter: str = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("StockCount", self.id), Ref("Place", self.place), *(Ref("Item", line.item) for line in self.lines))


class StockLow(Document, frozen=True, kw_only=True):
    """A stock crossed its reorder point downwards; it is told once per crossing."""

    item: ItemId
    place: PlaceId
    balance: Quantity
    reorder_point: Quantity
    at: Instant
    requisition: str = ""

    @property
    def id(self) -> str:
        return f"{self.item}@{self.place}"

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Item", self.item), Ref("Place", self.place), Ref("Requisition", self.requisition))


class Usage(Document, frozen=True, kw_only=True):
    """An implant or consumable used on a patient who is known here by a keyed pseudonym only."""

    id: Id
    kind: Literal["used", "wasted", "corrected", "cancelled"]
    item: ItemId
    quantity: Quantity
    place: PlaceId
    used_at: Instant
    encounter: Id
    patient: Id
    procedure: str = ""
    procedure_category: str = ""
    cost_center: str = ""
    lot: str = ""
    serial: str = ""
    #: The usage that a correction replaces or a cancellation undoes.
    reverses: str = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("Usage", self.id),
            Ref("Usage", self.reverses, "reverses"),
            Ref("Item", self.item),
            Ref("Lot", self.lot),
            Ref("Serial", self.serial),
            Ref("Encounter", self.encounter),
        )


class PostingLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a financial posting; a debit is positive, a credit negative."""

    account: Id
    amount: Money
    cost_center: CostCenterId | None = None


class Posting(Document, frozen=True, kw_only=True):
    """A balanced financial posting and the event that caused it."""

    id: Id
    entity: EntityId
    facility: FacilityId
    kind: Literal["usage", "usage_reversal", "accrual", "payment", "write_off"]
    at: Instant
    cause: Id
    lines: tuple[PostingLine, ...]
    procedure_category: str = ""
    text: Text = ""

    def refs(self) -> tuple[Ref, ...]:
        cause = Ref("Usage", self.cause, CAUSE) if self.kind in ("usage", "usage_reversal") else None
        return only(Ref("Posting", self.id), cause)
