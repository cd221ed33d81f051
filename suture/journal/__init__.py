"""The journal is the only place where facts live: events, objects, states, deliveries, timers, blobs and the seal.

Law: write first, then speak; one ``once`` per fact; a unit happens as a whole or not at all.
"""

from suture.journal.journal import Journal
from suture.journal.records import (
    OPEN,
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
    Unit,
    Work,
)

__all__ = [
    "OPEN",
    "Checkpoint",
    "Committed",
    "Delivery",
    "DeliveryStatus",
    "Event",
    "EventKind",
    "Fenced",
    "Journal",
    "Recorded",
    "Route",
    "Settlement",
    "State",
    "Timer",
    "Unit",
    "Work",
]
