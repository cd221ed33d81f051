"""Exceptions: everything that waits for a person, the dearest to leave first, with alike ones counted together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.queue import queue
from suture.console.rows import ExceptionRow, ranked_row
from suture.model import Case, Money
from suture.views.exceptions import at_stake
from suture.views.impact import Ranked

#: Rows on one page, and days of a trend.
PAGE_ROWS, TREND = 20, 14
#: What an address may narrow the queue by.
FILTERS = ("reason", "owner", "care", "supplier", "facility", "system", "dead", "mine", "asleep")


class Alike(Struct, frozen=True):
    """Exceptions of one cause: how many, what they put at stake, what they cost if they wait, since when and whose.

    ``trend`` counts those that were raised on each of the last ``TREND`` days, today last.
    """

    reason: str
    count: int
    money: tuple[Money, ...]
    cost: Decimal
    first: datetime
    last: datetime
    owners: tuple[str, ...]
    trend: tuple[int, ...]


class Exceptions(Struct, frozen=True):
    """What is open, narrowed where asked; ``more`` is where the next page begins, 0 for none; ``asleep`` are not counted."""

    count: int
    money: tuple[Money, ...]
    cost: Decimal
    groups: tuple[Alike, ...]
    rows: tuple[ExceptionRow, ...]
    owners: tuple[str, ...]
    filters: dict[str, str]
    asleep: int
    skip: int
    more: int


def load(ask: Ask) -> Exceptions:
    """Query: any of ``FILTERS``, and ``skip``."""
    everything, filters = queue(ask), filters_of(ask.query)
    found, skip = chosen(everything, filters, ask.caller.subject), ask.number("skip")
    shown = found[skip : skip + PAGE_ROWS]
    return Exceptions(
        count=len(found),
        money=at_stake(each.row for each in found),
        cost=sum((each.impact.score for each in found), Decimal(0)),
        groups=tuple(_groups(found, ask.now)),
        rows=tuple(ranked_row(each, ask) for each in shown),
        owners=tuple(sorted({each.row.case.owner for each in everything})),
        filters=filters,
        asleep=sum(each.asleep is not None for each in everything),
        skip=skip,
        more=skip + PAGE_ROWS if skip + PAGE_ROWS < len(found) else 0,
    )


def filters_of(query: Mapping[str, str], before: str = "") -> dict[str, str]:
    """The part of a query that narrows the queue; in a form its names have something ``before`` them."""
    return {name: query[before + name] for name in FILTERS if query.get(before + name)}


def chosen(everything: Sequence[Ranked], filters: Mapping[str, str], subject: str) -> list[Ranked]:
    """What the filters leave of the queue, in its order; ``mine`` is what this person has taken on."""

    def fits(each: Ranked) -> bool:
        case, facts = each.row.case, each.facts
        found = {"reason": case.reason, "owner": case.owner, "care": case.care}
        found |= {"supplier": facts.supplier, "facility": facts.facility, "mine": "yes" if each.taken_by == subject else ""}
        found |= {"asleep": "yes" if each.asleep else "", "dead": "yes" if dead(case) else "", "system": system_of(case)}
        wanted = {"asleep": "", **filters}
        return all(found[name] == value for name, value in wanted.items())

    return [each for each in everything if fits(each)]


def dead(case: Case) -> bool:
    """Whether a message or a delivery is parked with it."""
    return case.id.startswith(("intake/", "delivery/"))


def system_of(case: Case) -> str:
    """The counterpart whose message or delivery it is; "" where it is about neither."""
    return case.id.split("/")[1] if case.id.startswith("intake/") else case.context.get("instance", "")


def _groups(rows: Sequence[Ranked], now: datetime) -> list[Alike]:
    by_reason: dict[str, list[Ranked]] = {}
    for each in rows:
        by_reason.setdefault(each.row.case.reason, []).append(each)
    groups = [
        Alike(
            reason=reason,
            count=len(alike),
            money=at_stake(each.row for each in alike),
            cost=sum((each.impact.score for each in alike), Decimal(0)),
            first=min(each.row.case.at for each in alike),
            last=max(each.row.case.at for each in alike),
            owners=tuple(sorted({each.row.case.owner for each in alike})),
            trend=_trend([each.row.case.at for each in alike], now),
        )
        for reason, alike in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (-group.cost, group.reason))


def _trend(raised: Iterable[datetime], now: datetime) -> tuple[int, ...]:
    ages = Counter((now.date() - at.date()).days for at in raised)
    return tuple(ages[age] for age in reversed(range(TREND)))


PAGE = Page(
    path="/exceptions",
    title="Exceptions",
    allow="exceptions.read",
    section="Work",
    rank=20,
    load=load,
    template="exceptions.html",
)
