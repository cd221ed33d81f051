"""Everything that the KPIs measure, in SQLite: a row for each thing measured, and sums by day, facility, supplier and stage.

The sums are moved with every row that comes, changes or goes, so that a total is the sum of its parts however it is asked for,
and costs the same on a long history as on a short one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.locks import keyed
from suture.journal.rows import instant, micros
from suture.kpis.kpi import FINEST, Dropped, Kpi, Measure
from suture.kpis.origins import ORIGIN_TABLES, Origins
from suture.kpis.tables import opened
from suture.masters.suppliers import marks
from suture.model import Document, Supplier

TABLES = f"""
{ORIGIN_TABLES}
create table measures (
    kpi text, subject text, about text not null, at integer, since integer, value integer not null, weight integer not null,
    currency text not null, facility text not null, supplier text not null, stage text not null, kind text not null,
    ranked integer not null, spoils integer not null, primary key (kpi, subject)
) without rowid;
create index measures_ranked on measures (kpi, value, at, facility, supplier, stage, kind) where ranked;
create index measures_spoilt on measures (kpi, at) where spoils;
create index measures_begun on measures (kpi, since) where at is null;
create table sums (
    kpi text, day integer, currency text, facility text, supplier text, stage text, kind text,
    number integer not null, value integer not null, weight integer not null,
    primary key (kpi, day, currency, facility, supplier, stage, kind)
) without rowid;
create table wholes (
    kpi text, currency text, facility text, supplier text, stage text, kind text,
    number integer not null, value integer not null, weight integer not null,
    primary key (kpi, currency, facility, supplier, stage, kind)
) without rowid;
"""
#: The parts that a figure can be broken into.
PARTS = ("facility", "supplier", "stage", "kind")
DAY = 86_400_000_000
#: The largest value that is measured, either way: ten thousand of them still fit the sum of a day.
LARGEST = 10**15
#: Rows of one KPI that are kept at hand while events are entered.
MOST_AT_HAND = 20_000

_FIELDS = ("subject", "about", "at", "since", "value", "weight", "currency", *PARTS)
_ALL = f"select {', '.join(_FIELDS)} from measures"
_ONE = f"{_ALL} where kpi = ? and subject = ?"
_PUT = f"insert or replace into measures (kpi, {', '.join(_FIELDS)}, ranked, spoils) values ({', '.join('?' * 14)})"
_ADD = "number = number + excluded.number, value = value + excluded.value, weight = weight + excluded.weight"
_SUM = f"insert into sums values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set {_ADD}"
_WHOLE = f"insert into wholes values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set {_ADD}"


#: By what a supplier is recognised.
Recognise = Callable[[Supplier], Iterable[str]]
_PASSING = os.urandom(32)


def _passing_marks(supplier: Supplier) -> Iterable[str]:
    return marks(supplier, partial(keyed, _PASSING))


class Narrowed(Struct, frozen=True, kw_only=True):
    """To what figures are narrowed: parts, each a value of its own, and from which moment on; nothing narrows nothing."""

    facility: str | None = None
    supplier: str | None = None
    stage: str | None = None
    kind: str | None = None
    since: datetime | None = None

    def parts(self) -> dict[str, str]:
        """The parts that are narrowed."""
        return {part: value for part in PARTS if (value := getattr(self, part)) is not None}


class Measures:
    """The fold: ``enter`` every event in order, then ask for ``rows``. Not safe for two threads."""

    def __init__(self, kpis: Iterable[Kpi], db: sqlite3.Connection | None = None, marks: Recognise = _passing_marks) -> None:
        """Measures in a database that holds ``TABLES``; without one, empty ones in memory.

        ``marks`` says by what a supplier is recognised; without it by digests that mean nothing in another process.
        """
        self._ask = opened(TABLES, db).execute
        self._origins = Origins(self._ask)
        self._hear: dict[type, list[_Reader]] = {}
        self._again = []
        #: Values in order of size that were asked for; they hold until the next event.
        self.ordered: dict[tuple[str, Narrowed, datetime], list[int]] = {}
        for kpi in kpis:
            reader = _Reader(kpi, self._origins, self._ask, marks)
            if kpi.again is not None:
                self._again.append(reader)
            for kind in kpi.hears:
                self._hear.setdefault(kind, []).append(reader)

    def enter(self, row: Recorded) -> None:
        """Take one event into the measures."""
        event = row.event
        self.ordered.clear()
        self._origins.enter(event)
        for reader in self._hear.get(type(event.data), ()):
            reader.take(reader.kpi.step(event, reader))

    def came_again(self, repeats: Mapping[str, int]) -> None:
        """How often these messages have come again by now."""
        self.ordered.clear()
        for reader in self._again:
            for once, times in repeats.items():
                reader.hear_again(once, times)

    def doubt(self, what: str) -> None:
        """The books tell it; figures of a journal that was changed are no better and no worse than the journal."""

    def document(self, type: str, id: str) -> Document | None:
        """The last word of a policy, item, order or invoice."""
        return self._origins.document(type, id)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the measures answer to a query over ``TABLES``."""
        return self._ask(query, values).fetchall()

    def about(self, kpi: str, narrowed: Narrowed, *, which: str, limit: int, skip: int = 0) -> list[Measure]:
        """Measures behind a figure, the latest first: ``spoils``, ``begun`` (the oldest first) or ``all`` that are counted."""
        condition = {"spoils": "spoils", "begun": "at is null and since is not null", "all": "at is not null"}[which]
        order = "since" if which == "begun" else "at desc"
        where, values = condition_of(narrowed, "at" if which != "begun" else "")
        query = (
            f"select {', '.join(_FIELDS)} from measures where kpi = ? and {condition}{where} order by {order} limit ? offset ?"
        )
        return [_measure(row) for row in self.rows(query, kpi, *values, limit, skip)]


