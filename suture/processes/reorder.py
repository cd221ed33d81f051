"""When a stock crosses its reorder point: told once, ordered once, called back when the need is gone."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from suture.model import (
    Item,
    Place,
    Quantity,
    Requisition,
    RequisitionCancellation,
    RequisitionLine,
    StockLow,
    StockPolicy,
)
from suture.processes.process import Effect, Emit
from suture.processes.shelf import Shelf, Turn, close_about, masters, open_about, requisition_id
from suture.rules.sourcing import order_id
from suture.rules.stock import base, policy_fault, replenishment


def watch(turn: Turn, cause: str, *, relieved: bool = False) -> tuple[Shelf, Sequence[Effect]]:
    """Compare the stock with its reorder point: a crossing is told once and ordered once.

    ``relieved``: a usage was undone; if the need that made us order is gone with it, the order is called back.
    """
    policy, item, place = turn.state.policy, *masters(turn)
    if policy is None or item is None or place is None or not _usable(turn, policy, item):
        return turn.end()
    if not turn.state.opened:
        opening = base(policy.opening, item) if policy.opening else Decimal(0)
        turn.become(opened=True, balance=turn.state.balance + opening)
    _watch_zero(turn)
    if turn.state.balance > base(policy.reorder_point, item):
        turn.become(phase="stocked", stopped=False)
        close_about(turn, "replenishment_stopped", action="stocked")
        if relieved and turn.state.awaiting and not turn.state.arrived:
            _call_back(turn, cause)
        return turn.end()
    crossed = turn.state.phase != "low"
    turn.become(phase="low")
    again = not turn.state.awaiting and not turn.state.stopped
    if again:
        turn.become(requisitions=turn.state.requisitions + 1)
    if crossed:
        _tell_low(turn, policy, item)
    if again:
        _order(turn, policy, item, place, cause)
    return turn.end()


def _usable(turn: Turn, policy: StockPolicy, item: Item) -> bool:
    fault = policy_fault(policy, item)
    if fault:
        open_about(
            turn,
            "bad_stock_policy",
            f"the stock policy cannot be followed: {fault}",
            owner="steward",
            suggestion="publish another",
        )
    else:
        close_about(turn, "bad_stock_policy", action="mended")
    return not fault


def _watch_zero(turn: Turn) -> None:
    if turn.state.balance < 0:
        text = f"more was used than the stock is said to hold: {turn.state.balance}"
        open_about(turn, "negative_stock", text, suggestion="count the shelf and adjust the stock")
    else:
        close_about(turn, "negative_stock", action="counted")


def _tell_low(turn: Turn, policy: StockPolicy, item: Item) -> None:
    low = StockLow(
        item=policy.item,
        place=policy.place,
        balance=Quantity(turn.state.balance, item.unit),
        reorder_point=policy.reorder_point,
        at=turn.seen.now,
        requisition=requisition_id(turn.seen.key, turn.state.requisitions) if turn.state.requisitions else "",
    )
    turn.want(Emit(document=low))


def _order(turn: Turn, policy: StockPolicy, item: Item, place: Place, cause: str) -> None:
    quantity = replenishment(policy, item, turn.state.balance)
    turn.become(ordered=base(quantity, item), arrived=Decimal(0), over=False)
    line = RequisitionLine(number=1, item=item.id, supplier=policy.supplier, quantity=quantity, cost_center=policy.cost_center)
    requisition = Requisition(
        id=requisition_id(turn.seen.key, turn.state.requisitions),
        entity=place.entity,
        facility=place.facility,
        ship_to=place.id,
        requester="replenishment",
        requested_at=turn.seen.now,
        lines=(line,),
        urgency="urgent" if item.implant or turn.state.balance <= 0 else "routine",
        origin="replenishment",
        cause=cause,
    )
    turn.want(Emit(document=requisition))


def _call_back(turn: Turn, cause: str) -> None:
    turn.become(over=True)
    requisition = requisition_id(turn.seen.key, turn.state.requisitions)
    reason = f"usage {cause} was undone; the stock is above its reorder point again"
    turn.want(Emit(document=RequisitionCancellation(requisition=requisition, reason=reason, at=turn.seen.now)))


def open_order(turn: Turn) -> str:
    """The order that a receipt for the latest requisition names; empty if there never was one."""
    return order_id(requisition_id(turn.seen.key, turn.state.requisitions)) if turn.state.requisitions else ""
