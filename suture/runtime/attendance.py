"""One process among those that serve a network: its signs of life, what it should have and what it has."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Collection, Sequence

from suture.journal import Journal
from suture.journal.records import Beat
from suture.runtime.share import Role, Share, fair, mine, parts_of
from suture.runtime.wiring import Wiring
from suture.transports import Reply, Request
from suture.transports.exchange import Link
from suture.transports.permit import last_look, permitted

#: How long nobody may have a part before it is taken by whoever can, in seconds.
ORPHAN_S = 2.0
#: How often a sign of life is given, in seconds, and for how long it is good: who hangs is given up after that.
BEAT_S, WITHIN_S = 0.25, 3.0
#: The same for who is alone: there is nobody to take over from, and whoever comes waits that much longer for a share.
ALONE_S = 0.5


class Attendance:
    """``beat`` in a thread of its own; what it returns becomes our share in the thread of the river."""

    def __init__(self, wiring: Wiring, roles: Sequence[Role]) -> None:
        self.journal: Journal = wiring.journal
        self.wiring, self.roles = wiring, tuple(roles)
        self.due: frozenset[str] = frozenset()
        #: Every lease that is ours: also what we keep for a moment though it is due to another.
        self.held: frozenset[str] = frozenset()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Under a new name: whoever has been given up is another worker from then on."""
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.due = self.held = frozenset()
        self._good_until = 0.0
        self._members: tuple[tuple[str, tuple[str, ...]], ...] = ()
        #: Parts that nobody has, and since when; and those of them that we have taken to us.
        self._free: dict[str, float] = {}
        self._adopted: frozenset[str] = frozenset()

    def beat(self, keep: Collection[str]) -> Share:
        """One sign of life: what is due to us is asked for and what we ``keep`` is kept; returns what we have of it.

        Raises Fenced if we have been given up, and Unavailable.
        """
        began = time.monotonic()
        beat = self.journal.beat(self.worker, self.roles, self.due | frozenset(keep), WITHIN_S)
        # counted from before the beat, and a little less: we stop before anybody else may begin
        self._good_until = began + 0.8 * WITHIN_S
        parts = parts_of(self.wiring)
        self._adopt(beat, {part for part, role in parts.items() if role in self.roles}, began)
        self.held, self.due = beat.held, mine(fair(parts, beat.members), self.worker) | self._adopted
        return Share(self.held & self.due, sum("gateway" in roles for name, roles in beat.members if name != self.worker))

    @property
    def every_s(self) -> float:
        """How often a sign of life is due, in seconds."""
        return ALONE_S if len(self._members) == 1 else BEAT_S

    def _adopt(self, beat: Beat, ours: Collection[str], now: float) -> None:
        """Where versions or network files differ, each may leave a part to another: after a while whoever is first takes it, and
        keeps it until somebody comes or goes."""
        if beat.members != self._members:
            self._members, self._free, self._adopted = beat.members, {}, frozenset()
        self._free = {part: self._free.get(part, now) for part in ours if part not in beat.taken}
        left = frozenset(part for part, since in self._free.items() if now - since >= ORPHAN_S)
        self._adopted = (self._adopted & (beat.held | left)) | left

    @property
    def good(self) -> bool:
        """Whether our last sign of life still counts: while it does, nobody else talks to our instances.

        Measured on the clock that goes on while the process is stopped.
        """
        return time.monotonic() < self._good_until


class Guarded:
    """A link over which nothing is said once our sign of life no longer counts: who was stopped and goes on stays silent."""

    def __init__(self, link: Link, attendance: Attendance) -> None:
        self.link, self.attendance = link, attendance

    async def perform(self, request: Request) -> Reply:
        """The request, if the instance is still ours; raises NotSent otherwise, and whatever the link raises."""
        with permitted(lambda: self.attendance.good):
            last_look()
            return await self.link.perform(request)

    async def close(self) -> None:
        """Close the link."""
        await self.link.close()
