"""Every invoice against every order that it bills, judged again whenever order, receipt or invoice says something new.

Keyed by the order. Policies read: ``tolerances`` (see ``rules.tolerances``; without one nothing is tolerated); ``waits``:
``invoice_hours`` (240) until goods that nobody bills become an exception, ``case_hours`` (24).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, structs

from suture.journal import Event
from suture.model import (
    CreditNote,
    Decision,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Item,
    MatchedLine,
    MatchResult,
    Money,
    OrderChange,
    OrderLine,
    Policy,
    Price,
    PurchaseOrder,
    Quantity,
    ReceiptPosted,
    ReceivedLine,
    TimerFired,
)
from suture.processes.course import Course, in_force
from suture.processes.order_account import (
    Account,
    Bill,
    Change,
    Receipt,
    after_claim,
    bill_of,
    creditable,
    credits_of,
    line_accounts,
    order_lines,
)
from suture.processes.process import Effect, Emit, Example, Process, Seen, Step
from suture.processes.rehearsal import START
from suture.processes.unbilled import NAME, await_invoice, decided, overdue
from suture.rules.credits import match_credit, net
from suture.rules.duplicates import Copy, same_content, same_number
from suture.rules.matching import LineAccount, Matched, Terms, claims, match, summed
from suture.rules.tolerances import NAME as TOLERANCES
from suture.rules.tolerances import version

Claims = Mapping[int, tuple[Quantity, ...]]
Answer = tuple[Struct, Sequence[Effect]]


# -- what is heard


def ordered(state: Account, event: Event, seen: Seen) -> Answer:
    """The order is committed: bills that came before it are judged now. A second word of the same order changes nothing."""
    order = event.data
    assert isinstance(order, PurchaseOrder)
    if state.phase == "ordered":
        return state, ()
    known = structs.replace(
        state,
        phase="ordered",
        order=order.id,
        supplier=order.supplier,
        entity=order.entity,
        facility=order.facility,
        requester=order.requester,
        lines=order_lines(order.lines),
    )
    return judged(known, seen)


def changed(state: Account, event: Event, seen: Seen) -> Answer:
    """The order's new content, by version: early, late and doubled changes come to the same order."""
    change = event.data
    assert isinstance(change, OrderChange)
    if any(known.version == change.version for known in state.changes):
        return state, ()
    added = Change(change.version, change.kind == "cancel", order_lines(change.lines))
    changes = tuple(sorted((*state.changes, added), key=lambda each: each.version))
    return judged(structs.replace(state, changes=changes), seen)


def received(state: Account, event: Event, seen: Seen) -> Answer:
    """Goods came, or a receipt was undone; the reversal may be heard before what it undoes."""
    posted = event.data
    assert isinstance(posted, ReceiptPosted)
    if any(known.id == posted.id for known in state.receipts):
        return state, ()
    lines = tuple((line.line, line.quantity) for line in posted.receipt.lines)
    receipt = Receipt(posted.id, () if posted.receipt.reverses else lines, posted.receipt.reverses)
    return judged(structs.replace(state, receipts=(*state.receipts, receipt)), seen)


def billed(state: Account, event: Event, seen: Seen) -> Answer:
    """An invoice or credit note, by any route: the first copy counts, unless it was rejected and other content came after."""
    invoice = event.data
    assert isinstance(invoice, Invoice)
    known = next((bill for bill in state.bills if bill.id == invoice.id), None)
    bill = bill_of(invoice, seen.key)
    if known is None:
        return judged(structs.replace(state, bills=(*state.bills, bill)), seen)
    if not known.released or (known.lines, known.issued_on) == (bill.lines, bill.issued_on):
        return state, ()
    again = structs.replace(bill, version=known.version)
    bills = (*(each for each in state.bills if each.id != invoice.id), again)
    return judged(structs.replace(state, bills=bills), seen)


def released(state: Account, event: Event, seen: Seen) -> Answer:
    """A bill was rejected, or a copy of it that named this order was: what it held is free for others."""
    status = event.data
    assert isinstance(status, InvoiceStatus)
    if not any(bill.id == status.invoice and not bill.released for bill in state.bills):
        return state, ()
    bills = (structs.replace(bill, released=True) if bill.id == status.invoice else bill for bill in state.bills)
    return judged(structs.replace(state, bills=tuple(bills)), seen)


