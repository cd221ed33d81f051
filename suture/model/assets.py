"""Things that are kept and cared for: assets with where they are and who answers for them, and the work done on them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from suture.model.documents import (
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
from suture.model.quantities import Money, Quantity


class Asset(Document, frozen=True, kw_only=True):
    """A thing that is registered: its identity, where it stands, what it cost, and the order and receipt that it came by."""

    id: Id
    name: Text
    kind: Literal["medical_device", "equipment", "it", "vehicle", "building"]
    entity: EntityId
    facility: FacilityId
    at: Instant
    status: Literal["registered", "in_service", "out_of_service", "disposed"] = "registered"
    place: PlaceId | None = None
    cost_center: CostCenterId | None = None
    item: ItemId | None = None
    supplier: SupplierId | None = None
    serial: str = ""
    #: The device identifier of its UDI, or another GTIN.
    gtin: str = ""
    order: str = ""
    receipt: str = ""
    cost: Money | None = None
    in_service_on: date | None = None

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("Asset", self.id),
            Ref("Serial", self.serial),
            Ref("PurchaseOrder", self.order),
            Ref("GoodsReceipt", self.receipt),
        )


class PartUsed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A spare part or consumable that went into a work order."""

    item: ItemId
    quantity: Quantity
    lot: str = ""
    serial: str = ""


class WorkOrder(Document, frozen=True, kw_only=True):
    """Work on an asset as it stands now; a higher version replaces a lower one."""

    number: Id
    version: int
    asset: Id
    facility: FacilityId
    kind: Literal["repair", "preventive", "inspection", "calibration", "recall"]
    state: Literal["open", "in_progress", "waiting_for_parts", "done", "cancelled"]
    at: Instant
    entity: str = ""
    technician: str = ""
    cost_center: CostCenterId | None = None
    parts: tuple[PartUsed, ...] = ()
    text: Text = ""

    @property
    def id(self) -> str:
        return f"{self.number}/{self.version}"

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("WorkOrder", self.number),
            Ref("Asset", self.asset),
            *(Ref("Lot", part.lot) for part in self.parts),
            *(Ref("Serial", part.serial) for part in self.parts),
        )
