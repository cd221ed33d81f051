"""Open exceptions, grouped and ranked by what they put at stake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.journal import Recorded
from suture.model import Case, CaseResolved

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
    """Alike exceptions: how many, how much money, since when, and whose."""

    reason: str
    count: int
    money: Decimal
    oldest: datetime
    owners: tuple[str, ...]
    example: Case


def exceptions(history: Iterable[Recorded]) -> list[OpenException]:
    """What is open, the gravest first: harm to care, then money, then age."""
    unresolved: dict[str, OpenException] = {}
    for row in history:
        data = row.event.data
        if isinstance(data, Case):
            unresolved[data.id] = OpenException(row.position, data)
        elif isinstance(data, CaseResolved):
            unresolved.pop(data.case, None)
    return sorted(unresolved.values(), key=lambda row: (-CARE[row.case.care], -row.money, row.position))


def grouped(rows: Iterable[OpenException]) -> list[Group]:
    """One line per reason, by money."""
    groups: dict[str, list[OpenException]] = {}
    for row in rows:
        groups.setdefault(row.case.reason, []).append(row)
    lines = [
        Group(
            reason=reason,
            count=len(alike),
            money=sum((row.money for row in alike), Decimal(0)),
            oldest=min(row.case.at for row in alike),
            owners=tuple(sorted({row.case.owner for row in alike})),
            example=alike[0].case,
        )
        for reason, alike in groups.items()
    ]
    return sorted(lines, key=lambda group: (-group.money, -group.count, group.reason))
