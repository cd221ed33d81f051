"""Parties, items, places, cost centres and contract prices: the things that documents name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from suture.model.documents import (
    CostCenterId,
    Document,
    EntityId,
    FacilityId,
    Id,
    Instant,
    ItemId,
    PlaceId,
    SupplierId,
    Text,
)
from suture.model.quantities import Currency, Money, Pack, Price, Quantity, Unit, UnitMismatch, convert

#: Plain JSON: text, numbers as text, lists and tables; each process documents the keys that it reads.
Plain = Annotated[object, Meta(extra_json_schema={"description": "plain JSON of any shape"})]
Status = Literal["active", "blocked", "pending", "retired"]


class BankAccount(Struct, frozen=True):
    """Where a payee is paid: IBAN, or account number with routing number; never shown in full."""

    holder: Text
    number: Id
    routing: str = ""

    def __repr__(self) -> str:
        return f"BankAccount(…{self.number[-4:]})"


class Entity(Document, frozen=True, kw_only=True):
    """A legal entity of the group."""

    id: EntityId
    name: Text
    currency: Currency


class Place(Document, frozen=True, kw_only=True):
    """A facility, department, storeroom or dock; ``parent`` makes the tree."""

    id: PlaceId
    name: Text
    kind: Literal["facility", "department", "storeroom", "dock"]
    entity: EntityId
    facility: FacilityId
    parent: str = ""
    status: Status = "active"


class CostCenter(Document, frozen=True, kw_only=True):
    """Where cost is allocated, and the ledger account that carries it."""

    id: CostCenterId
    name: Text
    entity: EntityId
    facility: FacilityId
    account: str = ""
    service_line: str = ""
    status: Status = "active"


class Supplier(Document, frozen=True, kw_only=True):
    """A supplier, who created it (for segregation of duties), and whether it may be ordered from."""

    id: SupplierId
    name: Text
    status: Status = "active"
    currency: Currency = "USD"
    created_by: str = ""
    terms_days: int = 30
    account: BankAccount | None = None
    category: str = ""
    tax_id: str = ""


class Item(Document, frozen=True, kw_only=True):
    """An item with its base unit, packaging levels, tracking rules and identifiers (GTIN, UDI-DI)."""

    id: ItemId
    name: Text
    unit: Unit
    packs: tuple[Pack, ...] = ()
    gtin: str = ""
    category: str = ""
    account: str = ""
    lot_tracked: bool = False
    serial_tracked: bool = False
    service: bool = False
    implant: bool = False
    substitutes: tuple[ItemId, ...] = ()
    status: Status = "active"

    def factor(self, unit: Unit) -> Decimal:
        """How many base units one ``unit`` holds; raises UnitMismatch for a unit that the item does not come in."""
        if unit == self.unit:
            return Decimal(1)
        for pack in self.packs:
            if pack.unit == unit:
                return pack.factor
        raise UnitMismatch(f"item {self.id} does not come in {unit}")

    def convert(self, quantity: Quantity, unit: Unit) -> Quantity:
        """``quantity`` counted in ``unit``, exactly; raises UnitMismatch or InexactConversion."""
        if quantity.unit == unit:
            return quantity
        return Quantity(convert(quantity.value, self.factor(quantity.unit), self.factor(unit)), unit)

    def price(self, price: Price, unit: Unit) -> Price:
        """``price`` restated for ``unit``: the same money for the same goods, with the basis counted in ``unit``."""
        return Price(price.amount, price.currency, self.convert(price.per, unit))


class ContractPrice(Document, frozen=True, kw_only=True):
    """The price agreed with a supplier for an item, from a day to a day inclusive, for a facility or for all."""

    id: Id
    contract: Id
    supplier: SupplierId
    item: ItemId
    price: Price
    effective_from: date
    effective_to: date | None = None
    facility: str = ""
    minimum: Quantity | None = None

    def applies(self, day: date, facility: FacilityId) -> bool:
        """Whether this price holds on ``day`` for ``facility``."""
        inside = self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)
        return inside and self.facility in ("", facility)


class StockPolicy(Document, frozen=True, kw_only=True):
    """When a place reorders an item, how much, and from whom; quantities in the item's base unit or a pack."""

    item: ItemId
    place: PlaceId
    reorder_point: Quantity
    reorder_quantity: Quantity
    supplier: SupplierId
    cost_center: CostCenterId
    opening: Quantity | None = None

    @property
    def id(self) -> str:
        return f"{self.item}@{self.place}"


class Crosswalk(Document, frozen=True, kw_only=True):
    """One row of identity: what ``system`` calls the object that we call ``golden``, from a day to a day inclusive.

    A system that gives an old code to a new thing has a row for each, under the day from which it holds.
    """

    system: Id
    kind: Literal["item", "supplier", "place", "cost_center", "entity"]
    local: Id
    golden: Id
    effective_from: date | None = None
    effective_to: date | None = None

    @property
    def id(self) -> str:
        since = f"/{self.effective_from}" if self.effective_from else ""
        return f"{self.system}/{self.kind}/{self.local}{since}"

    def applies(self, day: date) -> bool:
        """Whether this row holds on ``day``."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_to is None or day <= self.effective_to)


class Person(Document, frozen=True, kw_only=True):
    """Someone who may request, approve or release, with the limit of their authority."""

    id: Id
    name: Text = ""
    roles: tuple[str, ...] = ()
    limit: Money | None = None
    entity: str = ""


class Policy(Document, frozen=True, kw_only=True):
    """One version of an externalised rule set (tolerances, limits, routing, retry), its author and its approver."""

    id: Id
    version: int
    effective: Instant
    author: Id
    approver: Id
    values: dict[str, Plain] = msgspec.field(default_factory=dict)
