"""The figures kept in a file beside the journal: what the KPIs measure, how flows fare, where processes stand, what happened."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from suture.extensions import found
from suture.journal import Journal, Recorded
from suture.kpis import Kpi
from suture.kpis.measures import TABLES as MEASURES
from suture.kpis.measures import Measures, Recognise
from suture.kpis.origins import ENTERED
from suture.masters.suppliers import marks
from suture.model import (
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    Document,
    MessageReceived,
    Policy,
    Reconciled,
    Repaired,
    Supplier,
)
from suture.views.calls import TABLES as CALLS
from suture.views.calls import Calls
from suture.views.flows import TABLES as FLOWS
from suture.views.flows import Flows
from suture.views.kept import PAGE, Fold, Tell, kept
from suture.views.marks import TABLES as MARKS
from suture.views.marks import Marks
from suture.views.phases import TABLES as PHASES
from suture.views.phases import Phases

#: Raised whenever events would be entered otherwise than before; a KPI that is added or redefined is noticed without it.
VERSION = 9
#: How often each message had come again when that was last looked at.
_REPEATS = "create table repeats (once text primary key, times integer not null) without rowid;"
#: What is read for the flows, the processes, the marks and the calls.
_FLOWING: tuple[type[Document], ...] = (
    *(MessageReceived, Repaired, Delivered, Decision, Decided),
    *(Case, CaseResolved, Policy, Reconciled),
)


class Figures(Struct, frozen=True):
    """What can be asked: measures of the KPIs, flows, phases of processes, marks on the line of time, and calls."""

    kpis: Mapping[str, Kpi]
    measures: Measures
    flows: Flows
    phases: Phases
    marks: Marks
    calls: Calls


def kpis() -> dict[str, Kpi]:
    """Every KPI, by name."""
    return found("suture.kpis", "KPI", Kpi)


def fold(kpis: Mapping[str, Kpi], recognise: Recognise) -> Fold:
    """The fold that is kept; ``recognise`` says by what a supplier is known."""
    said = "\n".join(f"{kpi.name} {kpi.definition} {kpi.target}" for kpi in kpis.values())
    kinds: set[type[Document]] = {*ENTERED, *_FLOWING, *(kind for kpi in kpis.values() for kind in kpi.hears)}
    words = tuple(sorted(f'"{kind.__name__}"'.encode() for kind in kinds))
    version = zlib.crc32(f"{VERSION}\n{said}".encode()) & 0x7FFFFFFF
    return Fold(version, MEASURES + FLOWS + PHASES + MARKS + CALLS + _REPEATS, lambda db: _Reader(kpis, db, recognise), words)


def _recognised(journal: Journal) -> Recognise:
    """Suppliers by what is locked in the events that a fold reads; nothing open is kept, only digests under the journal's key."""

    def recognise(supplier: Supplier) -> Iterator[str]:
        said = journal.opened(supplier)
        assert isinstance(said, Supplier)
        return marks(said, journal.keyed)

    return recognise


class _Reader:
    """Enters every event into all of them."""

    def __init__(self, kpis: Mapping[str, Kpi], db: sqlite3.Connection, recognise: Recognise) -> None:
        self._all = Measures(kpis.values(), db, recognise), Flows(db), Phases(db), Marks(db), Calls(db)

    def enter(self, row: Recorded) -> None:
        """Take one event in."""
        for each in self._all:
            each.enter(row)

    def doubt(self, what: str) -> None:
        """The books tell it."""


@contextlib.contextmanager
def kept_figures(journal: Journal, path: Path, tell: Tell = lambda position: None) -> Iterator[Figures]:
    """The figures of everything in the journal, see ``kept``; raises Unavailable if the journal does not answer."""
    known = kpis()
    with kept(journal, path, fold(known, _recognised(journal)), tell, lambda db: _came_again(journal, known, db)) as db:
        yield Figures(known, Measures(known.values(), db), Flows(db), Phases(db), Marks(db), Calls(db))


def _came_again(journal: Journal, known: Mapping[str, Kpi], db: sqlite3.Connection) -> None:
    """What came again since it was last looked at, as far as its first coming has been entered."""
    counted = dict(db.execute("select once, times from repeats").fetchall())
    grown = {once: times for once, times in journal.repeats().items() if counted.get(once) != times}
    [(position,)] = db.execute("select position from mark")
    for begin in range(0, len(grown), PAGE):
        some = list(grown)[begin : begin + PAGE]
        entered = {once: grown[once] for once, row in journal.by_once(some).items() if row.position <= position}
        Measures(known.values(), db).came_again(entered)
        Flows(db).came_again(entered)
        db.executemany("insert or replace into repeats values (?, ?)", entered.items())
