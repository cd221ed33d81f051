"""Deliver: obligations go out in order, ``sending`` is committed before the request leaves, and doubt is never guessed away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

import msgspec
from msgspec import Struct

from suture.formats import Stamp, Verdict
from suture.journal import Committed, Delivery, State, Unavailable, Unit
from suture.masters.crosswalk import translate
from suture.model import Acknowledgement, Document
from suture.rules import retries
from suture.runtime import rounds
from suture.runtime.breakers import Breakers
from suture.runtime.doubts import DOUBTS, Doubt, name_of, recall
from suture.runtime.gate import Gate
from suture.runtime.network import Instance
from suture.runtime.outages import Outages
from suture.runtime.pauses import PAUSES, Pause, Pauses
from suture.runtime.policies import in_force
from suture.runtime.restored import under_another_key
from suture.runtime.secrets import secret
from suture.runtime.settle import change, delivery_case, early_word, raise_case, settle_by_word
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring
from suture.systems import Again, Awaiting, Call, Done, Operation, Outcome, Refused, Steps, Unsure

#: How long a case about a missing word stays quiet before the delivery is looked at again.
OVERDUE_AGAIN = timedelta(hours=24)
#: A delivery in one of these goes out by itself, whenever that may be.
WAITING, EVER = ("queued", "sending", "unknown"), datetime.max.replace(tzinfo=UTC)
#: So many are looked at where those of a page are held back by a person's decision.
HELD_MOST = 5_000
#: How long a delivery to an instance that we do not know is left to others: network files change host by host.
STRANGE_FOR = timedelta(hours=1)


class Attempt(Struct, frozen=True, kw_only=True):
    """One delivery that has been marked ``sending``: the conversation that is to be held with its instance.

    ``doubtful``: an earlier attempt may have got there.
    """

    delivery: Delivery
    instance: Instance
    steps: Steps
    doubtful: bool = False


class Ready(Struct, frozen=True):
    """One new delivery that may go out at once, and what its instance is to hear, in its own codes."""

    delivery: Delivery
    instance: Instance
    operation: Operation
    document: Document


class Delivering:
    """The sending half of the runtime: ``commit`` what is owed and ``claim`` what waits, hold the conversations, ``conclude``."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.gates = {instance.name: self._gate(instance) for instance in wiring.network.instances}
        self.paused: set[str] = set()
        self.pauses = Pauses(wiring)
        self.outages = Outages(wiring)
        self.breakers = Breakers(wiring)
        #: What to go back to for (delivery, attempt) whose claim may be in the journal, though nobody has spoken.
        self._unspoken: dict[tuple[str, int], Literal["queued", "unknown"]] = {}
        #: Instances for which something may be waiting that could go: what is new does not go before it.
        self.behind: set[str] = set(self.gates)
        #: Whether anything was owed or settled since the last claim that may let a delivery go.
        self.stirred = True

    def _retry(self, delivery: Delivery, now: datetime) -> retries.Retry:
        """How this delivery is tried again, as the policy in force says; asked only where something has failed."""
        return retries.retry_of(in_force(self.wiring.journal, retries.NAME, now), type(delivery.document).__name__)

    def _gate(self, instance: Instance) -> Gate:
        system = self.wiring.systems.get(instance.system)
        concurrency = instance.concurrency or (system.concurrency if system else 1)
        return Gate(concurrency, self._rate(instance))

    def _rate(self, instance: Instance) -> float:
        """How often we may call an instance: its ceiling, or our part of it while gateways elsewhere ask it, too."""
        system = self.wiring.systems.get(instance.system)
        return (instance.rate_per_s or (system.rate_per_s if system else 1.0)) * self.wiring.share.of_rate(instance.name)

    # -- before

    def recover(self, now: datetime, under_way: Collection[str] = ()) -> int:
        """Whatever of ours is ``sending`` and not under way here was interrupted: it is unknown now; returns how many."""
        self._look_anew()
        count = self._recover(self.wiring.share.delivers, now, under_way)
        self._unspoken.clear()
        return count

    def _look_anew(self) -> None:
        """What waits is not known: nothing new goes out before the next claim has looked."""
        self.behind, self.stirred = set(self.gates), True

    def _recover(self, ours: Callable[[str], bool], now: datetime, under_way: Collection[str] = ()) -> int:
        """The same for these instances.

        A claim of ours whose commit got no answer was interrupted before anything was said: it is as it was before.
        """
        sending = self.wiring.journal.open_deliveries(status="sending", limit=100_000)
        interrupted = [delivery for delivery in sending if ours(delivery.instance) and delivery.id not in under_way]
        unit = UnitBuilder(self.wiring, now)
        for delivery in interrupted:
            if gate := self.gates.get(delivery.instance):
                gate.lose(delivery.id, now)
            before = self._unspoken.get((delivery.id, delivery.attempts), "unknown")
            change(unit, delivery, before, note="interrupted while sending")
            if self._retry(delivery, now).over(rounds.current(unit, delivery).tries(delivery)):
                # the attempt after which somebody is told had no end that could have told
                self.outages.begins(unit, delivery, "interrupted while sending")
        if interrupted:
            self._commit_words(unit)
        return len(interrupted)

    def _commit_words(self, unit: UnitBuilder) -> None:
        try:
            self.wiring.journal.commit([unit.build()])
        except BaseException:
            self.outages.forget()
            raise

    def take_over(self, instances: Collection[str], now: datetime) -> None:
        """These are ours from now on: their tempers are unknown, their quotas begin empty, and what was sent is in doubt.

        How much of its rate each instance leaves to us may have changed, too.
        """
        for name in instances:
            self.gates[name] = self._gate(self.wiring.instances[name])
            self.gates[name].quota.empty(now)
        for name, gate in self.gates.items():
            gate.quota.keep_to(self._rate(self.wiring.instances[name]))
        self.outages.forget()
        self.breakers.forget()
        self._look_anew()
        self._recover(set(instances).__contains__, now)

    def lapse(self, now: datetime) -> int:
        """Close the exceptions of counterparts for which nothing waits any more; returns how many.

        Whoever waited may have been ended by a person, by a word or by a reconciliation: only what is left tells.
        """
        lapsed = [name for name in self.outages.open() if self.wiring.share.delivers(name) and not self._awaited(name)]
        unit = UnitBuilder(self.wiring, now)
        for name in lapsed:
            self.outages.lapses(unit, name)
        if lapsed:
            self._commit_words(unit)
        return len(lapsed)

    def tell(self, now: datetime) -> None:
        """Write down which breakers have opened or closed; nothing where none has."""
        unit = UnitBuilder(self.wiring, now)
        self.breakers.tell(unit, {name: gate.breaker for name, gate in self.gates.items() if self.wiring.share.delivers(name)})
        if not unit.states:
            return
        try:
            self.wiring.journal.commit([unit.build()])
        except BaseException:
            self.breakers.forget()
            raise

    def _awaited(self, instance: str) -> bool:
        """Whether anything would go to an instance by itself: what is behind a parked document waits for a person."""
        return bool(self.wiring.journal.deliveries(EVER, 1, statuses=WAITING, exclude=self.gates.keys() - {instance}))

    def _others(self) -> set[str]:
        return {name for name in self.gates if not self.wiring.share.delivers(name)}

    def claim(self, now: datetime, *, look: bool = True) -> list[Attempt]:
        """Mark what may go now as ``sending``, durably; returns the conversations to hold.

        What people have decided about sending is asked before anything is claimed, and whenever there is a ``look`` for it.
        """
        chosen, behind = self._chosen(now)
        if (chosen or look) and self.pauses.refresh():
            chosen, behind = self._chosen(now)
        self.behind = behind | {delivery.instance for delivery in chosen}
        attempts = self._claimed(chosen, now) if chosen else []
        self.behind, self.stirred = behind, False
        return attempts

    def _claimed(self, chosen: Sequence[Delivery], now: datetime) -> list[Attempt]:
        doubts = recall(self.wiring, chosen)
        unit, attempts = UnitBuilder(self.wiring, now), []
        for delivery in chosen:
            attempt = self._attempt(unit, delivery, now, doubts.get(delivery.id))
            if attempt:
                attempts.append(attempt)
        self._commit_claim(unit, attempts)
        for attempt in attempts:
            self.gates[attempt.instance.name].begin(attempt.delivery.id, now)
        return attempts

    def _commit_claim(self, unit: UnitBuilder, attempts: Sequence[Attempt]) -> None:
        try:
            self.wiring.journal.commit([unit.build()])
        except Unavailable:
            self._remember_unspoken(attempts)
            raise

    def _remember_unspoken(self, attempts: Sequence[Attempt]) -> None:
        """Nobody holds these conversations: should the claim be there after all, nothing has been said."""
        for each in attempts:
            self._unspoken[each.delivery.id, each.delivery.attempts] = "unknown" if each.doubtful else "queued"

    def unsaid(self, attempts: Sequence[Attempt]) -> None:
        """The journal may not hold what was concluded, nor these claims: nothing of them is said."""
        self.outages.forget()
        self.breakers.forget()
        self._look_anew()
        self._remember_unspoken(attempts)
        for attempt in attempts:
            self.gates[attempt.instance.name].leave(attempt.delivery.id)

    def _chosen(self, now: datetime) -> tuple[list[Delivery], set[str]]:
        """What may go, and for which instances more may be waiting.

        A backlog of one instance that fills a page does not hide what waits for the others.
        """
        left = {name: gate.room(now) for name, gate in self.gates.items()}
        had = {name for name, room in left.items() if room < 1} | self.paused | self.pauses.paused() | self._others()
        limit, chosen, found = self.wiring.limits.deliver_batch, [], list[Delivery]()
        for _ in range(len(self.gates) + 2):
            page = self.wiring.journal.deliveries(now, limit, exclude=had)
            if len(page) == limit < HELD_MOST and any(self.pauses.holds(each, now) for each in page):
                limit = HELD_MOST  # behind what has to wait may stand what may go
                continue
            found += page
            chosen += self._within_room(page, left, now)
            if len(page) < limit:
                break
            had |= {delivery.instance for delivery in page}
        going = {delivery.id for delivery in chosen}
        return chosen, had | {delivery.instance for delivery in found if delivery.id not in going}

    def _within_room(self, deliveries: Sequence[Delivery], left: dict[str, int], now: datetime) -> list[Delivery]:
        """Those for which there is room ``left``, which they take."""
        chosen = []
        for delivery in deliveries:
            if left.get(delivery.instance, self._strange(delivery, now)) > 0 and not self.pauses.holds(delivery, now):
                left[delivery.instance] = left.get(delivery.instance, 1) - 1
                chosen.append(delivery)
        return chosen

    def _strange(self, delivery: Delivery, now: datetime) -> bool:
        """Whether to see to a delivery to an instance unknown to us; for a while another may, whose network file names it."""
        return self.wiring.share.parts is None or now - delivery.due >= STRANGE_FOR

    def _attempt(self, unit: UnitBuilder, delivery: Delivery, now: datetime, doubt: Doubt | None) -> Attempt | None:
        instance = self.wiring.instances.get(delivery.instance)
        operation = self._operation(instance, delivery.document)
        if instance is None or operation is None:
            self._park(unit, delivery, f"{delivery.instance} does not accept {type(delivery.document).__name__}")
            return None
        document, unknown = self._translated(instance, delivery.document, now)
        if unknown:
            self._park(unit, delivery, f"{instance.name} has no code for {', '.join(unknown)}")
            return None
        inherited = doubt is not None and not delivery.attempts
        forgotten = _key_forgotten(operation, now - (doubt.since if doubt else delivery.created), inherited=inherited)
        if not self._may_send(unit, delivery, operation, inherited=inherited, forgotten=forgotten):
            return None
        attempts = delivery.attempts + 1
        change(unit, delivery, "sending", attempts=attempts)
        doubtful = inherited or delivery.status == "unknown"
        call = self._call(instance, delivery, attempts, doubt.key if doubt else delivery.id)
        strange = forgotten or under_another_key(self.wiring.restored, delivery)
        steps = conversation(operation, document, call, doubtful=doubtful, strange=strange)
        sending = msgspec.structs.replace(delivery, status="sending", attempts=attempts)
        return Attempt(delivery=sending, instance=instance, steps=steps, doubtful=doubtful)

    # -- at once

    def commit(self, units: Sequence[Unit], now: datetime) -> tuple[list[Committed], list[Attempt]]:
        """Commit units, with what they owe and may go out at once marked as ``sending``; returns also the conversations to hold.

        What may go is what ``claim`` would choose next anyway: nothing waits for its instance, nothing stands before it under its
        key, and nobody has decided otherwise. All else is queued.
        """
        owed = [delivery for unit in units for delivery in unit.deliveries]
        ready = {each.delivery.id: each for each in self._ready(owed, now)} if owed else {}
        try:
            results = self.wiring.journal.commit([_going(unit, ready) for unit in units] if ready else units)
        except Unavailable:
            for id in ready:
                self._unspoken[id, 1] = "queued"
            raise
        numbers = {id: number for result in results for id, number in result.sending.items()}
        waiting = {delivery.instance for delivery in owed if delivery.id not in numbers}
        self.behind |= waiting
        self.stirred |= bool(waiting) or any(unit.settlements for unit in units)
        attempts = [self._at_once(ready[id], number) for id, number in numbers.items()]
        for attempt in attempts:
            self.gates[attempt.instance.name].begin(attempt.delivery.id, now)
        return results, attempts

    def _ready(self, owed: Sequence[Delivery], now: datetime) -> list[Ready]:
        """Those of new deliveries that may go out at once, as far as can be said before they are committed."""
        first: dict[tuple[str, str], Delivery] = {}
        for each in owed:
            first.setdefault((each.instance, each.key), each)
        free = self.gates.keys() - self.behind - self.paused - self._others()
        able = [each for each in first.values() if each.instance in free and each.status == "queued" and each.due <= now]
        able.sort(key=lambda delivery: delivery.priority)
        left = {name: self.gates[name].room(now) for name in {each.instance for each in able}}
        chosen = self._within_room(able, left, now)
        ready = {each.id: self._readied(each, now) for each in self._unquestioned(chosen)}
        # what has to wait for a closer look does not see later ones pass by
        wait = {each.instance for each in chosen if ready.get(each.id) is None}
        return [each for each in ready.values() if each is not None and each.instance.name not in wait]

    def _unquestioned(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that nobody has decided to hold back, and about which there is no doubt; the journal is asked once for both."""
        if not deliveries:
            return []
        about = {each.id: ((DOUBTS, name_of(each)), (PAUSES, each.instance)) for each in deliveries}
        stored = self.wiring.journal.states({name for names in about.values() for name in names})
        return [each for each in deliveries if not any(_questions(stored[name]) for name in about[each.id] if name in stored)]

    def _readied(self, delivery: Delivery, now: datetime) -> Ready | None:
        instance = self.wiring.instances[delivery.instance]
        operation = self._operation(instance, delivery.document)
        if operation is None:
            return None
        document, unknown = self._translated(instance, delivery.document, now)
        return None if unknown else Ready(delivery, instance, operation, document)

    def _at_once(self, ready: Ready, number: int) -> Attempt:
        sending = msgspec.structs.replace(ready.delivery, status="sending", attempts=1, number=number)
        call = self._call(ready.instance, sending, 1, sending.id)
        steps = conversation(ready.operation, ready.document, call, doubtful=False)
        return Attempt(delivery=sending, instance=ready.instance, steps=steps)

    def _operation(self, instance: Instance | None, document: Document) -> Operation | None:
        return None if instance is None else self.wiring.system(instance).accepts.get(type(document))

    def _translated(self, instance: Instance, document: Document, now: datetime) -> tuple[Document, list[str]]:
        def lookup(kind: str, code: str) -> str | None:
            return self.wiring.book.outbound(instance.name, kind, code, now.date())

        translated, unknown = translate(document, lookup, self.wiring.system(instance).codes)
        return translated, [f"{row.kind} {row.value}" for row in unknown]

    def _call(self, instance: Instance, delivery: Delivery, attempt: int, key: str) -> Call:
        stamp = Stamp(number=delivery.number, at=delivery.created.isoformat())
        body = (
            self._acknowledgement(instance, delivery.document, stamp) if isinstance(delivery.document, Acknowledgement) else b""
        )
        return Call(
            key=key,
            id=str(getattr(delivery.document, "id", "")),
            stamp=stamp,
            profile=instance.profile,
            attempt=attempt,
            options=instance.options,
            password=partial(secret, instance.password),
            body=body,
        )

    def _acknowledgement(self, instance: Instance, document: Acknowledgement, stamp: Stamp) -> bytes:
        format = self.wiring.formats[document.format]
        reading = format.read(self.wiring.journal.blob(document.blob), instance.profile)
        verdict = Verdict(outcome=document.outcome, findings=document.findings, stamp=stamp)
        assert format.acknowledge is not None
        return format.acknowledge(reading, verdict, instance.profile) or b""

    def _may_send(self, unit: UnitBuilder, delivery: Delivery, operation: Operation, *, inherited: bool, forgotten: bool) -> bool:
        """Whether there is no doubt, or the counterpart can settle it; if it offers neither key nor look-up, a person must.

        A doubt that is ``inherited`` from a cancelled delivery has a reference of its own: no statement will tell of this one.
        """
        if not inherited and delivery.status != "unknown":
            return True
        if operation.outcome == "key" and not forgotten:
            return True
        if operation.probe is not None and not (inherited and operation.outcome == "statement"):
            return True
        why = "an earlier delivery of it was cancelled in doubt" if inherited else delivery.note or "no reply"
        self._park(unit, delivery, f"nobody can tell whether it arrived ({why})", reason="unknown_outcome")
        return False

    def _park(self, unit: UnitBuilder, delivery: Delivery, text: str, reason: str = "undeliverable") -> None:
        # before sending the attempt counts as made; after sending it has been counted
        attempts = delivery.attempts + (delivery.status != "sending")
        change(unit, delivery, "parked", note=text, attempts=attempts)
        suggestion = (
            "ask the counterpart whether it has it: then confirm, or release to send it again"
            if reason == "unknown_outcome"
            else "mend the cause and release it, repair the document, or cancel it"
        )
        case = delivery_case(delivery, unit.now, reason, text, suggestion)
        raise_case(unit, case, once=f"{delivery.id}!case/{attempts}", cause=delivery.cause, root=delivery.root)

    # -- after

    def conclude(self, outcomes: Sequence[tuple[Attempt, Outcome]], now: datetime) -> bool:
        """Commit the outcomes of conversations and the facts that they cause, together; true if a process hears of one."""
        units: list[Unit] = []
        try:
            for attempt, outcome in outcomes:
                unit = UnitBuilder(self.wiring, now)
                self._conclude(unit, attempt, outcome)
                units.append(unit.build())
            if units:
                self.wiring.journal.commit(units)
        except BaseException:
            self.outages.forget()
            raise
        finally:
            self._leave(outcomes, now)
        return any(unit.routes for unit in units)

    def _leave(self, outcomes: Sequence[tuple[Attempt, Outcome]], now: datetime) -> None:
        for attempt, outcome in outcomes:
            reached = isinstance(outcome, Done | Refused | Awaiting) or (isinstance(outcome, Again) and outcome.after_s > 0)
            self.gates[attempt.instance.name].end(attempt.delivery.id, now, reached=reached)

    def _conclude(self, unit: UnitBuilder, attempt: Attempt, outcome: Outcome) -> None:
        delivery = attempt.delivery
        match outcome:
            case Done(reference=reference):
                self.outages.ends(unit, delivery)
                change(unit, delivery, "done", reference=reference)
            case Refused(reason=reason):
                self.outages.ends(unit, delivery)
                change(unit, delivery, "refused", note=reason)
            case Awaiting():
                self.outages.ends(unit, delivery)
                self._await(unit, delivery, outcome)
            case Again(reason=reason, after_s=after_s):
                # a look that could not be had leaves the doubt that it was to settle
                self._again(unit, delivery, "unknown" if attempt.doubtful else "queued", reason, after_s, patient=True)
            case Unsure(reason=reason):
                self._unsure(unit, delivery, reason)

    def _await(self, unit: UnitBuilder, delivery: Delivery, outcome: Awaiting) -> None:
        word = early_word(self.wiring, delivery.instance, outcome.reference)
        if word is not None:
            settle_by_word(unit, msgspec.structs.replace(delivery, reference=outcome.reference), word.accepted, word.reason)
            return
        within_s = self.wiring.instances[delivery.instance].answers_within_s or outcome.within_s
        due = unit.now + timedelta(seconds=within_s)
        change(unit, delivery, "awaiting", reference=outcome.reference, due=due)

    def _again(
        self,
        unit: UnitBuilder,
        delivery: Delivery,
        status: Literal["queued", "unknown"],
        reason: str,
        after_s: float,
        *,
        patient: bool,
    ) -> None:
        begun, retry = rounds.current(unit, delivery), self._retry(delivery, unit.now)
        tries = begun.tries(delivery)
        over = retry.over(tries)
        if over and not (patient and unit.now - begun.since < retry.patience):
            why = "unknown_outcome" if status == "unknown" else "retries_exhausted"
            self._park(unit, delivery, f"given up after {tries} attempts: {reason}", reason=why)
            return
        if over:
            self.outages.begins(unit, delivery, reason)
        due = unit.now + retry.after(tries, delivery.id, after_s)
        change(unit, delivery, status, note=reason, due=due)

    def _unsure(self, unit: UnitBuilder, delivery: Delivery, reason: str) -> None:
        instance = self.wiring.instances[delivery.instance]
        operation = self._operation(instance, delivery.document)
        if operation is not None and operation.outcome == "none":
            self._park(unit, delivery, f"nobody can tell whether it arrived ({reason})", reason="unknown_outcome")
            return
        self._again(unit, delivery, "unknown", reason, 0.0, patient=False)

    def overdue(self, now: datetime, limit: int = 200) -> int:
        """Deliveries whose word has not come in time become cases; they go on waiting. Returns how many."""
        late = self.wiring.journal.deliveries(now, limit, statuses=("awaiting",), exclude=self._others())
        unit = UnitBuilder(self.wiring, now)
        for delivery in late:
            self._overdue(unit, delivery)
        if late:
            self.wiring.journal.commit([unit.build()])
        return len(late)

    def _overdue(self, unit: UnitBuilder, delivery: Delivery) -> None:
        word = early_word(self.wiring, delivery.instance, delivery.reference)
        if word is not None:
            settle_by_word(unit, delivery, word.accepted, word.reason)
            return
        change(unit, delivery, "awaiting", due=unit.now + OVERDUE_AGAIN, attempts=delivery.attempts + 1)
        text = f"no word about {delivery.reference} since {delivery.created:%Y-%m-%d %H:%M} UTC"
        case = delivery_case(
            delivery, unit.now, "no_word", text, "ask the counterpart; then confirm, or release to send it again"
        )
        raise_case(unit, case, once=f"{delivery.id}!overdue/{delivery.attempts}", cause=delivery.cause, root=delivery.root)


def _going(unit: Unit, ready: Collection[str]) -> Unit:
    """The unit, with these of its deliveries on their way."""
    deliveries = [
        msgspec.structs.replace(each, status="sending", attempts=1) if each.id in ready else each for each in unit.deliveries
    ]
    return msgspec.structs.replace(unit, deliveries=deliveries)


def _questions(state: State) -> bool:
    """Whether what is stored about a delivery speaks against sending it at once."""
    return state.process == DOUBTS or msgspec.json.decode(state.data, type=Pause).phase != "running"


def _key_forgotten(operation: Operation, age: timedelta, *, inherited: bool) -> bool:
    """Whether sending again under the same key might not be recognised: it is too old, or it is a control number and this is
    a new delivery of what was cancelled, with a number of its own. Half of a key's life is kept back for clocks that differ."""
    return age.total_seconds() >= operation.key_lives_s / 2 or (inherited and operation.numbered)


def conversation(operation: Operation, document: Document, call: Call, *, doubtful: bool, strange: bool = False) -> Steps:
    """Send; but after a doubtful attempt look first, and where only a statement can tell, do nothing but wait for it.

    Where a key keeps a second copy from being taken, no look is needed, unless the key may be ``strange`` to the counterpart.
    """
    if doubtful and operation.probe is not None and (operation.outcome != "key" or strange):
        outcome = yield from operation.probe(document, call)
        if operation.outcome == "statement" or not isinstance(outcome, Again):
            return outcome
    return (yield from operation.send(document, call))
