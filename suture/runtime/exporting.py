"""Exporting: traces and metrics on their way to an OpenTelemetry collector, which may be away without anybody waiting for it.

Traces are read from the journal behind a cursor of their own, which moves when the collector has taken them: at least once, and
what is exported twice is the same span. Metrics are of this process and this moment; those that nobody takes are lost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from suture.journal import Delivery, Fenced, Recorded, Unavailable, Unit
from suture.model import Delivered
from suture.runtime import otlp
from suture.runtime.clock import Clock
from suture.runtime.network import Telemetry
from suture.runtime.relay import InThread
from suture.runtime.share import TRACES
from suture.runtime.telemetry import Standing, Tally
from suture.runtime.wiring import Wiring
from suture.transports import NoReply, NotSent
from suture.transports.exchange import Http, HttpReply, Link

_log = logging.getLogger(__name__)

#: Facts in one export request; how long to rest when there is nothing new, and after a failure, in seconds.
BATCH, REST_S, AFTER_FAILURE_S = 256, 1.0, 5.0


class Exporting:
    """What one process exports."""

    def __init__(
        self,
        wiring: Wiring,
        telemetry: Telemetry,
        link: Link,
        clock: Clock,
        in_thread: InThread,
        *,
        tally: Tally,
        stands: Callable[[], Awaitable[Standing | None]],
    ) -> None:
        self.wiring, self.telemetry, self.link, self.clock, self.in_thread = wiring, telemetry, link, clock, in_thread
        self.tally, self.stands, self.since = tally, stands, clock.now()
        #: Why the collector did not take something last, or nothing.
        self.trouble = ""

    async def run_traces(self) -> None:
        """Export traces for ever."""
        while True:
            came = await self._survive(self.traces())
            if not came:
                await self.clock.sleep(AFTER_FAILURE_S if self.trouble else REST_S)

    async def run_metrics(self) -> None:
        """Export metrics for ever."""
        while True:
            await self.clock.sleep(self.telemetry.metrics_every_s)
            await self._survive(self.metrics())

    async def traces(self) -> int:
        """Export the next batch, if this process is the one that does; returns how many spans were taken.

        Raises NotSent, NoReply, Unavailable and Fenced; then the cursor stands where it stood.
        """
        page: list[tuple[Recorded, Delivery | None]] = await self.in_thread(self._page)
        if page:
            spans = (otlp.span(row.event, delivery) for row, delivery in page)
            await self._post("/v1/traces", otlp.traces(spans, self._resource()))
            await self.in_thread(lambda: self._move(page[-1][0].position))
        return len(page)

    async def metrics(self) -> int:
        """Export how everything stands; raises NotSent and NoReply."""
        body = otlp.metrics(self.tally, await self.stands(), self._resource(), self.since, self.clock.now())
        await self._post("/v1/metrics", body)
        return 1

    def _page(self) -> list[tuple[Recorded, Delivery | None]]:
        if not self.wiring.share.holds(TRACES):
            return []
        journal = self.wiring.journal
        return [(row, _delivery(self.wiring, row)) for row in journal.read(journal.cursor(TRACES), BATCH)]

    def _move(self, position: int) -> None:
        if self.wiring.share.holds(TRACES):
            self.wiring.journal.commit([Unit(cursors=[(TRACES, position)])])

    async def _post(self, path: str, body: bytes) -> None:
        reply = await self.link.perform(Http(method="POST", path=path, body=body, headers={"content-type": "application/json"}))
        if not isinstance(reply, HttpReply) or not 200 <= reply.status < 300:
            raise NotSent(f"the collector answers {getattr(reply, 'status', 'nothing')}")

    def _resource(self) -> dict[str, otlp.Value]:
        return {
            "service.name": "suture",
            "service.version": version("suture"),
            "service.namespace": self.wiring.network.name,
        }

    async def _survive(self, export: Awaitable[int]) -> int:
        """A failure is told once, and what failed is tried again later."""
        why, count = "", 0
        try:
            count = await export
        except (NotSent, NoReply, Unavailable, Fenced) as failure:
            why = str(failure)
        if why != self.trouble:
            _log.warning("telemetry: %s", why or "works again")
        self.trouble = why
        return count


def _delivery(wiring: Wiring, row: Recorded) -> Delivery | None:
    """The delivery whose end a fact tells."""
    data = row.event.data
    return wiring.journal.delivery(data.delivery) if isinstance(data, Delivered) else None
