"""Rounds: how often and since when a delivery is tried in vain; a person's release begins another.

``attempts`` of a delivery only ever grows, and its creation may lie long before its turn came: neither tells when to give up.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from suture.journal import Delivery, State
from suture.runtime.units import UnitBuilder

#: Built-in state: one per delivery that failed, or that a person released.
ROUNDS = "rounds"


class Round(Struct, frozen=True):
    """The attempts since the first that failed, or since a person's word; ``before`` were made earlier and do not count."""

    phase: str
    since: datetime
    before: int = 0

    def tries(self, delivery: Delivery) -> int:
        """How many attempts have been made in this round."""
        return delivery.attempts - self.before


def current(unit: UnitBuilder, delivery: Delivery) -> Round:
    """The round of a delivery whose attempt has failed now; its first failure begins one."""
    version, known = _known(unit, delivery)
    return known if known else _begun(unit, delivery, version, 0)


def begin(unit: UnitBuilder, delivery: Delivery) -> None:
    """A person lets it be tried anew."""
    version, _ = _known(unit, delivery)
    _begun(unit, delivery, version, delivery.attempts)


def _begun(unit: UnitBuilder, delivery: Delivery, version: int, before: int) -> Round:
    begun = Round("trying", unit.now, before)
    unit.state(State(ROUNDS, delivery.id, version + 1, msgspec.json.encode(begun)))
    return begun


def _known(unit: UnitBuilder, delivery: Delivery) -> tuple[int, Round | None]:
    name = (ROUNDS, delivery.id)
    stored = unit.wiring.journal.states([name]).get(name)
    return (stored.version, msgspec.json.decode(stored.data, type=Round)) if stored else (0, None)
