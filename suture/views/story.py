"""One line of plain words for each fact, as people would tell it."""

from __future__ import annotations

from collections.abc import Sized

from suture.journal import Event
from suture.model import (
    Approval,
    ApprovalRequest,
    CallsAnswered,
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    FunctionalAcknowledgement,
    GoodsReceipt,
    Invoice,
    InvoiceStatus,
    MatchResult,
    MessageReceived,
    OrderAcknowledgement,
    OrderStatus,
    Parked,
    PaymentInstruction,
    PaymentStatus,
    PurchaseOrder,
    ReceiptPosted,
    Reconciled,
    Remittance,
    Repaired,
    Requisition,
    RequisitionStatus,
    ShipNotice,
    TimerFired,
    Usage,
)


def tell(event: Event) -> str:
    """The fact in words; "" for facts that only the machine room cares about."""
    match event.data:
        case Decided() | MessageReceived():
            return ""
        case Requisition(id=id, requester=requester, lines=lines, origin=origin):
            why = "stock ran low" if origin == "replenishment" else f"asked for by {requester}"
            return f"requisition {id}, {_counted(lines)}, {why}"
        case RequisitionStatus(requisition=id, state=state, reasons=reasons):
            return f"requisition {id} is {_words(state)}{_because(reasons)}"
        case ApprovalRequest(id=id, role=role, amount=amount):
            return f"approval of {amount} asked of {_words(role)} ({id})"
        case Approval(approver=approver, decision=decision):
            return f"{approver} answers: {decision}"
        case PurchaseOrder(id=id, supplier=supplier):
            return f"order {id} to {supplier} over {event.data.total()}, confirmed by the ERP"
        case OrderStatus(order=id, state=state, reason=reason):
            return f"order {id} is {_words(state)}{_because((reason,) if reason else ())}"
        case OrderAcknowledgement(order=id, status=status, supplier=supplier):
            return f"{supplier} answers order {id}: {status}"
        case ShipNotice(number=number, lines=lines):
            return f"ship notice {number}, {_counted(lines)}"
        case GoodsReceipt(id=id, place=place, reverses=reverses):
            return f"receipt {id} at {place}" + (f" reverses {reverses}" if reverses else "")
        case ReceiptPosted(receipt=receipt):
            return f"receipt {receipt.id} passed its checks"
        case _:
            return _money(event) or _care(event) or f"{type(event.data).__name__} {getattr(event.data, 'id', '')}"


def _money(event: Event) -> str:
    match event.data:
        case Invoice(id=id, total=total, route=route):
            kind = "credit note" if type(event.data).__name__ == "CreditNote" else "invoice"
            return f"{kind} {id} over {total} by {route}"
        case MatchResult(invoice=id, order=order, outcome=outcome, lines=lines):
            reasons = sorted({reason for line in lines for reason in line.reasons})
            return f"invoice {id} against {order}: {outcome}{_because(tuple(reasons))}"
        case InvoiceStatus(invoice=id, state=state, reasons=reasons):
            return f"invoice {id} is {_words(state)}{_because(reasons)}"
        case PaymentInstruction(id=id, amount=amount, supplier=supplier):
            return f"payment {id} of {amount} to {supplier} instructed"
        case PaymentStatus(payment=id, status=status, code=code):
            return f"the bank says of {id}: {status} {code}".rstrip()
        case Remittance(payment=id, amount=amount):
            return f"remittance of {id}, {amount}"
        case _:
            return ""


def _care(event: Event) -> str:
    match event.data:
        case Usage(id=id, kind=kind, quantity=quantity, item=item, place=place):
            return f"usage {id}: {quantity} of {item} {kind} in {place}"
        case Delivered(document=document, instance=instance, outcome=outcome, reference=reference, reason=reason):
            number = f" as {reference}" if reference not in ("", document.id) else ""
            fate = f"{instance} has it{number}" if outcome == "done" else f"{outcome} at {instance}"
            return f"{document.type} {document.id}: {fate}{_because((reason,) if reason else ())}"
        case FunctionalAcknowledgement(reference=reference, accepted=accepted):
            return f"{event.source} {'could' if accepted else 'could not'} read {reference}"
        case Case(reason=reason, text=text, owner=owner):
            return f"exception for {_words(owner)}: {_words(reason)}: {text}"
        case CaseResolved(case=case, action=action, actor=actor):
            return f"exception {case} closed by {actor}: {action}"
        case CallsAnswered(number=number):
            return f"{number} calls answered"
        case Decision(verb=verb, actor=actor, reason=reason):
            return f"{actor} decides: {verb}{_because((reason,))}"
        case Parked(reason=reason, findings=findings):
            return f"parked: {_words(reason)}{_because(tuple(str(finding) for finding in findings[:3]))}"
        case Repaired(document=document, instance=instance, found="routed"):
            return f"{document.type} {document.id}: goes to {instance} instead"
        case Repaired(document=document, instance=instance, found=found, action=action):
            done = "sent again" if action == "resent" else "confirmed"
            return f"{document.type} {document.id}: {_words(found)} at {instance}, {done}"
        case Reconciled(instance=instance, compared=compared, differences=differences):
            return f"{instance} compared: {sum(compared.values())} documents, {sum(differences.values())} differences"
        case TimerFired(name=name):
            return f"time is up: {_words(name)}"
        case _:
            return ""


def _counted(lines: Sized) -> str:
    return f"{len(lines)} line{'' if len(lines) == 1 else 's'}"


def _words(code: str) -> str:
    return code.replace("_", " ")


def _because(reasons: tuple[str, ...]) -> str:
    return f" ({'; '.join(_words(reason) for reason in reasons)})" if any(reasons) else ""
