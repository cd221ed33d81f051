"""Breakers in the journal: which counterparts are left alone just now, for whoever looks from another process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from suture.journal import State
from suture.runtime.policy import Breaker
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring

#: The built-in process under which the state of each breaker is kept.
BREAKERS = "breakers"


class Trip(Struct, frozen=True, kw_only=True):
    """How a breaker stands: open after so many failures in a row, the last of them ``since`` then, or closed since then."""

    phase: Literal["closed", "open"] = "closed"
    since: datetime | None = None
    failures: int = 0


class Breakers:
    """What the journal says of them; ``forget`` after a commit that may not have happened."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._known: dict[str, tuple[int, Trip]] | None = None

    def forget(self) -> None:
        """Ask the journal again before the next word."""
        self._known = None

    def tell(self, unit: UnitBuilder, breakers: Mapping[str, Breaker]) -> None:
        """Write down those that have opened or closed since they were written last."""
        if self._known is None:
            self._known = _stored(self._wiring, self._wiring.instances)
        for name, breaker in breakers.items():
            version, before = self._known.get(name, (0, Trip()))
            phase: Literal["closed", "open"] = "closed" if breaker.opened is None else "open"
            if phase != before.phase:
                trip = Trip(phase=phase, since=breaker.opened or unit.now, failures=breaker.failures)
                unit.state(State(BREAKERS, name, version + 1, msgspec.json.encode(trip)))
                self._known[name] = version + 1, trip


def trips(wiring: Wiring, names: Collection[str]) -> dict[str, Trip]:
    """How the breakers of these counterparts stand; one that has never opened is not in it."""
    return {name: trip for name, (_, trip) in _stored(wiring, names).items()}


def _stored(wiring: Wiring, names: Collection[str]) -> dict[str, tuple[int, Trip]]:
    states = wiring.journal.states((BREAKERS, name) for name in names)
    return {key[1]: (state.version, msgspec.json.decode(state.data, type=Trip)) for key, state in states.items()}
