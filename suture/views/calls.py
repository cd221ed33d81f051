"""Calls: how often each counterpart was called, by second, so that a quota can be held against its use.

Only what the journal tells: attempts of deliveries, each end of one with how many it took, and the lists that were read when a
counterpart was compared. The last attempt of a delivery was made when it ended; when the earlier ones were, nobody wrote down, so
they count for the day and for no second; and where a word told the end, that is when it came. Polls, the
gateway's live look-ups, and what a conversation asks beyond its first request leave no facts.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.rows import micros
from suture.kpis.tables import opened
from suture.model import Delivered, Reconciled

TABLES = """
create table calls (
    instance text, second integer, number integer not null, earlier integer not null, asked integer not null,
    primary key (instance, second)
) without rowid;
create table tried (delivery text primary key, attempts integer not null) without rowid;
"""
_ADD = """insert into calls values (?, ?, ?, ?, ?) on conflict do update set
number = number + excluded.number, earlier = earlier + excluded.earlier, asked = asked + excluded.asked"""
_SECOND = 1_000_000


class Used(Struct, frozen=True, kw_only=True):
    """Calls of one counterpart: within the window of its quota and within the last minute, those whose time is known; within the
    last day, those and the attempts before them; and the lists that were read within it for a comparison."""

    window: int
    minute: int
    day: int
    asked: int


class Calls:
    """The fold: ``enter`` every event in order; not safe for two threads."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        """Calls in a database that holds ``TABLES``; without one, empty ones in memory."""
        self._ask = opened(TABLES, db).execute

    def enter(self, row: Recorded) -> None:
        """Take one event in."""
        match row.event.data:
            case Delivered() as end:
                made = attempts_of(row.event.once) - self._before(end.delivery)
                self._remember(end, attempts_of(row.event.once))
                if made > 0:
                    self._add(end.instance, end.at, number=1, earlier=made - 1)
            case Reconciled() as run:
                self._add(run.instance, run.at, asked=len(run.compared) + len(run.unheard))

    def used(self, instance: str, now: datetime, window: timedelta) -> Used:
        """What was called up to now."""
        query = """select sum(number) filter (where second > ?), sum(number) filter (where second > ?), sum(number + earlier),
        sum(asked) from calls where instance = ? and second > ? and second <= ?"""
        begins = _second(now - window), _second(now - timedelta(minutes=1))
        [row] = self._ask(query, (*begins, instance, _second(now - timedelta(days=1)), _second(now)))
        latest, minute, day, asked = (number or 0 for number in row)
        return Used(window=latest, minute=minute, day=day, asked=asked)

    # -- entering

    def _before(self, delivery: str) -> int:
        row = self._ask("select attempts from tried where delivery = ?", (delivery,)).fetchone()
        return int(row[0]) if row else 0

    def _remember(self, end: Delivered, attempts: int) -> None:
        """What is parked or refused may be released, and end again with all its attempts."""
        if end.outcome in ("parked", "refused"):
            self._ask("insert or replace into tried values (?, ?)", (end.delivery, attempts))
        else:
            self._ask("delete from tried where delivery = ?", (end.delivery,))

    def _add(self, instance: str, at: datetime, *, number: int = 0, earlier: int = 0, asked: int = 0) -> None:
        self._ask(_ADD, (instance, _second(at), number, earlier, asked))


def attempts_of(once: str) -> int:
    """How many attempts a delivery had had at its end: what stands last in the key of the fact that tells of it."""
    told = once.rpartition("/")[2]
    return int(told) if told.isdecimal() and len(told) < 10 else 0


def _second(at: datetime) -> int:
    return micros(at) // _SECOND
