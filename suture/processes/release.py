"""The release of a posted invoice: due, asked for where the limits want it, paid once, and what became of the money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from suture.model import (
    Approval,
    ApprovalRequest,
    Money,
    PaymentInstruction,
    Person,
    Ref,
    RemittedInvoice,
    Supplier,
)
from suture.processes.cases import close_case, reason_of, within
from suture.processes.claim import (
    NAME,
    Claim,
    Paying,
    Turn,
    bill_of,
    clear,
    creator_of,
    entity_of,
    note,
    owed,
    raise_case,
    requesters_of,
    stop,
    tell,
)
from suture.processes.course import in_force
from suture.processes.early import answers
from suture.processes.process import Ask, Emit, Wait
from suture.rules.approvals import same_person
from suture.rules.payments import (
    due_at,
    duty_conflict,
    payee_fault,
    payment_id,
    release_fault,
    release_role,
    releases_needed,
)


def terms_of(turn: Turn) -> Mapping[str, Any]:
    """The values of the policy ``payment`` in force."""
    policy = in_force(turn.seen, "payment")
    return policy.values if policy else {}


def live(state: Claim) -> list[Paying]:
    """The payments that are under way or settled."""
    return [paying for paying in state.payments if paying.state != "returned"]


def await_due(turn: Turn) -> None:
    """Posted: wait for the due day, or pay at once if it has come."""
    due = due_at(bill_of(turn), turn.seen.one(Supplier, bill_of(turn).supplier))
    if turn.seen.now < due:
        turn.want(Wait(name="due", until=due))
    else:
        release(turn)


def release(turn: Turn) -> None:
    """Pay, unless it is paid, nothing is left to pay, the payee cannot be paid, or people have to release it first."""
    supplier: Supplier | None = turn.seen.one(Supplier, bill_of(turn).supplier)
    amount = owed(turn.state)
    if live(turn.state) or not amount.amount:
        _settled(turn)
        return
    fault = payee_fault(supplier, entity_of(turn.state))
    if fault is not None or supplier is None:
        code, text = (fault.code, fault.text) if fault else ("supplier_unknown", "the supplier is not known")
        stop(turn, code, text, owner="steward", suggestion="mend the supplier's record, then retry")
        return
    needed = releases_needed(terms_of(turn), amount)
    if len(turn.state.released_by) < needed:
        _ask(turn, amount, needed)
    else:
        _pay(turn, supplier, amount)


def _settled(turn: Turn) -> None:
    """Nothing is left to pay: credits took all of it, or a payment that we did not order did."""
    paid = next((paying.id for paying in live(turn.state)), "")
    turn.become(phase="paid")
    clear(turn, "paid")
    tell(turn, "paid", () if paid else ("credited",), paid)


def _ask(turn: Turn, amount: Money, needed: int) -> None:
    bill, state = bill_of(turn), turn.state
    turn.become(phase="releasing", asks=state.asks + 1)
    request = ApprovalRequest(
        id=f"{questions(bill.id)}{turn.state.asks}",
        subject=Ref("Invoice", bill.id),
        requester=next(iter(requesters_of(state)), NAME),
        role=release_role(terms_of(turn)),
        amount=amount,
        reason=f"release the payment of {bill.number} to {bill.supplier}: {len(state.released_by) + 1} of {needed}",
        at=turn.seen.now,
    )
    facility = next((result.facility for result in state.results if result.facility), "")
    turn.want(Ask(request=request, via="ap", entity=entity_of(state), facility=facility))
    turn.want(Wait(name="release_overdue", until=turn.seen.now + within(turn.seen, "release_hours")))
    for known in answers(turn.state.early, request.id):
        if turn.state.phase == "releasing":
            answer(turn, known)


def questions(claim: str) -> str:
    """What the ids of all questions about the release of a claim begin with."""
    return f"{claim}/release/"


def answer(turn: Turn, approval: Approval) -> None:
    """One person's answer to the question; one that does not count is told, and somebody else is asked."""
    state = turn.state
    if approval.decision == "reject":
        turn.want(Wait(name="release_overdue", until=None))
        text = f"{approval.approver} refused to release it: {approval.reason or 'no reason given'}"
        stop(turn, "release_refused", text, suggestion="clear it with treasury, then retry, or reject the invoice")
        return
    before = (*state.accepted_by, *state.released_by)
    fault = duty_conflict(approval.approver, creator_of(turn), requesters_of(state), before)
    person: Person | None = turn.seen.one(Person, approval.approver)
    fault = fault or release_fault(terms_of(turn), owed(state), approval.approver, person, entity_of(state))
    if fault is None:
        turn.become(released_by=(*state.released_by, approval.approver))
        note(turn, f"released by {approval.approver}")
    else:
        raise_case(turn, fault.code, fault.text, owner="treasury", detail=approval.approver, suggestion="somebody else is asked")
    release(turn)


