"""Phases: where every key of every process stands, and how many stand where."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.rows import instant, micros
from suture.kpis.tables import opened
from suture.model import Decided

TABLES = """
create table phases (
    process text, key text, phase text not null, at integer not null, primary key (process, key)
) without rowid;
create index phases_by on phases (process, phase, at);
create table standing (process text, phase text, number integer not null, primary key (process, phase)) without rowid;
"""
_COUNT = "insert into standing values (?, ?, ?) on conflict do update set number = number + excluded.number"


class Standing(Struct, frozen=True):
    """One key of a process, and since when it stands in its phase."""

    key: str
    since: datetime


class Phases:
    """The fold: ``enter`` every event in order; not safe for two threads."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        """Phases in a database that holds ``TABLES``; without one, empty ones in memory."""
        self._ask = opened(TABLES, db).execute

    def enter(self, row: Recorded) -> None:
        """Take one event in: a decision says where its key stands now."""
        data = row.event.data
        if not isinstance(data, Decided):
            return
        known = self._ask("select phase from phases where process = ? and key = ?", (data.process, data.key)).fetchone()
        was = known[0] if known else None
        if was == data.phase:
            return
        entry = (data.process, data.key, data.phase, micros(row.event.at))
        self._ask("insert or replace into phases values (?, ?, ?, ?)", entry)
        self._ask(_COUNT, (data.process, data.phase, 1))
        if was is not None:
            self._ask(_COUNT, (data.process, was, -1))

    def counts(self) -> dict[str, dict[str, int]]:
        """How many keys of each process stand in each phase."""
        found: dict[str, dict[str, int]] = {}
        for process, phase, number in self._ask("select process, phase, number from standing where number > 0 order by 1, 2"):
            found.setdefault(process, {})[phase] = number
        return found

    def behind(self, process: str, phase: str, *, limit: int, skip: int = 0) -> list[Standing]:
        """The keys that stand in a phase, the longest first."""
        query = "select key, at from phases where process = ? and phase = ? order by at, key limit ? offset ?"
        return [Standing(key, instant(at)) for key, at in self._ask(query, (process, phase, limit, skip))]
