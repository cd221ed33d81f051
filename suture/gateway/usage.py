"""What the gateway counts of its calls: by operation, version, consumer and status, how long they took, and a line for each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from suture.gateway.operation import Operation
from suture.gateway.trail import Called
from suture.runtime.telemetry import Labels, Times, many, times

_calls = logging.getLogger("suture.gateway.calls")
#: Consumers that are counted apart; the rest are counted together.
CONSUMERS_MOST = 500
#: The longest object in the log, in characters.
OBJECT_MOST = 120


class Usage:
    """One process's calls since it began; touched by the event loop alone."""

    def __init__(self) -> None:
        #: (operation, version, consumer, status)
        self.calls: Counter[Labels] = Counter()
        self.took: dict[Labels, Times] = {}
        self._consumers: set[str] = set()

    def note(self, operation: Operation | None, called: Called, seconds: float) -> None:
        """A call ended: who asked for what, with which result; content and credentials are never in it."""
        name, version = called.operation or "-", str(called.version or "-")
        self.calls[name, version, self._consumer(called.actor), str(called.status)] += 1
        self.took.setdefault((name,), Times()).add(seconds)
        seen = called.object[:OBJECT_MOST] if operation and operation.logged else "-"
        _calls.info(
            "operation=%s version=%s actor=%s object=%s status=%d code=%s ms=%.1f trace=%s",
            *(name, version, called.actor or "-", seen, called.status, called.code or "-", seconds * 1000, called.trace),
        )

    def by_consumer(self) -> dict[str, dict[str, int]]:
        """Calls of each operation and version by each consumer."""
        found: dict[str, dict[str, int]] = {}
        for (name, version, consumer, _), count in sorted(self.calls.items()):
            row = found.setdefault(f"{name} v{version}", {})
            row[consumer] = row.get(consumer, 0) + count
        return found

    def exposition(self) -> str:
        """The same in Prometheus's text format, version 0.0.4."""
        return "\n".join([*self._lines()]) + "\n" if self.calls else ""

    def _lines(self) -> Iterator[str]:
        names = ("operation", "version", "consumer", "status")
        yield from many("suture_gateway_calls_total", "Calls answered by the gateway", names, self.calls)
        yield from times("suture_gateway_seconds", "From a call's first byte to its answer", ("operation",), self.took)

    def _consumer(self, subject: str) -> str:
        if subject not in self._consumers and len(self._consumers) >= CONSUMERS_MOST:
            return "others"
        self._consumers.add(subject)
        return subject or "nobody"
