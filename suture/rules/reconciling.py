"""Reconciling: what a counterpart says that it holds, against what we believe, one judgement for each reference.

The policy ``reconciliation`` reads (these are the defaults)::

    {"missing_there": "resend", "held_but_open": "confirm", "missing_here": "raise", "doubled": "raise",
     "different_amount": "raise", "different_lines": "raise", "different_state": "raise", "held_but_refused": "raise",
     "supplier_differs": "raise", "supplier_missing": "raise",
     "grace_minutes": "5", "resends": "1", "resends_most": "50"}

``raise`` asks a person, ``count`` only counts. ``grace_minutes``: what ended later than that before the listing is still on its
way. ``resends``: how often one document goes again. ``resends_most``: if more are missing, nothing goes again until a person
has said so, for then it is more likely that the list is wrong than that so much was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from suture.model import Held, Money

Kind = Literal[
    "missing_there",
    "missing_here",
    "doubled",
    "different_amount",
    "different_lines",
    "different_state",
    "held_but_open",
    "held_but_refused",
    "supplier_differs",
    "supplier_missing",
]
Action = Literal["resend", "confirm", "raise", "count"]

#: What policy may say of each kind of difference; the first is the default.
ACTIONS: Mapping[Kind, tuple[Action, ...]] = {
    "missing_there": ("resend", "raise", "count"),
    "missing_here": ("raise", "count"),
    "doubled": ("raise", "count"),
    "different_amount": ("raise", "count"),
    "different_lines": ("raise", "count"),
    "different_state": ("raise", "count"),
    "held_but_open": ("confirm", "raise", "count"),
    "held_but_refused": ("raise", "count"),
    "supplier_differs": ("raise", "count"),
    "supplier_missing": ("raise", "count"),
}
CANCELLED = "cancelled"


class Ours(Struct, frozen=True, kw_only=True):
    """What we believe about one reference.

    ``settled`` is what the counterpart should hold after everything that was delivered; None if nothing was. ``open`` is what
    it should hold if the first, the first two, ... of the deliveries without an end had arrived as well.
    """

    settled: Held | None = None
    open: tuple[Held, ...] = ()
    #: Something about it is on its way just now: no judgement today.
    moving: bool = False


class Difference(Struct, frozen=True, kw_only=True):
    """One reference on which the counterpart and we do not agree; ``arrived`` counts open deliveries that are there."""

    kind: Kind
    reference: str
    ours: Held | None = None
    theirs: tuple[Held, ...] = ()
    money: Money | None = None
    arrived: int = 0


def compare(ours: Mapping[str, Ours], theirs: Iterable[Held]) -> tuple[Difference, ...]:
    """Every difference, in order of reference. A row without a reference of ours goes by its own number."""
    rows: dict[str, list[Held]] = {}
    for row in theirs:
        rows.setdefault(row.reference or row.number, []).append(row)
    judged = (judge(name, ours.get(name), tuple(rows.get(name, ()))) for name in sorted({*ours, *rows}))
    return tuple(difference for difference in judged if difference is not None)


def judge(reference: str, ours: Ours | None, theirs: tuple[Held, ...]) -> Difference | None:
    """The difference about one reference, or None where there is none or it is too early to tell."""
    if ours is None:
        return _difference("missing_here", reference, None, theirs, _sum(theirs)) if theirs else None
    if ours.moving:
        return None
    if len(theirs) > 1:
        return _difference("doubled", reference, ours.settled, theirs, _sum(theirs[1:]))
    if not theirs:
        return _absent(reference, ours.settled)
    return _present(reference, ours, theirs[0])


def _absent(reference: str, settled: Held | None) -> Difference | None:
    if settled is None or settled.state == CANCELLED:
        return None
    return _difference("missing_there", reference, settled, (), settled.amount)


def _present(reference: str, ours: Ours, row: Held) -> Difference | None:
    if ours.settled is not None and differs(ours.settled, row) is None:
        return None
    for count, arrived in enumerate(ours.open, start=1):
        if differs(arrived, row) is None:
            return Difference(
                kind="held_but_open", reference=reference, ours=arrived, theirs=(row,), money=row.amount, arrived=count
            )
    expected = ours.settled or (ours.open[-1] if ours.open else None)
    if expected is None:
        return _difference("held_but_refused", reference, None, (row,), row.amount)
    kind = differs(expected, row)
    assert kind is not None
    return _difference(kind, reference, expected, (row,), _gap(expected.amount, row.amount))


def differs(expected: Held, row: Held) -> Literal["different_state", "different_lines", "different_amount"] | None:
    """In what two views of one document differ, the gravest first; what either does not tell is not compared."""
    if expected.state and row.state and expected.state != row.state:
        return "different_state"
    if expected.lines is not None and row.lines is not None and _nonzero(expected.lines) != _nonzero(row.lines):
        return "different_lines"
    if expected.amount is not None and row.amount is not None and expected.amount != row.amount:
        return "different_amount"
    return None


def action(policy: Mapping[str, Any], kind: Kind) -> Action:
    """What policy says of a kind of difference; raises ValueError for a word that it may not say."""
    allowed = ACTIONS[kind]
    said = str(policy.get(kind, allowed[0]))
    found = next((each for each in allowed if each == said), None)
    if found is None:
        raise ValueError(f"the policy reconciliation may say {', '.join(allowed)} of {kind}, not {said!r}")
    return found


def _difference(kind: Kind, reference: str, ours: Held | None, theirs: tuple[Held, ...], money: Money | None) -> Difference:
    return Difference(kind=kind, reference=reference, ours=ours, theirs=theirs, money=money)


def _nonzero(lines: Mapping[str, Any]) -> dict[str, Any]:
    return {name: amount for name, amount in lines.items() if amount}


def _gap(ours: Money | None, theirs: Money | None) -> Money | None:
    """How much the two sides are apart, where both tell, in one currency."""
    if ours is None or theirs is None or ours.currency != theirs.currency:
        return theirs or ours
    return Money(abs(theirs.amount - ours.amount), ours.currency)


def _sum(rows: Sequence[Held]) -> Money | None:
    amounts = [row.amount for row in rows if row.amount is not None]
    if not amounts or len({amount.currency for amount in amounts}) > 1:
        return amounts[0] if amounts else None
    return sum(amounts[1:], amounts[0])
