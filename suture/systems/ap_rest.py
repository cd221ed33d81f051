"""An AP automation platform: it is told of orders, receipts and states, and hands over invoices and approvals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from suture.model import (
    Approval,
    ApprovalRequest,
    CreditNote,
    GoodsReceipt,
    Invoice,
    InvoiceStatus,
    PurchaseOrder,
    Remittance,
)
from suture.systems.rest import keyed, money, price, quantity
from suture.systems.system import Call, Channel, System


def order(document: PurchaseOrder, call: Call) -> dict[str, Any]:
    """An order that invoices will name."""
    return {
        "poNumber": document.id,
        "entity": document.entity,
        "supplier": document.supplier,
        "total": money(document.total()),
        "lines": [
            {"line": line.number, "item": line.item, "quantity": quantity(line.quantity), "price": price(line.price)}
            for line in document.lines
        ],
    }


def receipt(document: GoodsReceipt, call: Call) -> dict[str, Any]:
    """A receipt that makes invoices payable."""
    return {
        "receiptNumber": document.id,
        "poNumber": document.order,
        "reverses": document.reverses,
        "lines": [{"line": line.line, "item": line.item, "quantity": quantity(line.quantity)} for line in document.lines],
    }


def invoice_status(document: InvoiceStatus, call: Call) -> dict[str, Any]:
    """A change of an invoice's state."""
    return {"state": document.state, "reasons": list(document.reasons), "orders": list(document.orders), "at": document.at}


def approval_request(document: ApprovalRequest, call: Call) -> dict[str, Any]:
    """A question to somebody who may release money."""
    return {
        "taskId": document.id,
        "subject": {"type": document.subject.type, "id": document.subject.id},
        "requestedBy": document.requester,
        "approverRole": document.role,
        "amount": money(document.amount),
        "reason": document.reason,
    }


def remittance(document: Remittance, call: Call) -> dict[str, Any]:
    """A payment and the invoices that it settles."""
    return {
        "payment": document.payment,
        "supplier": document.supplier,
        "amount": money(document.amount),
        "invoices": [{"invoice": line.invoice, "paid": money(line.paid)} for line in document.lines],
    }


SYSTEM = System(
    name="ap_rest",
    title="AP automation platform (REST)",
    role="ap",
    accepts={
        PurchaseOrder: keyed(lambda document: "/v1/purchase-orders", order),
        GoodsReceipt: keyed(lambda document: "/v1/receipts", receipt),
        InvoiceStatus: keyed(lambda document: f"/v1/invoices/{quote(document.invoice, safe='')}/status", invoice_status),
        ApprovalRequest: keyed(lambda document: "/v1/approval-tasks", approval_request),
        Remittance: keyed(lambda document: "/v1/remittances", remittance),
    },
    channels=(Channel(name="webhook", transport="http", format="json"),),
    emits=(Invoice, CreditNote, Approval),
    codes=("supplier",),
    rate_per_s=300.0,
    concurrency=8,
)
