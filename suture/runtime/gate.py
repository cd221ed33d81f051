"""The gate of an instance: how many calls may be under way, and whether one more may begin now."""

from __future__ import annotations

from datetime import datetime

from suture.runtime.policy import Breaker, Ceiling


class Gate:
    """What stands between a delivery and its instance: breaker, quota and the number of calls under way."""

    def __init__(self, concurrency: int, rate: float) -> None:
        self.breaker, self.quota = Breaker(), Ceiling(rate)
        self.concurrency = concurrency
        #: The calls under way, by delivery; look-ups, polls and comparisons have names of their own.
        self.under_way: set[str] = set()
        #: Calls whose next request waits for room, first come first served: they come before those that are to begin.
        self.waiting: dict[str, None] = {}

    def room(self, now: datetime) -> int:
        """How many calls may start now."""
        requests = self.quota.room(now, len(self.under_way)) - len(self.waiting)
        return min(self.breaker.room(now), requests, self.concurrency - len(self.under_way) - len(self.waiting))

    def request(self, call: str, now: datetime) -> bool:
        """Whether one more request may leave now; it counts then. The one before it in the same call has just ended."""
        if call in self.under_way:
            self.quota.end(now)
            self.under_way.discard(call)
        self.waiting.setdefault(call)
        room = min(self.quota.room(now, len(self.under_way)), self.concurrency - len(self.under_way))
        if list(self.waiting).index(call) >= room:
            return False
        del self.waiting[call]
        self.under_way.add(call)
        return True

    def begin(self, call: str, now: datetime) -> None:
        """A call starts."""
        self.breaker.begin(now)
        self.under_way.add(call)

    def leave(self, call: str) -> None:
        """A call that was to start does not."""
        self.breaker.trying = False
        self._forget(call)

    def end(self, call: str, now: datetime, *, reached: bool) -> None:
        """A call ended."""
        self.breaker.end(now, reached=reached)
        self.quota.end(now)
        self._forget(call)

    def over(self, call: str, now: datetime) -> None:
        """A question of our own ended, if it had begun; how is told to nobody."""
        if call in self.under_way:
            self.quota.end(now)
        self._forget(call)

    def _forget(self, call: str) -> None:
        self.under_way.discard(call)
        self.waiting.pop(call, None)

    def lose(self, call: str, now: datetime) -> None:
        """Nobody will say how a call ended; if it was under way here it is no more."""
        if call in self.under_way:
            self.quota.end(now)
        if call in self.under_way or call in self.waiting:
            self.leave(call)

    def wakes(self, now: datetime) -> datetime | None:
        """When time alone will open the gate; None if it is open or waits for calls to end."""
        if self.breaker.room(now) == 0 and not self.breaker.trying:
            return self.breaker.wakes()
        return self.quota.wakes() if self.quota.room(now, len(self.under_way)) <= len(self.waiting) else None
