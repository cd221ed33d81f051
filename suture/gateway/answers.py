"""What look-ups answer: canonical documents with where they stand, each statement with its source and its age."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from suture.gateway.operation import Part
from suture.model import ContractPrice, Money, Price, PurchaseOrder, Quantity

Verdict = Literal["valid", "invalid", "unknown"]


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was checked: passed, failed, or unknown, and why."""

    name: str
    result: Literal["passed", "failed", "unknown"]
    text: str = ""


class Valid(Struct, frozen=True, kw_only=True):
    """Whether something may be used, as version 1 says it: yes or no, and the first reason against it."""

    id: str
    valid: bool
    reason: str = ""


class Validity(Struct, frozen=True, kw_only=True):
    """Whether something may be used: each check by itself. One unknown makes the verdict unknown, one failure invalid."""

    id: str
    verdict: Verdict
    checks: tuple[Check, ...]
    sources: tuple[Part, ...]


class PriceCheck(Struct, frozen=True, kw_only=True):
    """The contract price that holds for this supplier, item, place, day and quantity; ``variance`` is of a price asked about."""

    supplier: str
    item: str
    day: date
    verdict: Literal["agreed", "none", "differs"]
    price: ContractPrice | None = None
    variance: Money | None = None
    text: str = ""


class Availability(Struct, frozen=True, kw_only=True):
    """What is on hand and on its way, in the item's base unit, as counted from movements."""

    item: str
    place: str
    state: Literal["available", "low", "none", "unknown"]
    on_hand: Quantity | None = None
    on_order: Quantity | None = None
    sources: tuple[Part, ...] = ()


class LineStanding(Struct, frozen=True, kw_only=True):
    """How far one line is: in the line's unit."""

    number: int
    item: str
    ordered: Quantity
    received: Decimal
    rejected: Decimal


class OrderStanding(Struct, frozen=True, kw_only=True):
    """An order as it stands after its changes, line by line, and whether the ERP holds it."""

    order: PurchaseOrder
    state: str
    version: int
    lines: tuple[LineStanding, ...]
    expected_on: date | None
    exceptions: int
    erp: Part


class Listed(Struct, frozen=True, kw_only=True):
    """One document in a list: its number, whose it is, and its state since when."""

    id: str
    supplier: str
    state: str
    at: datetime
    entity: str = ""
    facility: str = ""


class Page(Struct, frozen=True, kw_only=True):
    """A page of a list; the address of the next one is in Link."""

    items: tuple[Listed, ...]


class HeldRow(Struct, frozen=True, kw_only=True):
    """One document as a connected system lists it: our number, its own, amount, quantities or amounts by line, and state."""

    reference: str
    number: str
    amount: Money | None
    lines: dict[str, Decimal] | None
    state: str
    at: datetime | None


class HeldPage(Struct, frozen=True, kw_only=True):
    """A page of what a connected system says that it holds, and how it was heard: "unknown" is no statement about rows."""

    items: tuple[HeldRow, ...]
    heard: Part


class InvoiceStanding(Struct, frozen=True, kw_only=True):
    """An invoice as it stands: matched, posted in the ERP, instructed, acknowledged by the bank, remitted. One part for each."""

    invoice: str
    supplier: str
    number: str
    total: Money
    state: str
    version: int
    reasons: tuple[str, ...]
    match: tuple[Part, ...]
    erp: Part
    payments: tuple[str, ...]
    bank: Part
    remittance: Part


class PaymentStanding(Struct, frozen=True, kw_only=True):
    """A payment as it stands: settlement in the ERP, the bank's acknowledgement, and the remittance to the payee."""

    payment: str
    supplier: str
    amount: Money
    execute_on: date
    invoices: tuple[str, ...]
    state: str
    version: int
    erp: Part
    bank: Part
    remittance: Part


class PartnerLine(Struct, frozen=True, kw_only=True):
    """A line of an order as its supplier sees it."""

    number: int
    item: str
    supplier_item: str
    description: str
    quantity: Quantity
    price: Price
    received: Decimal


class PartnerOrder(Struct, frozen=True, kw_only=True):
    """An order as its supplier sees it: nothing of who asked for it and who pays for it inside."""

    id: str
    ordered_at: datetime
    ship_to: str
    currency: str
    state: str
    version: int
    lines: tuple[PartnerLine, ...]
    needed_by: date | None
    urgency: str


class PartnerInvoice(Struct, frozen=True, kw_only=True):
    """An invoice as its supplier sees it: where it stands, and whether the money is on its way."""

    invoice: str
    number: str
    total: Money
    state: str
    version: int
    orders: tuple[str, ...]
    bank: Part
    remittance: Part


class PartnerPayment(Struct, frozen=True, kw_only=True):
    """A payment as its payee sees it."""

    payment: str
    amount: Money
    execute_on: date
    invoices: tuple[str, ...]
    state: str
    version: int
    bank: Part
    remittance: Part