def tainted(turn: Turn) -> bool:
    """Drop whoever created the supplier from those who accepted or released; whether there was somebody to drop."""
    state, creator = turn.state, creator_of(turn)
    found = [actor for actor in (*state.accepted_by, *state.released_by) if creator and same_person(actor, creator)]
    for actor in dict.fromkeys(found):
        text = f"{actor} created the supplier and approved its invoice: that approval does not count"
        raise_case(turn, "sod_violation", text, owner="treasury", detail=actor, suggestion="have another person approve it")
    if found:
        turn.become(
            accepted_by=tuple(actor for actor in state.accepted_by if actor not in found),
            released_by=tuple(actor for actor in state.released_by if actor not in found),
        )
    return bool(found)


def _pay(turn: Turn, supplier: Supplier, amount: Money) -> None:
    assert supplier.account is not None
    bill, state = bill_of(turn), turn.state
    id = payment_id(bill.id, len(state.payments) + 1)
    instruction = PaymentInstruction(
        id=id,
        entity=entity_of(state),
        supplier=bill.supplier,
        creditor=supplier.account,
        amount=amount,
        execute_on=turn.seen.now.date(),
        invoices=(bill.id,),
        released_by=tuple(dict.fromkeys((*state.accepted_by, *state.released_by))),
        text=" ".join((f"Invoice {bill.number}", *(f"less {credit.note.split(':', 1)[-1]}" for credit in state.credits)))[:140],
    )
    turn.become(phase="scheduled", payments=(*state.payments, Paying(id, amount)))
    clear(turn, "paid")
    turn.want(Wait(name="release_overdue", until=None), Emit(document=instruction))
    tell(turn, "scheduled", (), id)


# -- what became of the money


def remitted(turn: Turn, payment: str, lines: Sequence[RemittedInvoice]) -> None:
    """A payment has settled; one that we did not order, or of another amount, is an exception, but the money is gone."""
    paid = sum((line.paid.amount for line in lines), Decimal(0))
    known = next((paying for paying in turn.state.payments if paying.id == payment), None)
    if known is not None and known.state == "settled":
        return
    settled = Paying(payment, Money(paid, lines[0].paid.currency), "settled")
    if known is None or known.amount != settled.amount:
        ordered = f"ordered {known.amount}" if known else "not ordered by this invoice"
        text = f"the remittance of payment {payment} says {settled.amount}, {ordered}"
        raise_case(turn, "unmatched_remittance", text, owner="treasury", detail=payment, objects=(Ref("Payment", payment),))
    others = tuple(paying for paying in turn.state.payments if paying.id != payment)
    turn.become(payments=(*others, settled))
    if turn.state.phase in ("scheduled", "returned", "paid"):
        turn.become(phase="paid")
        clear(turn, "settled")
        tell(turn, "paid", (), payment)
    balance(turn)


def bounced(turn: Turn, payment: str, reasons: Sequence[str]) -> None:
    """A payment came back: the invoice is open again, and only a person orders another payment."""
    state = turn.state
    if not any(paying.id == payment and paying.state != "returned" for paying in state.payments):
        return
    turn.become(
        payments=tuple(structs.replace(paying, state="returned") if paying.id == payment else paying for paying in state.payments)
    )
    if under_way := live(turn.state):
        settled = any(paying.state == "settled" for paying in under_way)
        turn.become(phase="paid" if settled else "scheduled")
    elif state.phase != "rejected":
        turn.become(phase="returned")
        tell(turn, "returned", reasons, payment, emit=False)
        raise_case(
            turn,
            "payment_returned",
            f"payment {payment} came back: {' '.join(reasons)}",
            actions=("retry", "reject"),
            suggestion="check the account with the supplier by a known telephone number, then retry, or reject the invoice",
            money=owed(turn.state),
            objects=(Ref("Payment", payment),),
        )
    balance(turn)


def balance(turn: Turn) -> None:
    """More is paid or under way than is owed after credits: a refund is due; it is over when the balance is even again."""
    state, bill = turn.state, turn.state.bill
    if bill is None:
        return
    out = sum((paying.amount.amount for paying in live(state) if paying.amount.currency == bill.currency), Decimal(0))
    back = sum((credit.amount.amount for credit in state.credits if credit.amount.currency == bill.currency), Decimal(0))
    due = Money(out if state.phase == "rejected" else out + back - bill.total.amount, bill.currency)
    text = f"{due} more is paid or credited than was billed"
    if due.amount > 0:
        raise_case(
            turn,
            "refund_due",
            text,
            detail=f"{due.amount:f}",
            suggestion="ask the supplier for a refund, or set it against the next invoice",
            money=due,
        )
    for case in state.cases:
        reason, amount = reason_of(case, NAME, turn.seen.key)
        if reason == "refund_due" and amount != f"{due.amount:f}":
            close_case(turn, case, "superseded", NAME)
