"""The policies in force, as the runtime reads them from the master data that decisions see, too."""

from __future__ import annotations

from datetime import datetime

import msgspec

from suture.journal import Journal
from suture.model import Policy
from suture.processes.masters import Filed, shelf
from suture.rules import policies

_decode = msgspec.json.Decoder(Filed).decode


def in_force(journal: Journal, name: str, now: datetime) -> Policy | None:
    """The version of a policy in force now; None if there is none. One look into the journal."""
    key = shelf(Policy.__name__, name)
    state = journal.states([key]).get(key)
    return policies.in_force(_decode(state.data).documents, now) if state else None
