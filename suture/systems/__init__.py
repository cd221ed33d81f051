"""Systems are the kinds of counterpart; ``SYSTEM = System(...)`` in a module here adds one.

Law: a connector is conversation without sockets: generators that yield requests; it never sleeps, retries or logs.
"""

from suture.systems.system import (
    Again,
    Awaiting,
    Call,
    Channel,
    Done,
    Listing,
    NotListed,
    Operation,
    Outcome,
    OutcomeClass,
    Page,
    Platform,
    Poll,
    Refused,
    Release,
    Roster,
    RosterPage,
    Steps,
    System,
    Unsure,
)

__all__ = [
    "Again",
    "Awaiting",
    "Call",
    "Channel",
    "Done",
    "Listing",
    "NotListed",
    "Operation",
    "Outcome",
    "OutcomeClass",
    "Page",
    "Platform",
    "Poll",
    "Refused",
    "Release",
    "Roster",
    "RosterPage",
    "Steps",
    "System",
    "Unsure",
]
