"""What people do beside decisions: notes on exceptions, answers to questions, and a delivery that goes to another system.

Each is journaled as a decision with actor, reason and the position that it rests on; a repeat of it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from suture.journal import Delivery, Event
from suture.model import Approval, ApprovalRequest, Decision, Delivered, Person, Ref, Repaired, Supplier
from suture.processes.masters import Filed, shelf
from suture.rules.approvals import objection
from suture.rules.payments import duty_conflict, release_fault
from suture.runtime.command import NoSuchThing, Stale, close_case
from suture.runtime.network import Instance
from suture.runtime.policies import in_force
from suture.runtime.settle import change
from suture.runtime.units import UnitBuilder, owed_of
from suture.runtime.wiring import Wiring

_decode_filed = msgspec.json.Decoder(Filed).decode
#: A delivery may be routed elsewhere only where it is known not to have arrived.
ROUTABLE = ("queued", "parked")


def note(wiring: Wiring, decision: Decision) -> str:
    """Journal a note, which moves nothing: who looks at an exception, when it is looked at again, why content was read."""
    return _written(wiring, decision, UnitBuilder(wiring, decision.at), "noted")


def _written(wiring: Wiring, decision: Decision, unit: UnitBuilder, said: str, root: str = "") -> str:
    once = f"decision/{decision.id}"
    event = Event(once=once, kind="commanded", source=decision.actor, at=unit.now, data=decision, root=root)
    unit.events.insert(0, event)
    # routes name events by their place
    unit.routes[:] = [msgspec.structs.replace(route, event=route.event + 1) for route in unit.routes]
    (written,) = wiring.journal.commit([unit.build()])
    if written.repeated and written.repeated != once:
        raise Stale(f"{decision.subject} was settled before: {written.repeated}")
    return "decided before; a repeat changes nothing" if written.repeated else said


def _unchanged(wiring: Wiring, decision: Decision) -> str:
    """The root of the last word about the subject; raises Stale if it came after the decision's position."""
    found = wiring.journal.find(decision.subject)
    if found and found[-1].position > decision.position:
        where = f"{decision.subject} changed at position {found[-1].position}"
        raise Stale(f"{where}, after the {decision.position} that you decided on")
    return found[-1].event.root if found else ""


# -- questions


def answer(wiring: Wiring, decision: Decision) -> str:
    """Answer a question as a person with authority; ``decision.verb`` is approve or reject.

    Raises NoSuchThing for an unknown question, Stale if it was answered or asked anew since, ValueError where this person's
    answer would not count.
    """
    request, root = question(wiring, decision.subject.id), _unchanged(wiring, decision)
    if decision.verb not in ("approve", "reject"):
        raise ValueError(f"a question takes approve or reject, not {decision.verb!r}")
    fault = against(wiring, request, decision.actor, decision.at) if decision.verb == "approve" else ""
    if fault:
        raise ValueError(fault)
    approval = Approval(
        id=f"{request.id}/{decision.actor}"[:128],
        request=request.id,
        subject=request.subject,
        approver=decision.actor,
        decision="approve" if decision.verb == "approve" else "reject",
        at=decision.at,
        reason=decision.reason,
    )
    unit = UnitBuilder(wiring, decision.at)
    once = f"decision/{decision.id}/answer"
    event = Event(
        once=once, kind="emitted", source=decision.actor, at=unit.now, data=approval, cause=f"decision/{decision.id}", root=root
    )
    unit.event(event, wiring.routes(approval))
    return _written(wiring, decision, unit, f"{decision.verb} told to whoever asked", root)


def question(wiring: Wiring, id: str) -> ApprovalRequest:
    """The question of this id; raises NoSuchThing."""
    for row in wiring.journal.find(Ref("ApprovalRequest", id)):
        if isinstance(row.event.data, ApprovalRequest):
            return row.event.data
    raise NoSuchThing(f"there is no question {id}")


