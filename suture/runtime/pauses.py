"""Pauses: what a person has decided about sending to a counterpart (nothing, no more than is owed by now, or the critical alone).

What is held back stays owed, in its order; nothing is lost or forgotten. While a counterpart is degraded, what is not critical to
care goes out once an hour, all that was owed before the hour began. Who resumes has the counterpart's books compared, where it
lists any: what was done by hand meanwhile is found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from suture.journal import Delivery, State
from suture.model import Decision
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring

#: The built-in process under which the state of each counterpart is kept, and the cursor that moves when one changes.
PAUSES = "pauses"
#: How often what is not critical goes out to a counterpart that is degraded, and from which priority on it is not.
BATCH_EVERY, NOT_CRITICAL = timedelta(hours=1), 5
Phase = Literal["running", "paused", "draining", "degraded"]

#: What each verb leads to, and what it says.
VERBS: Mapping[str, tuple[Phase, str]] = {
    "pause": ("paused", "nothing is sent to it; what it is owed stays owed, in order"),
    "drain": ("draining", "what it is owed by now goes out; what becomes owed from now on waits"),
    "degrade": ("degraded", "what is critical to care goes out at once, the rest once an hour"),
    "resume": ("running", "what has waited goes out in order, and its books are compared where it lists any"),
}


class Pause(Struct, frozen=True, kw_only=True):
    """How a counterpart is sent to: since when, who said so, and why."""

    phase: Phase = "running"
    since: datetime | None = None
    actor: str = ""
    reason: str = ""
    #: The decision that says so.
    decision: str = ""

    def holds(self, delivery: Delivery, now: datetime) -> bool:
        """Whether this delivery has to wait."""
        match self.phase:
            case "paused":
                return True
            case "draining":
                return self.since is not None and delivery.created > self.since
            case "degraded":
                return delivery.priority >= NOT_CRITICAL and delivery.created >= batch_of(now)
        return False


class Pauses:
    """What is decided about each counterpart, read again whenever somebody has decided since."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._seen = -1
        self._known: dict[str, Pause] = {}
        #: Counterparts that have been resumed since somebody asked last.
        self._resumed: set[str] = set()

    def refresh(self) -> bool:
        """Look whether anything was decided; true if so. Raises Unavailable."""
        seen = self._wiring.journal.cursor(PAUSES)
        if seen == self._seen:
            return False
        known = pauses(self._wiring, self._wiring.instances)
        if self._seen >= 0:
            self._resumed |= {name for name, pause in self._known.items() if pause.phase != "running" and _runs(known, name)}
        self._seen, self._known = seen, {name: pause for name, pause in known.items() if pause.phase != "running"}
        return True

    @property
    def any(self) -> bool:
        """Whether anything is held back at all."""
        return bool(self._known)

    def paused(self) -> set[str]:
        """Counterparts to which nothing goes."""
        return {name for name, pause in self._known.items() if pause.phase == "paused"}

    def holds(self, delivery: Delivery, now: datetime) -> bool:
        """Whether a delivery has to wait."""
        pause = self._known.get(delivery.instance)
        return pause is not None and pause.holds(delivery, now)

    def resumed(self) -> set[str]:
        """Counterparts that have been resumed since this was asked last."""
        resumed, self._resumed = self._resumed, set()
        return resumed


def batch_of(now: datetime) -> datetime:
    """When the hour began whose batch goes out now."""
    return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % BATCH_EVERY


def pauses(wiring: Wiring, names: Collection[str]) -> dict[str, Pause]:
    """What was decided about these counterparts; whoever is not in it has always been running."""
    stored = wiring.journal.states((PAUSES, name) for name in names)
    return {name: msgspec.json.decode(state.data, type=Pause) for (_, name), state in stored.items()}


def decided_at(wiring: Wiring, name: str) -> int:
    """The position of the last decision about a counterpart; 0 if there was none."""
    once = f"decision/{pauses(wiring, [name]).get(name, Pause()).decision}"
    found = wiring.journal.by_once([once]).get(once)
    return found.position if found else 0


def on_instance(wiring: Wiring, unit: UnitBuilder, decision: Decision, raw: bytes) -> str:
    """Carry out a decision about a counterpart; raises ValueError for a verb that it does not take now."""
    name = decision.subject.id
    known = wiring.journal.states([(PAUSES, name)]).get((PAUSES, name))
    before = msgspec.json.decode(known.data, type=Pause) if known else Pause()
    if decision.verb not in allowed(before.phase):
        raise ValueError(f"{name} is {before.phase} and takes {', '.join(allowed(before.phase))}, not {decision.verb!r}")
    phase, said = VERBS[decision.verb]
    after = Pause(phase=phase, since=unit.now, actor=decision.actor, reason=decision.reason, decision=decision.id)
    unit.state(State(PAUSES, name, (known.version if known else 0) + 1, msgspec.json.encode(after)))
    unit.cursors[PAUSES] = wiring.journal.cursor(PAUSES) + 1
    return f"{name} is {phase}: {said}"


def allowed(phase: Phase) -> tuple[str, ...]:
    """The verbs that a counterpart in this phase takes."""
    return tuple(verb for verb, (leads_to, _) in VERBS.items() if leads_to != phase)


def _runs(known: Mapping[str, Pause], name: str) -> bool:
    return name not in known or known[name].phase == "running"
