"""``python -m bench.sink``: whoever is told. Answers every POST with 201 at once and notes when what came.

It is kept as cheap as an HTTP server in Python can be, since it shares the cores with what is measured. GET /count says how many
documents came; GET /notes when each came (seconds, CLOCK_MONOTONIC), what came twice, and what came out of the order of its key.
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections import Counter
from typing import Any

import msgspec

from suture.cli import looping

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"(?:movementId|externalRef)":"([^"]+)-(\d+)-(\d+)"')
_CREATED = b'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{"number":"1"}\n'


class Seen:
    """What came."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.last: dict[bytes, int] = {}
        self.faults: Counter[str] = Counter()

    def take(self, body: bytes) -> None:
        """Note one document."""
        found = _ID.search(body)
        if found is None:
            self.faults["strange"] += 1
            return
        _, key, place = found.groups()
        id = found[0].partition(b":")[2].strip(b'"').decode()
        self.faults["twice"] += id in self.at
        self.faults["out of order"] += int(place) <= self.last.get(key, -1)
        self.last[key] = int(place)
        self.at.setdefault(id, time.monotonic())

    def notes(self) -> bytes:
        """Everything, as JSON."""
        return msgspec.json.encode({"at": self.at, "faults": {name: times for name, times in self.faults.items() if times}})


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, seen: Seen) -> None:
        self._seen, self._held = seen, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # a transport that writes, of whichever loop

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._held, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < whole:
                return
            request, self._held = self._held[:whole], self._held[whole:]
            self._answer(request, end + 4)

    def _answer(self, request: bytes, body: int) -> None:
        if request.startswith(b"GET"):
            told = self._seen.notes() if b"/notes" in request else str(len(self._seen.at)).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(told), told))
            return
        self._seen.take(request[body:])
        self._transport.write(_CREATED)


async def main() -> None:
    """Serve until SIGTERM."""
    seen, stopped = Seen(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    server = await loop.create_server(lambda: Peer(seen), "127.0.0.1", 0, backlog=256)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    looping.run(main())
