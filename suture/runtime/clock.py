"""The only source of time: the system's clock in service, one that is turned by hand everywhere else."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time (UTC, timezone-aware) and sleeps."""

    def now(self) -> datetime:
        """The time."""

    async def sleep(self, seconds: float) -> None:
        """Return after that much time of this clock."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time now."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep in real time."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is told to move; whoever sleeps wakes when it has passed."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Where the hands stand."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the hands have moved that far."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), future))
        await future

    def next_wake(self) -> datetime | None:
        """When the first sleeper wants to wake."""
        return self._sleepers[0][0] if self._sleepers else None

    def move_to(self, moment: datetime) -> None:
        """Turn the hands forward and wake whoever slept until then; moving backwards changes nothing."""
        self._now = max(self._now, moment)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
