"""What the dock says of one order: receipts that are posted, parked, released, rejected or undone, each once."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from suture.model import Decision, Document, GoodsReceipt, Item, Place, PurchaseOrder, ReceiptPosted
from suture.processes.cases import close_case, within
from suture.processes.course import in_force
from suture.processes.fulfilment import NAME, Parked, Posted, Turn, close_about, open_about, order_of, send, worth
from suture.processes.process import Emit, Wait
from suture.rules.faults import Fault
from suture.rules.receiving import counted, receipt_faults, same_goods

#: Hours after which a reversal whose receipt has not come is an exception (policy ``waits``).
_RELEASE = "release it as it is, or reject it and have the dock send the goods back"
_MEND = "mend the master data or the order and release it, or reject it"


def receive(turn: Turn, receipt: GoodsReceipt) -> None:
    """A count is posted if it passes every check and parked if not; a repeat changes nothing, another content is told."""
    state = turn.state
    known = state.posted[receipt.id].receipt if receipt.id in state.posted else None
    known = state.parked[receipt.id].receipt if receipt.id in state.parked else known
    if known is not None and known != receipt:
        _contradicts(turn, receipt)
    elif known is not None or receipt.id in state.settled or receipt in state.awaited.values():
        return
    elif receipt.reverses:
        _reverse(turn, receipt)
    elif receipt.id in state.awaited:
        _undone_before(turn, receipt)
    elif faults := _faults(turn, receipt):
        _park(turn, receipt, faults)
    else:
        _post(turn, receipt)


def settle_parked(turn: Turn, parked: Parked, decision: Decision) -> None:
    """A person rejects a parked receipt, or releases it from the faults that were told; what nobody can let pass stays."""
    receipt = parked.receipt
    _unpark(turn, receipt.id)
    if decision.verb != "release":
        turn.become(settled=(*turn.state.settled, receipt.id))
    elif receipt.reverses:
        _reverse(turn, receipt, whole=True)
    elif faults := [fault for fault in _faults(turn, receipt) if not fault.passable or fault.code not in parked.codes]:
        _park(turn, receipt, faults, parked.codes)
    else:
        _post(turn, receipt)


def unknown_receipts(turn: Turn) -> None:
    """Reversals still wait for the receipts that they undo."""
    for original, reversal in turn.state.awaited.items():
        open_about(
            turn,
            "unknown_receipt",
            f"{reversal.id} undoes receipt {original}, which never came",
            detail=original,
            about=(reversal,),
            owner="supply_chain",
            actions=("accept", "reject"),
            suggestion="ask the dock for the receipt and accept to wait on, or reject the reversal",
        )


def settle_unknown(turn: Turn, original: str, decision: Decision) -> None:
    """A person drops a reversal whose receipt never came, or waits on."""
    if decision.verb == "reject" and original in turn.state.awaited:
        reversal = turn.state.awaited[original]
        _forget(turn, original)
        turn.become(settled=(*turn.state.settled, reversal.id))
    else:
        turn.want(_patience(turn))


def _faults(turn: Turn, receipt: GoodsReceipt) -> list[Fault]:
    state, seen, order = turn.state, turn.seen, order_of(turn)
    policy = in_force(seen, "receiving")
    found = receipt_faults(
        receipt,
        order,
        items=_items(turn, receipt),
        place=seen.one(Place, receipt.place),
        received=state.received(),
        announced=state.lots,
        policy=policy.values if policy else {},
    )
    over = [Fault(f"order_{state.ended}", f"{order.id} is {state.ended}; nothing more was expected")] if state.ended else []
    return [*over, *found]


def _items(turn: Turn, receipt: GoodsReceipt) -> dict[str, Item | None]:
    return {line.item: turn.seen.one(Item, line.item) for line in receipt.lines}


def _post(turn: Turn, receipt: GoodsReceipt) -> None:
    quantities = counted(receipt, order_of(turn), _items(turn, receipt))
    turn.become(posted={**turn.state.posted, receipt.id: Posted(receipt, quantities)})
    _tell(turn, receipt)


def _tell(turn: Turn, receipt: GoodsReceipt) -> None:
    fact = ReceiptPosted(receipt=receipt, entity=order_of(turn).entity)
    turn.want(Emit(document=fact), send(turn, "erp", receipt), send(turn, "ap", receipt))


def _park(turn: Turn, receipt: GoodsReceipt, faults: list[Fault], told: tuple[str, ...] = ()) -> None:
    passable = all(fault.passable for fault in faults)
    countable = passable and not receipt.reverses
    case = open_about(
        turn,
        faults[0].code,
        f"{receipt.id}: " + "; ".join(fault.text for fault in faults),
        detail=receipt.id,
        about=(receipt,),
        owner="supply_chain",
        money=worth(turn, counted(receipt, order_of(turn), _items(turn, receipt))) if countable else None,
        actions=("release", "reject"),
        suggestion=_RELEASE if passable else _MEND,
    )
    codes = tuple(dict.fromkeys((*told, *(fault.code for fault in faults))))
    turn.become(parked={**turn.state.parked, receipt.id: Parked(receipt, case, codes)})


def _unpark(turn: Turn, id: str) -> None:
    turn.become(parked={other: parked for other, parked in turn.state.parked.items() if other != id})


def _reverse(turn: Turn, reversal: GoodsReceipt, *, whole: bool = False) -> None:
    state, original = turn.state, reversal.reverses
    if original in state.settled or original in state.awaited:
        turn.become(settled=(*state.settled, reversal.id))
    elif original in state.parked:
        close_case(turn, state.parked[original].case, "reversed", NAME)
        _unpark(turn, original)
        turn.become(settled=(*state.settled, original, reversal.id))
    elif original not in state.posted:
        turn.become(awaited={**state.awaited, original: reversal})
        turn.want(_patience(turn))
    elif whole or same_goods(reversal, state.posted[original].receipt):
        _undo(turn, reversal)
    else:
        text = f"it undoes {original} but names other goods; a reversal undoes the whole receipt"
        _park(turn, reversal, [Fault("reversal_differs", text)])


def _undo(turn: Turn, reversal: GoodsReceipt) -> None:
    """All that the receipt did is undone: the reversal carries its lines, whatever it names itself."""
    state, original = turn.state, turn.state.posted[reversal.reverses].receipt
    turn.become(
        posted={id: posted for id, posted in state.posted.items() if id != original.id},
        settled=(*state.settled, original.id, reversal.id),
    )
    _tell(turn, structs.replace(reversal, lines=original.lines, place=original.place))


def _undone_before(turn: Turn, receipt: GoodsReceipt) -> None:
    reversal = turn.state.awaited[receipt.id]
    _forget(turn, receipt.id)
    turn.become(settled=(*turn.state.settled, receipt.id, reversal.id))


def _forget(turn: Turn, original: str) -> None:
    close_about(turn, "unknown_receipt", original, action="settled")
    turn.become(awaited={other: reversal for other, reversal in turn.state.awaited.items() if other != original})


def _contradicts(turn: Turn, receipt: GoodsReceipt) -> None:
    open_about(
        turn,
        "receipt_changed",
        f"{receipt.id} came again with another content; the first one counts",
        detail=receipt.id,
        about=(receipt,),
        owner="supply_chain",
        actions=("accept",),
        suggestion="have the dock reverse the first receipt and send the right one under a new number",
    )


def _patience(turn: Turn) -> Wait:
    return Wait(name="receipt", until=turn.seen.now + within(turn.seen, "unknown_order_hours"))


def masters_of(documents: Iterable[Document]) -> list[tuple[type[Document], str]]:
    """The items and places that receipts and orders among these documents name."""
    wanted: list[tuple[type[Document], str]] = []
    for document in documents:
        if isinstance(document, GoodsReceipt):
            wanted.append((Place, document.place))
        if isinstance(document, GoodsReceipt | PurchaseOrder):
            wanted += [(Item, line.item) for line in document.lines]
    return wanted
