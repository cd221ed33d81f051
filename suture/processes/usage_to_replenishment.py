"""From an implant or consumable used on a patient to stock, cost and replenishment; a corrected or cancelled usage undoes it all.

Policies read: ``waits``: ``unknown_usage_hours`` (24) until a reversal whose usage never came is an exception, and ``case_hours``
(24). Without a policy ``waits`` the hours in brackets hold.
A correction to another item or place is heard under another key: it has to come as a cancellation and a new usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from suture.journal import Event
from suture.model import (
    ContractPrice,
    CostCenter,
    Decision,
    Delivered,
    Document,
    GoodsReceipt,
    InexactConversion,
    Item,
    OrderStatus,
    Place,
    Policy,
    Quantity,
    ReceiptPosted,
    ReceivedLine,
    Ref,
    RequisitionStatus,
    StockMovement,
    StockPolicy,
    TimerFired,
    UnitMismatch,
    Usage,
)
from suture.processes.cases import close_by, close_case, reason_of, undelivered, within
from suture.processes.cast import CAST, GLOVE_STOCK, MORNING, delivered, quantity
from suture.processes.course import Course
from suture.processes.process import Effect, Example, Process, Seen, Step, Wait
from suture.processes.reorder import open_order, watch
from suture.processes.shelf import (
    NAME,
    REMEMBERED,
    WAITING,
    Held,
    Shelf,
    Turn,
    Used,
    close_about,
    count_usage,
    grounds_for,
    hold,
    open_about,
    remember,
    requisition_id,
    stock_of,
    uncount_usage,
)
from suture.rules.faults import Fault
from suture.rules.stock import base, usage_faults

Answer = tuple[Shelf, Sequence[Effect]]


# -- what is heard


def stocked(state: Shelf, event: Event, seen: Seen) -> Answer:
    """A place keeps, or keeps otherwise, a stock of an item: usages that waited for this are decided again."""
    turn, policy = Course(state, seen), event.data
    assert isinstance(policy, StockPolicy)
    if policy == state.policy:
        return state, ()
    turn.become(policy=policy, phase="stocked" if state.phase == "new" else state.phase)
    for id, held in state.held.items():
        if "no_stock_policy" in held.codes and id in turn.state.held:  # a correction before it may have undone it
            close_case(turn, held.case, "stocked", NAME)
            _unhold(turn, held)
            _check(turn, held.usage)
    return watch(turn, policy.id)


def used(state: Shelf, event: Event, seen: Seen) -> Answer:
    """A usage counts once; a correction undoes the usage that it replaces, a cancellation undoes it and counts nothing."""
    turn, usage = Course(state, seen), event.data
    assert isinstance(usage, Usage)
    if len(state.held) >= WAITING or len(state.undone) >= WAITING:
        raise OverflowError(f"{WAITING} usages of {seen.key} wait already; settle some of them first")
    if usage.kind == "cancelled":
        _undo(turn, usage.reverses or usage.id, usage.id)
    elif usage.id in state.usages or usage.id in state.held:
        _compare(turn, usage)
    elif usage.id in state.undone:
        _undone_before(turn, usage)
    else:
        _check(turn, usage)
    return watch(turn, usage.id, relieved=usage.kind in ("cancelled", "corrected"))


def received(state: Shelf, event: Event, seen: Seen) -> Answer:
    """Goods came onto the shelf, or a receipt was undone; each counts once."""
    turn, posted = Course(state, seen), event.data
    assert isinstance(posted, ReceiptPosted)
    receipt = posted.receipt
    if receipt.id in state.counted:
        return state, ()
    lines = [line.quantity for line in receipt.lines if f"{line.item}@{receipt.place}" == seen.key]
    came = _total(turn, lines, receipt.id)
    if came is None:
        return turn.end()
    signed = -came if receipt.reverses else came
    _count(turn, receipt.id, signed)
    if receipt.order == open_order(turn):
        turn.become(arrived=turn.state.arrived + signed)
    return watch(turn, receipt.id)


def adjusted(state: Shelf, event: Event, seen: Seen) -> Answer:
    """The inventory counted or scrapped something; what it only echoes of usages and receipts is known already."""
    turn, movement = Course(state, seen), event.data
    assert isinstance(movement, StockMovement)
    if movement.reason not in ("adjustment", "waste") or movement.cause in state.usages or movement.id in state.counted:
        return state, ()
    moved = _total(turn, [movement.quantity], movement.id)
    if moved is None:
        return turn.end()
    _count(turn, movement.id, moved)
    return watch(turn, movement.id)


def refused(state: Shelf, event: Event, seen: Seen) -> Answer:
    """The requisition came to nothing: a person decides whether to order again, lest we ask for ever."""
    turn, status = Course(state, seen), event.data
    assert isinstance(status, RequisitionStatus)
    latest = requisition_id(seen.key, state.requisitions)
    if status.requisition == latest and status.state in ("returned", "rejected", "cancelled"):
        _stop(turn, f"requisition {latest} was {status.state}: {'; '.join(status.reasons) or 'no reason given'}")
    return turn.end()


def ended(state: Shelf, event: Event, seen: Seen) -> Answer:
    """The order ended before all of it came."""
    turn, status = Course(state, seen), event.data
    assert isinstance(status, OrderStatus)
    if status.order == open_order(turn) and status.state in ("rejected", "cancelled", "closed"):
        _stop(turn, f"order {status.order} was {status.state}")
    return turn.end()


def told(state: Shelf, event: Event, seen: Seen) -> Answer:
    """The fate of what was sent; only a refusal matters."""
    turn = Course(state, seen)
    assert isinstance(event.data, Delivered)
    undelivered(turn, NAME, event.data, Ref("Item", seen.key.rpartition("@")[0]))
    return turn.end()


def overdue(state: Shelf, event: Event, seen: Seen) -> Answer:
    """Usages were undone that never came."""
    turn, fired = Course(state, seen), event.data
    assert isinstance(fired, TimerFired)
    for original, by in state.undone.items() if fired.name == "usage" else ():
        open_about(
            turn,
            "unknown_usage",
            f"{by} undoes usage {original}, which never came",
            detail=original,
            actions=("accept", "reject"),
            suggestion="ask for the usage and accept to wait on, or reject what undoes it",
        )
    return turn.end()


def decided(state: Shelf, event: Event, seen: Seen) -> Answer:
    """A person settles an exception of ours."""
    turn, decision = Course(state, seen), event.data
    assert isinstance(decision, Decision)
    case = decision.subject.id
    if case not in state.cases:
        return state, ()
    close_by(turn, decision)
    reason, detail = reason_of(case, NAME, seen.key)
    held = next((held for held in state.held.values() if held.case == case), None)
    if held is not None:
        _unhold(turn, held)
        if decision.verb == "release":
            _check(turn, held.usage, held.codes)
        else:
            remember(turn, held.usage.id, Used(held.usage.used_at, Decimal(0), counts=False))
        return watch(turn, held.usage.id, relieved=held.usage.kind == "corrected")
    match reason, decision.verb:
        case "replenishment_stopped", "retry":
            turn.become(stopped=False)
            return watch(turn, decision.id)
        case "unknown_usage", "reject":
            turn.become(undone={id: by for id, by in state.undone.items() if id != detail})
        case "unknown_usage", _:
            turn.want(_patience(turn))
    return turn.end()


# -- the steps


def _check(turn: Turn, usage: Usage, told: tuple[str, ...] = ()) -> None:
    """Count a usage if nothing is wrong with it but what a person has let pass; else hold it, and nothing moves."""
    serials = {used.serial for id, used in turn.state.usages.items() if used.counts and id != usage.reverses}
    faults = [*usage_faults(usage, grounds_for(turn, usage), serials)]
    if turn.state.forgotten is not None and usage.used_at <= turn.state.forgotten:
        faults.append(Fault("too_old", f"older than the last {REMEMBERED} usages: it may have been counted already"))
    if any(not fault.passable or fault.code not in told for fault in faults):
        hold(turn, usage, faults, told)
        return
    if usage.kind == "corrected":
        _undo(turn, usage.reverses, usage.id)
    count_usage(turn, usage)


def _undo(turn: Turn, original: str, by: str) -> None:
    """Take a usage back, wherever it stands; a held correction takes with it what it was to replace."""
    state = turn.state
    if original in state.usages:
        if state.usages[original].counts:
            uncount_usage(turn, original, state.usages[original])
    elif original in state.held:
        held = state.held[original]
        close_case(turn, held.case, "undone", NAME)
        _unhold(turn, held)
        _undone(turn, held.usage)
    elif original not in state.undone:
        turn.become(undone={**state.undone, original: by})
        turn.want(_patience(turn))


def _undone_before(turn: Turn, usage: Usage) -> None:
    close_about(turn, "unknown_usage", usage.id, action="came")
    turn.become(undone={id: by for id, by in turn.state.undone.items() if id != usage.id})
    _undone(turn, usage)


def _undone(turn: Turn, usage: Usage) -> None:
    """A usage that never counted and never will; if it was a correction, what it replaced is wrong all the same."""
    remember(turn, usage.id, Used(usage.used_at, Decimal(0), counts=False))
    if usage.kind == "corrected" and usage.reverses not in ("", usage.id):
        _undo(turn, usage.reverses, usage.id)


def _unhold(turn: Turn, held: Held) -> None:
    turn.become(held={id: other for id, other in turn.state.held.items() if id != held.usage.id})


def _compare(turn: Turn, usage: Usage) -> None:
    """The same number again: a repeat changes nothing, another content is told and not counted."""
    known, held = turn.state.usages.get(usage.id), turn.state.held.get(usage.id)
    if held is not None and held.usage == usage:
        return
    if known is not None and (not known.counts or _same(turn, known, usage)):
        return
    text = f"usage {usage.id} came again with another content; the first one counts"
    open_about(turn, "usage_changed", text, detail=usage.id, suggestion="have it corrected or cancelled where it is documented")


def _same(turn: Turn, known: Used, usage: Usage) -> bool:
    item: Item | None = turn.seen.one(Item, usage.item)
    try:
        counted = base(usage.quantity, item) if item else None
    except (UnitMismatch, InexactConversion):
        counted = None
    return (known.quantity, known.lot, known.serial) == (counted, usage.lot, usage.serial)


def _total(turn: Turn, quantities: Sequence[Quantity], id: str) -> Decimal | None:
    """The quantities in the item's base unit; None, with an exception, where they cannot be counted."""
    item: Item | None = turn.seen.one(Item, turn.seen.key.rpartition("@")[0])
    try:
        if item is not None:
            return sum((base(each, item) for each in quantities), Decimal(0))
        fault = "the item is unknown"
    except (UnitMismatch, InexactConversion) as error:
        fault = str(error)
    open_about(
        turn,
        "not_counted",
        f"{id} was not counted: {fault}",
        detail=id,
        owner="steward",
        suggestion="mend the item, adjust the stock",
    )
    return None


