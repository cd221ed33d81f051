"""Reconcile: a counterpart's own lists against the journal; what policy allows is put right, the rest is asked of a person.

Nothing is concluded from a list that was not told to its end, nor about what is in flight. What is missing there goes again as
a new delivery that derives its id from the first, looked up before it is sent wherever one can look; a second run finds it on
its way. Exceptions have ids of what they are about: a second run finds them open, and ends those whose difference is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from suture.formats import Stamp
from suture.journal import Delivery, DeliveryStatus, Event, Fenced, State
from suture.model import Case, CaseResolved, Decision, Document, Money, Policy, Reconciled, Ref, Repaired
from suture.processes import Seen
from suture.processes.course import in_force
from suture.processes.masters import Filed
from suture.rules.policies import number
from suture.rules.reconciling import Difference, action, compare
from suture.runtime.beliefs import Beliefs
from suture.runtime.decide import CASES, OpenCase, decode_case, encode
from suture.runtime.holdings import Sheet, holdings
from suture.runtime.network import Instance
from suture.runtime.secrets import secret
from suture.runtime.settle import change
from suture.runtime.units import UnitBuilder, owed_of
from suture.runtime.wiring import Wiring
from suture.systems import Call, Held
from suture.transports.exchange import Link

T = TypeVar("T")
Done = Literal["resent", "confirmed", "raised", "open", "accepted", "counted", "held_back", "left"]
#: Runs a step that touches the journal: in the river's thread, or at once.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]

NAME, POLICY = "reconciliation", "reconciliation"
#: Built-in state: when each instance was compared last; its version counts the runs.
RUNS = "reconciliations"
#: Exceptions that one run opens at most; the rest is left to the next run.
CASES_MOST = 200
#: References looked for in the journal in one step, and how often a run begins anew when the journal has moved on.
STEP, ATTEMPTS = 200, 3
#: How long a person has for an exception.
DAY = timedelta(hours=24)
#: What settles a difference once it has been done; what policy merely counts does not remain either.
SETTLED: tuple[Done, ...] = ("resent", "confirmed", "accepted", "counted")

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
}
SUGGESTED: dict[str, tuple[str, str]] = {
    "missing_there": ("resend", "find out who removed it; resend it, or accept; the next reconciliation carries it out"),
    "mass_missing": ("resend", "was it restored, or is it the wrong system? if all is really gone, resend"),
    "held_but_open": ("confirm", "confirm if it is the same document; the next reconciliation carries it out"),
    "doubled": ("", "have all but one reversed there; the exception ends with the next reconciliation"),
    "missing_here": ("", "have it sent to us, or accept that it stays theirs alone"),
    "held_but_refused": ("", "have it taken back there, or accept it"),
}
_OTHERWISE = ("", "find out which side is right and correct it there, or accept the difference")


class Found(Struct, frozen=True, kw_only=True):
    """One difference and what was done about it; ``done`` "left" means that the next run raises it."""

    listing: str
    kind: str
    reference: str
    done: Done
    number: str = ""
    money: Money | None = None
    ours: str = ""
    theirs: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """What one run compared and found; in a ``dry`` one nothing was changed."""

    instance: str
    at: datetime
    compared: dict[str, int]
    differences: tuple[Found, ...]
    in_flight: int
    gone: int
    #: Lists that were not told to the end, and why.
    unheard: dict[str, str]
    dry: bool

    @property
    def remaining(self) -> int:
        """How many differences still need somebody."""
        return sum(found.done not in SETTLED for found in self.differences)


async def reconcile(
    wiring: Wiring,
    instance: Instance,
    link: Link,
    now: Callable[[], datetime],
    *,
    in_thread: InThread | None = None,
    dry: bool = False,
) -> Report:
    """Compare, repair, raise, and record; with ``dry`` only compare.

    Raises LookupError for a system without lists, ValueError for a policy that cannot be read, OverflowError for more than can
    be compared, and Fenced if the journal moved on again and again.
    """
    system = wiring.system(instance)
    if not system.lists:
        raise LookupError(f"{instance.name} is a {system.name}, which tells no lists that could be compared")
    began = now()
    sheets = await holdings(system.lists, _call(instance, began), link)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _settled(Reconciliation(wiring, instance, sheets, began), now, in_thread or _at_once, dry)
        except Fenced:  # the service was first; what it did may settle the difference
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _call(instance: Instance, at: datetime) -> Call:
    return Call(
        key=f"{instance.name}/{NAME}",
        stamp=Stamp(number=0, at=at.isoformat()),
        profile=instance.profile,
        options=instance.options,
        password=partial(secret, instance.password),
    )


async def _at_once(step: Callable[[], T]) -> T:
    return step()


async def _settled(run: Reconciliation, now: Callable[[], datetime], in_thread: InThread, dry: bool) -> Report:
    """The steps that touch the journal, each short enough for a running service."""
    while await in_thread(run.beliefs.gather):
        pass
    for sheet in run.heard:
        strangers = run.beliefs.strangers(sheet)
        for first in range(0, len(strangers), STEP):
            await in_thread(partial(run.beliefs.acquaint, sheet.listing, strangers[first : first + STEP]))
    run.judge()
    report: Report = await in_thread(lambda: run.commit(now(), dry=dry))
    return report


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


class Reconciliation:
    """One run for one instance: ``judge`` compares, ``commit`` acts on the journal as it is then."""

    def __init__(self, wiring: Wiring, instance: Instance, sheets: Sequence[Sheet], began: datetime) -> None:
        self.wiring, self.instance, self.began = wiring, instance, began
        self.policy = _policy(wiring, began)
        grace = timedelta(minutes=float(number(self.policy, "grace_minutes", Decimal(5))))
        self.heard = [sheet for sheet in sheets if not sheet.unheard]
        self.unheard = {sheet.listing.name: sheet.unheard for sheet in sheets if sheet.unheard}
        self.beliefs = Beliefs(wiring, instance, began, grace)
        self.prefix = f"reconcile/{instance.name}/"
        self.compared: dict[str, int] = {}
        self.moving: set[tuple[str, str]] = set()
        self.differences: list[tuple[str, Difference]] = []

    def judge(self) -> None:
        """Compare every list that was heard."""
        for sheet in self.heard:
            name, ours = sheet.listing.name, self.beliefs.ours(sheet)
            self.moving |= {(name, reference) for reference, each in ours.items() if each.moving}
            rows = {row.reference or row.number for row in sheet.rows}
            self.compared[name] = sum(not (name in ours and ours[name].moving) for name in {*ours, *rows})
            self.differences += [(name, difference) for difference in compare(ours, sheet.rows)]

    # -- acting

    def commit(self, now: datetime, *, dry: bool) -> Report:
        """Write repairs, exceptions and the fact in one unit. Raises Fenced if something moved on since it was read."""
        self.moving |= self.beliefs.newer()
        self.states = self._states()
        unit, self.raised = UnitBuilder(self.wiring, now), 0
        plans = [self._plan(*each) for each in self.differences if (each[0], each[1].reference) not in self.moving]
        found = self._resolve(unit, plans)
        gone = self._gone(unit, {plan.id for plan in plans} | {each.listing for each in found if each.kind == "mass_missing"})
        report = Report(
            instance=self.instance.name,
            at=now,
            compared=self.compared,
            differences=tuple(found),
            in_flight=len(self.moving),
            gone=gone,
            unheard=self.unheard,
            dry=dry,
        )
        if not dry and self.heard:
            self._record(unit, report)
            (written,) = self.wiring.journal.commit([unit.build()])
            if written.repeated:
                raise Fenced(f"{written.repeated} has been said before")
        return report

    def _states(self) -> dict[str, State]:
        """The exceptions of earlier runs, open and closed, by id."""
        states: dict[str, State] = {}
        after = self.prefix
        while page := self.wiring.journal.scan_states(CASES, after):
            states |= {state.key: state for state in page if state.key.startswith(self.prefix)}
            after = page[-1].key
            if not after.startswith(self.prefix):
                break
        return states

    def _plan(self, listing: str, difference: Difference) -> Planned:
        id = f"{self.prefix}{listing}/{difference.kind}/{difference.reference}"
        deliveries = self.beliefs.told[listing].get(difference.reference, ())
        context = _context(self.instance.name, listing, difference)
        return Planned(
            id=id,
            listing=listing,
            kind=difference.kind,
            difference=difference,
            known=self._known(id),
            context=context,
            deliveries=tuple(deliveries),
        )

    def _known(self, id: str) -> Known:
        state = self.states.get(id)
        if state is None:
            return Known()
        case, ended, decision = None, "", None
        for row in self.wiring.journal.find(Ref("Case", id), limit=10_000):
            match row.event.data:
                case Case() as said:
                    case, ended, decision = said, "", None
                case CaseResolved(action=action):
                    ended = action
                case Decision() as said:
                    decision = said
        return Known(version=state.version, state=decode_case(state.data), case=case, ended=ended, decision=decision)

    def _resolve(self, unit: UnitBuilder, plans: Sequence[Planned]) -> list[Found]:
        """What becomes of every difference; whatever is to go again is judged together."""
        again = [(plan, self._again(plan)) for plan in plans if self._wanted(plan) == "resend"]
        resends = {plan.id: deliveries for plan, deliveries in again if deliveries}
        unasked = sum(len(resends[plan.id]) for plan, _ in again if plan.id in resends and not _answer(plan))
        mass = self._mass(unit, unasked)
        found = [self._settle(unit, plan, resends.get(plan.id, []), held_back=mass is not None) for plan in plans]
        return found + ([mass] if mass is not None else [])

    def _mass(self, unit: UnitBuilder, count: int) -> Found | None:
        """Too much is missing: one exception for all; None if it may go, by number or because a person said so."""
        most = int(number(self.policy, "resends_most", Decimal(50)))
        if count <= most:
            return None
        difference = Difference(kind="missing_there", reference="-")
        plan = msgspec.structs.replace(
            self._plan_mass(difference), context={"instance": self.instance.name, "missing": "more than policy allows"}
        )
        answer = _answer(plan)
        if answer is not None and answer.verb == "resend":
            self._close(unit, plan, "resend", answer.actor, answer.reason)
            return None
        return _found(plan, self._raise(unit, plan))

    def _plan_mass(self, difference: Difference) -> Planned:
        id = f"{self.prefix}all/mass_missing/-"
        return Planned(id=id, listing="all", kind="mass_missing", difference=difference, known=self._known(id), context={})

    def _wanted(self, plan: Planned) -> str:
        """What is to be done: a person's word on an exception counts more than policy's."""
        answer = _answer(plan)
        return answer.verb if answer is not None else action(self.policy, plan.difference.kind)

    def _settle(self, unit: UnitBuilder, plan: Planned, resends: Sequence[Delivery], *, held_back: bool) -> Found:
        answer, wanted = _answer(plan), self._wanted(plan)
        if held_back and resends and answer is None:
            return _found(plan, "held_back")
        if wanted == "resend" and resends:
            self._resend(unit, plan, resends)
            self._close(unit, plan, "resend", *_who(answer))
            return _found(plan, "resent")
        if wanted == "confirm" and plan.difference.arrived:
            self._confirm(unit, plan)
            self._close(unit, plan, "confirm", *_who(answer))
            return _found(plan, "confirmed")
        if wanted == "accept":
            self._close(unit, plan, "accept", *_who(answer))
            return _found(plan, "accepted")
        if wanted == "count":
            self._close(unit, plan, "policy", NAME, "policy only counts it")
            return _found(plan, "counted")
        return _found(plan, self._raise(unit, plan))

    # -- repairs

    def _again(self, plan: Planned) -> list[Delivery]:
        """What would have to go again, in order; nothing if the operation or policy does not allow it."""
        done = [each for each in plan.deliveries if each.status == "done"]
        absolute = next(sheet.listing.absolute for sheet in self.heard if sheet.listing.name == plan.listing)
        latest = {(type(each.document), str(getattr(each.document, "id", ""))): each for each in done}
        wanted = done[-1:] if absolute else sorted(latest.values(), key=lambda each: each.sequence)
        if not all(self._may_go_again(each, plan) for each in wanted):
            return []
        return [self._copy(each, plan.deliveries) for each in wanted]

    def _may_go_again(self, delivery: Delivery, plan: Planned) -> bool:
        operation = self.beliefs.system.accepts.get(type(delivery.document))
        if operation is None or operation.outcome not in ("key", "lookup", "readback"):
            return False
        return _answer(plan) is not None or _times(delivery, plan.deliveries) < int(number(self.policy, "resends", Decimal(1)))

    def _copy(self, delivery: Delivery, group: Sequence[Delivery]) -> Delivery:
        operation = self.beliefs.system.accepts[type(delivery.document)]
        # under a new key nobody would know a repeat: whoever can be asked is asked first
        status: DeliveryStatus = "queued" if operation.outcome == "key" else "unknown"
        id = f"{_first(delivery.id)}/again/{_times(delivery, group) + 1}"
        return msgspec.structs.replace(delivery, id=id, status=status, attempts=0, reference="", note="", number=0, sequence=0)

    def _resend(self, unit: UnitBuilder, plan: Planned, resends: Sequence[Delivery]) -> None:
        for delivery in resends:
            fresh = msgspec.structs.replace(
                delivery, due=unit.now, created=unit.now, cause=f"{delivery.id}!owed", note=f"{SAID[plan.kind]}"
            )
            self._repaired(unit, plan, fresh, "resent", once=fresh.cause, cause=delivery.cause)
            unit.deliver(fresh)

    def _confirm(self, unit: UnitBuilder, plan: Planned) -> None:
        row = plan.difference.theirs[0]
        for delivery in self.beliefs.stuck(plan.deliveries)[: plan.difference.arrived]:
            once = f"{delivery.id}!found/{delivery.attempts}"
            self._repaired(unit, plan, delivery, "confirmed", once=once, cause=delivery.cause)
            change(unit, delivery, "done", reference=row.number, note="its own list shows it")
            self._close_delivery(unit, delivery)

    def _repaired(
        self, unit: UnitBuilder, plan: Planned, delivery: Delivery, done: Literal["resent", "confirmed"], *, once: str, cause: str
    ) -> None:
        fact = Repaired(
            delivery=delivery.id,
            instance=self.instance.name,
            document=owed_of(delivery).document,
            found=plan.kind,
            action=done,
            at=unit.now,
            owes=(owed_of(delivery),) if done == "resent" else (),
        )
        self._say(unit, fact, once, cause=cause, root=delivery.root)

    def _close_delivery(self, unit: UnitBuilder, delivery: Delivery) -> None:
        """The exception of the delivery itself has lost its reason."""
        case = f"delivery/{delivery.id}"
        about = [row.event.data for row in self.wiring.journal.find(Ref("Case", case))]
        words = [document for document in about if isinstance(document, Case | CaseResolved)]
        if words and isinstance(words[-1], Case):
            resolved = CaseResolved(case=case, action="confirm", actor=NAME, at=unit.now, reason="its own list shows it")
            once = f"{delivery.id}!found/{delivery.attempts}/closed"
            self._say(unit, resolved, once, cause=delivery.cause, root=delivery.root)

    # -- exceptions

    def _raise(self, unit: UnitBuilder, plan: Planned) -> Done:
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
            self._say_closed(unit, plan, "changed", NAME, "the two sides differ in another way now")
        times = known.state.times + 1
        unit.state(State(CASES, plan.id, known.version + 1, encode(OpenCase("open", times))))
        root = plan.deliveries[-1].root if plan.deliveries else ""
        self._say(unit, self._case(plan, unit.now), f"{plan.id}!{times}", root=root)
        return "raised"

    def _case(self, plan: Planned, now: datetime) -> Case:
        difference, (act, suggestion) = plan.difference, SUGGESTED.get(plan.kind, _OTHERWISE)
        return Case(
            id=plan.id,
            reason=plan.kind,
            text=f"{self.instance.name}, {plan.listing}: {difference.reference} {SAID[plan.kind]}",
            objects=self._objects(plan),
            owner=self.instance.owner or "operations",
            at=now,
            deadline=now + DAY,
            money=difference.money,
            actions=(*((act,) if act else ()), "accept"),
            context=plan.context,
            suggestion=suggestion,
        )

    def _objects(self, plan: Planned) -> tuple[Ref, ...]:
        listing = next((sheet.listing for sheet in self.heard if sheet.listing.name == plan.listing), None)
        if listing is None:
            return (Ref("Instance", self.instance.name),)
        kind = type(plan.deliveries[0].document) if plan.deliveries else listing.documents[0]
        numbers = (Ref(kind.__name__, row.number, self.instance.name) for row in plan.difference.theirs[:20] if row.number)
        return (Ref(kind.__name__, plan.difference.reference), *numbers)

    def _close(self, unit: UnitBuilder, plan: Planned, action: str, actor: str, reason: str) -> None:
        """End its exception, if it is open."""
        if plan.known.state.phase == "open":
            self._say_closed(unit, plan, action, actor, reason)
            closed = OpenCase("closed", plan.known.state.times)
            unit.state(State(CASES, plan.id, plan.known.version + 1, encode(closed)))

    def _say_closed(self, unit: UnitBuilder, plan: Planned, action: str, actor: str, reason: str) -> None:
        resolved = CaseResolved(case=plan.id, action=action, actor=actor, at=unit.now, reason=reason)
        self._say(unit, resolved, f"{plan.id}!{plan.known.state.times}/closed")

    def _gone(self, unit: UnitBuilder, present: set[str]) -> int:
        """End the exceptions whose difference is no more; what could not be judged today stays as it is."""
        count = 0
        for id, state in self.states.items():
            listing, kind, reference = id.removeprefix(self.prefix).split("/", 2)
            known = decode_case(state.data)
            if known.phase != "open" or id in present or listing in present or (CASES, id) in unit.states:
                continue
            if (listing, reference) in self.moving or not self._judged(listing):
                continue
            difference = Difference(kind="missing_there", reference=reference)
            said = Known(version=state.version, state=known)
            plan = Planned(id=id, listing=listing, kind=kind, difference=difference, known=said, context={})
            self._close(unit, plan, "gone", NAME, "both sides agree again")
            count += 1
        return count

    def _judged(self, listing: str) -> bool:
        return listing in self.compared if listing != "all" else not self.unheard

    # -- the facts

    def _record(self, unit: UnitBuilder, report: Report) -> None:
        done = Counter(found.done for found in report.differences)
        fact = Reconciled(
            instance=self.instance.name,
            at=unit.now,
            compared=self.compared,
            differences=dict(Counter(found.kind for found in report.differences)),
            in_flight=report.in_flight,
            repaired=done["resent"] + done["confirmed"],
            raised=done["raised"],
            gone=report.gone,
            unheard=tuple(self.unheard),
        )
        known = self.wiring.journal.states([(RUNS, self.instance.name)]).get((RUNS, self.instance.name))
        run = known.version + 1 if known else 1
        # two runs at once: the second is fenced, and looks again
        unit.state(State(RUNS, self.instance.name, run, unit.now.isoformat().encode()))
        self._say(unit, fact, f"reconciled/{self.instance.name}/{run}")

    def _say(self, unit: UnitBuilder, data: Document, once: str, *, cause: str = "", root: str = "") -> None:
        unit.event(Event(once=once, kind="emitted", source=NAME, at=unit.now, data=data, cause=cause, root=root))


def _policy(wiring: Wiring, now: datetime) -> dict[str, Any]:
    """The values of the policy in force, or none: then the defaults hold."""
    key = ("masters", f"Policy:{POLICY}")
    state = wiring.journal.states([key]).get(key)
    filed = msgspec.json.decode(state.data, type=Filed) if state else Filed()
    policy = in_force(Seen(now, {(Policy.__name__, POLICY): filed.documents}), POLICY)
    return dict(policy.values) if policy else {}


def _answer(plan: Planned) -> Decision | None:
    """What a person decided about the exception, if it is still about what they saw."""
    known = plan.known
    same = known.case is not None and known.case.context == plan.context
    return known.decision if known.state.phase == "open" and same else None


def _who(answer: Decision | None) -> tuple[str, str]:
    return (answer.actor, answer.reason) if answer is not None else (NAME, "repaired by policy")


def _first(id: str) -> str:
    return id.partition("/again/")[0]


def _times(delivery: Delivery, group: Sequence[Delivery]) -> int:
    """How often this document has gone again."""
    return sum(each.id.startswith(f"{_first(delivery.id)}/again/") for each in group)


def _context(instance: str, listing: str, difference: Difference) -> dict[str, str]:
    """Both sides in words."""
    theirs = "; ".join(_words(row) for row in difference.theirs[:20])
    return {"instance": instance, "list": listing, "ours": _words(difference.ours)[:1000], "theirs": theirs[:1000]}


def _words(held: Held | None) -> str:
    if held is None:
        return ""
    lines = ", ".join(f"{name}: {amount:f}" for name, amount in sorted((held.lines or {}).items()))
    return " · ".join(filter(None, (held.number, str(held.amount or ""), held.state, lines)))


def _found(plan: Planned, done: Done) -> Found:
    difference = plan.difference
    return Found(
        listing=plan.listing,
        kind=plan.kind,
        reference=difference.reference,
        done=done,
        number=", ".join(row.number for row in difference.theirs if row.number),
        money=difference.money,
        ours=plan.context.get("ours", ""),
        theirs=plan.context.get("theirs", ""),
    )
