"""One payment with the bank: sent once, followed to its settlement, told to everyone who is paid or asks; never sent again.

Keyed by the payment. Money that has left counts: a settlement outweighs a rejection, and only a return undoes it. Policy read:
``waits``: ``payment_status_hours`` (72) of silence until treasury asks the bank, ``case_hours`` (24).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from suture.journal import Event
from suture.model import (
    BankAccount,
    Case,
    Decision,
    Delivered,
    Document,
    InvoiceStatus,
    Money,
    PaymentInstruction,
    PaymentStatus,
    Policy,
    Ref,
    Remittance,
    RemittedInvoice,
    TimerFired,
)
from suture.processes.cases import case_id, close_by, close_case, deadline, open_case, reason_of, undelivered, within
from suture.processes.course import Course
from suture.processes.process import Effect, Emit, Example, Process, Seen, Send, Step, Wait
from suture.processes.rehearsal import START

NAME = "payment"
#: Phases in which the bank has not said yet what became of the money.
UNDER_WAY = ("sent", "accepted", "pending")


class Transfer(Struct, frozen=True, omit_defaults=True):
    """All that is known of one payment."""

    phase: str = "new"
    instruction: PaymentInstruction | None = None
    #: What the bank said before we knew of the payment.
    early: tuple[PaymentStatus, ...] = ()
    #: Whether the payee and the others have been told that it is paid.
    remitted: bool = False
    cases: tuple[str, ...] = ()


Turn = Course[Transfer]
Answer = tuple[Transfer, Sequence[Effect]]


# -- what is heard


def instructed(state: Transfer, event: Event, seen: Seen) -> Answer:
    """Send it to the bank, once; if the bank has spoken of it already, it has it."""
    instruction = event.data
    assert isinstance(instruction, PaymentInstruction)
    if state.instruction is not None:
        return state, ()
    turn = Course(state, seen)
    turn.become(instruction=instruction, phase="sent", early=())
    if len(instruction.invoices) != 1:
        turn.become(phase="untraceable")
        _raise(turn, "untraceable", "a payment must rest on exactly one approved invoice; this one was not sent")
        return turn.end()
    close_case(turn, case_id(NAME, seen.key, "not_ours"), "instructed", NAME)
    if state.early:
        for status in state.early:
            _heed(turn, status)
    else:
        _send(turn, "bank", instruction)
        _watch(turn)
    return turn.end()


def reported(state: Transfer, event: Event, seen: Seen) -> Answer:
    """What the bank says of it: in any order, doubled, or of a payment that we do not know."""
    status = event.data
    assert isinstance(status, PaymentStatus)
    turn = Course(state, seen)
    if state.instruction is None:
        if all((status.status, status.amount) != (known.status, known.amount) for known in state.early):
            turn.become(early=(*state.early, status))
        _raise(turn, "not_ours", f"the bank says {status.status} of a payment that nobody here ordered")
    else:
        _heed(turn, status)
    return turn.end()


def delivered(state: Transfer, event: Event, seen: Seen) -> Answer:
    """The bank has it, or will not take it: then nothing was paid, and the invoice is open again."""
    fate = event.data
    assert isinstance(fate, Delivered)
    turn = Course(state, seen)
    if fate.role != "bank":
        undelivered(turn, NAME, fate, Ref("Payment", seen.key))
    elif fate.outcome in ("refused", "cancelled") and state.phase == "sent":
        _fail(turn, "rejected", (fate.outcome,))
    return turn.end()


def woken(state: Transfer, event: Event, seen: Seen) -> Answer:
    """The bank has been silent for too long: treasury finds out; nothing is sent again."""
    timer, turn = event.data, Course(state, seen)
    assert isinstance(timer, TimerFired)
    if timer.name == "status_overdue" and state.phase in UNDER_WAY and state.instruction is not None:
        _raise(
            turn,
            "payment_unknown",
            f"the bank has not said what became of {state.instruction.amount} to {state.instruction.supplier}",
            actions=("accept", "reject"),
            suggestion="ask the bank; accept if the statement shows it, reject only if the bank confirms that it was not paid",
        )
    return turn.end()


def decided(state: Transfer, event: Event, seen: Seen) -> Answer:
    """Treasury knows from the bank what the bank did not report: paid (accept) or certainly not (reject)."""
    decision = event.data
    assert isinstance(decision, Decision)
    turn, (reason, _) = Course(state, seen), reason_of(decision.subject.id, NAME, seen.key)
    close_by(turn, decision)
    open_question = reason in ("payment_unknown", "amount_differs") and state.phase in (*UNDER_WAY, "unclear")
    if open_question and decision.verb == "accept":
        _settle(turn, "")
    elif open_question and decision.verb == "reject":
        _fail(turn, "rejected", ("not_executed",))
    return turn.end()


# -- what follows


def _heed(turn: Turn, status: PaymentStatus) -> None:
    phase = turn.state.phase
    if phase in UNDER_WAY:
        close_case(turn, case_id(NAME, turn.seen.key, "payment_unknown"), status.status, status.bank_reference or NAME)
    match status.status:
        case "accepted" | "pending" if phase in UNDER_WAY and UNDER_WAY.index(phase) < UNDER_WAY.index(status.status):
            turn.become(phase=status.status)
            _watch(turn)
        case "settled" if phase in (*UNDER_WAY, "rejected"):
            _arrive(turn, status)
        case "rejected" if phase in UNDER_WAY:
            _fail(turn, "rejected", (status.status, status.code), status)
        case "rejected" if phase in ("settled", "unclear"):
            _contradict(turn)
        case "returned" if phase not in ("returned", "untraceable") and not _differs(turn, status):
            _fail(turn, "returned", (status.status, status.code), status)


def _arrive(turn: Turn, status: PaymentStatus) -> None:
    """It has settled; after a rejection that is a contradiction, but the money has left."""
    if turn.state.phase == "rejected":
        _contradict(turn)
    if not _differs(turn, status):
        _settle(turn, status.bank_reference, status)


def _differs(turn: Turn, status: PaymentStatus) -> bool:
    """Whether the bank moved another amount than ordered, either way: treasury clears that."""
    assert turn.state.instruction is not None
    ordered = turn.state.instruction.amount
    if status.amount is None or status.amount == ordered:
        return False
    turn.become(phase="unclear")
    _raise(
        turn,
        "amount_differs",
        f"the bank {status.status} {status.amount}, ordered was {ordered}",
        actions=("accept", "reject"),
        suggestion="clear it with the bank; accept if the invoice counts as paid, reject if all of it is back",
    )
    return True


def _settle(turn: Turn, reference: str, status: PaymentStatus | None = None) -> None:
    """Paid: told once to ERP, AP, procurement and the supplier."""
    instruction = turn.state.instruction
    assert instruction is not None
    told = turn.state.remitted
    turn.become(phase="settled", remitted=True)
    turn.want(Wait(name="status_overdue", until=None))
    if told:
        return
    remittance = Remittance(
        payment=instruction.id,
        supplier=instruction.supplier,
        amount=instruction.amount,
        paid_on=(status.at if status else turn.seen.now).date(),
        lines=tuple(RemittedInvoice(invoice=invoice, paid=instruction.amount) for invoice in instruction.invoices),
        bank_reference=reference,
    )
    turn.want(Emit(document=remittance))
    for role in ("erp", "ap", "procurement", "supplier"):
        _send(turn, role, remittance)


def _fail(turn: Turn, phase: str, reasons: Sequence[str], status: PaymentStatus | None = None) -> None:
    """Not paid, or not any more: the invoice is told, which opens it again; the ERP is told what the bank said."""
    instruction = turn.state.instruction
    assert instruction is not None
    known = turn.state.phase
    turn.become(phase=phase)
    turn.want(Wait(name="status_overdue", until=None))
    if known == "rejected":  # the invoice is open already
        return
    said = tuple(reason for reason in reasons if reason)
    for invoice in instruction.invoices:
        back = InvoiceStatus(invoice=invoice, state="returned", at=turn.seen.now, reasons=said, payment=instruction.id)
        turn.want(Emit(document=back))
    _send(
        turn, "erp", status or PaymentStatus(payment=instruction.id, status="rejected", at=turn.seen.now, reason=" ".join(said))
    )


def _contradict(turn: Turn) -> None:
    _raise(
        turn,
        "contradiction",
        "the bank said both rejected and settled of one payment; it counts as settled",
        suggestion="ask the bank for the booked entry; if the invoice was paid again meanwhile, ask for the money back",
    )


def _watch(turn: Turn) -> None:
    turn.want(Wait(name="status_overdue", until=turn.seen.now + within(turn.seen, "payment_status_hours")))


def _send(turn: Turn, role: str, document: Document) -> None:
    instruction = turn.state.instruction
    assert instruction is not None
    turn.want(Send(role=role, document=document, key=turn.seen.key, entity=instruction.entity, supplier=instruction.supplier))


def _raise(turn: Turn, reason: str, text: str, *, actions: tuple[str, ...] = ("accept",), suggestion: str = "") -> None:
    instruction, seen = turn.state.instruction, turn.seen
    context = (
        {"execute on": str(instruction.execute_on), "released by": ", ".join(instruction.released_by)} if instruction else {}
    )
    case = Case(
        id=case_id(NAME, seen.key, reason),
        reason=reason,
        text=text,
        objects=instruction.refs() if instruction else (Ref("Payment", seen.key),),
        owner="treasury",
        at=seen.now,
        deadline=deadline(seen),
        money=instruction.amount if instruction else None,
        actions=actions,
        context=context,
        suggestion=suggestion,
    )
    open_case(turn, case)


# -- the story

_INSTRUCTION = PaymentInstruction(
    id="PAY-ALDER:77-1",
    entity="NORTH",
    supplier="ALDER",
    creditor=BankAccount(holder="Alder Medical Supply Co", number="9876543210", routing="011401533"),
    amount=Money(Decimal("40.00"), "USD"),
    execute_on=START.date(),
    invoices=("ALDER:77",),
)
_ACCEPTED = PaymentStatus(payment="PAY-ALDER:77-1", status="accepted", at=START)
_SETTLED = PaymentStatus(payment="PAY-ALDER:77-1", status="settled", at=START + timedelta(days=1), bank_reference="B-1")
_RETURNED = PaymentStatus(payment="PAY-ALDER:77-1", status="returned", at=START + timedelta(days=4), code="AC04")

PROCESS = Process(
    name=NAME,
    title="Payment and its settlement",
    version=1,
    owner="treasury",
    key=lambda document: (str(getattr(document, "id", "")),),
    state=Transfer,
    on={
        PaymentInstruction: instructed,
        PaymentStatus: reported,
        Delivered: delivered,
        TimerFired: woken,
        Decision: decided,
    },
    needs=lambda state, event: [(Policy, "waits")],
    phases=("new", "sent", "accepted", "pending", "unclear", "settled", "rejected", "returned", "untraceable"),
    compensation={
        "sent": "nothing is called back; in doubt the bank's word is awaited, then asked for by a person",
        "settled": "a return by the bank, or a refund by the supplier, undoes it",
    },
    criticality="critical",
    example=Example(
        text="A payment is accepted, settles, and comes back four days later: everyone is told each time, once.",
        masters=(),
        steps=(
            Step(given=_INSTRUCTION, state="sent", effects=("Send bank PaymentInstruction", "Wait status_overdue")),
            Step(given=_ACCEPTED, state="accepted", effects=("Wait status_overdue",)),
            Step(given=_SETTLED, state="settled", effects=("Emit Remittance", "Send supplier Remittance")),
            Step(given=_SETTLED, state="settled"),
            Step(given=_RETURNED, state="returned", effects=("Emit InvoiceStatus", "Send erp PaymentStatus")),
        ),
    ),
)
