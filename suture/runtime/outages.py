"""Outages: one exception for a counterpart that is out of reach, however many documents wait, until it is back or none does."""

from __future__ import annotations

from suture.journal import Delivery, Event, State
from suture.model import Case, CaseResolved, Ref
from suture.runtime.decide import CASES, OpenCase, decode_case, encode
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring


class Outages:
    """Which instances are known to be out of reach; ``forget`` after a commit that may not have happened."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self._known: dict[str, tuple[int, OpenCase]] | None = None

    def forget(self) -> None:
        """Ask the journal again before the next word."""
        self._known = None

    def _cases(self) -> dict[str, tuple[int, OpenCase]]:
        if self._known is None:
            stored = self.wiring.journal.states((CASES, _case_id(name)) for name in self.wiring.instances)
            self._known = {key[1]: (state.version, decode_case(state.data)) for key, state in stored.items()}
        return self._known

    def _state(self, id: str) -> tuple[int, OpenCase]:
        return self._cases().get(id, (0, OpenCase()))

    def open(self) -> list[str]:
        """The instances whose exception is open."""
        opened = [id for id, (_, case) in self._cases().items() if case.phase == "open"]
        return [name for name in self.wiring.instances if _case_id(name) in opened] if opened else []

    def begins(self, unit: UnitBuilder, delivery: Delivery, reason: str) -> None:
        """Open the exception of an instance, unless it is open."""
        id = _case_id(delivery.instance)
        if self._state(id)[1].phase == "open":
            return
        times = self._move(unit, id, "open")
        instance = self.wiring.instances[delivery.instance]
        case = Case(
            id=id,
            reason="out_of_reach",
            text=f"{delivery.instance} has taken nothing for a while: {reason}"[:500],
            objects=(Ref("Instance", delivery.instance),),
            owner="operations",
            at=unit.now,
            care="supply" if delivery.priority < 5 else "none",
            context={"first waiting": f"{type(delivery.document).__name__} {getattr(delivery.document, 'id', '')}"},
            suggestion=f"call {instance.owner or 'its owner'}; what waits goes out by itself, in order, when it is back",
        )
        self._say(unit, case, f"{id}/{times}")

    def ends(self, unit: UnitBuilder, delivery: Delivery) -> None:
        """The instance has taken something: close its exception if it is open."""
        id = _case_id(delivery.instance)
        if self._state(id)[1].phase != "open":
            return
        times = self._move(unit, id, "closed")
        back = CaseResolved(case=id, action="back", actor=delivery.instance, at=unit.now, reason="it answers again")
        self._say(unit, back, f"{id}/{times}/back")

    def lapses(self, unit: UnitBuilder, instance: str) -> None:
        """Nothing waits for the instance any more: close its exception, though nobody knows whether it is back."""
        id = _case_id(instance)
        times = self._move(unit, id, "closed")
        lapsed = CaseResolved(case=id, action="lapsed", actor="runtime", at=unit.now, reason="nothing waits for it any more")
        self._say(unit, lapsed, f"{id}/{times}/lapsed")

    def _move(self, unit: UnitBuilder, id: str, phase: str) -> int:
        version, known = self._state(id)
        now = OpenCase(phase, known.times + (phase == "open"))
        self._cases()[id] = (version + 1, now)
        unit.state(State(CASES, id, version + 1, encode(now)))
        return now.times

    def _say(self, unit: UnitBuilder, document: Case | CaseResolved, once: str) -> None:
        unit.event(Event(once=once, kind="emitted", source="runtime", at=unit.now, data=document))


def _case_id(instance: str) -> str:
    return f"instance/{instance}/out_of_reach"
