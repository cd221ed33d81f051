"""A river in a bottle: processes, their states and timers, and every document that flows between them, without a journal.

States go through their wire form after every decision, so whatever a test does here a journal could have kept. Counterparts take
what is sent to them at once unless a test takes their part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from suture.journal import Event
from suture.model import ApprovalRequest, Case, Decision, Delivered, Document, Ref, TimerFired
from suture.processes.process import Ask, Effect, Emit, Process, Raise, Resolve, Seen, Send, Wait
from suture.processes.rehearsal import START, rehearse, said, shelf

D = TypeVar("D", bound=Document)
Place = tuple[str, str]

#: Steps after which a test is told that its documents chase each other.
LIMIT = 2000
ENCODER = msgspec.json.Encoder(decimal_format="string")


class River:
    """Hands each document to every process and key that it concerns, and what they say to the next."""

    def __init__(
        self, processes: Iterable[Process], masters: Iterable[Document], pick: Callable[[int], int] | None = None
    ) -> None:
        self.processes = {process.name: process for process in processes}
        self.masters = list(masters)
        self.now = START
        self.pick = pick or (lambda count: 0)
        self.answers = True
        self.states: dict[Place, msgspec.Struct] = {}
        self.queues: dict[Place, deque[Document]] = {}
        self.timers: dict[tuple[str, str, str], datetime] = {}
        self.raised_by: dict[str, Place] = {}
        self.cases: dict[str, Case] = {}
        self.emitted: list[Document] = []
        #: The state of whoever stated a document.
        self.behind: list[Any] = []
        self.sent: list[tuple[Place, Send]] = []
        self.asked: list[ApprovalRequest] = []
        self.log: list[str] = []

    def state(self, process: str, key: str) -> Any:
        """What a process knows under a key."""
        return self.states.get((process, key)) or self.processes[process].state()

    def say(self, *documents: Document) -> None:
        """Documents arrive one after the other; each is followed to its end."""
        for document in documents:
            self.hear(document)
            self.flow()

    def hear(self, document: Document, to: Place | None = None) -> None:
        """Queue a document for whom it concerns, without deciding it yet."""
        places = [to] if to else self._places(document)
        for place in places:
            self.queues.setdefault(place, deque()).append(document)

    def _places(self, document: Document) -> list[Place]:
        heard = [process for process in self.processes.values() if type(document) in process.on]
        return [(process.name, key) for process in heard for key in dict.fromkeys(process.key(document))]

    def flow(self) -> None:
        """Decide until nothing waits; ``pick`` chooses which key is next, within a key order is kept."""
        for _ in range(LIMIT):
            waiting = [place for place, queue in self.queues.items() if queue]
            if not waiting:
                return
            place = waiting[self.pick(len(waiting))]
            self._decide(place, self.queues[place].popleft())
        raise AssertionError(f"no end after {LIMIT} decisions")

    def _decide(self, place: Place, document: Document) -> None:
        process = self.processes[place[0]]
        if type(document) not in process.on:
            return
        event = Event(once=f"e{len(self.log)}", kind="accepted", source="test", at=self.now, data=document)
        state, filed = self.state(*place), shelf(self.masters)
        needed = [(kind.__name__, id) for kind, id in process.needs(state, event)]
        seen = Seen(self.now, {need: filed.get(need, ()) for need in needed}, place[1])
        after, effects = process.on[type(document)](state, event, seen)
        assert msgspec.json.decode(ENCODER.encode(after), type=process.state) == after
        assert after.phase in process.phases, after.phase
        self.states[place] = after
        for effect in effects:
            self._effect(place, effect)

    def _effect(self, place: Place, effect: Effect) -> None:
        self.log.append(said(effect))
        match effect:
            case Emit(document=document):
                self.emitted.append(document)
                self.behind.append(self.states[place])
                self.hear(document)
            case Send(role=role, document=document):
                self.sent.append((place, effect))
                if self.answers:
                    self.fate(place, role, document, "done")
            case Ask(request=request):
                self.asked.append(request)
            case Wait(name=name, until=until):
                self.timers.pop((*place, name), None)
                if until is not None:
                    self.timers[(*place, name)] = until
            case Raise(case=case):
                self.cases.setdefault(case.id, case)
                self.raised_by[case.id] = place
            case Resolve(case=case):
                assert case in self.cases, f"{case} is not open"
                del self.cases[case]

    # -- the parts of others

    def fate(self, place: Place, role: str, document: Document, outcome: str, reason: str = "") -> None:
        """A delivery has come to its end."""
        ref = Ref(type(document).__name__, str(getattr(document, "id", "")))
        fate = Delivered(
            delivery=f"D-{len(self.sent)}",
            role=role,
            instance=f"{role}-1",
            document=ref,
            outcome=outcome,  # type: ignore[arg-type]  # tests name the four
            at=self.now,
            reason=reason,
        )
        self.hear(fate, place)

    def decide(self, reason: str, verb: str, actor: str) -> None:
        """A person decides about the one open exception with this reason."""
        self.decide_on(self.case(reason), verb, actor)

    def decide_on(self, case: Case, verb: str, actor: str) -> None:
        """A person decides about an open exception, with one of the verbs that it allows."""
        assert verb in case.actions, f"{verb} is none of {case.actions}"
        decision = Decision(
            id=f"X-{len(self.log)}-{actor}",
            subject=Ref("Case", case.id),
            verb=verb,
            actor=actor,
            at=self.now,
            reason="seen",
            position=1,
        )
        self.hear(decision, self.raised_by[case.id])
        self.flow()

    def pass_time(self, until: datetime | timedelta) -> None:
        """Let time pass; timers fire in order."""
        end = until if isinstance(until, datetime) else self.now + until
        while due := [(when, timer) for timer, when in self.timers.items() if when <= end]:
            when, timer = min(due)
            del self.timers[timer]
            self.now = max(self.now, when)
            self.hear(TimerFired(name=timer[2], due=when), timer[:2])
            self.flow()
        self.now = end

    # -- looking

    def case(self, reason: str) -> Case:
        """The one open exception with this reason."""
        found = [case for case in self.cases.values() if case.reason == reason]
        assert len(found) == 1, f"{reason}: {[case.id for case in self.cases.values()]}"
        return found[0]

    def reasons(self) -> list[str]:
        """The reasons of all open exceptions."""
        return sorted(case.reason for case in self.cases.values())

    def all(self, kind: type[D]) -> list[D]:
        """Everything of a type that was stated."""
        return [document for document in self.emitted if isinstance(document, kind)]

    def sent_to(self, role: str, kind: type[D]) -> list[D]:
        """Everything of a type that was sent to a role."""
        return [send.document for _, send in self.sent if send.role == role and isinstance(send.document, kind)]


def assert_example(process: Process) -> None:
    """The example of a process is what happens: each state, and each effect that it names, in order."""
    assert process.example is not None
    turns = rehearse(process, [step.given for step in process.example.steps], process.example.masters)
    for step, turn in zip(process.example.steps, turns, strict=True):
        told = [said(effect) for effect in turn.effects]
        rest = iter(told)
        assert turn.state.phase == step.state  # type: ignore[attr-defined]  # every state has a phase
        assert all(effect in rest for effect in step.effects), (step.effects, told)
