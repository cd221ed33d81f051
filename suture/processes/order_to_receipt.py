"""From a committed order to goods on the shelf: told to everyone, acknowledged, shipped, received, reversed, closed.

Policies read: ``receiving``: ``over_percent`` (0); ``waits``: ``acknowledgement_hours`` (48) and ``shipment_hours`` (120, after
the day that was promised) until silence becomes an exception, ``unknown_order_hours`` (24) for what comes before its order or
its receipt, ``case_hours`` (24).
"""

from __future__ import annotations

from collections.abc import Sequence

from suture.journal import Event
from suture.model import (
    AcknowledgedLine,
    Decision,
    Delivered,
    Document,
    GoodsReceipt,
    Item,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    OrderStatus,
    Policy,
    PurchaseOrder,
    ReceivedLine,
    Ref,
    ShipNotice,
    ShippedLine,
    TimerFired,
)
from suture.processes.cases import close_by, reason_of, undelivered, within
from suture.processes.cast import CAST, MORNING, delivered, price, quantity
from suture.processes.course import Course
from suture.processes.dock import masters_of, receive, settle_parked, settle_unknown, unknown_receipts
from suture.processes.fulfilment import (
    FINAL,
    MOST,
    NAME,
    Early,
    Fulfilment,
    Parked,
    Turn,
    close_about,
    open_about,
    order_of,
    patience,
    send,
    settle,
    worth,
)
from suture.processes.process import Effect, Example, Process, Seen, Step, Wait
from suture.processes.supplier_word import announce, answer, cancel_or_close, change, settle_wish, short_close, stand_by
from suture.rules.approvals import same_person
from suture.rules.ordering import outstanding

Answer = tuple[Fulfilment, Sequence[Effect]]


# -- what is heard


