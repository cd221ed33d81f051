"""A hospital week in memory and in virtual time: the real runtime, the twins, the lines between them, and the people."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec
from msgspec import Struct

from suture.journal import MemoryJournal, Unavailable
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.day import requisitions, usages
from suture.sandbox.group import MORNING, Group, invent
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import Fault, Weather
from suture.sandbox.simulator.lines import Letter, Lines
from suture.sandbox.simulator.people import People
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.stage import Stage, network
from suture.sandbox.still import Still
from suture.transports import Answer, Arrival

#: A run that is not quiet this long after the last fault never will be.
DRAIN = timedelta(days=45)
#: Groups that the seeds share: inventing and filing one takes longer than a run.
GROUPS = 4
#: How long the process is away after a crash.
AWAY = timedelta(seconds=7)
#: Messages that are taken in together at most.
TOGETHER = 24
#: Rounds of messages and deliveries within one step; more means that something feeds itself.
ROUNDS = 200


class Foundation(Struct, frozen=True):
    """What the seeds of one group share: the group, its network, and a journal that holds its master data."""

    group: Group
    network: Network
    journal: MemoryJournal
    wiring: Wiring


@functools.cache
def foundation(number: int) -> Foundation:
    """The group of a number with its master data published."""
    group, net = invent(number), network({}, {})
    journal = MemoryJournal(b"s" * 32)
    wiring = Wiring(journal, net, privacy_key=b"p" * 32)
    publish(wiring, (*group.crosswalk, *group.masters), MORNING - timedelta(days=1))
    return Foundation(group, net, journal, wiring)


class World:
    """One run of a plan. ``run`` goes to the end; what is left can be looked at: twins, disk, weather, marks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.base = foundation(plan.seed % GROUPS)
        self.stage = Stage(self.base.group, plan.seed)
        self.agenda = self.stage.agenda
        self.clock = ManualClock(MORNING)
        self.weather = Weather(plan.faults, plan.ends)
        self.disk = Disk(self.base.journal, self._at_commit)
        self.lines = Lines(self.stage, self.weather, self.clock, self.mark)
        self.people = People(self.base.group, self.stage, self.disk)
        self.still: Still | None = None
        #: What went wrong, and the position of the journal when it did.
        self.marks: list[tuple[int, datetime, str]] = []
        self.told: Counter[str] = Counter()
        self.crashes = 0
        self.kept: list[tuple[Letter, str]] = []

    # -- the run

    def run(self) -> World:
        """Walk through the week and until nothing is owed any more."""
        self._plan()
        self._step(MORNING)
        while (moment := self._next()) is not None and moment < self.plan.ends + DRAIN:
            self._step(moment)
        return self

    def _plan(self) -> None:
        plan = self.plan
        self.stage.plan(
            [*requisitions(self.base.group, plan.seed, plan.requisitions), *usages(self.base.group, plan.seed, plan.usages)]
        )
        for fault in self.weather.timed:
            self.agenda.at(MORNING + timedelta(minutes=fault.minute), partial(self._strike, fault))
        for day in range(1, DRAIN.days):
            self.agenda.at(plan.ends + timedelta(days=day), self._tidy)

    def _next(self) -> datetime | None:
        now = self.clock.now()
        moments = [moment for moment in (self.agenda.next(), self._due()) if moment is not None]
        if not moments:
            return None
        step = timedelta(seconds=self.plan.step_s)
        beyond = (min(moments) - MORNING) % step
        rounded = min(moments) if not beyond else min(moments) + step - beyond
        return max(rounded, now + timedelta(seconds=1))

    def _due(self) -> datetime | None:
        now, due = self.clock.now(), self.disk.next_due()
        if due is None or due > now or self.still is None:
            return due
        wakes = [wake for gate in self.still.delivering.gates.values() if (wake := gate.wakes(now)) is not None]
        return min(wakes, default=due)

    def _step(self, moment: datetime) -> None:
        """Everything that happens at this moment, until nothing moves."""
        self.clock.move_to(moment)
        self.agenda.run(moment)
        for _ in range(ROUNDS):
            self.lines.collect()
            taken = self._take_in()
            self.attempt(lambda still: still.settle())
            moved = self.lines.collect() + self.lines.look_into_inboxes()
            if not taken and not moved and not self.lines.arrived:
                return
        raise RuntimeError(f"the network does not come to rest within {ROUNDS} rounds of one moment")

    # -- the process

    def attempt(self, act: Callable[[Still], object]) -> bool:
        """Let the process do something; it may die or lose its disk on the way. Whether it got through."""
        try:
            act(self._running())
        except Crash:
            self._die()
            return False
        except Unavailable:
            return self._wait_for_disk()
        return True

    def _running(self) -> Still:
        """The process, started anew from the disk if it died: nothing else survives."""
        if self.still is None:
            shared = self.base.wiring
            wiring = Wiring(
                self.disk,
                self.base.network,
                privacy_key=b"p" * 32,
                formats=shared.formats,
                systems=shared.systems,
                processes=shared.processes,
            )
            self.still = Still(wiring, self.clock, self.lines.links)
        return self.still

    def _die(self) -> None:
        self.crashes += 1
        self.still = None
        self.clock.move_to(self.clock.now() + AWAY)

    def _wait_for_disk(self) -> bool:
        """As the service does: what was being sent is in doubt, and nothing moves before the disk is back."""
        self.clock.move_to(self.clock.now() + AWAY)
        if self.still is not None:
            still = self.still
            try:
                still.delivering.recover(self.clock.now())
                still.wiring.load_book()
            except Crash:
                self._die()
            except Unavailable:
                self.agenda.at(self.clock.now() + AWAY, lambda now: self._recover_later())
        return False

    def _recover_later(self) -> None:
        if self.still is not None:
            self._wait_for_disk()

    # -- messages

    def _take_in(self) -> int:
        """Hand over what lies at the door, some together; who gets no answer sends again."""
        waiting, self.lines.arrived = self.lines.arrived, []
        for start in range(0, len(waiting), TOGETHER):
            self._hand_over(waiting[start : start + TOGETHER])
        return len(waiting)

    def _hand_over(self, letters: list[Letter]) -> None:
        arrivals = [
            Arrival(instance=letter.message.instance, channel=letter.message.channel, raw=letter.raw, name=letter.message.name)
            for letter in letters
        ]
        answers: list[Answer] = []
        through = self.attempt(lambda still: answers.extend(still.accept(*arrivals)))
        if through and any(letter.fate == "crash at arrival" for letter in letters):
            self._die()
            through = False
        for index, letter in enumerate(letters):
            answer = answers[index].outcome if through else ""
            if self.lines.answered(letter, answer):
                self.kept.append((letter, answer))
                self.told[answer] += 1

    # -- faults of time

    def _at_commit(self) -> list[Fault]:
        struck = self.weather.next("commit", self.clock.now())
        for fault in struck:
            self.mark(fault)
        return struck

    def mark(self, fault: Fault) -> None:
        """A fault strikes: count it, and remember where in the story."""
        self.weather.struck[fault.kind] += 1
        self.marks.append((self.disk.last, self.clock.now(), str(fault)))

    def _strike(self, fault: Fault, now: datetime) -> None:
        match fault.kind:
            case "clock jump":
                self.mark(fault)
                self.clock.move_to(now + timedelta(minutes=fault.lasts))
            case "operator":
                if (
                    self.attempt(lambda still: self.people.act(still.wiring, fault.chance, self.clock.now()))
                    and self.people.acted
                ):
                    self.mark(fault)
            case "policy change":
                self.mark(fault)
                self._publish(fault)
            case _:
                self.mark(fault)
                self.lines.close(fault)

    def _publish(self, fault: Fault) -> None:
        policy = self.people.policy(fault.chance, self.clock.now())
        if not self.attempt(lambda still: publish(still.wiring, [policy], self.clock.now())):
            self.agenda.at(self.clock.now() + timedelta(minutes=1), lambda now: self._publish(fault))

    def _tidy(self, now: datetime) -> None:
        """After the faults somebody looks at every delivery that waits for a person, once a day."""
        for decide in self.people.tidy(now):
            self.attempt(lambda still, decide=decide: decide(still.wiring))  # type: ignore[misc]  # bound in the loop

    # -- the end

    def state_hash(self) -> str:
        """A hash over every event and over all that the twins hold."""
        digest = hashlib.sha256()
        for position, body in pages(self.disk):
            digest.update(position.to_bytes(8, "big") + body)
        digest.update(msgspec.json.encode(holdings(self.stage)))
        return digest.hexdigest()


