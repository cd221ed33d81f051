"""A clerk's shifts over an invented hospital's weeks, and what was lost meanwhile, counted in the twins.

The loss is told by the scenario alone: a procedure is cancelled where its goods stand at the dock at the hour and nobody has
decided about their receipt, at a price drawn for each; a supplier asks a fee and interest for every invoice that the bank has not
settled by its due day. Neither looks at how the queue was ranked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random

from msgspec import Struct

from suture.console import Desk
from suture.console.queue import queue
from suture.model import Case, Decision, Invoice, Ref
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.world import World
from suture.sandbox.still import Still
from suture.views.impact import Ranked

#: Decisions that a clerk makes in a day, and the days that are looked at.
A_DAY, DAYS = 8, 21
#: What one cancelled procedure costs, from and to, by the category of its goods.
CANCELLED = {"KNEEI": (9_000, 18_000), "STENT": (5_000, 12_000), "CATHE": (2_000, 5_000)}
#: What a supplier asks for a late invoice: once, and of its amount for each day.
FEE, A_DAY_LATE = Decimal(40), Decimal("0.015") / 30
#: The hour by which a procedure's goods have to be on the shelf.
HOUR = time(7, 0, tzinfo=UTC)
#: The verbs that a clerk takes, the first that an exception allows.
VERBS = ("release", "accept", "retry", "confirm", "reject")
#: People with authority; whoever accepts a difference needs a second one, which is another decision.
PEOPLE = ("cfo-1", "cfo-2", "cfo-3")

#: The order in which a clerk takes what is open.
Order = Callable[[Sequence[Ranked]], list[Ranked]]


def first_in_first_out(found: Sequence[Ranked]) -> list[Ranked]:
    """What was raised first stands first."""
    return sorted(found, key=lambda each: each.row.position)


def dearest_first(found: Sequence[Ranked]) -> list[Ranked]:
    """As the console shows the queue."""
    return list(found)


class Loss(Struct):
    """What was lost: procedures and their price, late invoices and their fees with interest; ``decisions`` the clerk made."""

    cancelled: int = 0
    care: Decimal = Decimal(0)
    late: int = 0
    money: Decimal = Decimal(0)
    decisions: int = 0
    cases: int = 0

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.care + self.money


class Weeks(World):
    """A world without faults in which one clerk works through the queue in some order."""

    def __init__(self, seed: int, requisitions: int, order: Order, folder: Path, a_day: int = A_DAY) -> None:
        super().__init__(
            Plan(seed=seed, scenario="a clerk's weeks", requisitions=requisitions, usages=10, days=DAYS, step_s=1800, faults=())
        )
        self.order, self.folder, self.a_day = order, folder, a_day
        self.loss, self.taken = Loss(), dict[str, int]()
        self.overdue: set[str] = set()
        self.desk: Desk | None = None

    def _plan(self) -> None:
        super()._plan()
        for day in range(DAYS):
            morning = datetime.combine(MORNING.date() + timedelta(days=day), HOUR)
            for number in range(self.a_day):
                self.agenda.at(morning + timedelta(hours=1, minutes=480 * number // self.a_day), self._decide_one)
            self.agenda.at(morning, partial(self._procedures, morning))
            self.agenda.at(morning + timedelta(hours=16), self._suppliers)

    # -- the clerk

    def _decide_one(self, now: datetime) -> None:
        self.attempt(self._act)

    def _act(self, still: Still) -> None:
        self.desk = self.desk or Desk(still.wiring, self.folder / "weeks.ledger", self.clock)
        with self.desk.ask({}) as ask:
            found = self.order(queue(ask))
        self.loss.cases = max(self.loss.cases, len(found))
        for each in found:
            if self._settled(still.wiring, each.row.case):
                self.loss.decisions += 1
                return

    def _settled(self, wiring: Wiring, case: Case) -> bool:
        """Decide about one; whatever was tried without avail is left to others until something has changed."""
        position = self.disk.find(Ref("Case", case.id))[-1].position
        verb = next((verb for verb in VERBS if verb in case.actions), "")
        if not verb or self.taken.get(case.id) == position:
            return False
        tried = sum(isinstance(row.event.data, Decision) for row in self.disk.find(Ref("Case", case.id)))
        actor = PEOPLE[tried % len(PEOPLE)]
        decision = Decision(
            id=f"SHIFT-{self.clock.now():%Y%m%d%H%M}-{case.id}",
            subject=Ref("Case", case.id),
            verb=verb,
            actor=actor,
            at=self.clock.now(),
            reason="in its turn",
            position=position,
        )
        try:
            command(wiring, decision, decision.at)
        except (Stale, NoSuchThing, ValueError):
            self.taken[case.id] = position
            return False
        # the first acceptance leaves it open for a second person; any other decision closes it or is answered later
        if tried >= len(PEOPLE):
            self.taken[case.id] = self.disk.find(Ref("Case", case.id))[-1].position
        return True

    # -- what it costs

    def _procedures(self, morning: datetime, now: datetime) -> None:
        """Who was to be operated on today, and whether the goods that had come were there to be used."""
        posted = {booked.reference for erp in self.stage.erps.values() for booked in erp.receipts}
        come = [receipt for inventory in self.stage.inventories.values() for receipt in inventory.receipts]
        undone = {receipt.reverses for receipt in come}
        today = {
            order.id
            for supplier in self.stage.suppliers.values()
            for order in supplier.orders
            if order.needed_by == morning.date()
        }
        held = {
            one.order: line.item.partition("-")[0]
            for one in come
            for line in one.lines
            if one.order in today and one.id not in {*posted, *undone} and not one.reverses
        }
        for order, category in sorted(held.items()):
            if category in CANCELLED:
                self.loss.cancelled += 1
                self.loss.care += Random(f"procedure/{self.plan.seed}/{order}").randint(*CANCELLED[category])

    def _suppliers(self, now: datetime) -> None:
        """Every supplier looks at what has not been paid in time."""
        settled = set(self.stage.bank.settled)
        paid = {invoice for payment in self.stage.bank.payments if payment.id in settled for invoice in payment.invoices}
        for supplier in self.stage.suppliers.values():
            for invoice in supplier.invoices:
                if invoice.id not in paid and _due(invoice) < now:
                    fee = Decimal(0) if invoice.id in self.overdue else FEE
                    self.overdue.add(invoice.id)
                    self.loss.late = len(self.overdue)
                    self.loss.money += fee + invoice.total.amount * A_DAY_LATE


def _due(invoice: Invoice) -> datetime:
    """The end of the day by which it should have been paid, with the night in which banks settle."""
    return datetime.combine(invoice.due_on or invoice.issued_on + timedelta(days=10), time(23, 0, tzinfo=UTC)) + timedelta(days=1)


def weeks(seed: int, requisitions: int, order: Order, folder: Path, a_day: int = A_DAY) -> Loss:
    """What is lost in the weeks of a seed if the clerk takes the queue in this order."""
    world = Weeks(seed, requisitions, order, folder, a_day)
    world.run()
    return world.loss