# -- what follows


def judged(state: Account, seen: Seen) -> Answer:
    """Judge every live bill against the facts, first come first served, and tell only what has become different.

    What matched before is served first, so that it stays matched; credit notes come last, when all that they may take back from
    is known.
    """
    course = Course(state, seen)
    accounts = line_accounts(state)
    gross = accounts
    live = sorted((bill for bill in state.bills if not bill.released), key=lambda bill: (bill.credit, bill.outcome != "matched"))
    for index, bill in enumerate(live):
        answer, claimed = _answer(state, bill, live[:index], accounts, seen)
        accounts = after_claim(accounts, claimed, answer.outcome == "matched")
        if claimed:  # what a credit note takes back has been billed
            gross = after_claim(gross, claims(bill.lines, answer.lines), passed=False)
        _tell(course, bill, answer)
    await_invoice(course, gross)
    return course.end()


def _answer(
    state: Account, bill: Bill, earlier: Sequence[Bill], accounts: Mapping[int, LineAccount], seen: Seen
) -> tuple[Matched, Claims]:
    """How one bill stands, and what it holds of each order line."""
    terms = _terms(bill, seen)
    if state.phase == "unordered":
        awaited = [MatchedLine(number=line.number, outcome="waiting", reasons=("order_unknown",)) for line in bill.lines]
        return summed(awaited, bill.currency), {}
    if bill.credit:
        return match_credit(bill.lines, creditable(bill, earlier), accounts, terms), {}
    objections = _objections(state, bill, earlier)
    lines = net(bill.lines, credits_of(state, bill), accounts, terms)
    answer = match(lines, accounts, terms, objections)
    if "quantity_over_ordered" in answer.reasons() and any(same_content(_copy(bill), _copy(other)) for other in earlier):
        objections.append("duplicate")
        answer = match(lines, accounts, terms, objections)
    if bill.outcome == "matched" or any("receipt_reversed" in line.reasons for line in bill.told):
        answer = _lost(answer)
    return answer, {} if "duplicate" in objections else claims(lines, answer.lines)


def _objections(state: Account, bill: Bill, earlier: Sequence[Bill]) -> list[str]:
    """What speaks against a bill as a whole."""
    found = [] if bill.supplier == state.supplier else ["supplier_differs"]
    if any(same_number(_copy(bill), _copy(other)) for other in earlier):
        found.append("duplicate")
    return found


def _copy(bill: Bill) -> Copy:
    return Copy(bill.number, bill.issued_on, bill.lines)


def _lost(answer: Matched) -> Matched:
    """What matched and now waits for goods has lost them again: that is no waiting, a person must know."""
    lines = tuple(
        structs.replace(line, outcome="exception", reasons=("receipt_reversed", *line.reasons))
        if line.outcome == "waiting"
        else line
        for line in answer.lines
    )
    return structs.replace(summed(lines, answer.variance.currency), variance=answer.variance)


def _tell(course: Course[Account], bill: Bill, answer: Matched) -> None:
    """Say how a bill stands, once per change of outcome or reasons (of money too, once the goods are there)."""
    if bill.version and _gist(bill.outcome, bill.told) == _gist(answer.outcome, answer.lines):
        return
    state, policy = course.state, in_force(course.seen, TOLERANCES)
    told = structs.replace(bill, version=bill.version + 1, outcome=answer.outcome, told=answer.lines)
    course.become(bills=tuple(told if each.id == bill.id else each for each in state.bills))
    result = MatchResult(
        invoice=bill.id,
        order=course.seen.key,
        version=told.version,
        outcome=answer.outcome,
        lines=answer.lines,
        at=course.seen.now,
        policy=version(policy),
        variance=answer.variance if answer.variance.amount else None,
        entity=state.entity,
        facility=state.facility,
        requester=state.requester,
    )
    course.want(Emit(document=result))


