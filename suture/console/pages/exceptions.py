"""Exceptions: everything that waits for a person, grouped by cause, the gravest first."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.rows import ExceptionRow, exception_row
from suture.model import Money
from suture.views.exceptions import OpenException, at_stake, grouped

#: Rows of one cause among others, and on a page of its own.
SHOWN, PAGE_ROWS = 4, 30


class Alike(Struct, frozen=True):
    """Exceptions of one cause: how many, what they put at stake in each currency, since when, whose, and the gravest."""

    reason: str
    count: int
    money: tuple[Money, ...]
    oldest: datetime
    owners: tuple[str, ...]
    rows: tuple[ExceptionRow, ...]


class Exceptions(Struct, frozen=True):
    """What is open, narrowed to a cause and an owner where asked; ``more`` is where the next page begins, 0 for none."""

    count: int
    money: tuple[Money, ...]
    groups: tuple[Alike, ...]
    owners: tuple[str, ...]
    reason: str
    owner: str
    skip: int
    more: int


def load(ask: Ask) -> Exceptions:
    """Query: ``reason``, ``owner``, ``skip``."""
    everything = ask.books.exceptions()
    reason, owner = ask.query.get("reason", ""), ask.query.get("owner", "")
    skip = _number(ask.query.get("skip", ""))
    rows = [row for row in everything if reason in ("", row.case.reason) and owner in ("", row.case.owner)]
    end = skip + PAGE_ROWS if reason else len(rows)
    return Exceptions(
        count=len(rows),
        money=at_stake(rows),
        groups=tuple(_alike(rows, ask, skip, end)),
        owners=tuple(sorted({row.case.owner for row in everything})),
        reason=reason,
        owner=owner,
        skip=skip,
        more=end if end < len(rows) else 0,
    )


def _alike(rows: list[OpenException], ask: Ask, skip: int, end: int) -> list[Alike]:
    by_reason: dict[str, list[OpenException]] = {}
    for row in rows:
        by_reason.setdefault(row.case.reason, []).append(row)
    shown = slice(skip, end) if ask.query.get("reason") else slice(SHOWN)
    return [
        Alike(
            reason=group.reason,
            count=group.count,
            money=group.money,
            oldest=group.oldest,
            owners=group.owners,
            rows=tuple(exception_row(row, ask) for row in by_reason[group.reason][shown]),
        )
        for group in grouped(rows)
    ]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


PAGE = Page(
    path="/exceptions",
    title="Exceptions",
    allow="exceptions.read",
    section="Work",
    rank=20,
    load=load,
    template="exceptions.html",
)
