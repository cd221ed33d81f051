"""Open exceptions, grouped and ranked by what they put at stake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.journal import Recorded
from suture.model import Case, CaseResolved, Money

CARE = {"procedure": 2, "supply": 1, "none": 0}


class OpenException(Struct, frozen=True):
    """A case that nobody has resolved, and the position at which it was opened."""

    position: int
    case: Case

    @property
    def money(self) -> Decimal:
        """What is at stake, in the case's currency; 0 where nothing is known."""
        return abs(self.case.money.amount) if self.case.money else Decimal(0)


class Group(Struct, frozen=True):
    """Alike exceptions: how many, how much money in each currency, since when, and whose."""

    reason: str
    count: int
    money: tuple[Money, ...]
    oldest: datetime
    owners: tuple[str, ...]
    example: Case


def exceptions(history: Iterable[Recorded]) -> list[OpenException]:
    """What is open, the gravest first."""
    unresolved: dict[str, OpenException] = {}
    for row in history:
        data = row.event.data
        if isinstance(data, Case):
            unresolved[data.id] = OpenException(row.position, data)
        elif isinstance(data, CaseResolved):
            unresolved.pop(data.case, None)
    return gravest(unresolved.values())


def gravest(rows: Iterable[OpenException]) -> list[OpenException]:
    """In the order in which people should look: harm to care, then money, then age."""
    return sorted(rows, key=lambda row: (-CARE[row.case.care], -row.money, row.position))


def grouped(rows: Iterable[OpenException]) -> list[Group]:
    """One line per reason, by the largest amount. Amounts of two currencies are told apart, never added."""
    groups: dict[str, list[OpenException]] = {}
    for row in rows:
        groups.setdefault(row.case.reason, []).append(row)
    lines = [
        Group(
            reason=reason,
            count=len(alike),
            money=at_stake(alike),
            oldest=min(row.case.at for row in alike),
            owners=tuple(sorted({row.case.owner for row in alike})),
            example=alike[0].case,
        )
        for reason, alike in groups.items()
    ]
    return sorted(lines, key=lambda group: (-max((each.amount for each in group.money), default=0), -group.count, group.reason))


def at_stake(rows: Iterable[OpenException]) -> tuple[Money, ...]:
    """What exceptions put at stake, one sum for each currency, the largest first; none where no money is known."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        if row.case.money:
            sums[row.case.money.currency] = sums.get(row.case.money.currency, Decimal(0)) + row.money
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0])))