def _gist(outcome: str, lines: Sequence[MatchedLine]) -> object:
    return outcome, [(line.number, line.outcome, line.reasons, line.variance if outcome != "waiting" else None) for line in lines]


def _terms(bill: Bill, seen: Seen) -> Terms:
    items = {id: item for kind, id in seen.masters if kind == "Item" and (item := seen.one(Item, id))}
    return Terms(currency=bill.currency, supplier=bill.supplier, policy=in_force(seen, TOLERANCES), items=items)


def key_of(document: Document) -> tuple[str, ...]:
    """The orders that a document is about; of an invoice's states only a rejection or a refused copy matters here."""
    match document:
        case Invoice():
            return document.orders()
        case InvoiceStatus():
            return document.orders if document.state == "rejected" or "duplicate_invoice" in document.reasons else ()
        case OrderChange():
            return (document.order,)
        case ReceiptPosted():
            return (document.receipt.order,)
    return (str(getattr(document, "id", "")),)


def needs(state: Account, event: Event) -> list[tuple[type[Document], str]]:
    """The policies, and the items of the order, old and new."""
    told = event.data.lines if isinstance(event.data, PurchaseOrder | OrderChange) else ()
    changed_lines = (line for change in state.changes for line in change.lines)
    items = (*(line.item for line in state.lines), *(line.item for line in changed_lines), *(line.item for line in told))
    return [(Policy, TOLERANCES), (Policy, "waits"), *((Item, item) for item in dict.fromkeys(items))]


# -- the story

_EA = Quantity(Decimal(10), "EA")
_PRICE = Price(Decimal("4.00"), "USD", Quantity(Decimal(1), "EA"))
_ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="NORTH",
    facility="NSH",
    ship_to="NSH-OR",
    supplier="ALDER",
    currency="USD",
    ordered_at=START,
    lines=(OrderLine(number=1, item="GLOVE", quantity=_EA, price=_PRICE, cost_center="CC-OR"),),
)
_INVOICE = Invoice(
    number="77",
    supplier="ALDER",
    issued_on=START.date(),
    currency="USD",
    lines=(
        InvoiceLine(
            number=1, item="GLOVE", quantity=_EA, price=_PRICE, amount=Money(Decimal("40.00"), "USD"), order="PO-1", order_line=1
        ),
    ),
    total=Money(Decimal("40.00"), "USD"),
)
_RECEIPT = GoodsReceipt(
    id="GR-1", order="PO-1", place="NSH-OR", received_at=START, lines=(ReceivedLine(line=1, item="GLOVE", quantity=_EA),)
)
_UNDONE = GoodsReceipt(id="GR-2", order="PO-1", place="NSH-OR", received_at=START, lines=(), reverses="GR-1")

PROCESS = Process(
    name=NAME,
    title="Invoice, order and receipt agree",
    version=1,
    owner="ap",
    key=key_of,
    state=Account,
    on={
        PurchaseOrder: ordered,
        OrderChange: changed,
        ReceiptPosted: received,
        Invoice: billed,
        CreditNote: billed,
        InvoiceStatus: released,
        TimerFired: overdue,
        Decision: decided,
    },
    needs=needs,
    phases=("unordered", "ordered"),
    compensation={
        "ordered": "a rejected invoice gives back what it held; a reversed receipt turns what matched into an exception"
    },
    example=Example(
        text="An invoice is quicker than order and goods: it waits, matches when they are there, and no more when the "
        "receipt is reversed.",
        masters=(Item(id="GLOVE", name="Glove, nitrile, M", unit="EA"),),
        steps=(
            Step(given=_INVOICE, state="unordered", effects=("Emit MatchResult",)),
            Step(given=_ORDER, state="ordered", effects=("Emit MatchResult",)),
            Step(given=ReceiptPosted(receipt=_RECEIPT, entity="NORTH"), state="ordered", effects=("Emit MatchResult",)),
            Step(given=_INVOICE, state="ordered"),
            Step(given=ReceiptPosted(receipt=_UNDONE, entity="NORTH"), state="ordered", effects=("Emit MatchResult",)),
        ),
    ),
)
