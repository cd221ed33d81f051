"""What the REST connectors share about lists: pages of rows, read with the same eyes as what we told ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from suture.model import Document, Held, HeldSupplier, Money
from suture.systems.rest import Shape
from suture.systems.system import Call, Listing, NotListed, Page, Roster, RosterPage
from suture.transports import Http, HttpReply, Reply

#: Rows asked for at a time.
ROWS = 200

R = TypeVar("R")
Body = Mapping[str, Any]
#: What a row says; raises LookupError, TypeError, ValueError or ArithmeticError for one that cannot be read.
Reader = Callable[[Body], Held]
_WRONG = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)


def listed(
    name: str,
    path: str,
    shapes: Mapping[type[Document], Shape],
    read: Reader,
    *,
    reference: Callable[[Any], str] = lambda document: str(document.id),
    stands: Callable[[Sequence[Body]], Body] | None = None,
) -> Listing:
    """The list at ``path``. What it should hold is what ``read`` finds in the bodies that ``shapes`` make of our documents.

    ``stands`` puts several bodies under one reference together; without it the last one counts.
    """

    def holds(told: Sequence[tuple[Document, Call]]) -> Held:
        bodies = [shapes[type(document)](document, call) for document, call in told]
        held = read(stands(bodies) if stands else bodies[-1])
        return msgspec.structs.replace(held, reference=reference(told[-1][0]))

    def ask(cursor: str, call: Call) -> Page:
        reply = yield Http(method="GET", path=f"{path}?limit={ROWS}&after={quote(cursor, safe='')}")
        said = _said(reply)
        return tuple(_row(read, row) for row in said["items"]), str(said.get("next") or "")

    return Listing(name=name, documents=tuple(shapes), reference=reference, holds=holds, ask=ask, absolute=stands is None)


def rostered(path: str, read: Callable[[Body], HeldSupplier]) -> Roster:
    """The supplier master at ``path``; ``read`` raises what a ``Reader`` may."""

    def ask(cursor: str, call: Call) -> RosterPage:
        reply = yield Http(method="GET", path=f"{path}?limit={ROWS}&after={quote(cursor, safe='')}")
        said = _said(reply)
        return tuple(_row(read, row) for row in said["items"]), str(said.get("next") or "")

    return Roster(ask=ask)


def _said(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply, HttpReply)
    if reply.status != 200:
        raise NotListed(f"the list answered HTTP {reply.status}")
    try:
        said = reply.json() if reply.body else None
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("items"), list):
        raise NotListed("the list answered without a list of items")
    return said


def _row(read: Callable[[Body], R], row: Any) -> R:
    try:
        return read(row)
    except _WRONG as error:
        raise NotListed(f"a row of the list cannot be read: {type(error).__name__}") from None


def number(said: Any) -> Decimal:
    """A number as JSON may write it; raises ValueError for what is none."""
    try:
        found = Decimal(str(said))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ValueError("no number")
    return found


def money(said: Body) -> Money:
    """Money as the REST systems write it."""
    return Money(number(said["value"]), str(said["currency"]))


def quantities(lines: Iterable[Body], *names: str) -> dict[str, Decimal]:
    """What each line says: its quantity, under its fields of these names and its unit; lines alike are added up."""
    rows = (
        (" ".join([*(str(line[name]) for name in names), line["quantity"]["uom"]]), line["quantity"]["qty"]) for line in lines
    )
    return added(rows)


def added(amounts: Iterable[tuple[str, Any]]) -> dict[str, Decimal]:
    """Numbers by name, those under one name added up; what comes to nothing is left out."""
    sums: dict[str, Decimal] = {}
    for name, said in amounts:
        sums[name] = sums.get(name, Decimal(0)) + number(said)
    return {name: amount for name, amount in sums.items() if amount}


def moment(said: Any) -> datetime | None:
    """An instant as JSON writes it; None if there is none. Raises ValueError for one without a timezone."""
    found = datetime.fromisoformat(said) if said else None
    if found is not None and found.tzinfo is None:
        raise ValueError("no timezone")
    return found
