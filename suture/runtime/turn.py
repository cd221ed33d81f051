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

#: Timers and overdue deliveries that are looked at in one turn; more are left to the next.
LIMIT = 500
#: Built-in state: how far each poll has come.
POLLS = "polls"


#: Rounds of deciding in one turn; what one decision says is decided in the next round.
ROUNDS = 50


class Turned(Struct, frozen=True, kw_only=True):
    """What one turn did: the answers that may be spoken now, the conversations to hold, and whether a limit left more to do."""

    answers: Sequence[Answer] = ()
    attempts: Sequence[Attempt] = ()
    more: bool = False


def turn(
    wiring: Wiring,
    delivering: Delivering,
    now: datetime,
    arrivals: Sequence[Arrival] = (),
    outcomes: Sequence[tuple[Attempt, Outcome]] = (),
) -> Turned:
    """One turn, in the calling thread; when it returns, everything it answers and claims is durable.

    Outcomes are concluded before arrivals are read: a word about a delivery finds the delivery waiting for it.
    """
    if outcomes:
        delivering.conclude(outcomes, now)
    answers = intake.accept(wiring, arrivals, now) if arrivals else []
    overdue = delivering.overdue(now, LIMIT)
    unfinished = _decide_all(wiring, now)
    attempts = delivering.claim(now)
    full = len(attempts) >= wiring.limits.deliver_batch
    return Turned(answers=answers, attempts=attempts, more=full or unfinished or overdue >= LIMIT)


def _decide_all(wiring: Wiring, now: datetime) -> bool:
    """Decide until nothing is left to decide and no timer is due; true if the limit came first."""
    for _ in range(ROUNDS):
        if not decide(wiring, range(wiring.journal.partitions), now) and not fire(wiring, now, LIMIT):
            return False
    return True


def poll_cursor(wiring: Wiring, name: str) -> str:
    """How far a poll has come; "" at the beginning."""
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return state.data.decode() if state else ""


def poll_state(wiring: Wiring, name: str, cursor: str) -> State:
    """The state that says a poll has come to ``cursor``."""
    state = wiring.journal.states([(POLLS, name)]).get((POLLS, name))
    return State(POLLS, name, (state.version if state else 0) + 1, cursor.encode())