def pages(journal: MemoryJournal) -> Iterator[tuple[int, bytes]]:
    """Every stored event's position and bytes."""
    after = 0
    while page := journal.bodies(after, 2000):
        yield from page
        after = page[-1][0]


def holdings(stage: Stage) -> Mapping[str, object]:
    """All that the twins hold."""
    held: dict[str, object] = {}
    for name, erp in stage.erps.items():
        held[name] = [erp.orders, erp.changes, erp.receipts, erp.invoices, erp.entries, erp.payments, erp.failed_payments]
    for name, inventory in stage.inventories.items():
        held[name] = [inventory.expected, inventory.movements, inventory.receipts]
    for name, supplier in stage.suppliers.items():
        held[name] = [supplier.orders, supplier.changes, supplier.invoices, supplier.remittances, supplier.repeats]
    held["bank"] = [stage.bank.payments, stage.bank.settled, stage.bank.duplicates]
    held["ap"] = [stage.ap.orders, stage.ap.receipts, stage.ap.statuses, stage.ap.remittances]
    suite = stage.procurement
    held["procurement"] = [suite.statuses, suite.orders, suite.invoices, suite.remittances]
    held["ehr"] = [[ehr.usages for ehr in stage.ehrs.values()], dict(stage.bank.sent)]
    return held
