"""From an invoice to its settled payment: joined from its orders' matches, accepted, posted, released, paid once, reopened.

Keyed by the invoice or credit note; a credit note also comes off the invoice that it corrects. A credit is the supplier's word
against himself: a person may accept it with its differences, nobody needs to refuse it.

Policies read: ``tolerances`` (see ``rules.tolerances``), ``payment`` (see ``rules.payments``), ``approval_limits`` (see
``rules.approvals``: who may accept what is beyond the tolerances), ``waits``: ``receipt_hours`` (240) until a wait for goods
becomes an exception, ``release_hours`` (48) until an unanswered question does, ``case_hours`` (24). Without a policy
the strictest answer holds: nothing is tolerated, nobody may accept, every payment is asked for.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal

from msgspec import structs

from suture.journal import Event
from suture.model import (
    Approval,
    BankAccount,
    ContractPrice,
    CreditNote,
    Decision,
    Delivered,
    Document,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Item,
    MatchedLine,
    MatchResult,
    Money,
    Person,
    Policy,
    Price,
    Quantity,
    Ref,
    Remittance,
    RemittedInvoice,
    Supplier,
    TimerFired,
    encode,
)
from suture.processes.acceptance import accept, due, judge, overdue, posted, reject, retry
from suture.processes.cases import close_by, reason_of, undelivered
from suture.processes.claim import (
    NAME,
    Answer,
    Claim,
    Credit,
    Turn,
    bill_of,
    note,
    owed,
    raise_case,
    stop,
    tell,
)
from suture.processes.course import Course
from suture.processes.early import ahead, keep
from suture.processes.process import Emit, Example, Process, Seen, Step
from suture.processes.rehearsal import START
from suture.processes.release import answer, balance, bounced, questions, remitted
from suture.rules.tolerances import NAME as TOLERANCES

COPIES_KEPT = 50


# -- what is heard


def billed(state: Claim, event: Event, seen: Seen) -> Answer:
    """An invoice: the first copy counts. The same again changes nothing; another one is an exception, never a second payable."""
    turn, bill = Course(state, seen), event.data
    assert isinstance(bill, Invoice)
    copy = hashlib.sha256(encode(bill)).hexdigest()[:16]
    if copy in state.copies:
        return state, ()
    turn.become(copies=(*state.copies, copy)[-COPIES_KEPT:])
    if state.bill is None:
        _take(turn, bill)
    elif state.phase == "rejected" and not state.erp and _content(bill) != _content(state.bill):
        turn.become(phase="new", results=(), accepted_by=(), accepted=None)
        _take(turn, bill)
    else:
        _double(turn, bill)
    return turn.end()


def credited(state: Claim, event: Event, seen: Seen) -> Answer:
    """A credit note under its own number goes its own way to the ledger; under the invoice's it comes off what is owed."""
    credit = event.data
    assert isinstance(credit, CreditNote)
    if seen.key == credit.id:
        return billed(state, event, seen)
    if any(known.note == credit.id for known in state.credits):
        return state, ()
    turn = Course(state, seen)
    turn.become(credits=(*state.credits, Credit(credit.id, credit.total)))
    note(turn, f"credit {credit.number} of {credit.total}")
    balance(turn)
    return turn.end()


def matched(state: Claim, event: Event, seen: Seen) -> Answer:
    """How it stands against one of its orders; an older word than the one known changes nothing."""
    result = event.data
    assert isinstance(result, MatchResult)
    if any(known.order == result.order and known.version >= result.version for known in state.results):
        return state, ()
    turn = Course(state, seen)
    turn.become(results=(*(known for known in state.results if known.order != result.order), result))
    judge(turn)
    return turn.end()


def answered(state: Claim, event: Event, seen: Seen) -> Answer:
    """Somebody releases the payment or refuses to; an answer before its question counts then, one too late changes nothing."""
    approval = event.data
    assert isinstance(approval, Approval)
    turn = Course(state, seen)
    if ahead(approval, questions(seen.key), state.asks):
        turn.become(early=keep(state.early, approval))
    elif state.phase == "releasing":
        answer(turn, approval)
    return turn.end()


