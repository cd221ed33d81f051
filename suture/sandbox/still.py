"""The same network without sockets or threads: one call turns the river until nothing moves at this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from suture.runtime.clock import ManualClock
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.drive import drive_at_once
from suture.runtime.intake import accept
from suture.runtime.turn import turn
from suture.runtime.wiring import Wiring
from suture.systems import Outcome
from suture.transports import Answer, Arrival, Reply, Request

#: Turns that one moment may take; more means that something feeds itself.
TURNS_MOST = 10_000

Perform = Callable[[Request], Reply]


class Still:
    """The runtime in one thread: what arrives is taken in, what is owed goes out, as far as it can at this moment."""

    def __init__(
        self,
        wiring: Wiring,
        clock: ManualClock,
        links: Mapping[str, Perform],
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """``heard`` is called after each conversation, before what came of it is written."""
        self.wiring, self.clock, self.links, self.heard = wiring, clock, links, heard
        self.delivering = Delivering(wiring)
        self.delivering.recover(clock.now())

    def accept(self, *arrivals: Arrival) -> list[Answer]:
        """Take in messages that come together; returns what their senders are told. ``settle`` does the rest."""
        return accept(self.wiring, arrivals, self.clock.now())

    def settle(self) -> int:
        """Turn until nothing moves; returns how many turns it took."""
        outcomes: list[tuple[Attempt, Outcome]] = []
        for count in range(TURNS_MOST):
            turned = turn(self.wiring, self.delivering, self.clock.now(), (), outcomes)
            outcomes = [(attempt, self._talk(attempt)) for attempt in turned.attempts]
            if not (outcomes or turned.more):
                return count
        raise RuntimeError(f"the river does not come to rest after {TURNS_MOST} turns")

    def until(self, moment: datetime) -> None:
        """Let time pass up to ``moment``, doing everything when it is due."""
        self.settle()
        while (due := self._next_due()) is not None and due <= moment:
            self.clock.move_to(due)
            self.settle()
        self.clock.move_to(moment)
        self.settle()

    def _next_due(self) -> datetime | None:
        due, now = self.wiring.journal.next_due(), self.clock.now()
        if due is None or due > now:
            return due
        wakes = [wake for gate in self.delivering.gates.values() if (wake := gate.wakes(now)) is not None]
        return min(wakes, default=None)

    def _talk(self, attempt: Attempt) -> Outcome:
        outcome = drive_at_once(attempt.steps, self.links[attempt.instance.name])
        self.heard()
        return outcome