class _Reader:
    """One KPI's own view of what is known, and the hand that writes its measures."""

    def __init__(self, kpi: Kpi, origins: Origins, ask: Any, marks: Recognise) -> None:
        self.kpi, self._ask, self.marks = kpi, ask, marks
        self.origin, self.where, self.document = origins.origin, origins.where, origins.document
        #: Rows as they stand in the table: what a step looks at it mostly writes next.
        self._at_hand: dict[str, tuple[Any, ...] | None] = {}

    def measure(self, subject: str) -> Measure | None:
        """What this KPI has measured of a subject so far."""
        row = self._row(subject)
        return _measure(row) if row else None

    def _row(self, subject: str) -> tuple[Any, ...] | None:
        if subject not in self._at_hand:
            if len(self._at_hand) > MOST_AT_HAND:
                self._at_hand.clear()
            self._at_hand[subject] = self._ask(_ONE, (self.kpi.name, subject)).fetchone()
        return self._at_hand[subject]

    def take(self, told: Iterable[Measure | Dropped]) -> None:
        """Write what a step has measured."""
        for each in told:
            before = self._row(each.subject)
            if before is not None:
                self._count(before, -1)
            if isinstance(each, Dropped):
                self._at_hand[each.subject] = None
                self._ask("delete from measures where kpi = ? and subject = ?", (self.kpi.name, each.subject))
                continue
            row = self._at_hand[each.subject] = _row(each)
            counted = each.at is not None
            ranked, spoils = counted and self.kpi.unit == "hours", counted and self.kpi.spoils(each)
            self._ask(_PUT, (self.kpi.name, *row, ranked, spoils))
            self._count(row, 1)

    def hear_again(self, once: str, times: int) -> None:
        """A message has come so often again."""
        if self.kpi.again is not None:
            self.take(self.kpi.again(once, times, self))

    def _count(self, row: tuple[Any, ...], sign: int) -> None:
        _, _, at, _, value, weight, currency, *parts = row
        if at is not None:
            moved = (currency, *parts, sign, sign * value, sign * weight)
            self._ask(_SUM, (self.kpi.name, at // DAY, *moved))
            self._ask(_WHOLE, (self.kpi.name, *moved))


def condition_of(narrowed: Narrowed, column: str) -> tuple[str, list[object]]:
    """The words of SQL that narrow, each beginning with ``and``, and their values; ``column`` holds the moment, or ''."""
    parts = narrowed.parts()
    words, values = [f" and {part} = ?" for part in parts], list[object](parts.values())
    if narrowed.since is not None and column:
        unit = DAY if column == "day" else 1
        words.append(f" and {column} >= ?")
        values.append(micros(narrowed.since) // unit)
    return "".join(words), values


def sums_of(narrowed: Narrowed) -> str:
    """The table whose sums answer: by day where a time narrows, else over everything."""
    return "wholes" if narrowed.since is None else "sums"


def number(scaled: int) -> Decimal:
    """A stored number as it was measured."""
    return Decimal(scaled) * FINEST


def _row(measure: Measure) -> tuple[Any, ...]:
    at, since = (micros(moment) if moment else None for moment in (measure.at, measure.since))
    parts = (getattr(measure, part) for part in PARTS)
    return measure.subject, measure.about, at, since, _scaled(measure.value), _scaled(measure.weight), measure.currency, *parts


def _scaled(value: Decimal) -> int:
    return max(-LARGEST, min(LARGEST, int((value / FINEST).to_integral_value())))


def _measure(row: tuple[Any, ...]) -> Measure:
    subject, about, at, since, value, weight, currency, facility, supplier, stage, kind = row
    return Measure(
        subject=subject,
        about=about,
        at=None if at is None else instant(at),
        since=None if since is None else instant(since),
        value=number(value),
        weight=number(weight),
        currency=currency,
        facility=facility,
        supplier=supplier,
        stage=stage,
        kind=kind,
    )
