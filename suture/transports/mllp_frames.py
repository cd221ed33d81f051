"""MLLP frames a message by two marks, 0x0B before and 0x1C 0x0D after it (HL7 Minimal Lower Layer Protocol, release 1)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Literal

from msgspec import Struct

from suture.formats import LARGEST_MESSAGE
from suture.transports.exchange import BEGINNING
from suture.transports.permit import last_look

_START, _END, _RETURN = b"\x0b", b"\x1c", b"\r"
_ENDED = re.compile(rb"\x1c(?:[\r\n]|(?=\x0b))")
_RESTARTED = (b"\x0bMSH", b"\x0bBHS", b"\x0bFHS")

_CHUNK = 64 * 1024

#: How long an end mark waits for its carriage return before it is taken for the end, in seconds.
_RETURN_WITHIN_S = 0.25
_HANG_UP_WITHIN_S = 1.0

Problem = Literal["", "too large", "junk", "unterminated"]


class Frame(Struct, frozen=True):
    """A whole message, or the beginning of one with a ``problem``, or bytes between messages ("junk")."""

    body: bytes
    problem: Problem = ""


class Frames:
    """Cuts a stream into frames, however it was cut into pieces, holding at most ``limit`` bytes and what was fed last.

    A 0x1C before anything but a carriage return is data, except before a new start mark, at the end of the stream, or when
    ``settle`` is called because nothing follows: senders that forget the carriage return are understood. A frame over the
    limit is skipped to its end and given by its beginning.
    """

    def __init__(self, limit: int = LARGEST_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._inside = False
        self._beginning: bytes | None = None

    @property
    def waiting(self) -> bool:
        """Whether the last byte is an end mark without its carriage return."""
        return self._inside and self._buffer.endswith(_END)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order."""
        self._buffer += data
        found: list[Frame] = []
        while self._within(found) if self._inside else self._between(found):
            pass
        return found

    def settle(self) -> list[Frame]:
        """Take a waiting end mark for the end."""
        return [self._close(len(self._buffer) - 1, len(self._buffer))] if self.waiting else []

    def finish(self) -> list[Frame]:
        """The stream is over: a waiting frame is complete, a begun one is "unterminated"."""
        if self.waiting:
            return self.settle()
        begun, left = self._inside, self._beginning or bytes(self._buffer[:BEGINNING])
        self._buffer.clear()
        self._inside, self._beginning = False, None
        return [Frame(left, "unterminated")] if begun else []

    def _between(self, found: list[Frame]) -> bool:
        start = self._buffer.find(_START)
        junk = bytes(self._buffer[:start]) if start >= 0 else bytes(self._buffer)
        if junk.strip(b"\r\n\x1c \t\0"):
            found.append(Frame(junk[:BEGINNING], "junk"))
        del self._buffer[: len(junk) + 1]
        self._inside, self._scanned = start >= 0, 0
        return self._inside

    def _within(self, found: list[Frame]) -> bool:
        ended = _ENDED.search(self._buffer, self._scanned)
        if ended is not None:
            found.append(self._close(ended.start(), ended.end()))
            return True
        self._scanned = len(self._buffer) - self.waiting
        if self._beginning is not None or self._scanned > self._limit:
            self._beginning = self._beginning or bytes(self._buffer[:BEGINNING])
            del self._buffer[: self._scanned]
            self._scanned = 0
        return False

    def _close(self, end: int, after: int) -> Frame:
        body = bytes(self._buffer[:end])
        del self._buffer[:after]
        beginning, self._beginning = self._beginning, None
        self._inside, self._scanned = False, 0
        if beginning is not None or len(body) > self._limit:
            return Frame(beginning or body[:BEGINNING], "too large")
        # A sender that broke off and began again: what it began first was never acknowledged and will come again.
        restarted = max(body.rfind(mark) for mark in _RESTARTED)
        body = body[restarted + 1 :]
        return Frame(body) if body.strip() else Frame(body, "junk")


def frame(body: bytes) -> bytes:
    """``body`` between its marks."""
    return _START + body + _END + _RETURN


def frameable(body: bytes) -> bool:
    """Whether a receiver would find the end of ``body`` where it is."""
    return not (_ENDED.search(body) or _START in body)


class Line:
    """One connection as frames in and frames out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        self._reader, self._writer = reader, writer
        self._frames = Frames(limit)
        self._over = False

    @property
    def alive(self) -> bool:
        """Whether the peer has not hung up, as far as we know."""
        return not (self._over or self._reader.at_eof() or self._writer.is_closing())

    async def receive(self) -> list[Frame]:
        """The next frames, at least one; raises EOFError when the peer has hung up, OSError when the line broke."""
        found: list[Frame] = []
        while not found:
            if self._over:
                raise EOFError
            found = await self._read()
        return found

    async def _read(self) -> list[Frame]:
        try:
            async with asyncio.timeout(_RETURN_WITHIN_S if self._frames.waiting else None):
                data = await self._reader.read(_CHUNK)
        except TimeoutError:
            return self._frames.settle()
        self._over = not data
        return self._frames.feed(data) if data else self._frames.finish()

    async def send(self, body: bytes) -> None:
        """Write one frame, and wait until the peer takes it in."""
        last_look()
        self._writer.write(frame(body))
        await self._writer.drain()

    async def hang_up(self) -> None:
        """Close the connection, at once if the peer does not play along."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_HANG_UP_WITHIN_S):
                await self._writer.wait_closed()
