"""What is known of the stock of one item in one place, and how its process speaks of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct, structs

from suture.model import (
    Case,
    ContractPrice,
    CostCenter,
    Document,
    Item,
    Money,
    Place,
    Posting,
    Quantity,
    Ref,
    StockMovement,
    StockPolicy,
    Usage,
)
from suture.processes.cases import case_id, close_case, deadline, open_case
from suture.processes.course import Course
from suture.processes.process import Send
from suture.rules.faults import Fault
from suture.rules.stock import Grounds, base, cost, posting_lines

NAME = "usage_to_replenishment"
#: Usages that are remembered, so that they can be undone and their repeats are known; an older one goes to a person.
REMEMBERED = 1000
#: Usages that wait for a person, and reversals that wait for their usage: one more is refused, aloud.
WAITING = 200


class Used(Struct, frozen=True, array_like=True):
    """A usage that was counted: what it moved and posted, so that exactly this can be undone. Written without field names."""

    at: datetime
    quantity: Decimal
    kind: Literal["usage", "waste"] = "usage"
    lot: str = ""
    serial: str = ""
    amount: Money | None = None
    expense: str = ""
    stock: str = ""
    cost_center: str = ""
    category: str = ""
    #: Whether it counts: neither undone, nor rejected, nor cancelled before it came.
    counts: bool = True


class Held(Struct, frozen=True, omit_defaults=True):
    """A usage that did not pass its checks, the exception that it waits for, and the faults that are told there."""

    usage: Usage
    case: str
    codes: tuple[str, ...] = ()


class Shelf(Struct, frozen=True, omit_defaults=True):
    """Facts about one item in one place; quantities are in the item's base unit."""

    phase: str = "new"
    policy: StockPolicy | None = None
    opened: bool = False
    balance: Decimal = Decimal(0)
    usages: dict[str, Used] = {}
    #: Everything used until then may have been forgotten.
    forgotten: datetime | None = None
    held: dict[str, Held] = {}
    #: Usages undone before they came, and what undid them.
    undone: dict[str, str] = {}
    #: Receipts and movements already counted, the latest.
    counted: tuple[str, ...] = ()
    #: The latest requisition: its number, what it asked for and what came of it; ``over``: nothing more is awaited of it.
    requisitions: int = 0
    ordered: Decimal = Decimal(0)
    arrived: Decimal = Decimal(0)
    over: bool = False
    #: A person decides whether to order again: the latest requisition came to nothing.
    stopped: bool = False
    cases: tuple[str, ...] = ()

    @property
    def awaiting(self) -> Decimal:
        """What is still to come of the latest requisition."""
        return Decimal(0) if self.over else max(Decimal(0), self.ordered - self.arrived)


Turn = Course[Shelf]


def requisition_id(key: str, number: int) -> str:
    """The number of a stock's n-th requisition: the stock can be read from it again."""
    return f"RQ-{key}-{number}"


def stock_of(requisition: str) -> str:
    """Which stock made the requisition of this number; empty if none did."""
    key = requisition[3:].rpartition("-")[0] if requisition.startswith("RQ-") else ""
    return key if "@" in key else ""


def grounds_for(turn: Turn, usage: Usage) -> Grounds:
    """The masters on which this usage is counted."""
    policy, seen = turn.state.policy, turn.seen
    center = usage.cost_center or (policy.cost_center if policy else "")
    return Grounds(
        policy=policy,
        item=seen.one(Item, usage.item),
        place=seen.one(Place, usage.place),
        cost_center=seen.one(CostCenter, center),
        prices=seen.all(ContractPrice, f"{policy.supplier}/{usage.item}") if policy else (),
    )


def remember(turn: Turn, id: str, used: Used) -> None:
    """Keep a usage at hand; beyond the limit the oldest is forgotten, and until when that reaches is kept."""
    usages = {**turn.state.usages, id: used}
    while len(usages) > REMEMBERED:
        oldest = next(iter(usages))
        until = usages.pop(oldest).at
        turn.become(forgotten=max(until, turn.state.forgotten or until))
    turn.become(usages=usages)


def masters(turn: Turn) -> tuple[Item | None, Place | None]:
    """Item and place of this stock, as far as they are known."""
    item, _, place = turn.seen.key.rpartition("@")
    return turn.seen.one(Item, item), turn.seen.one(Place, place)


# -- a usage and its reversal


