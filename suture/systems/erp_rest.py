"""A cloud ERP over REST: orders and commitments, receipts, supplier invoices, journal entries, payments."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from suture.model import (
    ContractPrice,
    CostCenter,
    CreditNote,
    Entity,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    OrderChange,
    OrderLine,
    PaymentStatus,
    Place,
    Posting,
    PurchaseOrder,
    Remittance,
    Supplier,
)
from suture.systems.rest import keyed, looked_up, money, price, quantity
from suture.systems.system import Call, Channel, System


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


SYSTEM = System(
    name="erp_rest",
    title="Cloud ERP (REST)",
    role="erp",
    accepts={
        PurchaseOrder: keyed(lambda document: "/api/purchase-orders", order),
        OrderChange: keyed(lambda document: "/api/purchase-order-changes", change),
        GoodsReceipt: looked_up(lambda document: "/api/goods-receipts", receipt, _by_reference("/api/goods-receipts")),
        Invoice: looked_up(lambda document: "/api/supplier-invoices", invoice, _by_reference("/api/supplier-invoices")),
        CreditNote: looked_up(lambda document: "/api/supplier-invoices", invoice, _by_reference("/api/supplier-invoices")),
        Posting: keyed(lambda document: "/api/journal-entries", posting),
        Remittance: keyed(lambda document: "/api/payments", remittance),
        PaymentStatus: keyed(lambda document: "/api/payment-status", payment_status),
    },
    channels=(Channel(name="events", transport="http", format="json"),),
    emits=(Entity, Place, CostCenter, Item, Supplier, ContractPrice),
    codes=("supplier", "item", "cost_center"),
    rate_per_s=400.0,
    concurrency=8,
    notes=(
        "Orders, entries and payments honour Idempotency-Key for 24 hours; receipts and invoices do not, "
        "so a doubtful one is looked up by externalRef first."
    ),
)
