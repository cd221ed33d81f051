"""A wire between the service and a twin that breaks in the middle of replies."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from urllib.parse import urlsplit

#: A connection carries this many bytes of replies before it breaks: somewhere in one of its first replies.
LEAST, MOST = 1, 8000
_PIECE = 64 * 1024


class Proxy:
    """Passes on what comes from either side; each connection ends without a farewell after so many bytes of replies."""

    def __init__(self, address: str, chance: Random) -> None:
        url = urlsplit(address)
        self._host, self._port, self._chance = url.hostname or "", url.port or 0, chance
        #: Connections that were cut while a reply was under way.
        self.cuts = 0
        self.cutting = True
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen; returns the address under which the twin is reached through this wire."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Listen no more and cut what is open."""
        assert self._server is not None
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _carry(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_out: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError):
            far_in, far_out = await asyncio.open_connection(self._host, self._port)
            asking = asyncio.create_task(_pour(near_in, far_out))
            try:
                await self._answer(far_in, near_out)
            finally:
                asking.cancel()
        for side in (near_out, far_out):
            if side is not None:
                side.transport.abort()

    async def _answer(self, far_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        left = self._chance.randint(LEAST, MOST)
        while piece := await far_in.read(_PIECE):
            if self.cutting and len(piece) >= left:
                near_out.write(piece[: left - 1])
                with contextlib.suppress(OSError):
                    await near_out.drain()
                self.cuts += 1
                return
            left -= len(piece)
            near_out.write(piece)
            await near_out.drain()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    target.close()
