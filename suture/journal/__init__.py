"""The journal is the only place where facts live: events, objects, states, deliveries, timers, blobs and the seal.

Law: write first, then speak; one ``once`` per fact; a unit happens as a whole or not at all. ``Journal`` is the door; memory,
SQLite and PostgreSQL stand behind it, and ``tests/conformance/test_journals.py`` asks the same of the three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suture.journal.blobs import BlobDamaged, address_of, load_or_create_key
from suture.journal.journal import Journal
from suture.journal.memory import MemoryJournal
from suture.journal.opening import open_journal
from suture.journal.records import (
    OPEN,
    Backlog,
    Beat,
    Checkpoint,
    Committed,
    Delivery,
    DeliveryStatus,
    Event,
    EventKind,
    Fenced,
    Recorded,
    Route,
    Settlement,
    State,
    Timer,
    Unavailable,
    Unit,
    Work,
)
from suture.journal.schema import SchemaTooNew
from suture.journal.seal import load_or_create_signing_key
from suture.journal.sqlite import SqliteJournal

if TYPE_CHECKING:
    from suture.journal.postgres import PostgresJournal


def __getattr__(name: str) -> Any:
    """PostgresJournal at first use: its driver is an extra that nobody else has to install."""
    if name != "PostgresJournal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from suture.journal.postgres import PostgresJournal

    return PostgresJournal


__all__ = [
    "OPEN",
    "Backlog",
    "Beat",
    "BlobDamaged",
    "Checkpoint",
    "Committed",
    "Delivery",
    "DeliveryStatus",
    "Event",
    "EventKind",
    "Fenced",
    "Journal",
    "MemoryJournal",
    "PostgresJournal",
    "Recorded",
    "Route",
    "SchemaTooNew",
    "Settlement",
    "SqliteJournal",
    "State",
    "Timer",
    "Unavailable",
    "Unit",
    "Work",
    "address_of",
    "load_or_create_key",
    "load_or_create_signing_key",
    "open_journal",
]