def _count(turn: Turn, id: str, quantity: Decimal) -> None:
    turn.become(balance=turn.state.balance + quantity, counted=(*turn.state.counted, id)[-REMEMBERED:])


def _stop(turn: Turn, text: str) -> None:
    if not turn.state.awaiting:
        return
    turn.become(over=True, stopped=True)
    open_about(
        turn,
        "replenishment_stopped",
        f"the stock of {turn.state.balance} is not replenished: {text}",
        actions=("retry", "accept"),
        suggestion="mend the cause and retry to order again, or accept that nothing comes",
    )


def _patience(turn: Turn) -> Wait:
    return Wait(name="usage", until=turn.seen.now + within(turn.seen, "unknown_usage_hours"))


# -- the process


def key_of(document: Document) -> tuple[str, ...]:
    """The stocks that a document is about, as "item@place"; fates, timers and decisions are addressed."""
    match document:
        case Usage(item=item, place=place) | StockMovement(item=item, place=place) | StockPolicy(item=item, place=place):
            return (f"{item}@{place}",)
        case ReceiptPosted(receipt=receipt):
            return tuple(dict.fromkeys(f"{line.item}@{receipt.place}" for line in receipt.lines))
        case RequisitionStatus(requisition=number) | OrderStatus(requisition=number):
            stock = stock_of(number)
            return (stock,) if stock else ()
    return ()


