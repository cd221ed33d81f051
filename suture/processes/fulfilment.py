"""What is known of one order on its way from supplier to shelf, and how its process speaks of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from suture.model import (
    AcknowledgedLine,
    Case,
    Document,
    ExpectedReceipt,
    GoodsReceipt,
    Money,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    OrderState,
    OrderStatus,
    PurchaseOrder,
    Quantity,
    Ref,
    ShipNotice,
)
from suture.processes.cases import case_id, close_case, deadline, open_case, within
from suture.processes.course import Course
from suture.processes.process import Effect, Emit, Send, Wait
from suture.rules.ordering import outstanding, rejected, standing
from suture.rules.receiving import expected_lines

NAME = "order_to_receipt"
#: In these nothing more is awaited.
FINAL = ("received", "rejected", "cancelled", "closed")
#: Documents of one order that are kept at most: one more is refused, aloud.
MOST = 1000
_NOTHING = Decimal(0)

Early = OrderAcknowledgement | ShipNotice | GoodsReceipt | OrderChange


class Said(Struct, frozen=True, omit_defaults=True):
    """The supplier's latest word on one line, and when it was said."""

    at: datetime
    lines: tuple[AcknowledgedLine, ...] = ()


class Posted(Struct, frozen=True, omit_defaults=True):
    """A receipt that counts, and what it counts per order line in the line's unit."""

    receipt: GoodsReceipt
    counted: dict[int, Decimal] = {}


class Parked(Struct, frozen=True):
    """A receipt that did not pass its checks, the exception that it waits for, and the faults that are told there."""

    receipt: GoodsReceipt
    case: str
    codes: tuple[str, ...] = ()


class Fulfilment(Struct, frozen=True, omit_defaults=True):
    """Facts about one order; where it stands and what is still expected is drawn from them each time."""

    phase: str = "unknown"
    #: As changed so far.
    order: PurchaseOrder | None = None
    priority: int = 5
    #: What came before the order.
    early: tuple[Early, ...] = ()
    #: Acknowledgements and ship notices already heard.
    heard: tuple[str, ...] = ()
    said: dict[int, Said] = {}
    shipped: bool = False
    lots: dict[int, tuple[str, ...]] = {}
    expected_on: date | None = None
    posted: dict[str, Posted] = {}
    parked: dict[str, Parked] = {}
    #: Receipts that count no more: rejected, reversed, and the reversals themselves.
    settled: tuple[str, ...] = ()
    #: Reversals that came before the receipt that they undo, by its id.
    awaited: dict[str, GoodsReceipt] = {}
    expected: ExpectedReceipt | None = None
    #: Versions of order changes heard or made.
    changes: tuple[int, ...] = ()
    #: What a line would become if an open exception is accepted.
    wishes: dict[str, OrderLine] = {}
    ended: Literal["", "cancelled", "closed"] = ""
    cases: tuple[str, ...] = ()

    def received(self) -> dict[int, Decimal]:
        """What was received per line, in the line's unit."""
        total: dict[int, Decimal] = {}
        for posted in self.posted.values():
            for number, quantity in posted.counted.items():
                total[number] = total.get(number, _NOTHING) + quantity
        return total

    def refused(self) -> dict[int, Decimal]:
        """What the supplier will not deliver per line, in the line's unit."""
        return {number: rejected(said.lines) for number, said in self.said.items()}

    def moving(self) -> bool:
        """Whether goods have left the supplier, as far as anybody has told us."""
        return self.shipped or bool(self.posted) or bool(self.parked)


Turn = Course[Fulfilment]


# -- what is known


def order_of(turn: Turn) -> PurchaseOrder:
    """The order; it has come before anything is decided about it."""
    assert turn.state.order is not None
    return turn.state.order


def stands(turn: Turn, received: Mapping[int, Decimal], refused: Mapping[int, Decimal]) -> OrderState:
    """Where the order stands now."""
    state, order = turn.state, order_of(turn)
    if state.ended:
        return state.ended
    waiting = [number for number, said in state.said.items() if any(part.status == "backordered" for part in said.lines)]
    left = outstanding(order, received, refused) if waiting else {}
    return standing(
        order,
        received,
        refused,
        acknowledged=bool(state.said),
        backordered=any(left.get(number) for number in waiting),
        shipped=state.shipped,
    )


# -- what is said


