"""Live questions to connected systems: shared, cached for moments, within the system's quota, and never longer than agreed.

A question goes over the same links, through the same breakers and quotas as deliveries, and yields to them: it begins only where
more room is left than deliveries may need. Who asks what another is asking waits for that answer; what was answered a moment
ago is told again. Excess waits, the critical first; who waited in vain is told what was known last, and since when.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from suture.gateway.operation import Quota
from suture.runtime.gate import Gate
from suture.runtime.policy import Quota as Bucket
from suture.runtime.service import Service
from suture.transports.exchange import Link

_RANK: dict[Quota, int] = {"critical": 0, "standard": 1, "bulk": 2}
#: Answers that are remembered, and questions that may wait for one system.
ANSWERS_MOST, WAITING_MOST = 10_000, 1000
#: The part of our rate that questions may take where we deliver, too; the rest is for what is owed.
SHARE = 0.5
#: How often a question that waits looks for room, in seconds.
LOOK_S = 0.02


class Unheard(Exception):
    """The system did not say; the text says why, for whoever asked."""


class Heard(Struct, frozen=True):
    """What a system says: the answer and when it was given. With ``why`` it could not be asked now, and this was said before."""

    value: Any
    at: datetime | None
    why: str = ""


#: A conversation with the system over its link; raises Unheard.
Question = Callable[[Link], Awaitable[Any]]


class Lookups:
    """All live questions of one process."""

    def __init__(self, service: Service) -> None:
        self.service = service
        #: Calls made, by instance.
        self.calls: Counter[str] = Counter()
        self._answers: OrderedDict[tuple[str, str], Heard] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Heard]] = {}
        self._lanes: dict[str, _Lane] = {}

    async def ask(
        self, instance: str, key: str, question: Question, *, fresh_s: float, within_s: float, urgency: Quota = "standard"
    ) -> Heard:
        """The answer to ``key``, not older than ``fresh_s`` seconds; after ``within_s`` what was said last, or nothing."""
        name, now = (instance, key), self.service.clock.now()
        known = self._answers.get(name)
        if known is not None and known.at is not None and now - known.at < timedelta(seconds=fresh_s):
            return known
        task = self._asking.get(name)
        if task is None:
            lane = self._lane(instance)
            if len(lane.waiting) >= WAITING_MOST:
                return _last(known, "too many questions wait for it")
            task = self._asking[name] = asyncio.create_task(self._asked(name, lane, question, urgency))
        await asyncio.wait([task], timeout=within_s)
        if not task.done():
            return _last(known, "it did not answer in time")
        heard = task.result()
        return _last(known, heard.why) if heard.why else heard

    async def close(self) -> None:
        """Ask nothing more."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _lane(self, instance: str) -> _Lane:
        if instance not in self._lanes:
            self._lanes[instance] = _Lane(self.service, instance)
        return self._lanes[instance]

    async def _asked(self, name: tuple[str, str], lane: _Lane, question: Question, urgency: Quota) -> Heard:
        try:
            heard = await self._heard(name[0], lane, question, urgency)
            if not heard.why:
                self._remember(name, heard)
            return heard
        finally:
            del self._asking[name]

    async def _heard(self, instance: str, lane: _Lane, question: Question, urgency: Quota) -> Heard:
        if instance not in self.service.links:
            return Heard(None, None, "it has no address")
        try:
            call = await lane.enter(urgency)
        except Unheard as unheard:
            return Heard(None, None, str(unheard))
        reached = False
        self.calls[instance] += 1
        try:
            answer = await question(self.service.talking(instance, call))
            reached = True
        except Unheard as unheard:
            return Heard(None, None, str(unheard))
        finally:
            await lane.leave(call, reached=reached)
        return Heard(answer, self.service.clock.now())

    def _remember(self, name: tuple[str, str], heard: Heard) -> None:
        self._answers[name] = heard
        self._answers.move_to_end(name)
        if len(self._answers) > ANSWERS_MOST:
            self._answers.popitem(last=False)


def _last(known: Heard | None, why: str) -> Heard:
    return Heard(known.value, known.at, why) if known else Heard(None, None, why)


class _Lane:
    """The way to one system: who waits, in order of urgency, and a quota of its own within the system's."""

    def __init__(self, service: Service, instance: str) -> None:
        self.service, self.instance = service, instance
        self.quota = Bucket(self._rate, max(1.0, self._rate))
        self.waiting: list[tuple[int, int, asyncio.Future[str]]] = []
        self._order = itertools.count()
        self._usher: asyncio.Task[None] | None = None
        #: Calls that stand in the gate for whoever is let in next.
        self._ready: list[str] = []

    @property
    def gate(self) -> Gate:
        """The gate of the deliveries; another one after a share of the work has moved."""
        return self.service.delivering.gates[self.instance]

    @property
    def _delivers(self) -> bool:
        return self.service.wiring.share.delivers(self.instance)

    @property
    def kept(self) -> int:
        """Places that stay free for what is owed: where we deliver, and where there is more than one."""
        gate = self.gate
        most = min(gate.concurrency, gate.quota.most) if self._delivers else 1
        return min(max(1, gate.concurrency // 4), most - 1)

    @property
    def _rate(self) -> float:
        """Questions a second; it changes when gateways come and go."""
        return self.gate.quota.rate * (SHARE if self._delivers else 1.0)

    async def enter(self, urgency: Quota) -> str:
        """Return when a call may be made: its name in the gate; raises Unheard while the system is left alone."""
        place: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.waiting, (_RANK[urgency], next(self._order), place))
        if self._usher is None or self._usher.done():
            self._usher = asyncio.create_task(self._let_in())
        return await place

    async def leave(self, call: str, *, reached: bool) -> None:
        """A call ended; ``reached`` tells whether the system answered at all."""
        await self.service.in_thread(lambda: self.gate.end(call, self.service.clock.now(), reached=reached))

    async def _let_in(self) -> None:
        while self.waiting:
            try:
                verdict = await self.service.in_thread(self._begin)
            except Exception as failure:  # whoever waits is told, whatever it was
                self._tell(Unheard(f"not asked: {type(failure).__name__}"))
                return
            if verdict == "rest":
                self._tell(Unheard("it is left alone after failures in a row"))
            elif verdict == "go" and not self._next(call := self._ready.pop()):
                await self.leave(call, reached=True)
            elif verdict == "paused":
                self._tell(Unheard("a person has paused it"))
            elif verdict == "wait":
                await asyncio.sleep(LOOK_S)

    def _begin(self) -> str:
        """In the thread of the river, which alone touches the gates."""
        now, delivering = self.service.clock.now(), self.service.delivering
        if self.instance in delivering.paused | delivering.pauses.paused():
            return "paused"
        trial = self.gate.breaker.state(now) == "half-open"
        if self.gate.breaker.room(now) == 0 and not trial:
            return "rest"
        if self.quota.rate != (rate := self._rate):
            self.quota = Bucket(rate, max(1.0, rate))
        if self.quota.room(now) < 1 or self.gate.room(now) <= (0 if trial else self.kept):
            return "wait"
        self.quota.spend()
        self._ready.append(f"look-up/{next(self._order)}")
        self.gate.begin(self._ready[-1], now)
        return "go"

    def _next(self, call: str) -> bool:
        """Let the most urgent in, under that name; false if nobody waits any more."""
        while self.waiting:
            _, _, place = heapq.heappop(self.waiting)
            if not place.done():
                place.set_result(call)
                return True
        return False

    def _tell(self, unheard: Unheard) -> None:
        for _, _, place in self.waiting:
            if not place.done():
                place.set_exception(unheard)
        self.waiting.clear()
