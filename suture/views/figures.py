"""The figures kept in a file beside the journal: what the KPIs measure and how the flows fare."""

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
from suture.kpis.measures import Measures
from suture.kpis.origins import ENTERED
from suture.model import Decided, Decision, Delivered, Document, MessageReceived, Repaired
from suture.views.flows import TABLES as FLOWS
from suture.views.flows import Flows
from suture.views.kept import Fold, Tell, kept

#: Raised whenever events would be entered otherwise than before; a KPI that is added or redefined is noticed without it.
VERSION = 1
#: What is read for the flows, and for what is owed; a decision that owes nothing is not read.
_FLOWING: tuple[type[Document], ...] = (MessageReceived, Repaired, Delivered, Decision)
_OWES = b'"owes"'


class Figures(Struct, frozen=True):
    """What can be asked: measures of the KPIs, and flows."""

    kpis: Mapping[str, Kpi]
    measures: Measures
    flows: Flows


def kpis() -> dict[str, Kpi]:
    """Every KPI, by name."""
    return found("suture.kpis", "KPI", Kpi)


def fold(kpis: Mapping[str, Kpi]) -> Fold:
    """The fold that is kept."""
    said = "\n".join(f"{kpi.name} {kpi.definition} {kpi.target}" for kpi in kpis.values())
    kinds: set[type[Document]] = {*ENTERED, *_FLOWING, *(kind for kpi in kpis.values() for kind in kpi.hears)} - {Decided}
    words = (_OWES, *sorted(f'"{kind.__name__}"'.encode() for kind in kinds))
    return Fold(zlib.crc32(f"{VERSION}\n{said}".encode()) & 0x7FFFFFFF, MEASURES + FLOWS, lambda db: _Reader(kpis, db), words)


class _Reader:
    """Enters every event into both."""

    def __init__(self, kpis: Mapping[str, Kpi], db: sqlite3.Connection) -> None:
        self._both = Measures(kpis.values(), db), Flows(db)

    def enter(self, row: Recorded) -> None:
        """Take one event in."""
        for each in self._both:
            each.enter(row)

    def doubt(self, what: str) -> None:
        """The books tell it."""


@contextlib.contextmanager
def kept_figures(journal: Journal, path: Path, tell: Tell = lambda position: None) -> Iterator[Figures]:
    """The figures of everything in the journal, see ``kept``; raises Unavailable if the journal does not answer."""
    known = kpis()
    with kept(journal, path, fold(known), tell) as db:
        figures, repeats = Figures(known, Measures(known.values(), db), Flows(db)), journal.repeats()
        db.execute("begin immediate")
        figures.measures.came_again(repeats)
        figures.flows.came_again(repeats)
        db.execute("commit")
        yield figures
