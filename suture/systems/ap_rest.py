"""An AP automation platform: it is told of orders, receipts and states, and hands over invoices and approvals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from suture.masters.suppliers import plain, plain_account, plain_name
from suture.model import (
    Approval,
    ApprovalRequest,
    CreditNote,
    GoodsReceipt,
    Held,
    HeldSupplier,
    Invoice,
    InvoiceStatus,
    PurchaseOrder,
    Remittance,
)
from suture.systems.listed import Body, listed, moment, quantities, rostered
from suture.systems.listed import money as money_of
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


def _held_order(said: Body) -> Held:
    lines = quantities(said["lines"], "line", "item")
    return Held(reference=str(said["poNumber"]), amount=money_of(said["total"]), lines=lines)


def _held_receipt(said: Body) -> Held:
    state = "reversal" if said["reverses"] else "receipt"
    return Held(reference=str(said["receiptNumber"]), lines=quantities(said["lines"], "line", "item"), state=state)


def _held_invoice(said: Body) -> Held:
    return Held(reference=str(said.get("invoice", "")), state=str(said["state"]), at=moment(said.get("uploaded")))


def _held_remittance(said: Body) -> Held:
    return Held(reference=str(said["payment"]), amount=money_of(said["amount"]))


def _held_supplier(said: Body) -> HeldSupplier:
    """A supplier as payments know it: who it is and where it is paid, without terms and currency."""
    paid = said.get("remitTo")
    told = {
        "name": plain_name(str(said["name"])),
        "status": str(said["status"]),
        "tax_id": plain(str(said.get("taxId") or "")),
        "account": plain_account(str(paid["routing"]), str(paid["account"])) if paid else "",
    }
    return HeldSupplier(code=str(said["supplier"]), fields=told)


def _unjudged(document: Invoice, call: Call) -> dict[str, Any]:
    """An invoice that came from the portal, before anything was said about it."""
    return {"state": ""}


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
    lists=(
        listed("orders", "/v1/purchase-orders", {PurchaseOrder: order}, _held_order),
        listed("receipts", "/v1/receipts", {GoodsReceipt: receipt}, _held_receipt),
        listed(
            "invoices",
            "/v1/invoices",
            {InvoiceStatus: invoice_status, Invoice: _unjudged, CreditNote: _unjudged},
            _held_invoice,
        ),
        listed("remittances", "/v1/remittances", {Remittance: remittance}, _held_remittance),
    ),
    suppliers=rostered("/v1/suppliers", _held_supplier),
    emits=(Invoice, CreditNote, Approval),
    codes=("supplier",),
    rate_per_s=300.0,
    concurrency=8,
)