def delivered(state: Claim, event: Event, seen: Seen) -> Answer:
    """The ERP has posted it, or will not; other refusals are told to operations."""
    fate = event.data
    assert isinstance(fate, Delivered)
    turn = Course(state, seen)
    if fate.role != "erp" or fate.document.type not in ("Invoice", "CreditNote"):
        undelivered(turn, NAME, fate, Ref("Invoice", seen.key))
    elif fate.outcome == "done" and state.erp != "done":
        turn.become(erp="done")
        if state.phase in ("approved", "held"):
            posted(turn)
    elif fate.outcome in ("refused", "cancelled") and state.erp == "sent":
        turn.become(erp="")
        if state.phase == "approved":
            text = f"the ERP did not post it: {fate.reason or fate.outcome}"
            stop(turn, "erp_refused", text, suggestion="mend the cause in the ERP or the master data, then retry")
    return turn.end()


def woken(state: Claim, event: Event, seen: Seen) -> Answer:
    """Goods, release or day have been waited for; a timer that is late for its phase changes nothing."""
    timer = event.data
    assert isinstance(timer, TimerFired)
    turn = Course(state, seen)
    match timer.name, state.phase:
        case "receipt_overdue", "waiting":
            overdue(turn)
        case "release_overdue", "releasing":
            text = f"nobody has released the payment of {owed(state)}"
            raise_case(turn, timer.name, text, owner="treasury", actions=("retry", "reject"), suggestion="retry to ask again")
        case "due", "posted":
            due(turn)
    return turn.end()


def decided(state: Claim, event: Event, seen: Seen) -> Answer:
    """What a person decided about an exception; a decision that the claim has left behind only closes its exception."""
    decision = event.data
    assert isinstance(decision, Decision)
    turn, (reason, _) = Course(state, seen), reason_of(decision.subject.id, NAME, seen.key)
    matters = reason in ("match_exception", "no_order", "receipt_overdue")
    if decision.verb == "accept" and matters and state.phase in ("waiting", "exception"):
        accept(turn, decision)
    elif decision.verb == "reject" and reason != "duplicate_invoice" and state.phase not in ("scheduled", "paid", "rejected"):
        reject(turn, decision)
    elif decision.verb == "retry" and state.phase in ("held", "returned", "releasing"):
        retry(turn, decision)
    else:
        close_by(turn, decision)
    return turn.end()


def settled(state: Claim, event: Event, seen: Seen) -> Answer:
    """A payment has reached the supplier."""
    remittance = event.data
    assert isinstance(remittance, Remittance)
    turn = Course(state, seen)
    remitted(turn, remittance.payment, [line for line in remittance.lines if line.invoice == seen.key])
    return turn.end()


def returned(state: Claim, event: Event, seen: Seen) -> Answer:
    """The payment did not get there, or came back."""
    status = event.data
    assert isinstance(status, InvoiceStatus)
    turn = Course(state, seen)
    bounced(turn, status.payment, status.reasons)
    return turn.end()


# -- copies


def _take(turn: Turn, bill: Invoice) -> None:
    turn.become(bill=bill)
    tell(turn, "received")
    judge(turn)
    balance(turn)


def _double(turn: Turn, bill: Invoice) -> None:
    first = bill_of(turn)
    same = "the same content" if _content(bill) == _content(first) else f"another content ({bill.total}, first {first.total})"
    only_here = tuple(order for order in bill.orders() if order not in first.orders())
    text = f"{bill.number} of {bill.supplier} came by {first.route} and again by {bill.route} with {same}; the first one counts"
    suggestion = "reject the second copy; if it is right, reject the first and ask for another number"
    raise_case(turn, "duplicate_invoice", text, actions=("reject",), suggestion=suggestion, money=bill.total)
    if only_here:  # their matches give back what the copy held
        from_copy = InvoiceStatus(
            invoice=bill.id,
            state=turn.state.told.state if turn.state.told else "received",
            at=turn.seen.now,
            reasons=("duplicate_invoice",),
            orders=only_here,
        )
        turn.want(Emit(document=from_copy))


def _content(bill: Invoice) -> bytes:
    """A bill as it reads by whatever route it came."""
    return encode(structs.replace(bill, route="edi"))


# -- what it is about, and what it looks at


def key_of(document: Document) -> tuple[str, ...]:
    """The invoices and credit notes that a document is about."""
    match document:
        case CreditNote():
            return (document.id, f"{document.supplier}:{document.corrects}") if document.corrects else (document.id,)
        case Invoice():
            return (document.id,)
        case MatchResult():
            return (document.invoice,)
        case Approval():
            return (document.subject.id,) if document.subject.type == "Invoice" else ()
        case Remittance():
            return tuple(line.invoice for line in document.lines)
        case InvoiceStatus():
            return (document.invoice,) if document.state == "returned" else ()
    return ()


