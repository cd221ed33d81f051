"""One turn of the river: take in what came, conclude what went, wake timers, decide, and claim what may go next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from suture.journal import State
from suture.runtime import intake
from suture.runtime.decide import decide, fire
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.wiring import Wiring
from suture.systems import Outcome
from suture.transports import Answer, Arrival

#: Built-in state: how far each poll has come.
POLLS = "polls"


class Turned(Struct, frozen=True, kw_only=True):
    """What one turn did: the answers that may be spoken now, and the conversations to hold."""

    answers: Sequence[Answer] = ()
    attempts: Sequence[Attempt] = ()
    decided: int = 0

    @property
    def moved(self) -> bool:
        """Whether anything happened, so that another turn may find more."""
        return bool(self.answers or self.attempts or self.decided)


def turn(
    wiring: Wiring,
    delivering: Delivering,
    now: datetime,
    arrivals: Sequence[Arrival] = (),
    outcomes: Sequence[tuple[Attempt, Outcome]] = (),
) -> Turned:
    """One turn, in the calling thread; when it returns, everything it answers and claims is durable."""
    answers = intake.accept(wiring, arrivals, now) if arrivals else []
    if outcomes:
        delivering.conclude(outcomes, now)
    fired = fire(wiring, now)
    decided = decide(wiring, range(wiring.journal.partitions), now)
    overdue = delivering.overdue(now)
    return Turned(answers=answers, attempts=delivering.claim(now), decided=decided + fired + overdue + len(outcomes))


def poll_cursor(wiring: Wiring, name: str) -> str:
    """How far a poll has come; "" at the beginning."""
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return state.data.decode() if state else ""


def poll_state(wiring: Wiring, name: str, cursor: str) -> State:
    """The state that says a poll has come to ``cursor``."""
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return State(POLLS, name, (state.version if state else 0) + 1, cursor.encode())
