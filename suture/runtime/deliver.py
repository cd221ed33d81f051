"""Deliver: obligations go out in order, ``sending`` is committed before the request leaves, and doubt is never guessed away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

import msgspec
from msgspec import Struct

from suture.formats import Stamp, Verdict
from suture.journal import Delivery, Unavailable, Unit
from suture.masters.crosswalk import translate
from suture.model import Acknowledgement, Document
from suture.rules import retries
from suture.runtime import rounds
from suture.runtime.breakers import Breakers
from suture.runtime.doubts import Doubt, recall
from suture.runtime.network import Instance
from suture.runtime.outages import Outages
from suture.runtime.pauses import Pauses
from suture.runtime.policies import in_force
from suture.runtime.policy import Breaker, Ceiling
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


class Gate:
    """What stands between a delivery and its instance: breaker, quota and the number of calls under way."""

    def __init__(self, concurrency: int, rate: float) -> None:
        self.breaker, self.quota = Breaker(), Ceiling(rate)
        self.concurrency = concurrency
        #: The calls under way, by delivery; look-ups, polls and comparisons have names of their own.
        self.under_way: set[str] = set()
        #: Calls whose next request waits for room, first come first served: they come before those that are to begin.
        self.waiting: dict[str, None] = {}

    def room(self, now: datetime) -> int:
        """How many calls may start now."""
        requests = self.quota.room(now, len(self.under_way)) - len(self.waiting)
        return min(self.breaker.room(now), requests, self.concurrency - len(self.under_way) - len(self.waiting))

    def request(self, call: str, now: datetime) -> bool:
        """Whether one more request may leave now; it counts then. The one before it in the same call has just ended."""
        if call in self.under_way:
            self.quota.end(now)
            self.under_way.discard(call)
        self.waiting.setdefault(call)
        room = min(self.quota.room(now, len(self.under_way)), self.concurrency - len(self.under_way))
        if list(self.waiting).index(call) >= room:
            return False
        del self.waiting[call]
        self.under_way.add(call)
        return True

    def begin(self, call: str, now: datetime) -> None:
        """A call starts."""
        self.breaker.begin(now)
        self.under_way.add(call)

    def leave(self, call: str) -> None:
        """A call that was to start does not."""
        self.breaker.trying = False
        self._forget(call)

    def end(self, call: str, now: datetime, *, reached: bool) -> None:
        """A call ended."""
        self.breaker.end(now, reached=reached)
        self.quota.end(now)
        self._forget(call)

    def over(self, call: str, now: datetime) -> None:
        """A question of our own ended, if it had begun; how is told to nobody."""
        if call in self.under_way:
            self.quota.end(now)
        self._forget(call)

    def _forget(self, call: str) -> None:
        self.under_way.discard(call)
        self.waiting.pop(call, None)

    def lose(self, call: str, now: datetime) -> None:
        """Nobody will say how a call ended; if it was under way here it is no more."""
        if call in self.under_way:
            self.quota.end(now)
        if call in self.under_way or call in self.waiting:
            self.leave(call)

    def wakes(self, now: datetime) -> datetime | None:
        """When time alone will open the gate; None if it is open or waits for calls to end."""
        if self.breaker.room(now) == 0 and not self.breaker.trying:
            return self.breaker.wakes()
        return self.quota.wakes() if self.quota.room(now, len(self.under_way)) <= len(self.waiting) else None


class Delivering:
    """The sending half of the runtime: ``claim`` what may go, hold the conversations, ``conclude`` with their outcomes."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.gates = {instance.name: self._gate(instance) for instance in wiring.network.instances}
        self.paused: set[str] = set()
        self.pauses = Pauses(wiring)
        self.outages = Outages(wiring)
        self.breakers = Breakers(wiring)
        #: What to go back to for (delivery, attempt) whose claim may be in the journal, though nobody has spoken.
        self._unspoken: dict[tuple[str, int], Literal["queued", "unknown"]] = {}

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
        count = self._recover(self.wiring.share.delivers, now, under_way)
        self._unspoken.clear()
        return count

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
        chosen = self._chosen(now)
        if (chosen or look) and self.pauses.refresh():
            chosen = self._chosen(now)
        if not chosen:
            return []
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
        self._remember_unspoken(attempts)
        for attempt in attempts:
            self.gates[attempt.instance.name].leave(attempt.delivery.id)

    def _chosen(self, now: datetime) -> list[Delivery]:
        """What may go: a backlog of one instance that fills a page does not hide what waits for the others."""
        left = {name: gate.room(now) for name, gate in self.gates.items()}
        had = {name for name, room in left.items() if room < 1} | self.paused | self.pauses.paused() | self._others()
        limit, chosen = self.wiring.limits.deliver_batch, []
        for _ in range(len(self.gates) + 2):
            page = self.wiring.journal.deliveries(now, limit, exclude=had)
            if len(page) == limit < HELD_MOST and any(self.pauses.holds(each, now) for each in page):
                limit = HELD_MOST  # behind what has to wait may stand what may go
                continue
            chosen += self._within_room(page, left, now)
            if len(page) < limit:
                break
            had |= {delivery.instance for delivery in page}
        return chosen

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
