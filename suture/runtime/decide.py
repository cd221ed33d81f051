"""Decide: waiting events meet their process's state, and everything that follows is committed in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from suture.journal import Delivery, Event, State, Timer, Unit, Work
from suture.model import Case, CaseResolved, Crosswalk, Decided, Document, Policy, Ref, TimerFired, identity
from suture.processes import Ask, Effect, Emit, Process, Raise, Resolve, Seen, Send, Wait
from suture.processes.masters import NAME as MASTERS
from suture.processes.masters import Filed, shelf
from suture.processes.rehearsal import said
from suture.rules import routing
from suture.rules.policies import in_force
from suture.rules.routing import Matter, Rule, rules_of
from suture.runtime.network import Instance
from suture.runtime.routes import NoRoute, destination
from suture.runtime.units import Commit, UnitBuilder, owed_of
from suture.runtime.wiring import CODES, Wiring

#: Built-in state: which exceptions are open.
CASES = "cases"
#: The policy that may say who plays a role; every decision that sends something looks at it.
ROUTING = (Policy.__name__, routing.NAME)
encode = msgspec.json.Encoder(decimal_format="string").encode
_decode_filed = msgspec.json.Decoder(Filed).decode


class OpenCase(Struct, frozen=True):
    """Whether an exception is open, and how often it has been opened."""

    phase: str = "closed"
    times: int = 0


decode_case = msgspec.json.Decoder(OpenCase).decode


class Step(Struct, frozen=True):
    """How many events were decided together, and whether there may be more: what was left, or what they led to."""

    decided: int
    more: bool


def decide(wiring: Wiring, partitions: Iterable[int], now: datetime, commit: Commit | None = None) -> Step:
    """Decide the oldest waiting events of these partitions; ``commit`` is the journal's unless the river has its own.

    A handler that fails parks its own event as an exception and nothing else. Raises Fenced if another worker has
    taken over, with nothing written.
    """
    limit = wiring.limits.decide_batch
    work = wiring.journal.work(partitions, limit)
    led = _decide(wiring, work, now, commit or wiring.journal.commit) if work else 0
    wiring.learn(item.event.data for item in work if isinstance(item.event.data, Crosswalk))
    return Step(decided=len(work), more=led > 0 or len(work) >= limit)


def _decide(wiring: Wiring, work: Sequence[Work], now: datetime, commit: Commit) -> int:
    """One transaction; if the journal cannot hold what was decided, the culprit is found by halving and parked alone.

    Returns to how many further decisions it leads.
    """
    batch = Batch(wiring, work, now)
    for item in work:
        batch.decide(item)
    try:
        commit([batch.close()])
    except ValueError as error:
        if len(work) > 1:
            half = len(work) // 2
            return _decide(wiring, work[:half], now, commit) + _decide(wiring, work[half:], now, commit)
        batch = Batch(wiring, work, now)
        batch.park(work[0], error)
        commit([batch.close()])
    return len(batch.unit.routes)


class Batch:
    """The decisions of one transaction: states are loaded in two queries, handlers are pure, writes are collected."""

    def __init__(self, wiring: Wiring, work: Sequence[Work], now: datetime) -> None:
        self.wiring, self.now = wiring, now
        self.unit = UnitBuilder(wiring, now)
        self.states: dict[tuple[str, str], tuple[int, Struct]] = {}
        #: Masters by (kind, id), each with the version of what is filed.
        self.filed: dict[tuple[str, str], tuple[int, Filed]] = {}
        self.changed: set[tuple[str, str]] = set()
        #: Whether this batch itself files masters.
        self._files = any(item.process == MASTERS for item in work)
        self._load({(item.process, item.key) for item in work})
        #: What each event was found to need, and the state in which it does.
        self._needed: dict[int, tuple[Struct, list[tuple[str, str]]]] = {}
        self._load_masters({need for item in work for need in self._needs(item)} | {ROUTING})
        self._rules: dict[int, tuple[Rule, ...]] = {}
        #: Where something goes under each state of that policy.
        self._ways: dict[tuple[int, Matter], Instance] = {}

    # -- loading

    def _load(self, keys: set[tuple[str, str]]) -> None:
        stored = self.wiring.journal.states(keys)
        for key in keys:
            state = stored.get(key)
            process = self.wiring.processes[key[0]]
            if state is None:
                self.states[key] = (0, process.state())
            else:
                self.states[key] = (state.version, self.wiring.state_decoders[key[0]].decode(state.data))

    def _load_masters(self, needs: Iterable[tuple[str, str]]) -> None:
        missing = {need: shelf(*need) for need in needs if need not in self.filed}
        if missing:
            stored = self.wiring.journal.states(missing.values())
            for need, key in missing.items():
                state = stored.get(key)
                self.filed[need] = (state.version, _decode_filed(state.data)) if state else (0, Filed())

    def _needs(self, item: Work) -> list[tuple[str, str]]:
        state = self.states[item.process, item.key][1]
        before, needs = self._needed.get(item.id, (None, []))
        if before is state:
            return needs
        try:
            wanted = self.wiring.processes[item.process].needs(state, item.event)
        except Exception:  # the same failure comes again, with its reason, when the event is decided
            return []
        needs = [(kind.__name__, id) for kind, id in wanted]
        self._needed[item.id] = (state, needs)
        return needs

    def _seen(self, item: Work) -> Seen:
        needs = self._needs(item)
        self._load_masters(needs)
        return Seen(self.now, {need: self._filed(need)[1].documents for need in needs}, item.key)

    def _filed(self, need: tuple[str, str]) -> tuple[int, Filed]:
        """What is filed, with the version of it: changes of this batch count already."""
        if not self._files:
            return self.filed[need]
        key = shelf(*need)
        version, filed = self.states.get(key, self.filed[need])
        assert isinstance(filed, Filed)
        return version + (key in self.changed), filed

    # -- deciding

    def decide(self, item: Work) -> None:
        """Decide one event; whatever it does is collected."""
        process, key = self.wiring.processes[item.process], (item.process, item.key)
        version, state = self.states[key]
        try:
            seen = self._seen(item)
            after, effects = process.on[type(item.event.data)](state, item.event, seen)
            self._check(effects)
        except Exception as error:  # one poison event is parked alone; its key and all others go on
            self.park(item, error)
            return
        self.unit.done.append(item.id)
        if isinstance(item.event.data, Crosswalk):
            self.unit.cursors[CODES] = item.position
        if after is not state and after != state:
            self.states[key] = (version, after)
            self.changed.add(key)
        saw = tuple(f"{kind}:{id}#{self._filed((kind, id))[0]}" for kind, id in (*seen.masters, *self._routed_by(effects)))
        once = _trace(item)
        owed_before = len(self.unit.deliveries)
        for name, effect in zip(_names(effects), effects, strict=True):
            self._effect(item, effect, f"{once}/{name}")
        self._record(item, process, once, after, effects, saw, self.unit.deliveries[owed_before:])

    def _record(
        self,
        item: Work,
        process: Process,
        once: str,
        after: Struct,
        effects: Sequence[Effect],
        saw: tuple[str, ...],
        owed: Sequence[Delivery],
    ) -> None:
        """The decision is a fact too: what it looked at, what it did, and whom it owes what."""
        decided = Decided(
            process=process.name,
            version=process.version,
            key=item.key,
            event=item.event.once,
            phase=getattr(after, "phase", ""),
            owes=tuple(owed_of(delivery) for delivery in owed),
            effects=tuple(said(effect) for effect in effects),
        )
        event = Event(
            once=once,
            kind="decided",
            source=process.name,
            at=self.now,
            data=decided,
            cause=item.event.once,
            root=item.event.root,
            seen=saw,
        )
        self.unit.event(event)

    def _check(self, effects: Sequence[Effect]) -> None:
        if len(effects) > self.wiring.limits.effects_per_decision:
            raise OverflowError(f"{len(effects)} effects of one decision; the limit is {self.wiring.limits.effects_per_decision}")
        for effect in effects:
            match effect:
                case Send():
                    self._route(effect)
                case Ask():
                    self._route(_question(effect, ""))

    def _effect(self, item: Work, effect: Effect, once: str) -> None:
        match effect:
            case Send():
                self._send(item, effect, once)
            case Emit(document=document):
                self._emit(item, document, once)
            case Ask(request=request):
                self._emit(item, request, once)
                self._send(item, _question(effect, item.key), f"{once}/ask")
            case Wait(name=name, until=until):
                self.unit.timer(Timer(item.process, item.key, name, until, item.event.once, item.event.root))
            case Raise(case=case):
                self._raise(item, case, once)
            case Resolve():
                self._resolve(item, effect, once)

    def _event(self, item: Work, document: Document, once: str, **more: Any) -> Event:
        event = item.event
        return Event(
            once=once, kind="emitted", source=item.process, at=self.now, data=document, cause=event.once, root=event.root, **more
        )

    def _emit(self, item: Work, document: Document, once: str) -> None:
        self.unit.event(self._event(item, document, once), self.wiring.routes(document))

    def _route(self, send: Send) -> Instance:
        kind = type(send.document).__name__
        matter = Matter(role=send.role, document=kind, entity=send.entity, facility=send.facility, supplier=send.supplier)
        way = self._filed(ROUTING)[0], matter
        if way not in self._ways:
            self._ways[way] = destination(self.wiring.network, self._routing(), matter)
        return self._ways[way]

    def _routing(self) -> tuple[Rule, ...]:
        """The rules of the policy in force, read once for each state of it."""
        version, filed = self._filed(ROUTING)
        if version not in self._rules:
            policy = in_force(filed.documents, self.now)
            self._rules[version] = rules_of(policy.values) if policy else ()
        return self._rules[version]

    def _routed_by(self, effects: Sequence[Effect]) -> tuple[tuple[str, str], ...]:
        """The policy of routing, if there is one and something is sent: the decision rests on it, too."""
        # rules that cannot be read are a fault of what is sent, and of nothing else
        sends = any(isinstance(effect, Send | Ask) for effect in effects)
        return (ROUTING,) if sends and self._routing() else ()

    def _send(self, item: Work, send: Send, id: str) -> None:
        self.unit.deliver(
            Delivery(
                id=id,
                instance=self._route(send).name,
                role=send.role,
                key=send.key,
                document=send.document,
                due=self.now,
                process=item.process,
                process_key=item.key,
                cause=item.event.once,
                root=item.event.root,
                created=self.now,
                priority=send.priority,
            )
        )

    # -- exceptions

    def _case_state(self, id: str) -> tuple[int, OpenCase]:
        key = (CASES, id)
        if key not in self.states:
            stored = self.wiring.journal.states([key]).get(key)
            self.states[key] = (stored.version, decode_case(stored.data)) if stored else (0, OpenCase())
        version, state = self.states[key]
        assert isinstance(state, OpenCase)
        return version, state

    def _raise(self, item: Work, case: Case, once: str) -> None:
        version, state = self._case_state(case.id)
        if state.phase == "open":
            return
        self.states[CASES, case.id] = (version, OpenCase("open", state.times + 1))
        self.changed.add((CASES, case.id))
        self.unit.event(self._event(item, case, once, to=(item.process, item.key)))

    def _resolve(self, item: Work, effect: Resolve, once: str) -> None:
        version, state = self._case_state(effect.case)
        if state.phase != "open":
            return
        self.states[CASES, effect.case] = (version, OpenCase("closed", state.times))
        self.changed.add((CASES, effect.case))
        resolved = CaseResolved(
            case=effect.case, action=effect.action, actor=effect.actor or item.process, at=self.now, reason=effect.reason
        )
        self.unit.event(self._event(item, resolved, once))

    def park(self, item: Work, error: Exception) -> None:
        """Finish an event that cannot be decided: it becomes an exception, with its cause."""
        self.unit.done.append(item.id)
        case = Case(
            id=f"{item.process}/{item.key}/failed/{item.position}",
            reason="no_route" if isinstance(error, NoRoute) else "handler_failed",
            text=f"{item.process} could not decide {type(item.event.data).__name__}: {type(error).__name__}: {error}"[:500],
            objects=item.event.refs() or (Ref("Event", item.event.once),),
            owner="operations",
            at=self.now,
            actions=("retry", "reject"),
            suggestion="mend the cause (network file, policy, master data or code), then retry: the event is decided again",
        )
        self._raise(item, case, f"{_trace(item)}/failed")

    def close(self) -> Unit:
        """The unit of the whole batch."""
        for key in sorted(self.changed):
            version, state = self.states[key]
            self.unit.state(State(key[0], key[1], version + 1, encode(state)))
        return self.unit.build()


def _trace(item: Work) -> str:
    """What every once and every idempotency key of this decision begins with.

    It follows from what was accepted and not from where it stands in the journal: after a restore the same message gets another
    position, and must not get another key. What one message leads to stays together, so that the index is touched in few places.
    """
    root = item.event.root or item.event.once
    return f"{_digest(root, 4)}{_digest(item.event.once, 8)}/{item.process}/{item.key}"


def _names(effects: Sequence[Effect]) -> list[str]:
    """What tells the effects of one decision apart: what each says and to whom, not its place among them.

    After a restore the same event may find other facts, and one effect less before this one. Its key must not then stand for
    another document: the counterpart would answer with what became of that one, and never take this one.
    """
    told, names = dict[str, int](), []
    for effect in effects:
        said = _said(effect)
        told[said] = told.get(said, 0) + 1
        names.append(_digest(f"{said}#{told[said]}", 8))
    return names


def _said(effect: Effect) -> str:
    match effect:
        case Send(role=role, document=document):
            return f"send/{role}/{identity(document)}"
        case Emit(document=document):
            return f"emit/{identity(document)}"
        case Ask(request=request, via=via):
            return f"ask/{via}/{identity(request)}"
        case Wait(name=name):
            return f"wait/{name}"
        case Raise(case=case):
            return f"raise/{case.id}"
        case Resolve(case=id):
            return f"resolve/{id}"


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _question(ask: Ask, key: str) -> Send:
    """How a question reaches the system in which people answer it."""
    return Send(role=ask.via, document=ask.request, key=key, entity=ask.entity, facility=ask.facility, priority=ask.priority)


def fire(wiring: Wiring, now: datetime, limit: int = 500) -> int:
    """Turn timers that are due into events for the processes that wait; returns how many."""
    timers = wiring.journal.timers(now, limit)
    if timers:
        wiring.journal.commit([_fired(wiring, timer, now) for timer in timers])
    return len(timers)


def _fired(wiring: Wiring, timer: Timer, now: datetime) -> Unit:
    assert timer.due is not None
    unit, to = UnitBuilder(wiring, now), (timer.process, timer.key)
    unit.fired.append((timer.process, timer.key, timer.name, timer.due))
    event = Event(
        # the event that set the timer makes it unique: the same name may be set again for the same moment
        once=f"{timer.due.isoformat()}/{timer.process}/{timer.key}/{timer.name}/{timer.cause}",
        kind="fired",
        source="clock",
        at=now,
        data=TimerFired(name=timer.name, due=timer.due),
        cause=timer.cause,
        root=timer.root,
        to=to,
    )
    unit.event(event, [to] if TimerFired in wiring.processes[timer.process].on else [])
    return unit.build()
