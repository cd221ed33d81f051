"""Today: what needs a person now, what is still owed, and who is out of reach."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.queue import queue
from suture.console.rows import ExceptionRow, exception_row, overdue, ranked_row
from suture.model import Money
from suture.views.exceptions import OpenException, at_stake
from suture.views.ledger import AGES, balance

#: The gravest exceptions that stand on the page.
GRAVEST = 5
OUT_OF_REACH = "out_of_reach"


class Owner(Struct, frozen=True):
    """What waits for one owner: how many, how many of them past their deadline, and what they put at stake."""

    name: str
    count: int
    overdue: int
    money: tuple[Money, ...]


class Backlog(Struct, frozen=True):
    """Deliveries that one system is still owed, by age (the names of the ages stand in ``Today.ages``)."""

    instance: str
    count: int
    ages: tuple[int, ...]
    oldest: datetime


class Today(Struct, frozen=True):
    """The counts of the day; ``owed`` is the sum over ``backlog``."""

    count: int
    overdue: int
    money: tuple[Money, ...]
    owners: tuple[Owner, ...]
    gravest: tuple[ExceptionRow, ...]
    owed: int
    ages: tuple[str, ...]
    backlog: tuple[Backlog, ...]
    unreachable: tuple[ExceptionRow, ...]
    balanced: bool


def load(ask: Ask) -> Today:
    """No query."""
    rows = [each.row for each in queue(ask)]
    told = balance(ask.books, now=ask.now)
    by_instance: dict[str, list[tuple[tuple[int, ...], datetime]]] = {}
    for item in told.open_items:
        by_instance.setdefault(item.instance, []).append((item.ages, item.oldest))
    backlog = [_backlog(name, items) for name, items in by_instance.items()]
    return Today(
        count=len(rows),
        overdue=sum(overdue(row.case, ask.now) for row in rows),
        money=at_stake(rows),
        owners=tuple(_owners(rows, ask.now)),
        gravest=tuple(ranked_row(each, ask) for each in queue(ask)[:GRAVEST] if not each.asleep),
        owed=sum(each.count for each in backlog),
        ages=AGES,
        backlog=tuple(sorted(backlog, key=lambda each: (-each.count, each.instance))),
        unreachable=tuple(exception_row(row, ask) for row in rows if row.case.reason == OUT_OF_REACH),
        balanced=told.balanced,
    )


def _backlog(name: str, items: list[tuple[tuple[int, ...], datetime]]) -> Backlog:
    ages = tuple(map(sum, zip(*(ages for ages, _ in items), strict=True)))
    return Backlog(name, sum(ages), ages, min(oldest for _, oldest in items))


def _owners(rows: list[OpenException], now: datetime) -> list[Owner]:
    mine: dict[str, list[OpenException]] = {}
    for row in rows:
        mine.setdefault(row.case.owner, []).append(row)
    owners = [Owner(name, len(all), sum(overdue(row.case, now) for row in all), at_stake(all)) for name, all in mine.items()]
    return sorted(owners, key=lambda owner: (-max((each.amount for each in owner.money), default=0), owner.name))


PAGE = Page(path="/today", title="Today", allow="console.read", section="Work", rank=10, load=load, template="today.html")
