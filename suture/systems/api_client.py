"""Whoever hands over documents through the gateway: an application of the house, a portal, or a partner of its own."""

from __future__ import annotations

from suture.model import (
    Approval,
    Asset,
    CreditNote,
    GoodsReceipt,
    Invoice,
    OrderAcknowledgement,
    OrderChange,
    Posting,
    Requisition,
    RequisitionCancellation,
    ShipmentStatus,
    ShipNotice,
    Supplier,
    WorkOrder,
)
from suture.systems.system import Channel, System

SYSTEM = System(
    name="api_client",
    title="Client of the gateway",
    role="client",
    accepts={},
    # not "http": what comes here was proven and allowed by the gateway, and has no other way in
    channels=(Channel(name="api", transport="memory", format="json"),),
    emits=(
        Approval,
        Asset,
        CreditNote,
        GoodsReceipt,
        Invoice,
        OrderAcknowledgement,
        OrderChange,
        Posting,
        Requisition,
        RequisitionCancellation,
        ShipNotice,
        ShipmentStatus,
        Supplier,
        WorkOrder,
    ),
    codes=("item", "supplier", "place", "cost_center", "entity"),
    notes="Which of these a caller may hand over is for its permissions; an instance with suppliers speaks for those only.",
)
