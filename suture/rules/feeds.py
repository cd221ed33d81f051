"""What a partner promises of a feed: that it numbers what it sends, and that it is never silent for long.

A feed is one channel of one instance, "ehr-main/charges". The policy ``feeds`` maps it, its instance or "*" to what is promised:

- ``numbered`` (true): running numbers are watched where the messages have them; false for a partner that jumps
- ``gap_minutes`` (60): how long a number may be missing after a higher one has come
- ``silent_minutes`` (none): the longest silence in the hours ``from`` "06:00" ``to`` "20:00" (UTC) on the ``days`` [1, 2, 3]
- ``owner`` (operations), ``care`` (none, supply or procedure; else by what the feed carries) and ``worth`` {"USD": "1900"}: whose
  an exception is, and what one missing message costs
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, cast

from msgspec import Struct

from suture.model import Money, Numbered, Policy
from suture.rules.policies import number

NAME = "feeds"
#: How often a feed that goes on as it should is looked at: no silence is known more exactly.
LISTEN = timedelta(minutes=10)
#: A count that is first heard at this number or below has just begun: what is before it did not come.
BEGUN = 16
GAP_MINUTES = 60
DAY = 24 * 60
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)

Care = Literal["none", "supply", "procedure"]
CARES: tuple[Care, ...] = ("none", "supply", "procedure")
#: What is in doubt while something of this kind is missing.
_CARE_OF: Mapping[str, Care] = {
    "Usage": "procedure",
    "GoodsReceipt": "supply",
    "OrderAcknowledgement": "supply",
    "Requisition": "supply",
    "ShipNotice": "supply",
    "StockMovement": "supply",
}


class Promise(Struct, frozen=True, kw_only=True):
    """What one feed promises; ``opens`` and ``closes`` are minutes of the day, UTC."""

    numbered: bool = True
    gap: timedelta = timedelta(minutes=GAP_MINUTES)
    silent: timedelta | None = None
    opens: int = 0
    closes: int = DAY
    days: tuple[int, ...] = EVERY_DAY
    owner: str = "operations"
    care: Care | None = None
    worth: Money | None = None


def promise(policy: Policy | None, feed: str) -> Promise:
    """What is promised of ``feed``; raises ValueError for what nobody can mean."""
    values = policy.values if policy else {}
    instance = feed.partition("/")[0]
    said = next((values[name] for name in (feed, instance, "*") if name in values), {})
    if not isinstance(said, Mapping):
        raise ValueError(f"policy {NAME}: what {feed} promises must be names and values")
    silent = number(said, "silent_minutes", Decimal(0))
    days = tuple(int(day) for day in said.get("days", EVERY_DAY))
    opens, closes = _minutes(said.get("from", "00:00")), _minutes(said.get("to", "24:00"))
    if opens >= closes or not set(days) & set(EVERY_DAY):
        raise ValueError(f"policy {NAME}: {feed} is never heard from {said.get('from')} to {said.get('to')} on the days {days}")
    care = said.get("care")
    if care is not None and care not in CARES:
        raise ValueError(f"policy {NAME}: the care of {feed} must be one of {', '.join(CARES)}")
    return Promise(
        numbered=bool(said.get("numbered", True)),
        gap=_span(number(said, "gap_minutes", Decimal(GAP_MINUTES))),
        silent=_span(silent) if silent else None,
        opens=opens,
        closes=closes,
        days=days,
        owner=str(said.get("owner", "operations")),
        care=cast("Care | None", care),
        worth=_worth(said.get("worth", {})),
    )


def promised(policy: Policy) -> tuple[str, ...]:
    """The feeds that a policy names one by one."""
    return tuple(name for name in policy.values if "/" in name) if policy.id == NAME else ()


def skips(number: Numbered) -> bool:
    """Whether something should have come before it; a count may be first heard at any number beyond its beginning."""
    return number.number > number.after + 1 and (number.after > 0 or number.number <= BEGUN)


def quiet_until(promise: Promise, moment: datetime) -> datetime:
    """When a silence that begins at ``moment`` has lasted too long: only the hours in which the feed is open count."""
    week = timedelta(minutes=promise.closes - promise.opens) * len(set(promise.days) & set(EVERY_DAY))
    whole, left = divmod(promise.silent or timedelta(), week)
    if whole and not left:
        whole, left = whole - 1, week
    moment += timedelta(weeks=whole)
    while True:  # what is left of it ends within the week
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        start, end = (midnight + timedelta(minutes=minutes) for minutes in (promise.opens, promise.closes))
        begins = max(moment, start)
        if moment.isoweekday() in promise.days and begins < end:
            if left <= end - begins:
                return begins + left
            left -= end - begins
        moment = midnight + timedelta(days=1)


def care_of(promise: Promise, kinds: Iterable[str]) -> Care:
    """What is in doubt while a message of this feed is missing: as declared, or the gravest of what it is known to carry."""
    if promise.care is not None:
        return promise.care
    return max((_CARE_OF.get(kind, "none") for kind in kinds), key=CARES.index, default="none")


def _span(minutes: Decimal) -> timedelta:
    if not 0 < minutes <= 366 * DAY:
        raise ValueError(f"policy {NAME}: {minutes} minutes; between a minute and a year make sense")
    return timedelta(minutes=float(minutes))


def _minutes(said: object) -> int:
    """Minutes of the day from "06:30"."""
    hour, _, minute = str(said).partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(minute) < 60 and int(hour) * 60 + int(minute) <= DAY):
        raise ValueError(f"policy {NAME}: {said!r} is no time of the day such as 06:30")
    return int(hour) * 60 + int(minute)


def _worth(said: Any) -> Money | None:
    return next((Money(number(said, currency, Decimal(0)), currency) for currency in said), None)
