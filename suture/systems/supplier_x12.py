"""A supplier over X12: orders, changes and remittances go out as interchanges, 997/855/856/810 come back as files."""

from __future__ import annotations

from suture.formats.x12 import FORMAT
from suture.model import (
    Acknowledgement,
    CreditNote,
    Document,
    FunctionalAcknowledgement,
    Invoice,
    OrderAcknowledgement,
    OrderChange,
    PurchaseOrder,
    Remittance,
    ShipNotice,
)
from suture.systems.files import dropped, handed_over
from suture.systems.system import Call, Channel, System

#: A functional acknowledgement is overdue after this long.
WITHIN_S = 24 * 3600.0


def _name(call: Call) -> str:
    return f"{call.stamp.number:09d}.x12"


def _reference(document: Document, call: Call) -> str:
    """The group control number, which the partner's 997 repeats in AK102."""
    return str(call.stamp.number)


assert FORMAT.write is not None
_exchange = dropped(FORMAT.write, _name, _reference, WITHIN_S, repeatable=True)

SYSTEM = System(
    name="supplier_x12",
    title="Supplier over X12 (850, 860, 820 out; 997, 855, 856, 810 in)",
    role="supplier",
    accepts={
        PurchaseOrder: _exchange,
        OrderChange: _exchange,
        Remittance: _exchange,
        Acknowledgement: handed_over(lambda call: f"ack-{call.stamp.number:09d}.x12"),
    },
    channels=(Channel(name="in", transport="folder", format="x12", pattern="*.x12"),),
    emits=(OrderAcknowledgement, ShipNotice, Invoice, CreditNote, FunctionalAcknowledgement),
    codes=("item", "supplier", "place"),
    rate_per_s=50.0,
    concurrency=4,
    notes="A supplier knows an interchange control number that it has seen, so a doubtful interchange goes out again as it was.",
)
