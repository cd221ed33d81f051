"""When a counterpart is left alone, and how fast it may be called; how often it is tried again, ``rules.retries`` says."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta


class Breaker:
    """Leaves a counterpart alone after ``trips`` failures in a row; after ``rest`` one call may try it again."""

    def __init__(self, trips: int = 5, rest: timedelta = timedelta(seconds=30)) -> None:
        self.trips, self.rest = trips, rest
        self.failures = 0
        self.opened: datetime | None = None
        self.trying = False

    def state(self, now: datetime) -> str:
        """closed, open, or half-open (one trial call is allowed)."""
        if self.opened is None:
            return "closed"
        # a clock that was set back shall not keep it open until it is there again
        return "half-open" if abs(now - self.opened) >= self.rest else "open"

    def room(self, now: datetime) -> int:
        """How many calls may start: none, one, or any number (a large one)."""
        state = self.state(now)
        if state == "half-open":
            return 0 if self.trying else 1
        return 0 if state == "open" else 1_000_000

    def begin(self, now: datetime) -> None:
        """A call starts."""
        self.trying = self.state(now) == "half-open"

    def end(self, now: datetime, *, reached: bool) -> None:
        """A call ended; ``reached`` tells whether the counterpart answered at all."""
        self.trying = False
        if reached:
            self.failures, self.opened = 0, None
            return
        self.failures += 1
        if self.failures >= self.trips:
            self.opened = now

    def wakes(self) -> datetime | None:
        """When an open breaker lets a trial call through."""
        return None if self.opened is None else self.opened + self.rest


class Ceiling:
    """At most ``rate`` calls in any second, as the counterpart counts them; below one a second, one call in any 1/``rate``.

    When a call arrives there nobody here knows: it counts from the moment that it may leave until a second after its end.
    """

    def __init__(self, rate: float) -> None:
        #: When calls ended, as long as they count.
        self._ended: deque[datetime] = deque()
        self.keep_to(rate)

    def keep_to(self, rate: float) -> None:
        """Another rate from now on; what was called counts on."""
        self.rate = rate
        self.most, self.within = max(1, int(rate)), timedelta(seconds=max(1.0, 1.0 / rate))

    def room(self, now: datetime, under_way: int) -> int:
        """How many calls may start now beside those under way."""
        if self._ended and self._ended[-1] > now:
            # where the clock was set back, time goes on from there
            self._ended = deque([now] * len(self._ended))
        while self._ended and self._ended[0] + self.within <= now:
            self._ended.popleft()
        return self.most - len(self._ended) - under_way

    def end(self, now: datetime) -> None:
        """A call ended."""
        self._ended.append(now)

    def empty(self, now: datetime) -> None:
        """Begin without any: somebody else may have made them all a moment ago."""
        self._ended = deque([now] * self.most)

    def wakes(self) -> datetime | None:
        """When a call that has ended counts no more; None if none counts."""
        return self._ended[0] + self.within if self._ended else None


class Quota:
    """A token bucket: at most ``rate`` calls a second on average, ``burst`` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, max(1.0, burst)
        self.tokens = self.burst
        self.at: datetime | None = None

    def room(self, now: datetime) -> int:
        """How many calls may start now."""
        if self.at is not None and now > self.at:
            self.tokens = min(self.burst, self.tokens + (now - self.at).total_seconds() * self.rate)
        # where the clock was set back, time goes on from there
        self.at = now
        return int(self.tokens)

    def spend(self) -> None:
        """A call starts."""
        self.tokens -= 1.0

    def wakes(self, now: datetime) -> datetime:
        """When the next call may start."""
        missing = max(0.0, 1.0 - self.tokens)
        return now + timedelta(seconds=missing / self.rate)
