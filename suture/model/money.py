"""From an invoice to money received: invoice, credit note, match, payment, bank status, remittance."""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

from suture.model.documents import NUMBER, Document, EntityId, Id, Instant, ItemId, Ref, SupplierId, Text, only
from suture.model.masters import BankAccount
from suture.model.quantities import Currency, Money, Price, Quantity


class InvoiceLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One billed line; ``order`` and ``order_line`` say what it bills."""

    number: int
    item: ItemId
    quantity: Quantity
    price: Price
    amount: Money
    order: str = ""
    order_line: int = 0


class Charge(Struct, frozen=True, kw_only=True):
    """A charge (positive) or allowance (negative) of the whole invoice."""

    kind: Literal["freight", "handling", "allowance", "rounding", "other"]
    amount: Money


class Invoice(Document, frozen=True, kw_only=True):
    """A supplier's bill. Amounts are positive; ``total`` includes charges and tax."""

    number: Id
    supplier: SupplierId
    issued_on: date
    currency: Currency
    lines: tuple[InvoiceLine, ...]
    total: Money
    tax: Money | None = None
    charges: tuple[Charge, ...] = ()
    due_on: date | None = None
    entity: str = ""
    route: Literal["edi", "portal", "api", "paper"] = "edi"

    @property
    def id(self) -> str:
        return f"{self.supplier}:{self.number}"

    def orders(self) -> tuple[str, ...]:
        """The orders that the lines bill, each once, in order of appearance."""
        return tuple(dict.fromkeys(line.order for line in self.lines if line.order))

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref(type(self).__name__, self.id),
            Ref(type(self).__name__, self.number, NUMBER),
            *(Ref("PurchaseOrder", order) for order in self.orders()),
            Ref("Supplier", self.supplier),
        )


class CreditNote(Invoice, frozen=True, kw_only=True):
    """A supplier's credit. Amounts are positive and reduce what is owed; ``corrects`` is the invoice's number."""

    corrects: str = ""

    def refs(self) -> tuple[Ref, ...]:
        original = Ref("Invoice", f"{self.supplier}:{self.corrects}", "corrects") if self.corrects else None
        return only(*Invoice.refs(self), original)


class MatchedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one invoice line stands against its order line and receipts; money is the signed variance.

    The facts that it was judged by are in the order line's unit: ordered, received so far, invoiced by others before.
    """

    number: int
    outcome: Literal["matched", "waiting", "exception"]
    reasons: tuple[str, ...] = ()
    variance: Money | None = None
    order_line: int = 0
    ordered: Quantity | None = None
    received: Quantity | None = None
    before: Quantity | None = None
    price: Price | None = None


class MatchResult(Document, frozen=True, kw_only=True):
    """The state of an invoice or credit note against one of its orders; a later ``version`` replaces an earlier one.

    ``entity``, ``facility`` and ``requester`` are the order's: what routing and segregation of duties look at.
    """

    invoice: Id
    order: Id
    version: int
    outcome: Literal["matched", "waiting", "exception"]
    lines: tuple[MatchedLine, ...]
    at: Instant
    policy: str = ""
    variance: Money | None = None
    credit: bool = False
    entity: str = ""
    facility: str = ""
    requester: str = ""

    @property
    def id(self) -> str:
        return f"{self.invoice}/{self.order}/{self.version}"

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Invoice", self.invoice), Ref("PurchaseOrder", self.order))


class InvoiceStatus(Document, frozen=True, kw_only=True):
    """One change of an invoice's state, with the reasons; ``payment`` is the one that it rests on."""

    invoice: Id
    state: Literal[
        "received", "matched", "waiting", "exception", "approved", "posted", "scheduled", "paid", "returned", "rejected"
    ]
    at: Instant
    reasons: tuple[str, ...] = ()
    orders: tuple[Id, ...] = ()
    payment: str = ""

    @property
    def id(self) -> str:
        return self.invoice

    def refs(self) -> tuple[Ref, ...]:
        orders = (Ref("PurchaseOrder", order) for order in self.orders)
        return only(Ref("Invoice", self.invoice), *orders, Ref("Payment", self.payment))


class PaymentInstruction(Document, frozen=True, kw_only=True):
    """An order to the bank to pay one supplier (pain.001); ``id`` is the end-to-end id, at most 35 characters."""

    id: Id
    entity: EntityId
    supplier: SupplierId
    creditor: BankAccount
    amount: Money
    execute_on: date
    invoices: tuple[Id, ...]
    released_by: tuple[Id, ...] = ()
    text: Text = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("Payment", self.id),
            Ref("Supplier", self.supplier),
            *(Ref("Invoice", invoice) for invoice in self.invoices),
        )


class PaymentStatus(Document, frozen=True, kw_only=True):
    """What the bank says of one payment (pain.002 transaction status, or a booked camt.054 entry)."""

    payment: Id
    status: Literal["accepted", "pending", "rejected", "settled", "returned"]
    at: Instant
    code: str = ""
    reason: Text = ""
    message: str = ""
    amount: Money | None = None
    bank_reference: str = ""

    @property
    def id(self) -> str:
        return self.payment

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Payment", self.payment), Ref("Payment", self.bank_reference, NUMBER))


class RemittedInvoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much of a payment settles one invoice."""

    invoice: Id
    paid: Money
    discount: Money | None = None


class Remittance(Document, frozen=True, kw_only=True):
    """What a payment was for, told to the payee and to whoever ordered (X12 820, remt.001)."""

    payment: Id
    supplier: SupplierId
    amount: Money
    paid_on: date
    lines: tuple[RemittedInvoice, ...]
    bank_reference: str = ""

    @property
    def id(self) -> str:
        return self.payment

    def refs(self) -> tuple[Ref, ...]:
        return only(
            Ref("Payment", self.payment),
            Ref("Payment", self.bank_reference, NUMBER),
            Ref("Supplier", self.supplier),
            *(Ref("Invoice", line.invoice) for line in self.lines),
        )