def against(wiring: Wiring, request: ApprovalRequest, actor: str, now: datetime) -> str:
    """Why this person's approval would not count, as a sentence; "" if it would. Whoever asked decides by the same rules."""
    person = next((one for one in _filed(wiring, "Person", actor) if isinstance(one, Person)), None)
    if request.subject.type == "Requisition":
        limits = _policy(wiring, "approval_limits", now)
        entity = person.entity if person else ""
        found = objection(limits, request.amount, approver=actor, person=person, requester=request.requester, entity=entity)
        return found[1] if found else ""
    supplier = request.subject.id.partition(":")[0]
    creator = next((one.created_by for one in _filed(wiring, "Supplier", supplier) if isinstance(one, Supplier)), "")
    before = [
        row.event.data.approver
        for row in wiring.journal.find(request.subject)
        if isinstance(row.event.data, Approval) and row.event.data.decision == "approve"
    ]
    fault = duty_conflict(actor, creator, (request.requester,), before)
    fault = fault or release_fault(
        _policy(wiring, "payment", now), request.amount, actor, person, person.entity if person else ""
    )
    return fault.text if fault else ""


def _filed(wiring: Wiring, kind: str, id: str) -> tuple[Any, ...]:
    key = shelf(kind, id)
    state = wiring.journal.states([key]).get(key)
    return _decode_filed(state.data).documents if state else ()


def _policy(wiring: Wiring, name: str, now: datetime) -> Mapping[str, Any]:
    policy = in_force(wiring.journal, name, now)
    return policy.values if policy else {}


# -- deliveries


def elsewhere(wiring: Wiring, delivery: Delivery) -> Iterator[Instance]:
    """The other instances of the same role that take such a document."""
    for instance in wiring.network.instances:
        system = wiring.system(instance)
        same = (instance.role or system.role) == delivery.role and instance.name != delivery.instance
        if same and type(delivery.document) in system.accepts and instance.mode == "live":
            yield instance


def route(wiring: Wiring, decision: Decision) -> str:
    """Owe a delivery to another system instead; ``decision.values["instance"]`` names it.

    Raises NoSuchThing for an unknown delivery, Stale if it changed since, ValueError where it may have arrived or may not go.
    """
    delivery = wiring.journal.delivery(decision.subject.id)
    if delivery is None or delivery.status not in ROUTABLE:
        raise NoSuchThing(f"delivery {decision.subject.id} does not wait, or may have arrived")
    _unchanged(wiring, decision)
    to = decision.values.get("instance", "")
    if to not in [instance.name for instance in elsewhere(wiring, delivery)]:
        raise ValueError(f"{to or 'nobody'} is not another system of the role {delivery.role}")
    unit = UnitBuilder(wiring, decision.at)
    other = msgspec.structs.replace(
        delivery,
        id=f"{delivery.id}/to/{to}",
        instance=to,
        status="queued",
        attempts=0,
        due=unit.now,
        created=unit.now,
        reference="",
        note=f"routed by {decision.actor}: {decision.reason}"[:500],
        number=0,
        sequence=0,
    )
    _instead(unit, delivery, other, decision)
    close_case(wiring, unit, decision, f"delivery/{delivery.id}", delivery.root)
    return _written(wiring, decision, unit, f"owed to {to} instead of {delivery.instance}", delivery.root)


def _instead(unit: UnitBuilder, delivery: Delivery, other: Delivery, decision: Decision) -> None:
    """One obligation ends and the other begins; whoever asked hears of the end of the other only."""
    before = len(unit.routes)
    change(unit, delivery, "cancelled", note=f"owed to {other.instance} instead, by {decision.actor}")
    del unit.routes[before:]
    subject = next(event.data.document for event in unit.events if isinstance(event.data, Delivered))
    fact = Repaired(
        delivery=delivery.id,
        instance=other.instance,
        document=subject,
        found="routed",
        action="resent",
        at=unit.now,
        owes=(owed_of(other),),
    )
    unit.event(
        Event(
            once=f"{other.id}!owed",
            kind="emitted",
            source=decision.actor,
            at=unit.now,
            data=fact,
            cause=delivery.cause,
            root=delivery.root,
        )
    )
    unit.deliver(other)