def needs(state: Claim, event: Event) -> list[tuple[type[Document], str]]:
    """The policies, the supplier, the contract prices of the lines, and the person who speaks."""
    bill = event.data if isinstance(event.data, Invoice) else state.bill
    wanted: list[tuple[type[Document], str]] = [(Policy, name) for name in (TOLERANCES, "payment", "approval_limits", "waits")]
    if bill is not None:
        wanted.append((Supplier, bill.supplier))
        wanted += [(ContractPrice, f"{bill.supplier}/{item}") for item in dict.fromkeys(line.item for line in bill.lines)]
    if isinstance(event.data, Decision):
        wanted.append((Person, event.data.actor))
    approvals = [event.data] if isinstance(event.data, Approval) else state.early
    wanted += [(Person, approval.approver) for approval in approvals]
    return wanted


# -- the story

_PRICE = Price(Decimal("4.00"), "USD", Quantity(Decimal(1), "EA"))
_LINE = InvoiceLine(
    number=1,
    item="GLOVE",
    quantity=Quantity(Decimal(10), "EA"),
    price=_PRICE,
    amount=Money(Decimal("40.00"), "USD"),
    order="PO-1",
    order_line=1,
)
_INVOICE = Invoice(
    number="77",
    supplier="ALDER",
    issued_on=START.date(),
    due_on=START.date(),
    currency="USD",
    lines=(_LINE,),
    total=Money(Decimal("40.00"), "USD"),
)
_MATCHED = MatchResult(
    invoice="ALDER:77",
    order="PO-1",
    version=1,
    outcome="matched",
    lines=(MatchedLine(number=1, outcome="matched", order_line=1),),
    at=START,
    policy="tolerances/1",
    entity="NORTH",
    facility="NSH",
    requester="nurse-01",
)
_POSTED = Delivered(
    delivery="D-1",
    role="erp",
    instance="erp-north",
    document=Ref("Invoice", "ALDER:77"),
    outcome="done",
    at=START,
    reference="51000077",
)
_REMITTANCE = Remittance(
    payment="PAY-ALDER:77-1",
    supplier="ALDER",
    amount=Money(Decimal("40.00"), "USD"),
    paid_on=START.date(),
    lines=(RemittedInvoice(invoice="ALDER:77", paid=Money(Decimal("40.00"), "USD")),),
)

PROCESS = Process(
    name=NAME,
    title="From invoice to payment",
    version=1,
    owner="ap",
    key=key_of,
    state=Claim,
    on={
        Invoice: billed,
        CreditNote: credited,
        MatchResult: matched,
        Approval: answered,
        Delivered: delivered,
        TimerFired: woken,
        Decision: decided,
        Remittance: settled,
        InvoiceStatus: returned,
    },
    needs=needs,
    phases=(
        "new",
        "waiting",
        "exception",
        "approved",
        "posted",
        "held",
        "releasing",
        "scheduled",
        "paid",
        "returned",
        "rejected",
    ),
    compensation={
        "approved": "rejecting it opens an exception: the posting is reversed in the ERP by a person",
        "scheduled": "nothing is called back from the bank; a credit note or a refund sets it right",
        "paid": "a credit note that comes now is a refund due; a return reopens the invoice",
        "returned": "only a person's decision orders another payment, under a new number",
    },
    criticality="critical",
    example=Example(
        text="An invoice matches its order, is posted, is due, and is paid; its copy by the portal is an exception.",
        masters=(
            Policy(
                id="payment",
                version=1,
                effective=START - timedelta(days=1),
                author="controller",
                approver="cfo",
                values={"release_limit": {"USD": "25000"}},
            ),
            Supplier(
                id="ALDER",
                name="Alder Medical Supply Co",
                created_by="vendor-desk-1",
                account=BankAccount(holder="Alder Medical Supply Co", number="9876543210", routing="011401533"),
            ),
            Item(id="GLOVE", name="Glove, nitrile, M", unit="EA"),
        ),
        steps=(
            Step(given=_INVOICE, state="waiting", effects=("Emit InvoiceStatus", "Wait receipt_overdue")),
            Step(given=_MATCHED, state="approved", effects=("Emit InvoiceStatus", "Send erp Invoice")),
            Step(given=structs.replace(_INVOICE, route="portal"), state="approved", effects=("Raise duplicate_invoice",)),
            Step(given=_POSTED, state="scheduled", effects=("Emit PaymentInstruction", "Send ap InvoiceStatus"), to=True),
            Step(given=_REMITTANCE, state="paid", effects=("Emit InvoiceStatus", "Send procurement InvoiceStatus")),
        ),
    ),
)