def needs(state: Shelf, event: Event) -> list[tuple[type[Document], str]]:
    """Item and place, and what a usage costs: the cost centre's account and the contract prices of the stock's supplier."""
    usages = [held.usage for held in state.held.values()] + ([event.data] if isinstance(event.data, Usage) else [])
    policy = event.data if isinstance(event.data, StockPolicy) else state.policy
    wanted: list[tuple[type[Document], str]] = [(Policy, "waits")]
    for stock in (key.rpartition("@") for key in (*key_of(event.data), *(key_of(usages[0]) if usages else ()))):
        wanted += [(Item, stock[0]), (Place, stock[2])]
    if policy is not None:
        pair = f"{policy.supplier}/{policy.item}"
        wanted += [(Item, policy.item), (Place, policy.place), (CostCenter, policy.cost_center), (ContractPrice, pair)]
    wanted += [(CostCenter, usage.cost_center) for usage in usages if usage.cost_center]
    return list(dict.fromkeys(wanted))


def _usage(id: str, pieces: str, kind: str = "used", reverses: str = "") -> Usage:
    return Usage(
        id=id,
        kind=kind,  # type: ignore[arg-type]  # one of the four kinds, spelled below
        item="GLOVE-M",
        quantity=quantity(pieces),
        place="OR-1",
        used_at=MORNING,
        encounter="E4711",
        patient="P0815",
        procedure_category="cardiac",
        reverses=reverses,
    )


