"""Commands: what people decide about exceptions, parked messages and deliveries, on the state that they saw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from suture.journal import Delivery, DeliveryStatus, Event, State
from suture.model import Case, CaseResolved, Decision, Document, Parked, Ref, decode
from suture.rules.approvals import same_person
from suture.runtime import intake
from suture.runtime.alerts import on_incident
from suture.runtime.decide import CASES, OpenCase, decode_case, encode
from suture.runtime.doubts import OPEN_ENDED, remember
from suture.runtime.pauses import decided_at, on_instance
from suture.runtime.rounds import begin
from suture.runtime.settle import change
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring
from suture.transports import Arrival

#: The reason of the exceptions that end when somebody else than the person concerned says that they looked.
EMERGENCY = "emergency_rights"


class Stale(ValueError):
    """The decision rests on a state that has moved on since; look again."""


class NoSuchThing(LookupError):
    """Nothing with that identity waits for a decision."""


def command(wiring: Wiring, decision: Decision, now: datetime, *, raw: bytes = b"") -> str:
    """Carry out one decision and journal it; returns one sentence on what happened.

    ``raw`` is the repaired content where the verb is a repair. Raises NoSuchThing for an unknown subject, Stale if the
    subject has changed after ``decision.position``, ValueError for a verb that the subject does not allow.
    """
    subject = decision.subject
    if wiring.journal.by_once([f"decision/{decision.id}"]):
        return "decided before; a repeat changes nothing"
    last, root = _latest(wiring, subject)
    if last > decision.position:
        raise Stale(f"{subject} changed at position {last}, after the {decision.position} that you decided on")
    unit = UnitBuilder(wiring, now)
    act = _ACTS.get(subject.type)
    if act is None:
        raise NoSuchThing(
            f"{subject.type} {subject.id} takes no decisions; a Case, a Message, a Delivery, an Instance or an Incident does"
        )
    if subject.type != "Case":
        _journal(unit, decision, root)
    said = act(wiring, unit, decision, raw)
    (written,) = wiring.journal.commit([unit.build()])
    if written.repeated:
        raise Stale(f"{subject} was settled before: {written.repeated}")
    return said


def _latest(wiring: Wiring, subject: Ref) -> tuple[int, str]:
    """Where the last word about a subject stands, and the message at its beginning; an instance stems from none."""
    if subject.type == "Instance" and subject.id in wiring.instances:
        return decided_at(wiring, subject.id), ""
    found = wiring.journal.find(Ref(subject.type, subject.id))
    if not found and subject.type == "Incident":
        return 0, ""
    if not found:
        raise NoSuchThing(f"there is no {subject.type} {subject.id}")
    return found[-1].position, found[-1].event.root


def _journal(unit: UnitBuilder, decision: Decision, root: str, to: tuple[str, str] | None = None) -> None:
    event = Event(
        once=f"decision/{decision.id}", kind="commanded", source=decision.actor, at=unit.now, data=decision, root=root, to=to
    )
    heard = to is not None and to[0] in unit.wiring.processes and Decision in unit.wiring.processes[to[0]].on
    unit.event(event, [to] if to and heard else [])


# -- cases


def _on_case(wiring: Wiring, unit: UnitBuilder, decision: Decision, raw: bytes) -> str:
    opened = _open(wiring, decision.subject.id)
    if opened is None:
        raise Stale(f"the exception {decision.subject.id} was settled before")
    case = opened.data
    assert isinstance(case, Case)
    if decision.verb not in case.actions:
        raise ValueError(f"{case.id} allows {', '.join(case.actions)}, not {decision.verb!r}")
    if case.reason == EMERGENCY:
        return _reviewed(wiring, unit, decision, opened)
    _journal(unit, decision, opened.root, opened.to)
    if case.reason in ("handler_failed", "no_route") and decision.verb in ("retry", "reject"):
        return _on_failed(wiring, unit, decision, opened)
    carrier = next((ref for ref in case.objects if ref.type in ("Message", "Delivery")), None)
    if opened.to is None and carrier is not None:
        return _ACTS[carrier.type](wiring, unit, _about(decision, carrier), raw)
    if opened.to is None:
        return f"{decision.verb} is noted"  # whoever raised it reads the decision when it looks again: a reconciliation
    return f"{decision.verb} told to {opened.to[0]}"


def _reviewed(wiring: Wiring, unit: UnitBuilder, decision: Decision, opened: Event) -> str:
    if any(ref.type == "Person" and same_person(ref.id, decision.actor) for ref in opened.refs()):
        raise ValueError("somebody else has to review what you did with emergency rights")
    _journal(unit, decision, opened.root)
    close_case(wiring, unit, decision, decision.subject.id, opened.root)
    return "the review is noted"


def _open(wiring: Wiring, case: str) -> Event | None:
    """The event that opened this exception, if it is still open."""
    words = [row.event for row in wiring.journal.find(Ref("Case", case)) if isinstance(row.event.data, Case | CaseResolved)]
    return words[-1] if words and isinstance(words[-1].data, Case) else None


def _about(decision: Decision, subject: Ref) -> Decision:
    return Decision(
        id=decision.id,
        subject=subject,
        verb=decision.verb,
        actor=decision.actor,
        at=decision.at,
        reason=decision.reason,
        position=decision.position,
    )


def _on_failed(wiring: Wiring, unit: UnitBuilder, decision: Decision, opened: Event) -> str:
    close_case(wiring, unit, decision, decision.subject.id, opened.root)
    if decision.verb == "reject" or opened.to is None:
        return "the event stays undecided for good"
    cause = wiring.journal.by_once([opened.cause])[opened.cause].event
    again = Event(
        once=f"decision/{decision.id}/again",
        kind=cause.kind,
        source=cause.source,
        at=unit.now,
        data=cause.data,
        cause=cause.once,
        root=cause.root,
        blob=cause.blob,
        mapping=cause.mapping,
        to=opened.to,
    )
    unit.event(again, [opened.to])
    return f"{type(cause.data).__name__} is decided again"


def close_case(wiring: Wiring, unit: UnitBuilder, decision: Decision, case: str, root: str) -> None:
    """Close the exception of this id by the decision, in the same unit; nothing happens if it is not open."""
    if _open(wiring, case) is None:
        return
    resolved = CaseResolved(case=case, action=decision.verb, actor=decision.actor, at=unit.now, reason=decision.reason)
    event = Event(
        once=f"decision/{decision.id}/closed", kind="emitted", source=decision.actor, at=unit.now, data=resolved, root=root
    )
    unit.event(event)
    stored = wiring.journal.states([(CASES, case)]).get((CASES, case))
    if stored:
        unit.state(State(CASES, case, stored.version + 1, encode(OpenCase("closed", decode_case(stored.data).times))))


# -- messages


def _on_message(wiring: Wiring, unit: UnitBuilder, decision: Decision, raw: bytes) -> str:
    row = next(
        (row for row in wiring.journal.find(decision.subject) if isinstance(row.event.data, Parked)),
        None,
    )
    if row is None:
        raise NoSuchThing(f"message {decision.subject.id} is not parked")
    parked = row.event.data
    assert isinstance(parked, Parked)
    if decision.subject.type == "Message":
        close_case(wiring, unit, decision, f"intake/{parked.id}", row.event.root)
    match decision.verb:
        case "reject":
            return "rejected; the bytes are kept"
        case "release" | "repair":
            return _release(wiring, unit, decision, parked, raw or wiring.journal.blob(row.event.blob))
        case verb:
            raise ValueError(f"a parked message takes release, repair or reject, not {verb!r}")


def _release(wiring: Wiring, unit: UnitBuilder, decision: Decision, parked: Parked, raw: bytes) -> str:
    """Read it again under today's mappings and codes; only what had been parked goes on, and never a patient's identity."""
    raw = intake.minimised(wiring, wiring.formats[parked.format], raw, wiring.instances[parked.instance].profile)
    arrival = Arrival(instance=parked.instance, channel=_channel(wiring, parked), raw=raw, name=f"release/{decision.id}")
    index = int(parked.id.rpartition("#")[2]) if parked.id.rpartition("#")[2].isdigit() else None
    documents = intake.documents_of(wiring, arrival, unit.now)
    chosen = documents if index is None else documents[index : index + 1]
    if not chosen or any(unknown for _, unknown in chosen):
        missing = "; ".join(f"{row.kind} {row.value!r}" for _, unknown in chosen for row in unknown) or "nothing readable in it"
        raise ValueError(f"it still cannot go on: {missing}")
    for number, (document, _) in enumerate(chosen):
        _accept(wiring, unit, decision, parked, number, document, unit.keep(raw))
    return f"released: {', '.join(str(document.refs()[0]) for document, _ in chosen)}"


def _accept(
    wiring: Wiring, unit: UnitBuilder, decision: Decision, parked: Parked, number: int, document: Document, blob: str
) -> None:
    event = Event(
        once=f"{parked.id}/released/{number}",
        kind="accepted",
        source=parked.instance,
        at=unit.now,
        data=document,
        cause=f"decision/{decision.id}",
        root=parked.id,
        blob=blob,
        mapping=f"{parked.format}@{wiring.formats[parked.format].version}",
    )
    unit.event(event, wiring.routes(document))


def _channel(wiring: Wiring, parked: Parked) -> str:
    system = wiring.system(wiring.instances[parked.instance])
    ways = [(way.name, way.format) for way in system.channels] + [(poll.name, poll.format) for poll in system.polls]
    return next(name for name, format in ways if format == parked.format)


# -- deliveries


def _on_delivery(wiring: Wiring, unit: UnitBuilder, decision: Decision, raw: bytes) -> str:
    delivery = wiring.journal.delivery(decision.subject.id)
    if delivery is None or delivery.status in ("done", "cancelled", "sending"):
        raise NoSuchThing(f"delivery {decision.subject.id} is not open for a decision")
    act = _DELIVERY_ACTS.get(decision.verb)
    if act is None:
        raise ValueError(f"a delivery takes {', '.join(_DELIVERY_ACTS)}, not {decision.verb!r}")
    close_case(wiring, unit, decision, f"delivery/{delivery.id}", delivery.root)
    return act(unit, delivery, decision, raw)


def _resend(unit: UnitBuilder, delivery: Delivery, decision: Decision, raw: bytes) -> str:
    begin(unit, delivery)
    change(unit, delivery, _again(unit.wiring, delivery), note=f"released by {decision.actor}: {decision.reason}")
    return "queued again"


def _again(wiring: Wiring, delivery: Delivery) -> DeliveryStatus:
    """What has been tried is looked for before it is sent again, wherever one can look: the person may not know either."""
    instance = wiring.instances.get(delivery.instance)
    operation = wiring.system(instance).accepts.get(type(delivery.document)) if instance else None
    looks = operation is not None and operation.probe is not None and operation.outcome != "statement"
    return "unknown" if looks and delivery.attempts else "queued"


def _repair(unit: UnitBuilder, delivery: Delivery, decision: Decision, raw: bytes) -> str:
    document = decode(raw)
    if type(document) is not type(delivery.document):
        raise ValueError(f"a repair keeps the type: {type(delivery.document).__name__}, not {type(document).__name__}")
    begin(unit, delivery)
    note = f"repaired by {decision.actor}: {decision.reason}"
    change(unit, delivery, _again(unit.wiring, delivery), note=note, document=document)
    return "repaired and queued again"


def _cancel(unit: UnitBuilder, delivery: Delivery, decision: Decision, raw: bytes) -> str:
    doubtful = _doubtful(unit.wiring, delivery)
    if doubtful:
        remember(unit, delivery)
    change(unit, delivery, "cancelled", note=f"cancelled by {decision.actor}: {decision.reason}")
    return "cancelled; the counterpart may hold it all the same" if doubtful else "cancelled"


def _doubtful(wiring: Wiring, delivery: Delivery) -> bool:
    """Whether the counterpart may hold what it was sent."""
    if delivery.status == "parked":
        opened = _open(wiring, f"delivery/{delivery.id}")
        return opened is not None and isinstance(opened.data, Case) and opened.data.reason in OPEN_ENDED
    return delivery.status in ("unknown", "awaiting")


def _confirm(unit: UnitBuilder, delivery: Delivery, decision: Decision, raw: bytes) -> str:
    change(unit, delivery, "done", note=f"confirmed by {decision.actor}: {decision.reason}")
    return "confirmed as received"


_DELIVERY_ACTS: dict[str, Callable[[UnitBuilder, Delivery, Decision, bytes], str]] = {
    "release": _resend,
    "repair": _repair,
    "cancel": _cancel,
    "confirm": _confirm,
}
_ACTS: dict[str, Callable[[Wiring, UnitBuilder, Decision, bytes], str]] = {
    "Case": _on_case,
    "Message": _on_message,
    "Delivery": _on_delivery,
    "Instance": on_instance,
    "Incident": on_incident,
}