def settle(turn: Turn) -> tuple[Fulfilment, Sequence[Effect]]:
    """Tell what has changed, each once: the order's state, what is still expected, and how long we wait for it."""
    received, refused = turn.state.received(), turn.state.refused()
    order, before, now = order_of(turn), turn.state.phase, stands(turn, received, refused)
    if now != before:
        turn.become(phase=now)
        status = OrderStatus(order=order.id, state=now, at=turn.seen.now, requisition=order.requisition)
        turn.want(Emit(document=status), send(turn, "procurement", status))
        if before == "confirmed":
            turn.want(Wait(name="acknowledgement", until=None))
            close_about(turn, "acknowledgement_overdue", action=now)
    changed = expect(turn, received, refused)
    if now in FINAL and before not in FINAL:
        turn.want(Wait(name="shipment", until=None))
        close_about(turn, "shipment_overdue", action=now)
    elif now not in FINAL and (changed or now != before):
        turn.want(Wait(name="shipment", until=patience(turn)))
    return turn.end()


def expect(turn: Turn, received: Mapping[int, Decimal], refused: Mapping[int, Decimal]) -> bool:
    """Tell the dock what is still to come, if that has changed; whether it has."""
    order, known = order_of(turn), turn.state.expected
    lines = () if turn.state.ended else expected_lines(order, received, refused, turn.state.lots)
    expected = ExpectedReceipt(
        order=order.id,
        version=known.version + 1 if known else 1,
        place=order.ship_to,
        supplier=order.supplier,
        lines=lines,
        expected_on=turn.state.expected_on or order.needed_by,
    )
    if known and (known.lines, known.expected_on) == (expected.lines, expected.expected_on):
        return False
    turn.become(expected=expected)
    turn.want(send(turn, "inventory", expected))
    return True


def patience(turn: Turn) -> datetime:
    """Until when silence is no reason to worry: some hours after now, or after the end of the day that was promised."""
    day = turn.state.expected_on or order_of(turn).needed_by
    promised = datetime.combine(day, time(), UTC) + timedelta(days=1) if day else turn.seen.now
    return max(promised, turn.seen.now) + within(turn.seen, "shipment_hours")


def send(turn: Turn, role: str, document: Document) -> Send:
    """Something about the order, to whoever plays ``role`` for its facility, entity and supplier."""
    order = order_of(turn)
    return Send(
        role=role,
        document=document,
        key=order.id,
        supplier=order.supplier,
        facility=order.facility,
        entity=order.entity,
        priority=turn.state.priority,
    )


def change_to(turn: Turn, lines: tuple[OrderLine, ...], reason: str, kind: Literal["change", "cancel"] = "change") -> OrderChange:
    """The next version of the order, decided here: its echo changes nothing."""
    order, version = order_of(turn), max(turn.state.changes, default=0) + 1
    turn.become(changes=(*turn.state.changes, version))
    return OrderChange(
        order=order.id, version=version, supplier=order.supplier, at=turn.seen.now, kind=kind, lines=lines, reason=reason
    )


# -- exceptions


def open_about(
    turn: Turn,
    reason: str,
    text: str,
    *,
    detail: str = "",
    about: Iterable[Document] = (),
    owner: str = "buyer",
    money: Money | None = None,
    actions: tuple[str, ...],
    suggestion: str,
) -> str:
    """Open an exception about the order; returns its id."""
    case = Case(
        id=case_id(NAME, turn.seen.key, reason, detail),
        reason=reason,
        text=text[:2000],
        objects=tuple(dict.fromkeys((Ref("PurchaseOrder", turn.seen.key), *(document.refs()[0] for document in about)))),
        owner=owner,
        at=turn.seen.now,
        deadline=deadline(turn.seen),
        money=money,
        care="supply" if turn.state.priority else "procedure",
        actions=actions,
        context=_context(turn),
        suggestion=suggestion,
    )
    open_case(turn, case)
    return case.id


def close_about(turn: Turn, reason: str, detail: str = "", *, action: str) -> None:
    """Close the exception of this reason if it is open: what it was about has settled itself."""
    close_case(turn, case_id(NAME, turn.seen.key, reason, detail), action, NAME)


def worth(turn: Turn, quantities: dict[int, Decimal]) -> Money:
    """What these quantities of the order's lines cost."""
    order = order_of(turn)
    total = Money(Decimal(0), order.currency)
    for line in order.lines:
        total = total + line.price.of(Quantity(quantities.get(line.number, Decimal(0)), line.quantity.unit)).rounded()
    return total


def _context(turn: Turn) -> dict[str, str]:
    order, received = turn.state.order, turn.state.received()
    if order is None:
        return {"early": ", ".join(str(document.refs()[0]) for document in turn.state.early)[:1000]}
    lines = [
        f"{line.number}: {line.quantity} of {line.item} at {line.price}, contract {line.contract or 'none'}, "
        f"received {received.get(line.number, 0)}"
        for line in order.lines
    ]
    return {
        "order": f"{order.id} to {order.supplier} for {order.ship_to}, {turn.state.phase}",
        "lines": "; ".join(lines)[:1000],
        "receipts": ", ".join(turn.state.posted)[:1000],
        "requester": order.requester,
    }
