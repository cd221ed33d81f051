"""The range of time that every chart of a page shares, named in the address by ``days``, and what happened in it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from suture.console.page import Ask
from suture.runtime.breakers import trips
from suture.views.figures import Figures
from suture.views.marks import Mark

#: The times that one may look back, in days; 0 is everything.
LOOKS = (1, 7, 30, 90, 365, 0)
#: Days that a chart draws at most, the last ones, and marks that are drawn at most, the latest.
DAYS_DRAWN, MARKS_MOST = 90, 60
_DAY = timedelta(days=1)


class Times(Struct, frozen=True, kw_only=True):
    """Whole days (UTC) from ``first`` to before ``last``, and the marks in them, the latest first.

    ``cut`` where more days were asked for than a chart draws, ``more`` where more happened than is marked.
    """

    days: int
    first: datetime
    last: datetime
    now: datetime
    cut: bool
    marks: tuple[Mark, ...]
    more: bool
    looks: tuple[int, ...] = LOOKS

    @property
    def length(self) -> int:
        """How many days are drawn."""
        return (self.last - self.first) // _DAY


def look_of(ask: Ask) -> int:
    """How many days one looks back; 0 is everything."""
    days = ask.number("days")
    return days if days in LOOKS else 0


def times_of(ask: Ask, kept: Figures) -> Times:
    """The range that the address names, ending with today. Query: ``days``."""
    days, last = look_of(ask), _day(ask.now) + _DAY
    begun = kept.flows.begun() or ask.now
    asked = _day(ask.now - timedelta(days=days) if days else min(begun, ask.now))
    first = max(asked, last - DAYS_DRAWN * _DAY)
    marks = [*_breakers(ask), *kept.marks.between(first, ask.now, MARKS_MOST + 1)]
    more = len(marks) > MARKS_MOST
    return Times(days=days, first=first, last=last, now=ask.now, cut=first > asked, marks=tuple(marks[:MARKS_MOST]), more=more)


def _breakers(ask: Ask) -> list[Mark]:
    """Breakers that are open; the journal's events tell of those that have closed only where an outage was raised."""
    open_ones = ((name, trip) for name, trip in trips(ask.wiring, ask.wiring.instances).items() if trip.phase == "open")
    return [
        Mark(kind="outage", text=f"breaker of {name} open", at=at, until=None) for name, trip in open_ones if (at := trip.since)
    ]


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
