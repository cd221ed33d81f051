"""The clock on our own wall: it follows the world's, and somebody may set it wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from suture.runtime.clock import ManualClock


class Watch(ManualClock):
    """Shows the time of ``world`` less ``slow``, which may change at any moment; turning it turns the world.

    ``slowest`` is the most by which it has been slow.
    """

    def __init__(self, world: ManualClock) -> None:
        super().__init__(world.now())
        self.world = world
        self.slow = self.slowest = timedelta()

    def set_back(self, by: timedelta) -> None:
        """Make it show a time that has been."""
        self.slow, self.slowest = by, max(by, self.slowest)

    def now(self) -> datetime:
        """What it shows."""
        return self.world.now() - self.slow

    def move_to(self, moment: datetime) -> None:
        """Let time pass until it shows this."""
        self.world.move_to(self.at(moment))

    def at(self, shown: datetime) -> datetime:
        """When it will show this moment."""
        return shown + self.slow
