"""A procurement suite (SaaS): requisitions and approvals come by signed webhook, status goes back over REST."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from suture.model import (
    Approval,
    ApprovalRequest,
    Held,
    InvoiceStatus,
    OrderStatus,
    Remittance,
    Requisition,
    RequisitionCancellation,
    RequisitionStatus,
)
from suture.systems.listed import Body, listed, moment
from suture.systems.listed import money as money_of
from suture.systems.rest import keyed, money
from suture.systems.system import Call, Channel, System


def approval_request(document: ApprovalRequest, call: Call) -> dict[str, Any]:
    """A task in the approver's inbox."""
    return {
        "taskId": document.id,
        "subject": {"type": document.subject.type, "id": document.subject.id},
        "requestedBy": document.requester,
        "approverRole": document.role,
        "amount": money(document.amount),
        "reason": document.reason,
    }


def requisition_status(document: RequisitionStatus, call: Call) -> dict[str, Any]:
    """Where a requisition stands, and which orders it became."""
    return {"state": document.state, "reasons": list(document.reasons), "orders": list(document.orders), "at": document.at}


def order_status(document: OrderStatus, call: Call) -> dict[str, Any]:
    """A change of an order's state."""
    return {"state": document.state, "reason": document.reason, "at": document.at}


def invoice_status(document: InvoiceStatus, call: Call) -> dict[str, Any]:
    """A change of an invoice's state, for spend analytics."""
    return {"state": document.state, "reasons": list(document.reasons), "orders": list(document.orders), "at": document.at}


def remittance(document: Remittance, call: Call) -> dict[str, Any]:
    """What was paid, for spend analytics."""
    return {
        "payment": document.payment,
        "supplier": document.supplier,
        "amount": money(document.amount),
        "invoices": [line.invoice for line in document.lines],
    }


def _held_state(said: Body) -> Held:
    """Whatever has a state: the last that it was told, and when people filed it, where they did."""
    return Held(reference=str(said.get("id", "")), state=str(said["state"]), at=moment(said.get("filed")))


def _held_remittance(said: Body) -> Held:
    return Held(reference=str(said["payment"]), amount=money_of(said["amount"]))


def _unjudged(document: Requisition, call: Call) -> dict[str, Any]:
    """A requisition as people filed it, before anything was said about it."""
    return {"state": ""}


SYSTEM = System(
    name="procurement_rest",
    title="Procurement suite (REST and webhooks)",
    role="procurement",
    accepts={
        ApprovalRequest: keyed(lambda document: "/v2/approval-tasks", approval_request),
        RequisitionStatus: keyed(
            lambda document: f"/v2/requisitions/{quote(document.requisition, safe='')}/status", requisition_status
        ),
        OrderStatus: keyed(lambda document: f"/v2/orders/{quote(document.order, safe='')}/status", order_status),
        InvoiceStatus: keyed(lambda document: f"/v2/invoices/{quote(document.invoice, safe='')}/status", invoice_status),
        Remittance: keyed(lambda document: "/v2/remittances", remittance),
    },
    channels=(Channel(name="webhook", transport="http", format="json"),),
    lists=(
        listed("requisitions", "/v2/requisitions", {RequisitionStatus: requisition_status, Requisition: _unjudged}, _held_state),
        listed("orders", "/v2/orders", {OrderStatus: order_status}, _held_state),
        listed("invoices", "/v2/invoices", {InvoiceStatus: invoice_status}, _held_state),
        listed("remittances", "/v2/remittances", {Remittance: remittance}, _held_remittance),
    ),
    emits=(Requisition, RequisitionCancellation, Approval),
    codes=("item", "supplier"),
    rate_per_s=300.0,
    concurrency=8,
)
