"""What the supplier says of one order, and what the order becomes: answers, ship notices, changes, cancellation, short close."""

from __future__ import annotations

from suture.model import (
    AcknowledgedLine,
    Decision,
    InexactConversion,
    Item,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    ShipNotice,
    UnitMismatch,
)
from suture.processes.cases import close_case
from suture.processes.fulfilment import NAME, Said, Turn, change_to, close_about, open_about, order_of, send
from suture.processes.process import Emit
from suture.rules.ordering import as_answered, changed, in_units_of, reduced


def answer(turn: Turn, acknowledgement: OrderAcknowledgement) -> None:
    """Per line the latest word counts; what differs from the order becomes a wish that the buyer accepts or rejects."""
    if not _is_ours(turn, acknowledgement):
        return
    lines = {line.number: line for line in order_of(turn).lines}
    spoken: dict[int, tuple[AcknowledgedLine, ...]] = {}
    for said in acknowledgement.lines or _about_all(turn, acknowledgement):
        if said.number in lines:
            spoken[said.number] = (*spoken.get(said.number, ()), said)
        else:
            _unknown_line(turn, acknowledgement, said.number)
    for number, parts in spoken.items():
        known = turn.state.said.get(number)
        if known is None or known.at <= acknowledgement.at:
            _take(turn, acknowledgement, lines[number], parts)
    days = [part.ships_on for said in turn.state.said.values() for part in said.lines if part.ships_on]
    turn.become(expected_on=max(days, default=turn.state.expected_on))


def announce(turn: Turn, notice: ShipNotice) -> None:
    """Goods are on their way: lots per line, and the day; goods for an order that has ended are told."""
    order = order_of(turn)
    if not _is_ours(turn, notice):
        return
    lots = dict(turn.state.lots)
    for line in (line for line in notice.lines if line.order == order.id and line.lot):
        lots[line.line] = tuple(sorted({*lots.get(line.line, ()), line.lot}))
    turn.become(shipped=True, lots=lots, expected_on=notice.expected_on or turn.state.expected_on)
    if turn.state.ended:
        open_about(
            turn,
            "shipped_after_end",
            f"{notice.supplier} ships {order.id}, which is {turn.state.ended}",
            detail=notice.number,
            about=(notice,),
            actions=("accept",),
            suggestion="refuse the parcel at the dock, or release its receipt when it comes",
        )


def change(turn: Turn, wish: OrderChange) -> None:
    """A change is carried to supplier and ERP; what comes too late, out of order or in another unit is put to the buyer."""
    state, order = turn.state, order_of(turn)
    if wish.version in state.changes:
        return
    turn.become(changes=(*state.changes, wish.version))
    units = {line.number: line.quantity.unit for line in order.lines}
    if wish.kind == "cancel" and state.ended:
        return
    if wish.kind == "cancel" and state.moving():
        _object(turn, wish, "cancel_too_late", "goods are on their way or here", ("accept", "reject"))
    elif wish.kind == "cancel":
        cancel(turn, wish)
    elif state.ended:
        _object(turn, wish, "change_after_end", f"the order is {state.ended}", ("accept",))
    elif wish.version < max(state.changes, default=0):
        _object(turn, wish, "stale_change", f"version {max(state.changes)} was heard before it", ("accept",))
    elif any(units.get(line.number, line.quantity.unit) != line.quantity.unit for line in wish.lines):
        _object(turn, wish, "bad_unit", "a line keeps the unit in which it was ordered", ("accept",))
    else:
        _carry(turn, wish)


def cancel(turn: Turn, wish: OrderChange) -> None:
    """The order ends before anything has moved."""
    turn.become(ended="cancelled")
    _drop_wishes(turn)
    turn.want(send(turn, "supplier", wish), send(turn, "erp", wish))


def cancel_or_close(turn: Turn, reason: str) -> None:
    """End the order by a person's word: cancelled if nothing has moved, else closed with what has come."""
    if turn.state.moving():
        short_close(turn, reason)
        return
    wish = change_to(turn, (), reason, "cancel")
    turn.want(Emit(document=wish))
    cancel(turn, wish)


def short_close(turn: Turn, reason: str) -> None:
    """What has not come is no longer wanted: the order is brought down to what came, for supplier, ERP and match alike."""
    _decree(turn, reduced(order_of(turn), turn.state.received()), f"short close: {reason}")
    _drop_wishes(turn)
    turn.become(ended="closed")


def stand_by(turn: Turn, reason: str) -> None:
    """A cancellation that came too late is taken back: whoever heard it hears the order's lines again."""
    turn.want(Emit(document=change_to(turn, order_of(turn).lines, f"the order stands: {reason}")))