def ordered(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """The ERP has committed the order: all are told, and what came before it is decided now."""
    turn, order = Course(state, seen), event.data
    assert isinstance(order, PurchaseOrder)
    if state.order is not None:
        return state, ()
    implants = any(item and item.implant for item in (seen.one(Item, line.item) for line in order.lines))
    turn.become(phase="confirmed", order=order, early=(), priority=0 if implants or order.urgency == "emergency" else 5)
    confirmed = OrderStatus(order=order.id, state="confirmed", at=seen.now, requisition=order.requisition)
    turn.want(
        send(turn, "supplier", order),
        send(turn, "procurement", confirmed),
        send(turn, "ap", order),
        Wait(name="acknowledgement", until=seen.now + within(seen, "acknowledgement_hours")),
    )
    if state.early:
        turn.want(Wait(name="order", until=None))
        close_about(turn, "unknown_order", action="ordered")
    for document in state.early:
        _decide(turn, document)
    return settle(turn)


def acknowledged(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """The supplier's answer: the latest word on each line counts, and what differs from the order is put to the buyer."""
    assert isinstance(event.data, OrderAcknowledgement)
    return _hear(state, event.data, seen)


def shipped(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """Goods are on their way: the dock learns of lots and day."""
    assert isinstance(event.data, ShipNotice)
    return _hear(state, event.data, seen)


def received(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """The dock counted something, or undoes a count: posted if it passes every check, parked with an exception if not."""
    assert isinstance(event.data, GoodsReceipt)
    return _hear(state, event.data, seen)


def changed(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """The order is to become something else, or nothing; the echo of a change that was decided here changes nothing."""
    assert isinstance(event.data, OrderChange)
    return _hear(state, event.data, seen)


def told(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """The fate of what was sent; only a refusal matters."""
    turn = Course(state, seen)
    assert isinstance(event.data, Delivered)
    undelivered(turn, NAME, event.data, Ref("PurchaseOrder", seen.key))
    return turn.end()


def overdue(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """Silence for too long: from the supplier, or from whoever should have told us of an order or a receipt."""
    turn = Course(state, seen)
    match event.data:
        case TimerFired(name="order") if state.order is None:
            _unknown_order(turn)
        case TimerFired(name="acknowledgement") if state.phase == "confirmed":
            _silent(turn, "acknowledgement_overdue", "the supplier has not answered the order", ("accept", "cancel"))
        case TimerFired(name="shipment") if state.order is not None and state.phase not in FINAL:
            _silent(turn, "shipment_overdue", "nothing more has come of what is still open", ("accept", "close", "cancel"))
        case TimerFired(name="receipt"):
            unknown_receipts(turn)
    return turn.end()


def decided(state: Fulfilment, event: Event, seen: Seen) -> Answer:
    """A person settles an exception of ours; nobody releases what they received or accepts a price for what they requested."""
    turn, decision = Course(state, seen), event.data
    assert isinstance(decision, Decision)
    case = decision.subject.id
    if case not in state.cases:
        return state, ()
    parked = next((parked for parked in state.parked.values() if parked.case == case), None)
    if conflict := _conflict(state, decision, parked):
        suggestion = "let somebody else decide it"
        open_about(turn, "sod_violation", conflict, detail=decision.id, actions=("accept",), suggestion=suggestion)
        return turn.end()
    close_by(turn, decision)
    if parked is not None:
        settle_parked(turn, parked, decision)
    elif case in state.wishes:
        settle_wish(turn, case, decision)
    else:
        _settle_silence(turn, case, decision)
    return settle(turn) if turn.state.order else turn.end()


# -- the steps


def _hear(state: Fulfilment, document: Early, seen: Seen) -> Answer:
    """Decide it, or keep it until the order comes."""
    turn = Course(state, seen)
    held = (state.early, state.heard, state.posted, state.parked, state.settled, state.awaited, state.changes)
    if sum(map(len, held)) >= MOST:
        raise OverflowError(f"{seen.key} has {MOST} documents already; no order needs more")
    if state.order is not None:
        _decide(turn, document)
        return settle(turn)
    if document not in state.early:
        turn.become(early=(*state.early, document))
    if not state.early:
        turn.want(_patience(turn))
    return turn.end()


def _decide(turn: Turn, document: Early) -> None:
    match document:
        case OrderAcknowledgement():
            answer(turn, document)
        case ShipNotice():
            announce(turn, document)
        case GoodsReceipt():
            receive(turn, document)
        case OrderChange():
            change(turn, document)


def _conflict(state: Fulfilment, decision: Decision, parked: Parked | None) -> str:
    """Why this person may not decide this: they would confirm their own deed."""
    if parked and decision.verb == "release" and same_person(decision.actor, parked.receipt.receiver):
        return f"{decision.actor} received the goods and cannot release {parked.receipt.id}"
    wish = state.wishes.get(decision.subject.id)
    if wish and decision.verb == "accept" and state.order and same_person(decision.actor, state.order.requester):
        return f"{decision.actor} requested line {wish.number} and cannot accept what the supplier makes of it"
    return ""


def _settle_silence(turn: Turn, case: str, decision: Decision) -> None:
    reason, detail = reason_of(case, NAME, turn.seen.key)
    match reason, decision.verb:
        case "cancel_too_late", "accept":
            short_close(turn, decision.reason)
        case "cancel_too_late", "reject":
            stand_by(turn, decision.reason)
        case "acknowledgement_overdue" | "shipment_overdue", "cancel":
            cancel_or_close(turn, decision.reason)
        case "shipment_overdue", "close":
            short_close(turn, decision.reason)
        case "shipment_overdue", "accept":
            turn.want(Wait(name="shipment", until=patience(turn)))
        case "unknown_order", "reject":
            turn.become(early=())
        case "unknown_order", "accept":
            turn.want(_patience(turn))
        case "unknown_receipt", _:
            settle_unknown(turn, detail, decision)


def _unknown_order(turn: Turn) -> None:
    early = turn.state.early
    open_about(
        turn,
        "unknown_order",
        f"{', '.join(str(document.refs()[0]) for document in early)} came for order {turn.seen.key}, which is unknown",
        about=early,
        owner="supply_chain",
        actions=("accept", "reject"),
        suggestion="find the order that is meant; accept to wait on, or reject what came",
    )


def _silent(turn: Turn, reason: str, text: str, actions: tuple[str, ...]) -> None:
    suggestion = f"ask the supplier; then {', '.join(actions[:-1])} (wait on, or end it with what came) or {actions[-1]}"
    left = outstanding(order_of(turn), turn.state.received(), turn.state.refused())
    open_about(turn, reason, text, money=worth(turn, left), actions=actions, suggestion=suggestion)


def _patience(turn: Turn) -> Wait:
    return Wait(name="order", until=turn.seen.now + within(turn.seen, "unknown_order_hours"))


# -- the process


def key_of(document: Document) -> tuple[str, ...]:
    """The order or orders that a document is about; fates, timers and decisions are addressed."""
    match document:
        case PurchaseOrder(id=id):
            return (id,)
        case ShipNotice():
            return document.orders()
        case OrderAcknowledgement(order=order) | GoodsReceipt(order=order) | OrderChange(order=order):
            return (order,)
    return ()


def needs(state: Fulfilment, event: Event) -> list[tuple[type[Document], str]]:
    """The policies, and the items and places of order and receipts: this one, the parked, and those that came early."""
    documents: list[Document] = [event.data, *state.early, *(parked.receipt for parked in state.parked.values())]
    if state.order is not None:
        documents.append(state.order)
    return list(dict.fromkeys([(Policy, "waits"), (Policy, "receiving"), *masters_of(documents)]))


_ORDER = PurchaseOrder(
    id="PO-R-1",
    requisition="R-1",
    entity="E-1",
    facility="F-NORTH",
    ship_to="DOCK-N",
    supplier="S-ACME",
    currency="USD",
    ordered_at=MORNING,
    requester="P-NURSE",
    lines=(
        OrderLine(
            number=1,
            item="GLOVE-M",
            quantity=quantity("40", "BX"),
            price=price("12.50"),
            cost_center="CC-SURG",
            contract="C-7",
        ),
    ),
)


def _receipt(id: str, boxes: str, place: str = "DOCK-N", reverses: str = "") -> GoodsReceipt:
    line = ReceivedLine(line=1, item="GLOVE-M", quantity=quantity(boxes, "BX"))
    return GoodsReceipt(
        id=id, order="PO-R-1", place=place, received_at=MORNING, lines=(line,), receiver="P-DOCK", reverses=reverses
    )


_STATUS = ("Emit OrderStatus", "Send procurement OrderStatus")
_POSTED = ("Emit ReceiptPosted", "Send erp GoodsReceipt", "Send ap GoodsReceipt")
_EXPECTED = "Send inventory ExpectedReceipt"

_EXAMPLE = Example(
    text="Forty boxes are ordered and shipped in two parcels; one is counted at the wrong place, and one count is undone.",
    masters=CAST,
    steps=(
        Step(
            given=_ORDER,
            state="confirmed",
            effects=(
                "Send supplier PurchaseOrder",
                "Send procurement OrderStatus",
                "Send ap PurchaseOrder",
                "Wait acknowledgement",
                _EXPECTED,
                "Wait shipment",
            ),
        ),
        Step(given=delivered("supplier", "PurchaseOrder", "PO-R-1"), to=True, state="confirmed"),
        Step(
            given=OrderAcknowledgement(
                number="1",
                order="PO-R-1",
                supplier="S-ACME",
                at=MORNING,
                status="accepted",
                lines=(AcknowledgedLine(number=1, status="accepted", quantity=quantity("40", "BX")),),
            ),
            state="acknowledged",
            effects=(*_STATUS, "Wait acknowledgement off", "Wait shipment"),
        ),
        Step(
            given=ShipNotice(
                number="A-77",
                supplier="S-ACME",
                shipped_at=MORNING,
                lines=(ShippedLine(order="PO-R-1", line=1, item="GLOVE-M", quantity=quantity("25", "BX"), lot="L-1"),),
            ),
            state="shipped",
            effects=(*_STATUS, _EXPECTED, "Wait shipment"),
        ),
        Step(
            given=_receipt("GR-1", "25"),
            state="partially_received",
            effects=(*_POSTED, *_STATUS, _EXPECTED, "Wait shipment"),
        ),
        Step(given=_receipt("GR-2", "15", place="DOCK-S"), state="partially_received", effects=("Raise wrong_place",)),
        Step(
            given=_receipt("GR-3", "15"),
            state="received",
            effects=(*_POSTED, *_STATUS, _EXPECTED, "Wait shipment off"),
        ),
        Step(
            given=_receipt("GR-4", "15", reverses="GR-3"),
            state="partially_received",
            effects=(*_POSTED, *_STATUS, _EXPECTED, "Wait shipment"),
        ),
    ),
)

PROCESS = Process(
    name=NAME,
    title="Order to receipt",
    version=1,
    owner="supply_chain",
    key=key_of,
    state=Fulfilment,
    on={
        PurchaseOrder: ordered,
        OrderAcknowledgement: acknowledged,
        ShipNotice: shipped,
        GoodsReceipt: received,
        OrderChange: changed,
        Delivered: told,
        TimerFired: overdue,
        Decision: decided,
    },
    needs=needs,
    phases=(
        "unknown",
        "confirmed",
        "acknowledged",
        "backordered",
        "shipped",
        "partially_received",
        "received",
        "rejected",
        "cancelled",
        "closed",
    ),
    compensation={
        "confirmed": "an order change cancels it at supplier and ERP, and the dock expects nothing more",
        "acknowledged": "an order change cancels it at supplier and ERP, and the dock expects nothing more",
        "backordered": "an order change cancels it or brings it down to what will come",
        "shipped": "too late to cancel: a person closes the order with what comes, or lets it stand",
        "partially_received": "a receipt is undone by its reversal; a short close ends what is still open",
        "received": "a receipt is undone by its reversal, in stock, ERP and match alike",
        "rejected": "the buyer accepts, which takes the commitment back, or insists",
        "cancelled": "final; goods that come all the same are parked",
        "closed": "final; goods that come all the same are parked",
    },
    criticality="critical",
    example=_EXAMPLE,
)
