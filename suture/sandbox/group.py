"""An invented hospital group: entities, places, people, items, suppliers, prices and codes, drawn from a seed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

from msgspec import Struct

from suture.model import (
    BankAccount,
    ContractPrice,
    CostCenter,
    Crosswalk,
    Document,
    Entity,
    Item,
    Money,
    Pack,
    Person,
    Place,
    Policy,
    Price,
    Quantity,
    StockPolicy,
    Supplier,
)

#: The morning on which the day begins.
MORNING = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
ENTITIES = {"NORTH": "Northshore Hospitals Inc", "LAKE": "Lakeland Health Inc", "PINE": "Pine Valley Medical LLC"}
FACILITIES = {"NSH": "NORTH", "NSC": "NORTH", "LKG": "LAKE", "LKS": "LAKE", "PVM": "PINE"}
DEPARTMENTS = ("OR", "CATH", "ICU", "LAB")
SUPPLIERS = ("ALDER", "BIRCH", "CEDAR", "DOGWD", "ELMWD", "FIRCO")
#: This supplier may not be ordered from; it sells every item of size 10. Size 11 has no price any more, size 12 is retired.
BLOCKED = SUPPLIERS[-1]
CATEGORIES = {
    "GLOVE": ("Glove, nitrile", "EA", (("BX", 100), ("CS", 1000)), "8.50"),
    "SYRNG": ("Syringe, luer lock", "EA", (("BX", 50), ("CS", 500)), "11.20"),
    "DRESS": ("Dressing, foam", "EA", (("BX", 10),), "34.00"),
    "SUTUR": ("Suture, absorbable", "EA", (("BX", 36),), "96.00"),
    "CATHE": ("Catheter, guiding", "EA", (("BX", 5),), "410.00"),
    "STENT": ("Stent, coronary", "EA", (), "1250.00"),
    "KNEEI": ("Knee implant, tibial", "EA", (), "2840.00"),
    "REAGT": ("Reagent, chemistry", "EA", (("BX", 4),), "188.00"),
}
IMPLANTS = ("STENT", "KNEEI")
LOT_TRACKED = ("STENT", "KNEEI", "CATHE", "REAGT")
PROCEDURES = {"STENT": ("92928", "cardiology"), "KNEEI": ("27447", "orthopaedics"), "CATHE": ("93458", "cardiology")}


class Group(Struct, frozen=True):
    """Everything that is known before the day begins."""

    masters: tuple[Document, ...]
    crosswalk: tuple[Crosswalk, ...]
    items: tuple[Item, ...]
    supplier_of: dict[str, str]
    price_of: dict[str, Price]
    people: tuple[Person, ...]
    requesters: tuple[Person, ...]
    used_items: tuple[str, ...]

    def item(self, id: str) -> Item:
        """An item by its id."""
        return next(item for item in self.items if item.id == id)


def invent(seed: int) -> Group:
    """The group of a seed; the same seed gives the same group."""
    chance = Random(f"group/{seed}")
    items, supplier_of, price_of = _items(chance)
    places, centers = _places(), _cost_centers()
    requesters, approvers = _people()
    prices = [_contract(item, supplier_of[item.id], price_of[item.id]) for item in items]
    used = tuple(item.id for item in items if item.category in PROCEDURES)
    masters: list[Document] = [
        *_policies(),
        *(Entity(id=id, name=name, currency="USD") for id, name in ENTITIES.items()),
        *places,
        *centers,
        *_suppliers(chance),
        *items,
        *prices,
        *requesters,
        *approvers,
        *_stock(items, used, supplier_of),
    ]
    return Group(
        masters=tuple(masters),
        crosswalk=tuple(_crosswalk(items, supplier_of, centers)),
        items=tuple(items),
        supplier_of=supplier_of,
        price_of=price_of,
        people=tuple(approvers),
        requesters=tuple(requesters),
        used_items=used,
    )


def _items(chance: Random) -> tuple[list[Item], dict[str, str], dict[str, Price]]:
    items, suppliers, prices = [], {}, {}
    for category, (name, unit, packs, amount) in CATEGORIES.items():
        for size in range(1, 13):
            id = f"{category}-{size:02d}"
            items.append(
                Item(
                    id=id,
                    name=f"{name}, size {size}",
                    unit=unit,
                    packs=tuple(Pack(unit=pack, factor=Decimal(factor)) for pack, factor in packs),
                    category=category,
                    account="140000",
                    lot_tracked=category in LOT_TRACKED,
                    implant=category in IMPLANTS,
                    status="retired" if size == 12 else "active",
                )
            )
            suppliers[id] = BLOCKED if size == 10 else SUPPLIERS[len(items) % (len(SUPPLIERS) - 1)]
            basis = packs[0][0] if packs else unit
            cents = Decimal(chance.randint(-200, 200)) / 100
            prices[id] = Price(Decimal(amount) + cents, "USD", Quantity(Decimal(1), basis))
    return items, suppliers, prices


def _contract(item: Item, supplier: str, price: Price) -> ContractPrice:
    ends = date(2026, 1, 31) if item.id.endswith("-11") else None
    return ContractPrice(
        id=f"CP-{item.id}",
        contract=f"GPO-{supplier}",
        supplier=supplier,
        item=item.id,
        price=price,
        effective_from=date(2025, 7, 1),
        effective_to=ends,
    )


def _places() -> list[Place]:
    places = []
    for facility, entity in FACILITIES.items():
        places.append(Place(id=facility, name=f"Hospital {facility}", kind="facility", entity=entity, facility=facility))
        dock = Place(
            id=f"{facility}-DOCK", name=f"Dock {facility}", kind="dock", entity=entity, facility=facility, parent=facility
        )
        places.append(dock)
        for department in DEPARTMENTS:
            places.append(
                Place(
                    id=f"{facility}-{department}",
                    name=f"{department} {facility}",
                    kind="department",
                    entity=entity,
                    facility=facility,
                    parent=facility,
                )
            )
    return places


def cost_center(facility: str, department: str) -> str:
    """The cost centre of a department."""
    return f"CC-{facility}-{department}"


def _cost_centers() -> list[CostCenter]:
    return [
        CostCenter(
            id=cost_center(facility, department),
            name=f"{department} {facility}",
            entity=entity,
            facility=facility,
            account="620000",
            service_line=department.lower(),
        )
        for facility, entity in FACILITIES.items()
        for department in DEPARTMENTS
    ]


def _suppliers(chance: Random) -> list[Supplier]:
    return [
        Supplier(
            id=id,
            name=f"{id.title()} Medical Supply Co",
            status="blocked" if id == BLOCKED else "active",
            created_by="vendor-desk-1",
            terms_days=10,
            account=BankAccount(
                holder=f"{id.title()} Medical Supply Co", number=f"{chance.randint(10**9, 10**10 - 1)}", routing="021000021"
            ),
            tax_id=f"36-{number:07d}",
        )
        for number, id in enumerate(SUPPLIERS, start=4_000_001)
    ]


def _people() -> tuple[list[Person], list[Person]]:
    requesters = [Person(id=f"nurse-{number:02d}", name=f"Requester {number}", roles=("requester",)) for number in range(1, 21)]
    limits = {"department_head": "5000", "supply_director": "50000", "cfo": "1000000", "treasury": "1000000"}
    approvers = [
        Person(
            id=f"{role.replace('_', '-')}-{number}", name=f"{role} {number}", roles=(role,), limit=Money(Decimal(limit), "USD")
        )
        for role, limit in limits.items()
        for number in (1, 2, 3)
    ]
    return requesters, approvers


def _stock(items: list[Item], used: tuple[str, ...], supplier_of: dict[str, str]) -> list[StockPolicy]:
    places = [(facility, department) for facility in FACILITIES for department in ("OR", "CATH")]
    return [
        StockPolicy(
            item=item.id,
            place=f"{facility}-{department}",
            reorder_point=Quantity(Decimal(4), item.unit),
            reorder_quantity=Quantity(Decimal(10), item.unit),
            supplier=supplier_of[item.id],
            cost_center=cost_center(facility, department),
            opening=Quantity(Decimal(8), item.unit),
        )
        for item in items
        if item.id in used and item.status == "active"
        for facility, department in places
    ]


def _policies() -> list[Policy]:
    values: dict[str, dict[str, object]] = {
        "approval_limits": {
            "auto": {"USD": "500"},
            "levels": [
                {"role": "department_head", "limit": {"USD": "5000"}},
                {"role": "supply_director", "limit": {"USD": "50000"}},
                {"role": "cfo", "limit": {"USD": "1000000"}},
            ],
        },
        "tolerances": {
            "price_percent": "2",
            "price_amount": {"USD": "5.00"},
            "quantity_percent": "0",
            "freight": {"USD": "25.00"},
            "tax_percent": "1",
            "total_amount": {"USD": "1.00"},
            "services_two_way": True,
        },
        "receiving": {"over_percent": "0"},
        "payment": {"release_limit": {"USD": "25000"}, "two_approvers_over": {"USD": "100000"}},
        "waits": {},
    }
    return [
        Policy(
            id=name,
            version=1,
            effective=datetime(2026, 1, 1, tzinfo=UTC),
            author="policy-author",
            approver="controller",
            values=value,
        )
        for name, value in values.items()
    ]


def _crosswalk(items: list[Item], supplier_of: dict[str, str], centers: list[CostCenter]) -> list[Crosswalk]:
    rows = []
    for number, item in enumerate(items, start=1):
        supplier = f"supplier-{supplier_of[item.id].lower()}"
        rows.append(Crosswalk(system=supplier, kind="item", local=f"{supplier_of[item.id][0]}{70_000 + number}", golden=item.id))
        rows += [Crosswalk(system=erp, kind="item", local=f"M{number:08d}", golden=item.id) for erp in ("erp-north", "erp-lake")]
        rows += [
            Crosswalk(system=ehr, kind="item", local=f"CDM{400_000 + number}", golden=item.id) for ehr in ("ehr-main", "ehr-pine")
        ]
        rows.append(Crosswalk(system="procurement", kind="item", local=f"SKU-{number:05d}", golden=item.id))
    for number, supplier in enumerate(SUPPLIERS, start=1):
        name = f"supplier-{supplier.lower()}"
        rows.append(Crosswalk(system=name, kind="supplier", local=supplier, golden=supplier))
        rows += [
            Crosswalk(system=erp, kind="supplier", local=f"V{10_000 + number}", golden=supplier)
            for erp in ("erp-north", "erp-lake")
        ]
    for number, center in enumerate(centers, start=1):
        rows += [
            Crosswalk(system=erp, kind="cost_center", local=f"{4_000_000 + number}", golden=center.id)
            for erp in ("erp-north", "erp-lake")
        ]
    return rows