_COUNTED = ("Send inventory StockMovement", "Send erp Posting")
_BOXES = (ReceivedLine(line=1, item="GLOVE-M", quantity=quantity("10", "BX")),)
_RECEIPT = GoodsReceipt(id="GR-1", order="PO-RQ-GLOVE-M@OR-1-2", place="OR-1", received_at=MORNING, lines=_BOXES)

_EXAMPLE = Example(
    text="Theatre 1 keeps 500 gloves and orders at 300; one usage crosses that point, is half corrected, and the order comes.",
    masters=CAST,
    steps=(
        Step(given=GLOVE_STOCK, state="stocked"),
        Step(given=_usage("U-1", "150"), state="stocked", effects=_COUNTED),
        Step(given=_usage("U-2", "100"), state="low", effects=(*_COUNTED, "Emit StockLow", "Emit Requisition")),
        Step(given=delivered("inventory", "StockMovement", "MV-U-2"), to=True, state="low"),
        Step(
            given=_usage("U-3", "40", "corrected", "U-1"),
            state="stocked",
            effects=(*_COUNTED * 2, "Emit RequisitionCancellation"),
        ),
        Step(given=_usage("U-4", "90"), state="low", effects=(*_COUNTED, "Emit StockLow", "Emit Requisition")),
        Step(given=ReceiptPosted(receipt=_RECEIPT, entity="E-1"), state="stocked"),
    ),
)

PROCESS = Process(
    name=NAME,
    title="Usage to replenishment",
    version=1,
    owner="supply_chain",
    key=key_of,
    state=Shelf,
    on={
        StockPolicy: stocked,
        Usage: used,
        ReceiptPosted: received,
        StockMovement: adjusted,
        RequisitionStatus: refused,
        OrderStatus: ended,
        Delivered: told,
        TimerFired: overdue,
        Decision: decided,
    },
    needs=needs,
    phases=("new", "stocked", "low"),
    compensation={
        "stocked": "a cancelled or corrected usage takes back exactly its movement and its posting",
        "low": "the same; and if the need is gone with the usage, the requisition is called back",
    },
    criticality="critical",
    example=_EXAMPLE,
)
