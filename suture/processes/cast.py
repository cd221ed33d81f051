"""The cast of the examples: an invented hospital with its supplier, item, places, people, prices and policies."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from suture.model import (
    ContractPrice,
    CostCenter,
    Decision,
    Delivered,
    Document,
    Item,
    Pack,
    Person,
    Place,
    Policy,
    Price,
    Quantity,
    Ref,
    StockPolicy,
    Supplier,
)

#: Before every example begins.
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
#: The morning on which the examples begin.
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def quantity(value: str, unit: str = "EA") -> Quantity:
    """A quantity, written shortly."""
    return Quantity(Decimal(value), unit)


def price(amount: str, per: str = "BX") -> Price:
    """A price in dollars per unit, written shortly."""
    return Price(Decimal(amount), "USD", Quantity(Decimal(1), per))


def policy(id: str, **values: object) -> Policy:
    """A policy in force, by two people."""
    return Policy(id=id, version=1, effective=EARLIER, author="P-AUTHOR", approver="P-BOARD", values=values)


def delivered(role: str, type: str, id: str, outcome: str = "done", reason: str = "") -> Delivered:
    """The fate of a delivery to ``role``."""
    document = Ref(type, id)
    return Delivered(
        delivery=f"D/{role}/{type}/{id}",
        role=role,
        instance=f"the-{role}",
        document=document,
        outcome=outcome,  # type: ignore[arg-type]  # one of the four that Delivered knows; spelled by the caller
        at=MORNING,
        reason=reason,
    )


def decision(case: str, verb: str, actor: str = "P-CLERK", id: str = "DC-1") -> Decision:
    """What a person decided about an exception."""
    return Decision(id=id, subject=Ref("Case", case), verb=verb, actor=actor, at=MORNING, reason="seen", position=1)


GLOVE = Item(
    id="GLOVE-M",
    name="Glove, nitrile, medium",
    unit="EA",
    packs=(Pack("BX", Decimal(100)), Pack("CS", Decimal(1000))),
    account="1400",
    category="consumable",
)
STENT = Item(
    id="STENT-3",
    name="Stent, drug-eluting, 3.0 mm",
    unit="EA",
    account="1410",
    lot_tracked=True,
    serial_tracked=True,
    implant=True,
)
ACME = Supplier(id="S-ACME", name="Acme Medical")
HEARTWARE = Supplier(id="S-HEART", name="Heartline Devices")
HOSPITAL = Place(id="F-NORTH", name="North Hospital", kind="facility", entity="E-1", facility="F-NORTH")
THEATRE = Place(id="OR-1", name="Theatre 1", kind="department", entity="E-1", facility="F-NORTH", parent="F-NORTH")
DOCK = Place(id="DOCK-N", name="Dock north", kind="dock", entity="E-1", facility="F-NORTH", parent="F-NORTH")
ELSEWHERE = Place(id="DOCK-S", name="Dock south", kind="dock", entity="E-1", facility="F-SOUTH")
SURGERY = CostCenter(id="CC-SURG", name="Surgery", entity="E-1", facility="F-NORTH", account="6100")
#: 12.50 USD a box of 100 gloves, 1,450 USD a stent.
GLOVE_PRICE = ContractPrice(
    id="CP-1", contract="C-7", supplier="S-ACME", item="GLOVE-M", price=price("12.50"), effective_from=date(2026, 1, 1)
)
STENT_PRICE = ContractPrice(
    id="CP-2", contract="C-8", supplier="S-HEART", item="STENT-3", price=price("1450", "EA"), effective_from=date(2026, 1, 1)
)
GLOVE_STOCK = StockPolicy(
    item="GLOVE-M",
    place="OR-1",
    reorder_point=quantity("300"),
    reorder_quantity=quantity("10", "BX"),
    supplier="S-ACME",
    cost_center="CC-SURG",
    opening=quantity("500"),
)
NURSE = Person(id="P-NURSE", roles=("charge_nurse",))
HEAD = Person(id="P-HEAD", roles=("department_head",))
DIRECTOR = Person(id="P-DIRECTOR", roles=("supply_director",))
LIMITS = policy(
    "approval_limits",
    auto={"USD": "500"},
    levels=[
        {"role": "department_head", "limit": {"USD": "10000"}},
        {"role": "supply_director", "limit": {"USD": "250000"}},
    ],
    emergency={"roles": ["charge_nurse"], "limit": {"USD": "50000"}},
    catalogue={"USD": "1000"},
)
RECEIVING = policy("receiving", over_percent="0")
WAITS = policy(
    "waits",
    approval_hours=48,
    review_hours=72,
    acknowledgement_hours=48,
    shipment_hours=120,
    unknown_order_hours=24,
    case_hours=24,
)

#: Everybody and everything above.
CAST: tuple[Document, ...] = (
    GLOVE,
    STENT,
    ACME,
    HEARTWARE,
    HOSPITAL,
    THEATRE,
    DOCK,
    ELSEWHERE,
    SURGERY,
    GLOVE_PRICE,
    STENT_PRICE,
    NURSE,
    HEAD,
    DIRECTOR,
    LIMITS,
    RECEIVING,
    WAITS,
)
