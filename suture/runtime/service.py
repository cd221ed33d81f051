"""The asyncio shell: it gathers what arrives, turns the river in one worker thread, and holds the conversations."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from suture.journal import Fenced, Unavailable
from suture.runtime.attendance import BEAT_S, Attendance, Guarded
from suture.runtime.clock import Clock
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.drive import drive
from suture.runtime.network import Instance
from suture.runtime.pace import Place, Questions, Talk, place
from suture.runtime.polling import poll_once
from suture.runtime.reconcile import Report, reconcile, reconcile_suppliers
from suture.runtime.share import NOTHING, ROLES, Role, Share, busy, lane
from suture.runtime.suppliers import today
from suture.runtime.telemetry import Tally
from suture.runtime.turn import turn, undisturbed
from suture.runtime.wiring import Wiring
from suture.systems import Again, Outcome, Poll
from suture.transports import Answer, Arrival, NoReply, NotSent
from suture.transports.exchange import Accept, Link

T = TypeVar("T")
_log = logging.getLogger(__name__)

#: How long the river rests at most when nothing wakes it, in seconds.
LONGEST_REST = 1.0
#: How often it is looked what time and others have brought: what is due, new codes, how much is left to decide; in seconds.
LOOK_S = 0.25
#: How often it is looked whether the day's comparison of suppliers has been made, in seconds.
COMPARE_S = 3600.0
#: How often a turn that waits looks whether conversations have ended, in seconds.
BREATH_S = 0.001
#: How long a stop waits for conversations under way, and for a journal that is out of reach, in seconds.
STOP_WITHIN_S = 30.0
#: How often in a row others may have been first before it is a fault of ours.
STAND_BACK_MOST = 20


class Inbox(Protocol):
    """A place where partners leave files."""

    async def poll_once(self, accept: Accept) -> int: ...

    def recover(self) -> None: ...


class Busy(RuntimeError):
    """More waits to be taken in than the limit allows; the partner is to come back later."""


class Service:
    """One running network. ``accept`` is what transports call; ``start`` and ``stop`` bracket its life."""

    def __init__(
        self,
        wiring: Wiring,
        clock: Clock,
        links: Mapping[str, Link],
        *,
        inboxes: Mapping[str, Inbox] | None = None,
        delivering: Delivering | None = None,
        roles: Sequence[Role] = ROLES,
    ) -> None:
        self.wiring, self.clock, self.links, self.inboxes = wiring, clock, links, inboxes or {}
        self.delivering = delivering or Delivering(wiring)
        self.attendance = Attendance(wiring, roles)
        self.tally = Tally()
        self.failure: BaseException | None = None
        #: Why nothing can be taken in just now, or nothing.
        self.trouble = ""
        self._arrivals: list[tuple[Arrival, asyncio.Future[Answer]]] = []
        self._outcomes: list[tuple[Attempt, Outcome]] = []
        #: Those that a turn under way commits.
        self._concluding: list[tuple[Attempt, Outcome]] = []
        self._talks: dict[str, asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="river")
        self._pulse = ThreadPoolExecutor(1, thread_name_prefix="pulse")
        self._attending: asyncio.Task[None] | None = None
        self._next_beat, self._stood_back = 0.0, 0
        #: A change of our share that waits for the turn under way.
        self._resharing: asyncio.Task[None] | None = None
        #: Parts that we have taken over, and never lost since.
        self._ours: frozenset[str] = frozenset()
        self._awake = asyncio.Event()
        self._changed = asyncio.Event()
        self._turning = False
        #: Whether the next turn is to look at what waits for time; where nobody looks at the clock, each does.
        self._time_has_passed, self._clocked = True, False
        #: Whether there may be something new beside what arrived and what conversations came to.
        self._told = True
        #: How much waited to be decided when it was last looked, and when it is looked again.
        self._undecided, self._next_look = 0, 0.0
        self._failing: dict[str, str] = {}
        self._questions = itertools.count()
        #: Instances whose inbox, poll or books are being looked at.
        self._looking: list[str] = []

    # -- life

    async def start(self, *, driven: bool = False) -> None:
        """Recover what a crash left behind and begin to turn.

        With ``driven`` nobody looks at the clock, the inboxes or the polls but the caller (``wake``, ``pick_up``).
        """
        shared = self.wiring.journal.shared
        if shared:
            self.wiring.share = NOTHING
        else:
            await self._in_pulse(lambda: self.attendance.beat(()))
            await self.in_thread(self._recover)
        self._loops = [asyncio.create_task(self._river())]
        if shared:
            self._attending = asyncio.create_task(self._attend())
        if not driven:
            self._clocked = True
            self._loops += self._watchers()
        self.wake()

    def _watchers(self) -> list[asyncio.Task[None]]:
        watchers = [asyncio.create_task(self._ticks()), asyncio.create_task(self._re_enter())]
        watchers += [asyncio.create_task(self._watch(name, inbox)) for name, inbox in self.inboxes.items()]
        watchers += [
            asyncio.create_task(self._reconcile(instance))
            for instance in self.wiring.network.instances
            if instance.reconcile_every_s and instance.name in self.links
        ]
        watchers += [
            asyncio.create_task(self._compare(instance))
            for instance in self.wiring.network.instances
            if self.wiring.system(instance).suppliers and instance.name in self.links
        ]
        return watchers + [
            asyncio.create_task(self._poll(instance, poll))
            for instance in self.wiring.network.instances
            for poll in self.wiring.system(instance).polls
            if instance.name in self.links
        ]

    async def stop(self) -> None:
        """Begin no conversation, let those under way end, commit their outcomes, and stop; what is owed stays in the journal."""
        self.delivering.paused = set(self.delivering.gates)
        for watcher in self._loops[1:]:
            watcher.cancel()
        if self._loops:
            self.wake()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._rest()
        tasks = [*self._loops, *self._talks.values(), *([self._attending] if self._attending else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=True)
        self._pulse.shutdown(wait=True)
        for _, future in self._arrivals:
            if not future.done():
                future.set_exception(Busy("stopped"))
        for link in self.links.values():
            await link.close()

    async def ended(self) -> None:
        """Return when the river has stopped by itself; ``failure`` says why."""
        attending = [self._attending] if self._attending else []
        await asyncio.wait([*self._loops[:1], *attending], return_when=asyncio.FIRST_COMPLETED)

    # -- in

    async def accept(self, arrival: Arrival) -> Answer:
        """Take in one message; returns after the commit. Raises Busy over the limit, and whatever kept it from the journal."""
        if why := self._busy(arrival.instance):
            self.tally.turned_away(arrival)
            raise Busy(why)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._arrivals.append((arrival, future))
        self._awake.set()
        return await future

    def _busy(self, name: str) -> str:
        if self.failure is not None:
            return f"stopped: {self.failure}"
        instance, limits = self.wiring.instances.get(name), self.wiring.limits
        critical = instance is not None and instance.critical
        if len(self._arrivals) >= limits.intake_queue * (2 if critical else 1):
            return self.trouble or "too many messages wait to be taken in"
        # what is critical waits in the journal rather than at its sender
        behind = self._undecided >= limits.undecided and not critical
        return self.trouble or ("too much waits to be decided" if behind else "")

    def wake(self) -> None:
        """Something may be due, or said by somebody."""
        self._told = True
        self._awake.set()

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way: what remains waits for time or for partners."""
        return not (self._turning or self._awake.is_set() or self._arrivals or self._outcomes or self._talks)

    async def settle(self) -> None:
        """Return when it is quiet; raises what made the service stop."""
        await self._rest()
        if self.failure is not None:
            raise self.failure

    async def _rest(self) -> None:
        while not self.quiet and self.failure is None:
            await self._changed.wait()
            self._changed.clear()

    def next_due(self) -> datetime | None:
        """When something will happen by itself: the earliest timer or delivery, or the gate that holds due ones back."""
        due, now = self.wiring.journal.next_due(), self.clock.now()
        if due is None or due > now:
            return due
        wakes = [wake for gate in self.delivering.gates.values() if (wake := gate.wakes(now)) is not None]
        # what is held back by calls under way goes on when they end, without a look at the clock; by a person, when it is resumed
        return min(wakes, default=None if self._talks or self.delivering.pauses.any else now)

    async def pick_up(self, names: Iterable[str]) -> int:
        """Look once into the inboxes of these instances; returns how many files were taken in."""
        return sum([await self.inboxes[name].poll_once(self.accept) for name in names])

    async def _watch(self, name: str, inbox: Inbox) -> None:
        while True:
            await self.clock.sleep(LONGEST_REST)
            if self.wiring.share.delivers(name.partition("/")[0]):
                await self._survive(name.partition("/")[0], f"inbox {name}", inbox.poll_once(self.accept))

    async def _survive(self, instance: str, name: str, look: Awaitable[object]) -> None:
        """A look that fails is told once, and the next may succeed: a share that is away comes back."""
        why = ""
        self._looking.append(instance)
        try:
            await look
        except (NotSent, NoReply, Busy, Unavailable, Fenced) as failure:
            why = str(failure)
        except Exception as failure:  # an error's own words may hold content
            why = type(failure).__name__
        finally:
            self._looking.remove(instance)
        if why != self._failing.get(name, ""):
            _log.warning("%s: %s", name, why or "works again")
        self._failing[name] = why

    async def _in_pulse(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pulse, step)

    async def in_thread(self, step: Callable[[], T]) -> T:
        """Run a step that touches the journal, between turns."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)

    # -- the river

    async def _river(self) -> None:
        while True:
            await self._awake.wait()
            self._turning = True
            await self._gather()
            self._awake.clear()
            try:
                if await self._turn():
                    self._awake.set()
            except Unavailable as unavailable:
                await self._wait_for_journal(unavailable)
            except Fenced as fenced:
                await self._step_aside(fenced)
            except Exception as error:
                self._fail(error)
            finally:
                self._turning = False
                self._changed.set()

    async def _gather(self) -> None:
        """While conversations are under way, wait a moment: what ends together is committed together.

        Nobody who waits for an answer waits for that.
        """
        for _ in range(round(self.wiring.limits.gather_s / BREATH_S)):
            if not self._talks or self._arrivals:
                return
            await asyncio.sleep(BREATH_S)

    async def _turn(self) -> bool:
        if time.monotonic() >= self._next_look:
            await self.in_thread(self._look)
        batch = self.wiring.limits.intake_batch
        arrivals, self._arrivals = self._arrivals[:batch], self._arrivals[batch:]
        outcomes, self._outcomes = self._outcomes, []
        self._concluding, now = outcomes, self.clock.now()
        timed, self._time_has_passed = self._time_has_passed or not self._clocked, False
        told, self._told = self._told, False
        said, loop = [arrival for arrival, _ in arrivals], asyncio.get_running_loop()

        def speak(answers: Sequence[Answer]) -> None:
            loop.call_soon_threadsafe(self._speak, arrivals, answers)

        try:
            turned = await self.in_thread(
                lambda: turn(self.wiring, self.delivering, now, said, outcomes, speak, timed=timed, told=told)
            )
        except BaseException as error:
            # outcomes that may not have been committed are in doubt now, and recovery treats them so; what was answered stays so
            for _, future in arrivals:
                if not future.done():
                    future.set_exception(Busy(f"not taken in: {type(error).__name__}"))
            raise
        finally:
            self._concluding = []
        self._stood_back = 0
        self.tally.ended(outcomes, now)
        self._begin(turned.attempts)
        self._time_has_passed |= timed and turned.more
        self._told |= turned.more
        return turned.more or bool(self._arrivals or self._outcomes)

    def _look(self) -> None:
        """In the thread of the river, now and then before a turn: what others have done, and how much waits."""
        self._next_look, self._time_has_passed = time.monotonic() + LOOK_S, True
        self._undecided = self.wiring.journal.undecided(self.wiring.limits.undecided)
        if self.wiring.journal.shared:
            self.wiring.refresh_book()

    def _speak(self, arrivals: list[tuple[Arrival, asyncio.Future[Answer]]], answers: Sequence[Answer]) -> None:
        """What arrived is durable: whoever said it may know."""
        self.tally.took([arrival for arrival, _ in arrivals], answers)
        for (_, future), answer in zip(arrivals, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _begin(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._talks[attempt.delivery.id] = asyncio.create_task(self._talk(attempt), name=attempt.instance.name)

    async def _talk(self, attempt: Attempt) -> None:
        name = attempt.instance.name
        if name in self.links:
            outcome = await drive(attempt.steps, self.talking(name, attempt.delivery.id))
        else:
            outcome = Again(reason="the instance has no address")
        self._outcomes.append((attempt, outcome))
        del self._talks[attempt.delivery.id]
        self._awake.set()

    def talking(self, instance: str, call: str) -> Link:
        """The link to an instance for a call that has been counted; each further request of it waits until it may count, too."""
        link = self._guarded(instance)
        return Talk(link, self._place(instance, call)) if self._clocked else link

    def asking(self, instance: str, what: str) -> Link:
        """The link to an instance for questions of our own, each of which counts as a call."""
        link, call = self._guarded(instance), f"{what}/{next(self._questions)}"
        over = partial(self.in_thread, lambda: self.delivering.gates[instance].over(call, self.clock.now()))
        # where nobody looks at the clock, nobody would see the moment that is waited for
        return Questions(link, self._place(instance, call), over) if self._clocked else link

    def _place(self, instance: str, call: str) -> Place:
        may = partial(self.in_thread, lambda: self.delivering.gates[instance].request(call, self.clock.now()))
        return partial(place, may, self.clock.sleep)

    def _guarded(self, instance: str) -> Link:
        link = self.links[instance]
        return Guarded(link, self.attendance) if self.wiring.journal.shared else link

    async def _wait_for_journal(self, unavailable: Unavailable) -> None:
        """The journal is out of reach: partners are told to come back, and what was being sent is in doubt."""
        self.trouble = f"the journal is out of reach: {unavailable}"
        for _, future in self._arrivals:
            if not future.done():
                future.set_exception(Busy(f"not taken in: {self.trouble}"))
        self._arrivals.clear()
        while self.trouble:
            await self.clock.sleep(LONGEST_REST)
            try:
                await self.in_thread(self._recover)
                await self.in_thread(self.wiring.load_book)  # a commit whose answer was lost may have filed new codes
                self.trouble = ""
            except Unavailable:
                continue
            except Fenced as fenced:
                await self._step_aside(fenced)
        self.wake()

    def _recover(self) -> int:
        return self.delivering.recover(self.clock.now(), self._under_way())

    def _under_way(self) -> set[str]:
        return set(self._talks) | {attempt.delivery.id for attempt, _ in self._outcomes}

    def _fail(self, error: Exception) -> None:
        """A broken invariant, or another worker's claim, stops the process; nothing is acknowledged any more."""
        self.failure = error
        for _, future in self._arrivals:
            if not future.done():
                future.set_exception(Busy("stopped"))
        raise error

    async def _ticks(self) -> None:
        """Wake the river when something is due, and when others have said something: else it lies still."""
        known = -1
        while True:
            due, latest = None, -1
            with contextlib.suppress(Unavailable):  # the river meets it too, and waits
                due, latest = await self.in_thread(lambda: (self.next_due(), self.wiring.journal.latest()))
            rest = LONGEST_REST if due is None else (due - self.clock.now()).total_seconds()
            if rest <= 0 or latest < 0 or latest != known:
                known, self._time_has_passed = latest, True
                self.wake()
            # what is overdue may be another's, who will see to it
            least = BEAT_S if self.wiring.share.parts is not None and rest < 0 else 0.01
            await self.clock.sleep(min(max(rest, least), LONGEST_REST))

    # -- among others

    async def _attend(self) -> None:
        """Give signs of life, take what is due to us, give away what is due to others, and wake when they have committed."""
        while True:
            try:
                await self._beat()
                if await self._in_pulse(lambda: self.wiring.journal.wait(self.attendance.every_s)):
                    self.wake()
            except Fenced as fenced:
                await self._stand_back(fenced)
            except Unavailable:
                if not self.attendance.good:
                    await self.in_thread(lambda: self._shrink(frozenset()))
                await asyncio.sleep(BEAT_S)
            except Exception as error:
                self._fail(error)

    async def _beat(self) -> None:
        """Between turns what is due to others is no longer touched; it is theirs once nobody here talks to it any more.

        However long a turn takes, we give signs of life: until our share has changed in its thread, we keep all that we hold.
        """
        now = asyncio.get_running_loop().time()
        if now < self._next_beat:
            return
        self._next_beat, worker, due = now + self.attendance.every_s, self.attendance.worker, self.attendance.due
        calm = await self._reshared()
        parts = self.wiring.share.parts or frozenset()
        if calm and parts - due:
            calm = await self._reshared(lambda: self._shrink(due))
        keep = busy(parts | self._ours, self._talking()) if calm else self.attendance.held
        share = await self._in_pulse(lambda: self.attendance.beat(keep))
        if self.attendance.due != due:
            self._next_beat = now  # who came or went has moved parts: they are asked for at once
        if calm:
            self._ours &= self.attendance.held
            if share != self.wiring.share:
                await self._reshared(lambda: self._take(share, worker))

    def _talking(self) -> set[str]:
        """The instances that somebody here talks to, or whose last word is not committed yet."""
        ended = {attempt.instance.name for attempt, _ in (*self._outcomes, *self._concluding)}
        return ended | {talk.get_name() for talk in self._talks.values()} | set(self._looking)

    async def _reshared(self, change: Callable[[], None] | None = None) -> bool:
        """Change our share in the thread of the river; false if this change, or one before, still waits for a turn to end.

        Raises what the change met.
        """
        if change is not None:
            self._resharing = asyncio.create_task(self.in_thread(change))
        resharing = self._resharing
        if resharing is None:
            return True
        await asyncio.wait([resharing], timeout=BEAT_S)
        if not resharing.done() or resharing is not self._resharing:
            return False
        self._resharing = None
        resharing.result()
        self.wake()
        return True

    def _shrink(self, keep: frozenset[str]) -> None:
        """In the thread of the river: the rest is no longer touched."""
        self.wiring.share = Share((self.wiring.share.parts or frozenset()) & keep, self.wiring.share.others)

    def _take(self, share: Share, worker: str) -> None:
        """In the thread of the river: parts that are new to us may have been interrupted elsewhere."""
        if worker != self.attendance.worker:
            return
        before, parts = self.wiring.share, share.parts or frozenset()
        new = [name for name in self.wiring.instances if lane(name) in parts - self._ours]
        self.wiring.share = share
        try:
            undisturbed(lambda: self.delivering.take_over(new, self.clock.now()))
        except BaseException:
            self.wiring.share = before  # what was interrupted there is still to be found out
            raise
        for name, inbox in self.inboxes.items():
            if name.partition("/")[0] in new:
                inbox.recover()
        self._ours |= parts

    async def _step_aside(self, fenced: Fenced) -> None:
        """Somebody else owns what we took for ours: where one process serves alone, that is a fault."""
        if not self.wiring.journal.shared:
            self._fail(fenced)
        await self._stand_back(fenced)

    async def _stand_back(self, fenced: Fenced) -> None:
        """Others took us for dead: whatever was under way here is in doubt, and theirs; begin anew under another name."""
        self._stood_back += 1
        if self._stood_back > STAND_BACK_MOST:
            self._fail(fenced)
        _log.warning("stood back: %s", fenced)
        resharing, self._resharing = self._resharing, None
        # after a turn under way, which may begin more conversations
        await asyncio.gather(
            self.in_thread(lambda: self._shrink(frozenset())), *([resharing] if resharing else []), return_exceptions=True
        )
        talks = list(self._talks.values())
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        self._talks.clear()
        self._outcomes.clear()
        await self._in_pulse(self.attendance.begin_anew)
        self._ours, self._next_beat = frozenset(), 0.0
        self.wake()

    # -- polls

    async def _poll(self, instance: Instance, poll: Poll) -> None:
        while True:
            await self.clock.sleep(poll.every_s)
            if self.wiring.share.delivers(instance.name):
                await self._survive(instance.name, f"poll {instance.name}/{poll.name}", self._poll_once(instance, poll))

    async def _poll_once(self, instance: Instance, poll: Poll) -> int:
        link, now = self.asking(instance.name, f"poll/{poll.name}"), self.clock.now()
        return await poll_once(self.wiring, instance, poll, link, self.accept, now, self.in_thread)

    async def _reconcile(self, instance: Instance) -> None:
        while True:
            await self.clock.sleep(instance.reconcile_every_s)
            if self.wiring.share.delivers(instance.name):
                await self._survive(instance.name, f"reconciliation of {instance.name}", self.reconcile_once(instance))

    async def _compare(self, instance: Instance) -> None:
        """The suppliers that a counterpart knows, each day."""
        while True:
            await self.clock.sleep(COMPARE_S)
            if self.wiring.share.delivers(instance.name):
                now, link = self.clock.now(), self.asking(instance.name, "suppliers")
                comparing = reconcile_suppliers(
                    self.wiring, instance, link, now, in_thread=self.in_thread, once=today(instance, now)
                )
                await self._survive(instance.name, f"suppliers of {instance.name}", comparing)

    async def _re_enter(self) -> None:
        """What was done by hand while a counterpart was held back is found when somebody resumes it."""
        while True:
            await self.clock.sleep(LONGEST_REST)
            for name in await self.in_thread(self.delivering.pauses.resumed):
                instance = self.wiring.instances[name]
                if name in self.links and self.wiring.system(instance).lists and self.wiring.share.delivers(name):
                    await self._survive(name, f"reconciliation of {name}", self.reconcile_once(instance))

    async def reconcile_once(self, instance: Instance) -> Report:
        """Compare what an instance holds with what we believe; raises NoReply if it did not tell, after what it told counted."""
        link = self.asking(instance.name, "reconciliation")
        report = await reconcile(self.wiring, instance, link, self.clock.now, in_thread=self.in_thread)
        self.wake()
        if report.unheard:
            raise NoReply("; ".join(f"{name}: {why}" for name, why in report.unheard.items()))
        return report
