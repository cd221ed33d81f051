"""``python -m bench.generator KIND PORT FIRST COUNT CONNECTIONS RATE FILE``: whoever sends, over MLLP or HTTP.

Each connection has keys of its own and waits for the acknowledgement before it says the next, so that order is kept. RATE 0
sends as fast as answers come; else messages begin at RATE a second whether answers have come or not (open loop), each on the
next connection.
FILE tells when each id was said and when it was acknowledged (seconds, CLOCK_MONOTONIC).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.relay import ITEMS, MESSAGES
from suture.cli import looping

_HEAD = b"POST /in/inventory/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Line:
    """One connection to the service."""

    def __init__(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._kind, self._reader, self._writer = kind, reader, writer
        self._turn = asyncio.Lock()
        self.said: dict[str, tuple[float, float]] = {}

    async def say(self, id: str, raw: bytes) -> None:
        """One message, and its acknowledgement; raises RuntimeError for anything but a yes."""
        began = time.monotonic()
        async with self._turn:
            if self._kind == "mllp":
                self._writer.write(b"\x0b" + raw + b"\x1c\r")
                answer = await self._reader.readuntil(b"\x1c\r")
                fine = b"MSA|AA|" in answer
            else:
                self._writer.write(_HEAD % len(raw) + raw)
                head = await self._reader.readuntil(b"\r\n\r\n")
                answer = head + await self._reader.readexactly(_length(head))
                fine = b" 202 " in head
        if not fine:
            raise RuntimeError(f"not accepted: {answer!r}")
        self.said[id] = (began, time.monotonic())


def _length(head: bytes) -> int:
    return next(int(line.partition(b":")[2]) for line in head.lower().splitlines() if line.startswith(b"content-length"))


async def main(kind: str, port: int, first: int, count: int, connections: int, rate: float, file: Path) -> None:
    """Say ``count`` messages, numbered from ``first``."""
    lines = [Line(kind, *await asyncio.open_connection("127.0.0.1", port)) for _ in range(connections)]
    make = MESSAGES[kind]
    if rate:
        await _open(lines, make, first, count, rate)
    else:
        shares = [range(first + place, first + count, connections) for place in range(connections)]
        await asyncio.gather(*(_closed(line, make, share, connections) for line, share in zip(lines, shares, strict=True)))
    file.write_bytes(msgspec.json.encode({id: times for line in lines for id, times in line.said.items()}))


async def _closed(line: Line, make: Callable[[int, int], tuple[str, bytes]], share: range, connections: int) -> None:
    for number in share:
        await line.say(*make(_key(number, connections), number))


async def _open(lines: list[Line], make: Callable[[int, int], tuple[str, bytes]], first: int, count: int, rate: float) -> None:
    began, talks = time.monotonic(), []
    for number in range(first, first + count):
        await asyncio.sleep(max(0.0, began + (number - first) / rate - time.monotonic()))
        talks.append(asyncio.create_task(lines[number % len(lines)].say(*make(_key(number, len(lines)), number))))
    await asyncio.gather(*talks)


def _key(number: int, connections: int) -> int:
    """The key of a message: connection n says those that leave n, so that no key is on two connections."""
    turns = ITEMS // connections
    return number % connections + connections * (number // connections * 7 % turns)


if __name__ == "__main__":
    kind, port, first, count, connections, rate, file = sys.argv[1:]
    looping.run(main(kind, int(port), int(first), int(count), int(connections), float(rate), Path(file)))
