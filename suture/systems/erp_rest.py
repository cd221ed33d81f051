"""A cloud ERP over REST: orders and commitments, receipts, supplier invoices, journal entries, payments."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from suture.masters.suppliers import plain, plain_account, plain_name
from suture.model import (
    ContractPrice,
    CostCenter,
    CreditNote,
    Entity,
    GoodsReceipt,
    Held,
    HeldSupplier,
    Invoice,
    InvoiceLine,
    Item,
    Money,
    OrderChange,
    OrderLine,
    PaymentStatus,
    Place,
    Posting,
    PurchaseOrder,
    Remittance,
    Supplier,
)
from suture.systems import listed
from suture.systems.listed import Body, added, number, quantities
from suture.systems.rest import Shape, keyed, looked_up, money, price, quantity
from suture.systems.system import Call, Channel, Listing, Operation, System

#: So long the ERP remembers an Idempotency-Key.
KEYS_LIVE_S = 86_400.0


def _order_line(line: OrderLine) -> dict[str, Any]:
    return {
        "line": line.number,
        "material": line.item,
        "quantity": quantity(line.quantity),
        "netPrice": price(line.price),
        "costCenter": line.cost_center,
        "contract": line.contract,
    }


def order(document: PurchaseOrder, call: Call) -> dict[str, Any]:
    """A purchase order; our number goes along as the external reference."""
    return {
        "externalRef": call.id,
        "companyCode": document.entity,
        "plant": document.facility,
        "vendor": document.supplier,
        "currency": document.currency,
        "requisition": document.requisition,
        "lines": [_order_line(line) for line in document.lines],
    }


def change(document: OrderChange, call: Call) -> dict[str, Any]:
    """The absolute new content of an order, or its cancellation."""
    return {
        "externalRef": call.id,
        "order": document.order,
        "kind": document.kind,
        "lines": [_order_line(line) for line in document.lines],
        "reason": document.reason,
    }


def receipt(document: GoodsReceipt, call: Call) -> dict[str, Any]:
    """A goods receipt against an order, or the reversal of one."""
    return {
        "externalRef": call.id,
        "order": document.order,
        "storage": document.place,
        "reverses": document.reverses,
        "lines": [
            {"line": line.line, "material": line.item, "quantity": quantity(line.quantity), "batch": line.lot}
            for line in document.lines
        ],
    }


def _invoice_line(line: InvoiceLine) -> dict[str, Any]:
    return {
        "order": line.order,
        "line": line.order_line,
        "material": line.item,
        "quantity": quantity(line.quantity),
        "amount": money(line.amount),
    }


def invoice(document: Invoice, call: Call) -> dict[str, Any]:
    """A supplier invoice or credit memo to post."""
    return {
        "externalRef": call.id,
        "kind": "credit" if isinstance(document, CreditNote) else "invoice",
        "vendor": document.supplier,
        "vendorInvoice": document.number,
        "companyCode": document.entity,
        "documentDate": document.issued_on.isoformat(),
        "gross": money(document.total),
        "lines": [_invoice_line(line) for line in document.lines],
    }


def posting(document: Posting, call: Call) -> dict[str, Any]:
    """A journal entry; debits are positive, credits negative."""
    return {
        "externalRef": call.id,
        "companyCode": document.entity,
        "plant": document.facility,
        "kind": document.kind,
        "procedureCategory": document.procedure_category,
        "lines": [
            {"account": line.account, "amount": money(line.amount), "costCenter": line.cost_center} for line in document.lines
        ],
    }


def remittance(document: Remittance, call: Call) -> dict[str, Any]:
    """A payment that clears invoices."""
    return {
        "externalRef": call.id,
        "vendor": document.supplier,
        "amount": money(document.amount),
        "clears": [{"vendorInvoice": line.invoice, "amount": money(line.paid)} for line in document.lines],
    }


def payment_status(document: PaymentStatus, call: Call) -> dict[str, Any]:
    """A payment that did not settle."""
    return {"externalRef": call.id, "status": document.status, "reason": document.code or document.reason}


def _by_reference(path: str) -> Any:
    return lambda document, call: f"{path}?externalRef={quote(call.id, safe='')}"


# -- what it holds, read from its lists and from what we told it alike


def _standing(bodies: Sequence[Body]) -> Body:
    """An order after its changes: each names the absolute content of its lines, a cancellation ends them all."""
    first = bodies[0]
    if "vendor" not in first:  # the order itself is older than what we know: all that can be said is that it is there
        return {"externalRef": first["order"]}
    lines: dict[int, Body] = {}
    for body in bodies:
        lines |= {line["line"]: line for line in body["lines"]}
    cancelled = any(body.get("kind") == "cancel" for body in bodies)
    return {**first, "lines": list(lines.values()), "state": "cancelled" if cancelled else "open"}


def _held_order(said: Body) -> Held:
    told: Sequence[Body] | None = said.get("lines")
    state, ours = str(said.get("state", "")), str(said["externalRef"])
    if told is None or state == "cancelled":  # what a cancelled order once asked for binds nobody
        return Held(reference=ours, number=_number_of(said), state=state)
    amount = sum((_value(line) for line in told), Money(Decimal(0), str(said["currency"])))
    return Held(reference=ours, number=_number_of(said), amount=amount, lines=quantities(told, "line", "material"), state=state)


def _value(line: Body) -> Money:
    said = line["netPrice"]
    per = number(said["per"]["qty"])
    return Money(number(line["quantity"]["qty"]) * number(said["value"]) / per, str(said["currency"])).rounded()


def _held_receipt(said: Body) -> Held:
    state = "reversal" if said["reverses"] else "receipt"
    lines = quantities(said["lines"], "line", "material")
    return Held(reference=str(said["externalRef"]), number=_number_of(said), lines=lines, state=state)


def _held_invoice(said: Body) -> Held:
    lines = quantities(said["lines"], "order", "line", "material")
    amount, state = listed.money(said["gross"]), str(said["kind"])
    return Held(reference=str(said["externalRef"]), number=_number_of(said), amount=amount, lines=lines, state=state)


def _held_entry(said: Body) -> Held:
    """What stands on which account and cost centre; the debits are its amount."""
    amounts = [(line, listed.money(line["amount"])) for line in said["lines"]]
    debits = sum((each.amount for _, each in amounts if each.amount > 0), Decimal(0))
    currency = {each.currency for _, each in amounts}
    return Held(
        reference=str(said["externalRef"]),
        number=_number_of(said),
        amount=Money(debits, currency.pop()) if len(currency) == 1 else None,
        lines=added((f"{line['account']} {line['costCenter'] or ''}".strip(), each.amount) for line, each in amounts),
    )


def _held_payment(said: Body) -> Held:
    return Held(reference=str(said["externalRef"]), number=_number_of(said), amount=listed.money(said["amount"]))


def _held_supplier(said: Body) -> HeldSupplier:
    """A vendor as its master has it; what the list leaves out is not compared."""
    bank = said.get("bank")
    told = {
        "name": plain_name(str(said["name"])),
        "status": "blocked" if said.get("blocked") else "active",
        "currency": str(said["currency"]),
        "terms": str(int(said["paymentTermsDays"])),
        "tax_id": plain(str(said.get("taxNumber") or "")),
        "account": plain_account(str(bank["routing"]), str(bank["account"])) if bank else "",
    }
    return HeldSupplier(code=str(said["vendor"]), fields=told)


def _number_of(said: Body) -> str:
    return str(said.get("number", ""))


LISTS: tuple[Listing, ...] = (
    listed.listed(
        "orders",
        "/api/purchase-orders",
        {PurchaseOrder: order, OrderChange: change},
        _held_order,
        reference=lambda document: str(document.order if isinstance(document, OrderChange) else document.id),
        stands=_standing,
    ),
    listed.listed("receipts", "/api/goods-receipts", {GoodsReceipt: receipt}, _held_receipt),
    listed.listed("invoices", "/api/supplier-invoices", {Invoice: invoice, CreditNote: invoice}, _held_invoice),
    listed.listed("entries", "/api/journal-entries", {Posting: posting}, _held_entry),
    listed.listed("payments", "/api/payments", {Remittance: remittance}, _held_payment),
)


def _kept(path: str, shape: Shape) -> Operation:
    """Honoured by its key for a day, and found by its reference after that."""
    return keyed(lambda document: path, shape, lives_s=KEYS_LIVE_S, query=_by_reference(path))


SYSTEM = System(
    name="erp_rest",
    title="Cloud ERP (REST)",
    role="erp",
    accepts={
        PurchaseOrder: _kept("/api/purchase-orders", order),
        OrderChange: _kept("/api/purchase-order-changes", change),
        GoodsReceipt: looked_up(lambda document: "/api/goods-receipts", receipt, _by_reference("/api/goods-receipts")),
        Invoice: looked_up(lambda document: "/api/supplier-invoices", invoice, _by_reference("/api/supplier-invoices")),
        CreditNote: looked_up(lambda document: "/api/supplier-invoices", invoice, _by_reference("/api/supplier-invoices")),
        Posting: _kept("/api/journal-entries", posting),
        Remittance: _kept("/api/payments", remittance),
        # several states share one reference: no look-up could tell one from the other
        PaymentStatus: keyed(lambda document: "/api/payment-status", payment_status, lives_s=KEYS_LIVE_S),
    },
    channels=(Channel(name="events", transport="http", format="json"),),
    lists=LISTS,
    suppliers=listed.rostered("/api/vendors", _held_supplier),
    emits=(Entity, Place, CostCenter, Item, Supplier, ContractPrice),
    codes=("supplier", "item", "cost_center"),
    rate_per_s=400.0,
    concurrency=8,
    notes=(
        "Orders, changes, entries and payments honour Idempotency-Key for 24 hours and are looked up by externalRef after that; "
        "receipts and invoices do not, so a doubtful one is looked up first."
    ),
)
