"""Marks: what happened beside the documents and explains a bend in a chart: outages, pauses, and new versions of the rules.

An outage is the exception ``out_of_reach`` of a counterpart, from when it is raised until it ends. A pause is what a person
decided about sending to a counterpart (pause, drain, degrade), until that is resumed. A change is a version of a policy, from the
moment at which it comes into force, and the first document that another version of a process or of a mapping than before made.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Literal

from msgspec import Struct

from suture.journal import Event, Recorded
from suture.journal.rows import instant, micros
from suture.kpis.tables import opened
from suture.model import Case, CaseResolved, Decided, Decision, Policy

TABLES = """
create table marks (
    kind text not null, about text not null, text text not null, at integer not null, until integer, primary key (about, at, text)
) without rowid;
create index marks_at on marks (at);
create table marks_open (about text primary key, at integer not null, text text not null) without rowid;
create table versions (name text primary key, version text not null) without rowid;
"""
Kind = Literal["outage", "pause", "change"]
#: What is decided about sending to a counterpart, as it is told.
_HELD = {"pause": "paused", "drain": "being drained", "degrade": "degraded"}


class Mark(Struct, frozen=True, kw_only=True):
    """Something that happened at a moment, or lasted ``until`` another; None while it lasts, and for a change."""

    kind: Kind
    text: str
    at: datetime
    until: datetime | None


class Marks:
    """The fold: ``enter`` every event in order; not safe for two threads."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        """Marks in a database that holds ``TABLES``; without one, none, in memory."""
        self._ask = opened(TABLES, db).execute
        #: Versions at hand: every document that was read by a mapping is looked at.
        self._known: dict[str, str] = {}

    def enter(self, row: Recorded) -> None:
        """Take one event in."""
        event = row.event
        if event.mapping:
            name, _, version = event.mapping.rpartition("@")
            self._version(f"mapping {name} of {event.source}", version, event.at)
        match event.data:
            case Case(reason="out_of_reach") as case:
                self._begin(case.id, "outage", f"{case.objects[0].id if case.objects else case.id} out of reach", case.at)
            case CaseResolved(case=id):
                self._end(id, event.at)
            case Decision(subject=subject) if subject.type == "Instance":
                self._held(subject.id, event)
            case Policy() as policy:
                self._put("change", f"policy {policy.id}", f"policy {policy.id} version {policy.version}", policy.effective)
            case Decided() as decided:
                self._version(f"process {decided.process}", str(decided.version), event.at)

    def between(self, first: datetime, until: datetime, limit: int) -> list[Mark]:
        """What happened or lasted between two moments, the latest first, and at most so much."""
        query = """select kind, text, at, until from marks
        where at < ? and (at >= ? or until > ? or (until is null and kind <> 'change')) order by at desc, text limit ?"""
        rows = self._ask(query, (micros(until), micros(first), micros(first), limit))
        return [
            Mark(kind=kind, text=text, at=instant(at), until=None if end is None else instant(end))
            for kind, text, at, end in rows
        ]

    # -- entering

    def _held(self, name: str, event: Event) -> None:
        assert isinstance(event.data, Decision)
        about, verb = f"pauses/{name}", event.data.verb
        if verb in _HELD or verb == "resume":
            self._end(about, event.at)
        if verb in _HELD:
            self._begin(about, "pause", f"sending to {name} {_HELD[verb]}", event.at)

    def _begin(self, about: str, kind: Kind, text: str, at: datetime) -> None:
        if self._ask("insert or ignore into marks_open values (?, ?, ?)", (about, micros(at), text)).rowcount:
            self._put(kind, about, text, at)

    def _end(self, about: str, at: datetime) -> None:
        found = self._ask("delete from marks_open where about = ? returning at, text", (about,)).fetchone()
        if found:
            self._ask("update marks set until = ? where about = ? and at = ? and text = ?", (micros(at), about, *found))

    def _version(self, name: str, version: str, at: datetime) -> None:
        """Another version than before; the first that is seen at all changes nothing."""
        if name not in self._known:
            row = self._ask("select version from versions where name = ?", (name,)).fetchone()
            self._known[name] = row[0] if row else version
            if row is None:
                self._ask("insert into versions values (?, ?)", (name, version))
        if self._known[name] != version:
            self._known[name] = version
            self._ask("update versions set version = ? where name = ?", (version, name))
            self._put("change", name, f"{name} version {version}", at)

    def _put(self, kind: Kind, about: str, text: str, at: datetime) -> None:
        self._ask("insert or ignore into marks values (?, ?, ?, ?, null)", (kind, about, text, micros(at)))