def count_usage(turn: Turn, usage: Usage) -> None:
    """Stock goes down and cost goes to the cost centre. The usage has passed its checks."""
    grounds = grounds_for(turn, usage)
    assert grounds.item is not None
    assert grounds.cost_center is not None
    used = Used(
        at=usage.used_at,
        quantity=base(usage.quantity, grounds.item),
        kind="waste" if usage.kind == "wasted" else "usage",
        lot=usage.lot,
        serial=usage.serial,
        amount=cost(usage, grounds),
        expense=grounds.cost_center.account,
        stock=grounds.item.account,
        cost_center=grounds.cost_center.id,
        category=usage.procedure_category,
    )
    remember(turn, usage.id, used)
    _move(turn, usage.id, used, undo=False)


def uncount_usage(turn: Turn, id: str, used: Used) -> None:
    """Exactly what a usage moved and posted is taken back."""
    turn.become(usages={**turn.state.usages, id: structs.replace(used, counts=False)})
    _move(turn, id, used, undo=True)


def _move(turn: Turn, id: str, used: Used, *, undo: bool) -> None:
    item, place = _item(turn), _place(turn)
    quantity = used.quantity if undo else -used.quantity
    turn.become(balance=turn.state.balance + quantity)
    movement = StockMovement(
        id=f"MV-{id}-R" if undo else f"MV-{id}",
        item=item.id,
        place=place.id,
        quantity=Quantity(quantity, item.unit),
        reason="reversal" if undo else used.kind,
        at=turn.seen.now,
        cause=id,
        lot=used.lot,
        serial=used.serial,
    )
    turn.want(_send(turn, "inventory", movement))
    assert used.amount is not None
    amount = -used.amount if undo else used.amount
    posting = Posting(
        id=f"CP-{id}-R" if undo else f"CP-{id}",
        entity=place.entity,
        facility=place.facility,
        kind="usage_reversal" if undo else "usage",
        at=turn.seen.now,
        cause=id,
        lines=posting_lines(amount, expense=used.expense, stock=used.stock, cost_center=used.cost_center),
        procedure_category=used.category,
    )
    turn.want(_send(turn, "erp", posting))


def _send(turn: Turn, role: str, document: Document) -> Send:
    item, place = _item(turn), _place(turn)
    return Send(
        role=role,
        document=document,
        key=turn.seen.key,
        facility=place.facility,
        entity=place.entity,
        priority=0 if item.implant else 5,
    )


def _item(turn: Turn) -> Item:
    item: Item | None = turn.seen.one(Item, turn.seen.key.rpartition("@")[0])
    assert item is not None
    return item


def _place(turn: Turn) -> Place:
    place: Place | None = turn.seen.one(Place, turn.seen.key.rpartition("@")[2])
    assert place is not None
    return place


# -- exceptions


def hold(turn: Turn, usage: Usage, faults: Sequence[Fault], told: tuple[str, ...] = ()) -> None:
    """Park a usage with an exception; nothing moves. Patient and encounter stay out of what is told."""
    case = open_about(
        turn,
        faults[0].code,
        f"usage {usage.id} of {usage.quantity} of {usage.item}: " + "; ".join(fault.text for fault in faults),
        detail=usage.id,
        owner="supply_chain" if all(fault.passable for fault in faults) else "steward",
        actions=("release", "reject"),
        suggestion="mend the master data where it is wrong and release the usage, or reject it",
    )
    codes = tuple(dict.fromkeys((*told, *(fault.code for fault in faults))))
    turn.become(held={**turn.state.held, usage.id: Held(usage, case, codes)})


def open_about(
    turn: Turn,
    reason: str,
    text: str,
    *,
    detail: str = "",
    owner: str = "supply_chain",
    actions: tuple[str, ...] = ("accept",),
    suggestion: str,
) -> str:
    """Open an exception about the stock; returns its id."""
    item, place = masters(turn)
    about = (Ref("Usage", detail),) if detail else ()
    case = Case(
        id=case_id(NAME, turn.seen.key, reason, detail),
        reason=reason,
        text=text[:2000],
        objects=(*about, Ref("Item", turn.seen.key.rpartition("@")[0]), Ref("Place", turn.seen.key.rpartition("@")[2])),
        owner=owner,
        at=turn.seen.now,
        deadline=deadline(turn.seen),
        care="procedure" if item and item.implant else "supply",
        actions=actions,
        context={
            "stock": f"{turn.state.balance} {item.unit if item else ''} of {item.name if item else 'an unknown item'}",
            "place": place.name if place else "unknown",
            "awaiting": f"{turn.state.awaiting} of requisition {turn.state.requisitions}",
        },
        suggestion=suggestion,
    )
    open_case(turn, case)
    return case.id


def close_about(turn: Turn, reason: str, detail: str = "", *, action: str) -> None:
    """Close the exception of this reason if it is open: what it was about has settled itself."""
    close_case(turn, case_id(NAME, turn.seen.key, reason, detail), action, NAME)
