"""A hospital week in memory and in virtual time: the real runtime, the twins, the lines between them, and the people."""

from __future__ import annotations

import functools
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec import Struct

from suture.journal import MemoryJournal, Unavailable
from suture.journal.sqlite import SqliteJournal
from suture.model import Crosswalk, Policy
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.day import requisitions, usages
from suture.sandbox.group import MORNING, Group, invent
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import Fault, Weather
from suture.sandbox.simulator.lines import Lines
from suture.sandbox.simulator.people import People
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.post import Letter, Post
from suture.sandbox.simulator.release import Release, next_release, this_release
from suture.sandbox.simulator.torn import KEY, TornDisk
from suture.sandbox.simulator.watch import Watch
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
    journal = MemoryJournal(KEY)
    wiring = Wiring(journal, net, privacy_key=b"p" * 32)
    publish(wiring, (*group.crosswalk, *group.masters), MORNING - timedelta(days=1))
    return Foundation(group, net, journal, wiring)


@functools.cache
def file_of(number: int) -> bytes:
    """The bytes of a SQLite journal that holds the same as the foundation of a number."""
    base = foundation(number)
    with tempfile.TemporaryDirectory(prefix="suture-simulator-") as folder:
        path = Path(folder) / "journal.db"
        journal = SqliteJournal(path, KEY)
        wiring = Wiring(journal, base.network, privacy_key=b"p" * 32)
        publish(wiring, (*base.group.crosswalk, *base.group.masters), MORNING - timedelta(days=1))
        journal.close()
        return path.read_bytes()


class World:
    """One run of a plan. ``run`` goes to the end; what is left can be looked at: twins, disk, weather, marks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.base = foundation(plan.seed % GROUPS)
        self.stage = Stage(self.base.group, plan.seed)
        self.agenda = self.stage.agenda
        self.clock = ManualClock(MORNING)
        #: The clock by which the process goes.
        self.watch = Watch(self.clock)
        self.weather = Weather(plan.faults, plan.ends)
        self.disk = self._file() if plan.torn else Disk(self.base.journal, self._at_commit)
        self.post = Post(self.stage, self.weather, self.clock, self.mark)
        self.lines = Lines(self.stage, self.weather, self.clock, self.mark)
        self.post.gone = self.lines.gone
        self.people = People(self.base.group, self.stage, self.disk, self.post)
        self.release = this_release(self.base.wiring)
        self.still: Still | None = None
        #: What went wrong, and the position of the journal when it did.
        self.marks: list[tuple[int, datetime, str]] = []
        self.told: Counter[str] = Counter()
        self.crashes = 0
        self.kept: list[tuple[Letter, str]] = []

    def _file(self) -> TornDisk:
        """A journal in a folder of its own, which goes when this run is forgotten."""
        folder, ours = Path(tempfile.mkdtemp(prefix="suture-simulator-")), weakref.ref(self)

        def strikes() -> Sequence[Fault]:
            world = ours()
            return world._at_commit() if world else ()

        disk = TornDisk(folder, file_of(self.plan.seed % GROUPS), strikes)
        weakref.finalize(self, _forget, disk, folder)
        return disk

    @property
    def points(self) -> int:
        """Places that were passed at which the process may have died: around each write and each request, and at arrival."""
        return self.disk.points + self.lines.points + self.weather.number("letter")

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
        now, due = self.watch.now(), self.disk.next_due()
        if due is not None and due <= now and self.still is not None:
            wakes = [wake for gate in self.still.delivering.gates.values() if (wake := gate.wakes(now)) is not None]
            due = min(wakes, default=due)
        return None if due is None else self.watch.at(due)

    def _step(self, moment: datetime) -> None:
        """Everything that happens at this moment, until nothing moves."""
        self.clock.move_to(moment)
        self.agenda.run(moment)
        for _ in range(ROUNDS):
            self.post.collect()
            taken = self._take_in()
            self.attempt(lambda still: still.settle())
            moved = self.post.collect() + self.lines.look_into_inboxes()
            if not taken and not moved and not self.post.arrived:
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
            wiring = Wiring(
                self.disk,
                self.base.network,
                privacy_key=b"p" * 32,
                formats=self.release.formats,
                systems=self.base.wiring.systems,
                processes=self.release.processes,
            )
            self.still = Still(wiring, self.watch, self.lines.links, self.lines.heard)
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
                still.delivering.recover(self.watch.now())
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
        waiting, self.post.arrived = self.post.arrived, []
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
            if self.post.answered(letter, answer):
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
        if fault.kind == "operator":
            act = partial(self._operate, fault)
            if self.attempt(act) and self.people.acted:
                self.mark(fault)
            return
        self.mark(fault)
        over = now + timedelta(minutes=fault.lasts)
        match fault.kind:
            case "clock jump":
                self.clock.move_to(over)
            case "clock set back":
                self.watch.set_back(timedelta(minutes=fault.lasts))
                self.agenda.at(now + timedelta(minutes=1 + fault.chance % 1500), self._set_right)
            case "policy change":
                self._publish([self.people.policy(fault.chance, self.watch.now())])
            case "crosswalk change":
                rows, afterwards = self.people.crosswalk(fault.chance)
                self._publish(rows)
                if afterwards:
                    self.agenda.at(over, lambda now: self._publish(afterwards))
            case "upgrade":
                self._install(next_release(self.base.wiring))
                self.agenda.at(over, lambda now: self._install(this_release(self.base.wiring)))
            case "schema drift":
                self.post.drift(fault)
            case _:
                self.lines.close(fault)

    def _operate(self, fault: Fault, still: Still) -> None:
        self.people.act(still.wiring, fault.chance, self.watch.now())

    def _set_right(self, now: datetime) -> None:
        self.watch.set_back(timedelta())

    def _install(self, release: Release) -> None:
        """Stop the process and start another release, with work under way."""
        self.release, self.still = release, None

    def _publish(self, documents: Sequence[Policy | Crosswalk]) -> None:
        if not self.attempt(lambda still: publish(still.wiring, documents, self.watch.now())):
            self.agenda.at(self.clock.now() + timedelta(minutes=1), lambda now: self._publish(documents))

    def _tidy(self, now: datetime) -> None:
        """After the faults somebody looks at every delivery that waits for a person, once a day."""
        for decide in self.people.tidy(self.watch.now()):
            self.attempt(lambda still, decide=decide: decide(still.wiring))  # type: ignore[misc]  # bound in the loop


def _forget(disk: TornDisk, folder: Path) -> None:
    disk.close()
    shutil.rmtree(folder, ignore_errors=True)
