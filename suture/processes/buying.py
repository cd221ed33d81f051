"""What is known of one requisition, and how its process speaks of it: status, orders, exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from suture.model import (
    Approval,
    ApprovalRequest,
    Case,
    Document,
    Money,
    OrderChange,
    PurchaseOrder,
    Ref,
    Requisition,
    RequisitionCancellation,
    RequisitionStatus,
)
from suture.processes.cases import case_id, close_case, deadline, open_case
from suture.processes.course import Course
from suture.processes.process import Emit, Send
from suture.rules.ordering import CANCELLATION

NAME = "requisition_to_order"

#: What whoever asked is told; with "new" and "committing" these are the phases of a requisition.
Told = Literal["awaiting_approval", "approved", "ordered", "returned", "rejected", "cancelled"]
Standing = Literal["sent", "confirmed", "refused", "withdrawn"]


class Fate(Struct, frozen=True, omit_defaults=True):
    """Where one order stands with the ERP, and why."""

    at: Standing
    reason: str = ""


class Buying(Struct, frozen=True, omit_defaults=True):
    """What is known of one requisition and of the orders that come from it."""

    phase: str = "new"
    requisition: Requisition | None = None
    #: Another content under the same number, which a person has to accept or reject.
    changed: Requisition | None = None
    cancelled: RequisitionCancellation | None = None
    orders: tuple[PurchaseOrder, ...] = ()
    fates: dict[str, Fate] = {}
    #: Questions asked so far; only an answer to the latest counts.
    asked: int = 0
    #: Answers to questions that have not been asked yet.
    early: tuple[Approval, ...] = ()
    priority: int = 5
    cases: tuple[str, ...] = ()


Turn = Course[Buying]


def tell(turn: Turn, state: Told, *reasons: str, orders: tuple[str, ...] = ()) -> None:
    """State where the requisition stands, to all who listen and to whoever asked."""
    requisition, given = requisition_of(turn), tuple(reason for reason in reasons if reason)
    status = RequisitionStatus(requisition=requisition.id, state=state, at=turn.seen.now, reasons=given, orders=orders)
    told = Send(
        role="procurement",
        document=status,
        key=requisition.id,
        facility=requisition.facility,
        entity=requisition.entity,
        priority=turn.state.priority,
    )
    turn.want(Emit(document=status), told)


def to_erp(turn: Turn, order: PurchaseOrder, document: Document) -> Send:
    """Something about an order for the ERP of the order's entity."""
    return Send(
        role="erp",
        document=document,
        key=order.id,
        supplier=order.supplier,
        facility=order.facility,
        entity=order.entity,
        priority=turn.state.priority,
    )


def cancellation(turn: Turn, order: PurchaseOrder) -> OrderChange:
    """The wish to cancel a committed order."""
    reason = turn.state.cancelled.reason if turn.state.cancelled else ""
    return OrderChange(
        order=order.id, version=CANCELLATION, supplier=order.supplier, at=turn.seen.now, kind="cancel", reason=reason
    )


def question(turn: Turn, role: str, total: Money) -> ApprovalRequest:
    """The question to somebody in ``role`` whether this may be bought."""
    requisition = requisition_of(turn)
    return ApprovalRequest(
        id=question_id(turn.state),
        subject=Ref("Requisition", requisition.id),
        requester=requisition.requester,
        role=role,
        amount=total,
        reason=f"{len(turn.state.orders)} order(s) for {requisition.ship_to}, {requisition.urgency}",
        at=turn.seen.now,
    )


def question_id(state: Buying) -> str:
    """The id of the latest question about the requisition."""
    return f"{questions(state.requisition.id)}{state.asked}" if state.requisition else ""


def questions(requisition: str) -> str:
    """What the ids of all questions about a requisition begin with."""
    return f"AR-{requisition}-"


def open_about(
    turn: Turn,
    reason: str,
    text: str,
    *,
    detail: str = "",
    actions: tuple[str, ...],
    suggestion: str,
    until: datetime | None = None,
    care: Literal["supply", "procedure"] = "supply",
) -> None:
    """Open an exception about the requisition; at stake is the money of its orders, or of the order named by ``detail``."""
    orders = turn.state.orders
    concerned = [order for order in orders if order.id == detail] or orders
    case = Case(
        id=case_id(NAME, turn.seen.key, reason, detail),
        reason=reason,
        text=text,
        objects=(Ref("Requisition", turn.seen.key), *(Ref("PurchaseOrder", order.id) for order in concerned)),
        owner="buyer",
        at=turn.seen.now,
        deadline=until or deadline(turn.seen),
        money=total_of(concerned) if concerned else None,
        care=care,
        actions=actions,
        context=_context(turn.state),
        suggestion=suggestion,
    )
    open_case(turn, case)


def close_about(turn: Turn, reason: str, detail: str = "", *, action: str) -> None:
    """Close the exception of this reason if it is open: what it was about has settled itself."""
    close_case(turn, case_id(NAME, turn.seen.key, reason, detail), action, NAME)


def _context(state: Buying) -> dict[str, str]:
    if state.requisition is None:
        return {}
    lines = [
        f"{order.id} line {line.number}: {line.quantity} of {line.item} at {line.price}, contract {line.contract or 'none'}"
        for order in state.orders
        for line in order.lines
    ]
    return {
        "requester": state.requisition.requester,
        "ship_to": state.requisition.ship_to,
        "urgency": state.requisition.urgency,
        "lines": "; ".join(lines)[:1000],
    }


def set_fate(turn: Turn, order: PurchaseOrder, at: Standing, reason: str = "") -> None:
    """Note where an order stands with the ERP."""
    turn.become(fates={**turn.state.fates, order.id: Fate(at, reason)})


def requisition_of(turn: Turn) -> Requisition:
    """The requisition; it has come before anything is said of it."""
    assert turn.state.requisition is not None
    return turn.state.requisition


def total_of(orders: Sequence[PurchaseOrder]) -> Money:
    """What the orders cost together; a requisition's orders are in one currency."""
    return sum((order.total() for order in orders[1:]), orders[0].total())