def settle_wish(turn: Turn, case: str, decision: Decision) -> None:
    """The buyer takes the line as the supplier would have it, or insists on what was ordered."""
    wish = turn.state.wishes[case]
    turn.become(wishes={other: line for other, line in turn.state.wishes.items() if other != case})
    line = next(line for line in order_of(turn).lines if line.number == wish.number)
    said = turn.state.said[wish.number]
    kept = tuple(part for part in said.lines if part.status != "rejected")
    turn.become(said={**turn.state.said, wish.number: Said(said.at, kept)})
    if decision.verb == "accept":
        _decree(turn, (wish,), decision.reason)
    else:
        turn.want(send(turn, "supplier", change_to(turn, (line,), f"as ordered: {decision.reason}")))


def _decree(turn: Turn, lines: tuple[OrderLine, ...], reason: str) -> None:
    """A change that is decided here: a fact for all, and carried at once."""
    decreed = change_to(turn, lines, reason[:2000])
    turn.want(Emit(document=decreed))
    _carry(turn, decreed)


def _carry(turn: Turn, wish: OrderChange) -> None:
    order = order_of(turn)
    after = changed(order, wish)
    if after != order:
        turn.become(order=after)
        turn.want(send(turn, "supplier", wish), send(turn, "erp", wish))


def _is_ours(turn: Turn, word: OrderAcknowledgement | ShipNotice) -> bool:
    """Whether this is a new word of the order's own supplier."""
    name = str(word.refs()[0])
    if name in turn.state.heard:
        return False
    turn.become(heard=(*turn.state.heard, name))
    if word.supplier == order_of(turn).supplier:
        return True
    open_about(
        turn,
        "wrong_supplier",
        f"{word.supplier} speaks of an order to {order_of(turn).supplier}; it is not heeded",
        detail=name,
        about=(word,),
        actions=("accept",),
        suggestion="tell the supplier which order it means",
    )
    return False


def _about_all(turn: Turn, acknowledgement: OrderAcknowledgement) -> tuple[AcknowledgedLine, ...]:
    """A word without lines is said of all of them."""
    status = "rejected" if acknowledgement.status == "rejected" else "accepted"
    return tuple(
        AcknowledgedLine(number=line.number, status=status, quantity=line.quantity)  # type: ignore[arg-type]  # one of two
        for line in order_of(turn).lines
    )


def _take(turn: Turn, word: OrderAcknowledgement, line: OrderLine, parts: tuple[AcknowledgedLine, ...]) -> None:
    for case, wish in turn.state.wishes.items():
        if wish.number == line.number:
            close_case(turn, case, "superseded", NAME)
    turn.become(wishes={case: wish for case, wish in turn.state.wishes.items() if wish.number != line.number})
    item, kept = turn.seen.one(Item, line.item), list[AcknowledgedLine]()
    for part in parts:
        try:
            kept.append(in_units_of(line, part, item))
        except (UnitMismatch, InexactConversion) as error:
            _object(turn, word, "bad_unit", f"line {line.number}: {error}", ("accept",))
    turn.become(said={**turn.state.said, line.number: Said(word.at, tuple(kept))})
    for part in kept:
        _wish(turn, word, line, part, item)


def _wish(turn: Turn, word: OrderAcknowledgement, line: OrderLine, said: AcknowledgedLine, item: Item | None) -> None:
    wanted = as_answered(line, said)
    if wanted == line or turn.state.ended:
        return
    known = "a known substitute" if item and wanted.item in item.substitutes else "not listed as a substitute"
    instead = f"{wanted.item} ({known})" if wanted.item != line.item else line.item
    case = open_about(
        turn,
        "line_rejected" if said.status == "rejected" else said.status,
        f"line {line.number}: {line.quantity} of {line.item} at {line.price} was ordered; "
        f"{word.supplier} would make it {wanted.quantity} of {instead} at {wanted.price}",
        detail=str(line.number),
        about=(word,),
        money=abs(wanted.value() - line.value()).rounded() if wanted.price.currency == line.price.currency else line.value(),
        actions=("accept", "reject"),
        suggestion="accept to change the order, or reject to insist on what was ordered",
    )
    turn.become(wishes={**turn.state.wishes, case: wanted})


def _unknown_line(turn: Turn, word: OrderAcknowledgement, number: int) -> None:
    _object(turn, word, "unknown_line", f"the order has no line {number}", ("accept",))


def _object(turn: Turn, word: OrderAcknowledgement | OrderChange, reason: str, text: str, actions: tuple[str, ...]) -> None:
    accepts = "accept to close the order with what has come, or reject to let it stand"
    open_about(
        turn,
        reason,
        f"{word.id} was not carried out: {text}",
        detail=word.id,
        about=(word,),
        actions=actions,
        suggestion=accepts if "reject" in actions else "make a new change of the order if it is still wanted",
    )


def _drop_wishes(turn: Turn) -> None:
    for case in turn.state.wishes:
        close_case(turn, case, "ended", NAME)
    turn.become(wishes={})
    for reason in ("acknowledgement_overdue", "shipment_overdue"):
        close_about(turn, reason, action="ended")
