"""Doubts that outlive their delivery: a person cancelled what the counterpart may hold all the same.

The process may send the document again, as a new delivery. That one begins in doubt, under the idempotency key of the first:
cancelling says that we no longer owe it, not that it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from suture.journal import Delivery, State
from suture.model import identity
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring

#: Built-in state: one per instance and document that was cancelled in doubt.
DOUBTS = "doubts"
#: Reasons of exceptions that leave open whether the counterpart has it.
OPEN_ENDED = frozenset({"unknown_outcome", "no_word"})


class Doubt(Struct, frozen=True):
    """The counterpart may hold the document under this idempotency key, which was first used after ``since``."""

    phase: str
    key: str
    since: datetime


def name_of(delivery: Delivery) -> str:
    """Under which key the doubt about a delivery's document is kept."""
    return f"{delivery.instance}/{identity(delivery.document)}"


def recall(wiring: Wiring, deliveries: Sequence[Delivery]) -> Mapping[str, Doubt]:
    """The doubts that these deliveries inherit, by delivery id."""
    names = {delivery.id: (DOUBTS, name_of(delivery)) for delivery in deliveries}
    states = wiring.journal.states(set(names.values()))
    return {id: msgspec.json.decode(states[name].data, type=Doubt) for id, name in names.items() if name in states}


def remember(unit: UnitBuilder, delivery: Delivery) -> None:
    """Keep the doubt of a delivery that is cancelled now; an older one stays, with the key that has been used since."""
    name = (DOUBTS, name_of(delivery))
    if name not in unit.wiring.journal.states([name]):
        unit.state(State(*name, 1, msgspec.json.encode(Doubt("doubtful", delivery.id, delivery.created))))
