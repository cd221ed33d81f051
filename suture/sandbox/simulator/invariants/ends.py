"""Promises about ends: everything drains, no exception disappears, every obligation ends once, and nobody comes back late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from suture.model import Case, CaseResolved, Decided, Decision, Delivered, MessageReceived, Parked, TimerFired
from suture.sandbox.simulator.invariants.facts import Check, Facts

#: Those that have exceptions of their own, and hear what people decide about them.
PROCESSES = ("order_to_receipt", "invoice_to_payment", "requisition_to_order", "payment", "usage_to_replenishment")
#: Attempts after which somebody is told that a delivery does not get through.
ATTEMPTS = 12
#: How a document's failure reads that never got there: the counterpart was away, or had no time.
AWAY = ("connection refused", "HTTP 429", "HTTP 503", "the folder is locked")
#: How an answer reads that speaks of the counterpart, not of the document.
NO_REFUSAL = ("HTTP 408", "HTTP 429", "HTTP 5")
#: Before this nobody should be given up: a dozen attempts take longer.
PATIENCE = timedelta(minutes=15)
#: A parked document should not hold anybody else back for as long as this.
LONG = timedelta(hours=8)
#: What waited for it goes as soon after it as this.
SOON = timedelta(minutes=30)


def everything_drains(facts: Facts) -> Iterator[str]:
    """Weeks after the last fault nothing waits any more, and no exception stands whose cause is gone."""
    disk = facts.world.disk
    if waiting := disk.counts()["work"]:
        yield f"{waiting} events wait to be decided"
    for delivery in disk.open_deliveries(limit=100_000):
        name = type(delivery.document).__name__
        yield f"{name} {delivery.id} to {delivery.instance} is still {delivery.status}: {delivery.note or 'no reason known'}"
    for id, case in facts.open.items():
        carrier = disk.delivery(id.removeprefix("delivery/")) if id.startswith("delivery/") else None
        if carrier is not None and carrier.status in ("done", "cancelled"):
            yield f"exception {case.reason} of {carrier.id} is open, though the delivery is {carrier.status}"
        if case.reason == "out_of_reach":
            yield f"{case.objects[0].id} is said to be out of reach, and nothing waits for it"
    yield from _away_and_back(facts)
    for timer in disk.timers(facts.world.clock.now(), 1000):
        yield f"timer {timer.name} of {timer.process} {timer.key} was due and never fired"


def _away_and_back(facts: Facts) -> Iterator[str]:
    """Who takes something is within reach: of partners with files a word may come while they do not look into their folder."""
    away: set[str] = set()
    for row in facts.rows:
        match row.event.data:
            case Case(reason="out_of_reach", objects=(instance, *_)):
                away.add(instance.id)
            case CaseResolved(case=id) if id.endswith("/out_of_reach"):
                away.discard(id.split("/")[1])
            case Delivered(outcome="done", instance=name, reason="") if name in away - facts.world.stage.file_twins().keys():
                yield f"{name} took {row.event.data.document} while it was said to be out of reach"


def exceptions_stay(facts: Facts) -> Iterator[str]:
    """An exception is raised once, and open until somebody or something resolves it aloud; a parked document has one."""
    open_now: set[str] = set()
    raised: set[str] = set()
    for row in facts.rows:
        match row.event.data:
            case Case(id=id, reason=reason):
                if id in open_now and reason != "no_word":  # of which people are reminded each day
                    yield f"exception {id} was raised again while it was open"
                raised.add(id)
                open_now.add(id)
            case CaseResolved(case=id):
                if id not in raised:
                    yield f"exception {id} was resolved and never raised"
                open_now.discard(id)
    for row in facts.rows:
        if isinstance(row.event.data, Parked) and f"intake/{row.event.data.id}" not in raised:
            yield f"{row.event.data.id} is parked without an exception"
    for process, key in (("cases", id) for id in raised):
        stored = facts.world.disk.states([(process, key)]).get((process, key))
        if stored and (b'"open"' in stored.data) != (key in facts.open):
            yield f"exception {key} is {'closed' if key in facts.open else 'open'} in the state and not in the history"
    for name in PROCESSES:
        yield from _as_the_process_sees(facts, name)


def _as_the_process_sees(facts: Facts, process: str) -> Iterator[str]:
    """What a process believes to be open is open in the history, and the other way round."""
    decoder = facts.world.base.wiring.state_decoders.get(process)
    if decoder is None:
        return
    after, believed = "", set[str]()
    while page := facts.world.disk.scan_states(process, after, 1000):
        after = page[-1].key
        for stored in page:
            cases = getattr(decoder.decode(stored.data), "cases", ())
            believed.update(cases)
            for case in cases:
                if case not in facts.open:
                    yield f"{process} {stored.key} waits for exception {case}, which is not open"
    for id, case in facts.open.items():
        own = id.startswith(f"{process}/") and case.reason not in ("handler_failed", "no_route")
        if own and id not in believed:
            yield f"exception {id} is open, and {process} knows nothing of it"


def decided_once(facts: Facts) -> Iterator[str]:
    """Each event is decided once by each process that it concerns; each timer fires once; each delivery ends well once."""
    decided: Counter[tuple[str, str, str]] = Counter()
    done: Counter[str] = Counter()
    fired: Counter[tuple[str, str, str]] = Counter()
    for row in facts.rows:
        match row.event.data:
            case Decided(event=event, process=process, key=key):
                decided[event, process, key] += 1
            case Delivered(outcome="done", delivery=delivery):
                done[delivery] += 1
            case TimerFired(name=name, due=due) if row.event.to:
                fired[f"{row.event.cause} {row.event.to}", name, due.isoformat()] += 1
    yield from (f"{place} was decided {times} times" for place, times in decided.items() if times > 1)
    yield from (f"delivery {id} ended well {times} times" for id, times in done.items() if times > 1)
    yield from (f"timer {place} fired {times} times" for place, times in fired.items() if times > 1)


def cancelled_waits_are_over(facts: Facts) -> Iterator[str]:
    """A timer fires only while its process waits for it."""
    armed: dict[tuple[str, str, str], bool] = {}
    for row in facts.rows:
        match row.event.data:
            case Decided(process=process, key=key, effects=effects):
                waits = (effect.removeprefix("Wait ") for effect in effects if effect.startswith("Wait "))
                armed |= {(process, key, name.removesuffix(" off")): not name.endswith(" off") for name in waits}
            case TimerFired(name=name) if row.event.to and not armed.get((*row.event.to, name)):
                yield f"timer {name} of {' '.join(row.event.to)} fired, and nobody waited for it any more"


def obligations_end(facts: Facts) -> Iterator[str]:
    """Double entry: what is owed was entered once, and ended, or is open; nothing ended that nobody owed."""
    owed: Counter[str] = Counter()
    ends: dict[str, str] = {}
    for row in facts.rows:
        match row.event.data:
            case Decided(owes=owes) | MessageReceived(owes=owes):
                owed.update(one.delivery for one in owes)
            case Delivered(delivery=id, outcome=outcome):
                ends[id] = outcome
    for id, count in owed.items():
        delivery = facts.world.disk.delivery(id)
        if count > 1:
            yield f"{id} was owed {count} times"
        if delivery is None:
            yield f"{id} is owed, and there is no delivery"
        elif delivery.status in ("done", "refused", "cancelled") and ends.get(id) != delivery.status:
            yield f"{id} is {delivery.status}, its history says {ends.get(id, 'nothing')}"
    for id in sorted(ends.keys() - owed.keys()):
        repaired = any(getattr(row.event.data, "delivery", "") == id and hasattr(row.event.data, "owes") for row in facts.rows)
        if not repaired:
            yield f"{id} ended, and nobody owed it"


def somebody_is_told(facts: Facts) -> Iterator[str]:
    """What is tried in vain is told to somebody; who is only away is waited for, and not given up."""
    told = {row.event.data.id for row in facts.rows if isinstance(row.event.data, Case)}
    for row in facts.rows:
        match row.event.data:
            case Delivered(outcome="done" | "parked", delivery=id):
                delivery = facts.world.disk.delivery(id)
                away = delivery is not None and f"instance/{delivery.instance}/out_of_reach" in told
                if delivery is not None and delivery.attempts > ATTEMPTS and f"delivery/{id}" not in told and not away:
                    yield f"{id} was tried {delivery.attempts} times, and nobody was told"
            case Case(reason="retries_exhausted", text=text, id=id) if text.endswith(AWAY):
                yield f"{id} was given up, though its counterpart was only away: {text}"
            case Case(reason="retries_exhausted" | "unknown_outcome", id=id, at=moment):
                delivery = facts.world.disk.delivery(id.removeprefix("delivery/"))
                if delivery is not None and delivery.attempts >= ATTEMPTS and moment - delivery.created < PATIENCE:
                    yield f"{id} was given up after {moment - delivery.created}, hardly time for its counterpart to come back"
            case Delivered(outcome="refused", delivery=id, reason=reason) if reason.startswith(NO_REFUSAL):
                yield f"{id} was taken for refused, though its counterpart said nothing of the kind: {reason}"


def decisions_are_on_what_is(facts: Facts) -> Iterator[str]:
    """Whoever decides about an exception has seen the last word about it."""
    last: dict[str, int] = {}
    for row in facts.rows:
        match row.event.data:
            case Decision(subject=subject, position=seen) if last.get(subject.id, 0) > seen:
                yield f"{row.event.data.actor} decided {subject.id} on position {seen}; it had changed at {last[subject.id]}"
            case Case(id=id) | CaseResolved(case=id):
                last[id] = row.position


def people_are_obeyed(facts: Facts) -> Iterator[str]:
    """What a person decides is done: a delivery ends as they said, at once, and a process that asked hears them."""
    heard = {row.event.data.event for row in facts.rows if isinstance(row.event.data, Decided)}
    ends = {
        (row.event.data.id, row.event.data.outcome, row.event.at) for row in facts.rows if isinstance(row.event.data, Delivered)
    }
    for row in facts.rows:
        data = row.event.data
        if not isinstance(data, Decision):
            continue
        if row.event.to and row.event.to[0] in PROCESSES and row.event.once not in heard:
            yield f"{data.actor} decided {data.verb} about {data.subject.id}, and {row.event.to[0]} never heard of it"
        outcome = {"confirm": "done", "cancel": "cancelled"}.get(data.verb, "")
        id = data.subject.id.removeprefix("delivery/")
        if outcome and id != data.subject.id and (id, outcome, row.event.at) not in ends:
            yield f"{data.actor} decided {data.verb} about {id}, and it was not {outcome}"


def parked_waits_alone(facts: Facts) -> Iterator[str]:
    """A document that waits for a person holds back its own key and nothing else."""
    parked: dict[str, tuple[str, str, int]] = {}
    settled = [(row.position, row.event.data.case) for row in facts.rows if isinstance(row.event.data, CaseResolved)]
    at = {row.position: row.event.at for row in facts.rows}
    for row in facts.rows:
        if isinstance(row.event.data, Delivered) and row.event.data.outcome == "parked":
            delivery = facts.world.disk.delivery(row.event.data.delivery)
            if delivery is not None:
                parked[delivery.id] = (delivery.instance, delivery.key, row.position)
    for id, (instance, _, since) in parked.items():
        until = next((position for position, case in settled if case == f"delivery/{id}" and position > since), 0)
        if until and at[until] - at[since] >= LONG:
            yield from _held_back(facts, instance, {key for _, key, _ in parked.values()}, (since, until))


def _held_back(facts: Facts, instance: str, parked: set[str], span: tuple[int, int]) -> Iterator[str]:
    """Others that were owed soon after and could go only when the parked one had gone."""
    at = {row.position: row.event.at for row in facts.rows if row.position in span}
    since, until = at[span[0]], at[span[1]]
    away = facts.world.lines.away
    passed, waited = 0, []
    for row in facts.rows:
        data = row.event.data
        if isinstance(data, Delivered) and data.instance == instance and data.outcome == "done":
            delivery = facts.world.disk.delivery(data.delivery)
            if delivery is None or delivery.key in parked or delivery.created <= since:
                continue
            # nobody waits for a person while the counterpart itself is away
            if until - delivery.created - away(instance, delivery.created, until) > LONG / 2:
                passed += row.event.at < until
                if until <= row.event.at < until + SOON:
                    waited.append(delivery.id)
    if len(waited) > 2 and not passed:
        yield f"{waited[0]} and {len(waited) - 1} more to {instance} waited until another key's parked document was settled"


PROMISES: dict[str, Check] = {
    "everything drains": everything_drains,
    "no exception disappears": exceptions_stay,
    "everything is decided once": decided_once,
    "cancelled waits are over": cancelled_waits_are_over,
    "every obligation ends": obligations_end,
    "somebody is told": somebody_is_told,
    "decisions rest on what is": decisions_are_on_what_is,
    "people are obeyed": people_are_obeyed,
    "a parked document waits alone": parked_waits_alone,
}
