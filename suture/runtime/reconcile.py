"""Reconcile: a counterpart's own lists against the journal; what policy allows is put right, the rest is asked of a person.

Nothing is concluded from a list that was not told to its end, nor about what is in flight. What is missing there goes again as
a new delivery that derives its id from the first, looked up before it is sent wherever one can look; a second run finds it on
its way. Exceptions have ids of what they are about: a second run finds them open, and ends those whose difference is gone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct, structs

from suture.formats import Stamp
from suture.journal import Delivery, Fenced, State
from suture.model import Held, Money, Reconciled, SuppliersCompared
from suture.rules.policies import number
from suture.rules.reconciling import Difference, compare
from suture.runtime import suppliers
from suture.runtime.beliefs import Beliefs
from suture.runtime.decide import CASES
from suture.runtime.holdings import Sheet, holdings
from suture.runtime.mending import NAME, Done, Mending, Planned, answer, policy_of, who
from suture.runtime.network import Instance
from suture.runtime.raised import Raised
from suture.runtime.secrets import secret
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring
from suture.systems import Call, Listing
from suture.transports.exchange import Link

T = TypeVar("T")
#: Runs a step that touches the journal: in the river's thread, or at once.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]

#: Built-in state: when each instance was compared last; its version counts the runs.
RUNS = "reconciliations"
#: References looked for in the journal in one step, and how often a run begins anew when the journal has moved on.
STEP, ATTEMPTS = 200, 3
#: What settles a difference once it has been done; what policy merely counts does not remain either.
SETTLED: tuple[Done, ...] = ("resent", "confirmed", "accepted", "counted")


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
    #: How its supplier master stands beside the group's; None where it tells none, and in a dry run.
    suppliers: SuppliersCompared | None = None

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
    began, step = now(), in_thread or _at_once
    sheets = await holdings(system.lists, _call(instance, began), link)
    told = None if dry else await reconcile_suppliers(wiring, instance, link, began, in_thread=step)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            report = await _settled(Reconciliation(wiring, instance, sheets, began), now, step, dry)
            return structs.replace(report, suppliers=told)
        except Fenced:  # the service was first; what it did may settle the difference
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


async def reconcile_suppliers(
    wiring: Wiring, instance: Instance, link: Link, at: datetime, *, in_thread: InThread, once: str = ""
) -> SuppliersCompared | None:
    """Compare its supplier master with the group's, and record it; None where it tells none, or not to its end.

    With ``once`` it is not compared where that has been told.
    """
    roster = wiring.system(instance).suppliers
    if roster is None or (once and await in_thread(lambda: wiring.journal.by_once([once]))):
        return None
    rows = await suppliers.roster_of(roster, _call(instance, at), link)
    if rows is None:
        return None
    fact: SuppliersCompared = await in_thread(lambda: suppliers.tell(wiring, instance, rows, at, once))
    return fact


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
    steps = run.judging()
    while await in_thread(lambda: next(steps, False)):
        pass
    report: Report = await in_thread(lambda: run.commit(now(), dry=dry))
    return report


class Reconciliation:
    """One run for one instance: ``judging`` compares, ``commit`` acts on the journal as it is then."""

    def __init__(self, wiring: Wiring, instance: Instance, sheets: Sequence[Sheet], began: datetime) -> None:
        self.wiring, self.instance, self.began = wiring, instance, began
        self.policy = policy_of(wiring, began)
        grace = timedelta(minutes=float(number(self.policy, "grace_minutes", Decimal(5))))
        self.heard = [sheet for sheet in sheets if not sheet.unheard]
        self.unheard = {sheet.listing.name: sheet.unheard for sheet in sheets if sheet.unheard}
        self.beliefs = Beliefs(wiring, instance, began, grace)
        self.prefix = f"reconcile/{instance.name}/"
        #: The one exception for too much that is missing.
        self.mass = f"{self.prefix}all/mass_missing/-"
        self.compared: dict[str, int] = {}
        self.moving: set[tuple[str, str]] = set()
        self.differences: list[tuple[str, Difference]] = []

    def judging(self) -> Iterator[bool]:
        """Compare every list that was heard, some references at a time; true after each step."""
        for sheet in self.heard:
            rows = defaultdict(list)
            for row in sheet.rows:
                rows[row.reference or row.number].append(row)
            self.compared[sheet.listing.name] = 0
            names = sorted(self.beliefs.references(sheet))
            for first in range(0, len(names), STEP):
                self._judge(sheet.listing, {name: rows.get(name, []) for name in names[first : first + STEP]})
                yield True

    def _judge(self, listing: Listing, rows: Mapping[str, Sequence[Held]]) -> None:
        believed = {name: self.beliefs.ours(listing, name, held) for name, held in rows.items()}
        ours = {name: each for name, each in believed.items() if each is not None}
        moving = {(listing.name, name) for name, each in ours.items() if each.moving}
        self.moving |= moving
        self.compared[listing.name] += len(rows) - len(moving)
        theirs = (row for held in rows.values() for row in held)
        self.differences += [(listing.name, difference) for difference in compare(ours, theirs)]

    # -- acting

    def commit(self, now: datetime, *, dry: bool) -> Report:
        """Write repairs, exceptions and the fact in one unit. Raises Fenced if something moved on since it was read."""
        self.moving |= self.beliefs.newer()
        self.earlier = Raised(self.wiring.journal, self.prefix)
        unit = UnitBuilder(self.wiring, now)
        self.mending = Mending(unit, self.beliefs, {sheet.listing.name: sheet.listing for sheet in self.heard}, self.policy)
        plans = [self._plan(*each) for each in self.differences if (each[0], each[1].reference) not in self.moving]
        found = self._resolve(plans)
        present = {plan.id for plan in plans} | {self.mass for each in found if each.kind == "mass_missing"}
        gone = self._gone(unit, present)
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

    def _plan(self, listing: str, difference: Difference) -> Planned:
        id = f"{self.prefix}{listing}/{difference.kind}/{difference.reference}"
        deliveries = self.beliefs.told[listing].get(difference.reference, ())
        context = _context(self.instance.name, listing, difference)
        return Planned(
            id=id,
            listing=listing,
            kind=difference.kind,
            difference=difference,
            known=self.earlier.known(id),
            context=context,
            deliveries=tuple(deliveries),
        )

    def _resolve(self, plans: Sequence[Planned]) -> list[Found]:
        """What becomes of every difference; whatever is to go again is judged together."""
        again = [(plan, self.mending.again(plan)) for plan in plans if self.mending.wanted(plan) == "resend"]
        resends = {plan.id: deliveries for plan, deliveries in again if deliveries}
        unasked = sum(len(resends[plan.id]) for plan, _ in again if plan.id in resends and not answer(plan))
        mass = self._mass(unasked)
        found = [self._settle(plan, resends.get(plan.id, []), held_back=mass is not None) for plan in plans]
        return found + ([mass] if mass is not None else [])

    def _mass(self, count: int) -> Found | None:
        """Too much is missing: one exception for all; None if it may go, by number or because a person said so."""
        most = int(number(self.policy, "resends_most", Decimal(50)))
        if count <= most:
            return None
        plan = Planned(
            id=self.mass,
            listing="all",
            kind="mass_missing",
            difference=Difference(kind="missing_there", reference="-"),
            known=self.earlier.known(self.mass),
            context={"instance": self.instance.name, "missing": "more than policy allows"},
        )
        said = answer(plan)
        if said is not None and said.verb == "resend":
            self.mending.close(plan, "resend", *who(said))
            return None
        return _found(plan, self.mending.ask(plan))

    def _settle(self, plan: Planned, resends: Sequence[Delivery], *, held_back: bool) -> Found:
        said, wanted = answer(plan), self.mending.wanted(plan)
        if held_back and resends and said is None:
            return _found(plan, "held_back")
        if wanted == "resend" and resends:
            self.mending.resend(plan, resends)
            self.mending.close(plan, "resend", *who(said))
            return _found(plan, "resent")
        if wanted == "confirm" and plan.difference.arrived:
            self.mending.confirm(plan)
            self.mending.close(plan, "confirm", *who(said))
            return _found(plan, "confirmed")
        return _found(plan, self.mending.settle(plan))

    def _gone(self, unit: UnitBuilder, present: set[str]) -> int:
        """End the exceptions whose difference is no more; what could not be judged today stays as it is."""
        count = 0
        for id, said in self.earlier.still_open():
            listing, kind, reference = id.removeprefix(self.prefix).split("/", 2)
            if id in present or (CASES, id) in unit.states:
                continue
            if (listing, reference) in self.moving or not self._judged(listing):
                continue
            difference = Difference(kind="missing_there", reference=reference)
            plan = Planned(id=id, listing=listing, kind=kind, difference=difference, known=said, context={})
            self.mending.close(plan, "gone", NAME, "both sides agree again")
            count += 1
        return count

    def _judged(self, listing: str) -> bool:
        return listing in self.compared if listing != "all" else not self.unheard

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
        self.mending.say(fact, f"reconciled/{self.instance.name}/{run}")


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
