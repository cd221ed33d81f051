"""One turn of the river: take in what came, conclude what went, wake timers, decide, and claim what may go next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from suture.journal import Committed, Fenced, Unavailable, Unit
from suture.runtime import intake
from suture.runtime.decide import decide, fire
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.share import CLOCK
from suture.runtime.units import Commit
from suture.runtime.wiring import Wiring
from suture.systems import Outcome
from suture.transports import Answer, Arrival

#: Timers and overdue deliveries that are looked at in one turn; more are left to the next.
LIMIT = 500
#: Rounds of deciding in one turn; what one decision says is decided in the next round.
ROUNDS = 20
#: How often a step begins anew because somebody else wrote what it had read.
RACES = 5
T = TypeVar("T")


class Turned(Struct, frozen=True, kw_only=True):
    """What one turn did: the conversations to hold, and whether a limit left more to do."""

    attempts: Sequence[Attempt] = ()
    more: bool = False


def turn(
    wiring: Wiring,
    delivering: Delivering,
    now: datetime,
    arrivals: Sequence[Arrival] = (),
    outcomes: Sequence[tuple[Attempt, Outcome]] = (),
    speak: Callable[[Sequence[Answer]], None] = lambda answers: None,
    *,
    timed: bool = True,
    told: bool = True,
) -> Turned:
    """One turn, in the calling thread; when it returns, everything it claims is durable.

    ``speak`` is called as soon as what arrived is durable: nobody who waits for an answer waits for what follows from his words.
    Only a turn that is ``timed`` looks at what waits for time (timers, and words that are overdue) and for what people have
    decided about sending. Where nobody was ``told`` of anything else than these outcomes, they alone lead to decisions, and what
    waits to be sent is looked for only where something has come or ended since. Outcomes are concluded before arrivals are read:
    a word about a delivery finds the delivery waiting for it. Raises Fenced if others own what we took for ours.
    """
    attempts: list[Attempt] = []

    def commit(units: Sequence[Unit]) -> list[Committed]:
        results, begun = delivering.commit(units, now)
        attempts.extend(begun)
        return results

    try:
        ended = bool(outcomes)
        if arrivals:
            with wiring.journal.together():
                delivering.conclude(outcomes, now)
                answers = undisturbed(lambda: intake.accept(wiring, arrivals, now, commit))
            speak(answers)
            outcomes = ()
        with wiring.journal.together():
            heard = delivering.conclude(outcomes, now)
            overdue = undisturbed(lambda: delivering.overdue(now, LIMIT)) if timed else 0
            look = bool(arrivals or heard) or timed or told
            unfinished = look and _decide_all(wiring, now, commit, timed=timed)
            undisturbed(lambda: delivering.lapse(now))
            undisturbed(lambda: delivering.tell(now))
            if timed or told or ended or delivering.stirred:
                attempts += undisturbed(lambda: delivering.claim(now, look=timed))
    except (Unavailable, Fenced):
        # what the journal was thought to hold may be gone again: it is asked before the next word
        wiring.counting.forget()
        delivering.unsaid(attempts)
        raise
    full = len(attempts) >= wiring.limits.deliver_batch
    return Turned(attempts=attempts, more=full or unfinished or overdue >= LIMIT)


def _decide_all(wiring: Wiring, now: datetime, commit: Commit, *, timed: bool) -> bool:
    """Decide until nothing is left to decide and no timer is due; true if the limit came first."""
    partitions, timed = wiring.share.partitions(wiring.journal.partitions), timed and wiring.share.holds(CLOCK)
    for _ in range(ROUNDS):
        if partitions and undisturbed(lambda: decide(wiring, partitions, now, commit)).more:
            continue
        if not timed or not undisturbed(lambda: fire(wiring, now, LIMIT)):
            return False
    return True


def undisturbed(step: Callable[[], T]) -> T:
    """A step that a person's command, or a word that another process took in, came between is taken again on what is true now.

    Raises Fenced if it is disturbed again and again.
    """
    for _ in range(RACES):
        try:
            return step()
        except Fenced:
            continue
    return step()
