"""Mending: what is done about one difference: sent again, confirmed, asked of a person once, or ended because it is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from suture.journal import Delivery, DeliveryStatus, Event, State
from suture.model import Case, CaseResolved, Decision, Document, Ref, Repaired
from suture.rules.policies import number
from suture.rules.reconciling import Difference, action
from suture.runtime.beliefs import Beliefs
from suture.runtime.decide import CASES, OpenCase, encode
from suture.runtime.policies import in_force
from suture.runtime.settle import change
from suture.runtime.units import UnitBuilder, owed_of
from suture.runtime.wiring import Wiring
from suture.systems import Listing

Done = Literal["resent", "confirmed", "raised", "open", "accepted", "counted", "held_back", "left"]

NAME = "reconciliation"
#: Exceptions that one run opens at most; the rest is left to the next run.
CASES_MOST = 200
#: How long a person has for an exception.
DAY = timedelta(hours=24)

SAID: dict[str, str] = {
    "missing_there": "was delivered, but is not in its list",
    "missing_here": "stands in its list, but never passed here",
    "doubled": "stands in its list more than once",
    "different_amount": "stands there with another amount",
    "different_lines": "stands there with other lines",
    "different_state": "stands there in another state",
    "held_but_open": "stands in its list, but has not come to an end here",
    "held_but_refused": "stands in its list, though it was refused or cancelled here",
    "mass_missing": "so much is missing there that the list itself is in doubt",
    "supplier_differs": "not as in the group's master data",
    "supplier_missing": "not listed, though it should be known there",
}
SUGGESTED: dict[str, tuple[str, str]] = {
    "missing_there": ("resend", "find out who removed it; resend it, or accept; the next reconciliation carries it out"),
    "mass_missing": ("resend", "was it restored, or is it the wrong system? if all is really gone, resend"),
    "held_but_open": ("confirm", "confirm if it is the same document; the next reconciliation carries it out"),
    "doubled": ("", "have all but one reversed there; the exception ends with the next reconciliation"),
    "missing_here": ("", "have it sent to us, or accept that it stays theirs alone"),
    "held_but_refused": ("", "have it taken back there, or accept it"),
    "supplier_differs": (
        "",
        "find out who changed it and on whose word before anything is paid; correct the wrong side",
    ),
    "supplier_missing": ("", "have it created there, or accept that this system does not need it"),
}
_OTHERWISE = ("", "find out which side is right and correct it there, or accept the difference")


class Known(Struct, frozen=True, kw_only=True):
    """What has been said about a difference before: the exception's state, its last words, and a person's answer."""

    version: int = 0
    state: OpenCase = OpenCase()
    case: Case | None = None
    ended: str = ""
    decision: Decision | None = None


class Planned(Struct, frozen=True, kw_only=True):
    """One difference, what it is called, what was said before, and the deliveries that it is about."""

    id: str
    listing: str
    kind: str
    difference: Difference
    known: Known
    context: dict[str, str]
    deliveries: tuple[Delivery, ...] = ()
    #: Where it is not a matter of the instance's owner and of documents: whose it is, and what about.
    owner: str = ""
    objects: tuple[Ref, ...] = ()


class Mending:
    """What one run does, collected in one unit."""

    def __init__(self, unit: UnitBuilder, beliefs: Beliefs, listings: Mapping[str, Listing], policy: Mapping[str, Any]) -> None:
        self.unit, self.beliefs, self.listings, self.policy = unit, beliefs, listings, policy
        self.instance, self.journal = beliefs.instance, unit.wiring.journal
        self.raised = 0

    def say(self, data: Document, once: str, *, cause: str = "", root: str = "") -> None:
        """A fact of ours."""
        self.unit.event(Event(once=once, kind="emitted", source=NAME, at=self.unit.now, data=data, cause=cause, root=root))

    # -- repairs

    def again(self, plan: Planned) -> list[Delivery]:
        """What would have to go again, in order; nothing if the operation or policy does not allow it."""
        done = [each for each in plan.deliveries if each.status == "done"]
        latest = {(type(each.document), str(getattr(each.document, "id", ""))): each for each in done}
        wanted = done[-1:] if self.listings[plan.listing].absolute else sorted(latest.values(), key=lambda each: each.sequence)
        if not all(self._may_go_again(each, plan) for each in wanted):
            return []
        return [self._copy(each, plan.deliveries) for each in wanted]

    def _may_go_again(self, delivery: Delivery, plan: Planned) -> bool:
        operation = self.beliefs.system.accepts.get(type(delivery.document))
        if operation is None or operation.outcome not in ("key", "lookup", "readback"):
            return False
        return answer(plan) is not None or _times(delivery, plan.deliveries) < int(number(self.policy, "resends", Decimal(1)))

    def _copy(self, delivery: Delivery, group: Sequence[Delivery]) -> Delivery:
        operation = self.beliefs.system.accepts[type(delivery.document)]
        # under a new key nobody would know a repeat: whoever can be asked is asked first
        status: DeliveryStatus = "queued" if operation.outcome == "key" else "unknown"
        id = f"{_first(delivery.id)}/again/{_times(delivery, group) + 1}"
        return msgspec.structs.replace(delivery, id=id, status=status, attempts=0, reference="", note="", number=0, sequence=0)

    def resend(self, plan: Planned, resends: Sequence[Delivery]) -> None:
        """Owe these deliveries."""
        for delivery in resends:
            fresh = msgspec.structs.replace(
                delivery, due=self.unit.now, created=self.unit.now, cause=f"{delivery.id}!owed", note=SAID[plan.kind]
            )
            self._repaired(plan, fresh, "resent", once=fresh.cause, cause=delivery.cause)
            self.unit.deliver(fresh)

    def confirm(self, plan: Planned) -> None:
        """End the deliveries that have arrived without a word."""
        row = plan.difference.theirs[0]
        for delivery in self.beliefs.stuck(plan.deliveries)[: plan.difference.arrived]:
            once = f"{delivery.id}!found/{delivery.attempts}"
            self._repaired(plan, delivery, "confirmed", once=once, cause=delivery.cause)
            change(self.unit, delivery, "done", reference=row.number, note="its own list shows it")
            self._close_delivery(delivery)

    def _repaired(
        self, plan: Planned, delivery: Delivery, done: Literal["resent", "confirmed"], *, once: str, cause: str
    ) -> None:
        fact = Repaired(
            delivery=delivery.id,
            instance=self.instance.name,
            document=owed_of(delivery).document,
            found=plan.kind,
            action=done,
            at=self.unit.now,
            owes=(owed_of(delivery),) if done == "resent" else (),
        )
        self.say(fact, once, cause=cause, root=delivery.root)

    def _close_delivery(self, delivery: Delivery) -> None:
        """The exception of the delivery itself has lost its reason."""
        case = f"delivery/{delivery.id}"
        about = [row.event.data for row in self.journal.find(Ref("Case", case))]
        words = [document for document in about if isinstance(document, Case | CaseResolved)]
        if words and isinstance(words[-1], Case):
            resolved = CaseResolved(case=case, action="confirm", actor=NAME, at=self.unit.now, reason="its own list shows it")
            once = f"{delivery.id}!found/{delivery.attempts}/closed"
            self.say(resolved, once, cause=delivery.cause, root=delivery.root)

    # -- exceptions

    def wanted(self, plan: Planned) -> str:
        """What is to be done: a person's word on an exception counts more than policy's."""
        said = answer(plan)
        return said.verb if said is not None else action(self.policy, plan.difference.kind)

    def settle(self, plan: Planned) -> Done:
        """Accepted by a person, only counted by policy, or asked of a person."""
        wanted = self.wanted(plan)
        if wanted == "accept":
            self.close(plan, "accept", *who(answer(plan)))
            return "accepted"
        if wanted == "count":
            self.close(plan, "policy", NAME, "policy only counts it")
            return "counted"
        return self.ask(plan)

    def ask(self, plan: Planned) -> Done:
        """Open its exception, unless it is open or a person has accepted exactly this."""
        known = plan.known
        same = known.case is not None and known.case.context == plan.context
        if known.state.phase == "open" and same:
            return "open"
        if known.ended == "accept" and same:
            return "accepted"
        if self.raised >= CASES_MOST:
            return "open" if known.state.phase == "open" else "left"
        self.raised += 1
        if known.state.phase == "open":
            self._say_closed(plan, "changed", NAME, "the two sides differ in another way now")
        times = known.state.times + 1
        self.unit.state(State(CASES, plan.id, known.version + 1, encode(OpenCase("open", times))))
        root = plan.deliveries[-1].root if plan.deliveries else ""
        self.say(self._case(plan, self.unit.now), f"{plan.id}!{times}", root=root)
        return "raised"

    def _case(self, plan: Planned, now: datetime) -> Case:
        difference, (act, suggestion) = plan.difference, SUGGESTED.get(plan.kind, _OTHERWISE)
        return Case(
            id=plan.id,
            reason=plan.kind,
            text=f"{self.instance.name}, {plan.listing}: {difference.reference} {SAID[plan.kind]}",
            objects=plan.objects or self._objects(plan),
            owner=plan.owner or self.instance.owner or "operations",
            at=now,
            deadline=now + DAY,
            money=difference.money,
            actions=(*((act,) if act else ()), "accept"),
            context=plan.context,
            suggestion=suggestion,
        )

    def _objects(self, plan: Planned) -> tuple[Ref, ...]:
        listing = self.listings.get(plan.listing)
        if listing is None:
            return (Ref("Instance", self.instance.name),)
        kind = type(plan.deliveries[0].document) if plan.deliveries else listing.documents[0]
        numbers = (Ref(kind.__name__, row.number, self.instance.name) for row in plan.difference.theirs[:20] if row.number)
        return (Ref(kind.__name__, plan.difference.reference), *numbers)

    def close(self, plan: Planned, action: str, actor: str, reason: str) -> None:
        """End its exception, if it is open."""
        if plan.known.state.phase == "open":
            self._say_closed(plan, action, actor, reason)
            closed = OpenCase("closed", plan.known.state.times)
            self.unit.state(State(CASES, plan.id, plan.known.version + 1, encode(closed)))

    def _say_closed(self, plan: Planned, action: str, actor: str, reason: str) -> None:
        resolved = CaseResolved(case=plan.id, action=action, actor=actor, at=self.unit.now, reason=reason)
        self.say(resolved, f"{plan.id}!{plan.known.state.times}/closed")


def policy_of(wiring: Wiring, now: datetime) -> dict[str, Any]:
    """The values of the policy in force, or none: then the defaults hold."""
    policy = in_force(wiring.journal, NAME, now)
    return dict(policy.values) if policy else {}


def answer(plan: Planned) -> Decision | None:
    """What a person decided about the exception, if it is still about what they saw."""
    known = plan.known
    same = known.case is not None and known.case.context == plan.context
    return known.decision if known.state.phase == "open" and same else None


def who(decision: Decision | None) -> tuple[str, str]:
    """Who settles a difference, and why."""
    return (decision.actor, decision.reason) if decision is not None else (NAME, "repaired by policy")


def _first(id: str) -> str:
    return id.partition("/again/")[0]


def _times(delivery: Delivery, group: Sequence[Delivery]) -> int:
    """How often this document has gone again."""
    return sum(each.id.startswith(f"{_first(delivery.id)}/again/") for each in group)
