"""MLLP carries HL7 v2 over a connection: messages one way, each acknowledged on the way back before the next."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from types import TracebackType

from msgspec import Struct

from suture.formats import LARGEST_MESSAGE
from suture.formats.hl7v2 import control_id, parse_ack
from suture.transports.exchange import Accept, Arrival, NoReply, NotSent, Request, Say, Taken
from suture.transports.mllp_frames import Frame, Line, frameable

_log = logging.getLogger(__name__)

_CONNECT_WITHIN_S = 5.0
_STRAYS_MAX = 100


class Limits(Struct, frozen=True, kw_only=True):
    """What a listener allows: bytes a message, connections at once, seconds of silence, seconds for a commit."""

    message: int = LARGEST_MESSAGE
    connections: int = 64
    idle_s: float = 300.0
    patience_s: float = 30.0


class MllpServer:
    """A listening port; ``serve_mllp`` opens it. ``troubles`` counts what was not understood or not finished, by what it was."""

    def __init__(self, accept: Accept, instance: str, channel: str, limits: Limits) -> None:
        self._accept, self._instance, self._channel, self._limits = accept, instance, channel, limits
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._closing = False
        self.troubles: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The bound port."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._connected, host, port, ssl=tls)

    async def close(self) -> None:
        """Take no more messages, finish and answer those under way, hang up."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for task in self._idle:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def __aenter__(self) -> MllpServer:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer, self._limits.message)
        task = asyncio.current_task()
        assert task is not None
        if self._closing or len(self._tasks) >= self._limits.connections:
            self.troubles["too many connections"] += 1
            await line.hang_up()
            return
        self._tasks.add(task)
        try:
            await self._converse(line, task)
        except (EOFError, OSError) as failure:  # TimeoutError is an OSError: a peer that is idle, or does not read
            if not isinstance(failure, EOFError):
                self.troubles[type(failure).__name__] += 1
        except asyncio.CancelledError:
            if not self._closing:
                raise
        finally:
            await line.hang_up()
            self._tasks.discard(task)

    async def _converse(self, line: Line, task: asyncio.Task[None]) -> None:
        """One message after the other: the next is looked at when the one before is committed and answered."""
        while not self._closing:
            self._idle.add(task)
            try:
                async with asyncio.timeout(self._limits.idle_s):
                    frames = await line.receive()
            finally:
                self._idle.discard(task)
            for received in frames:
                if not await self._take(line, received):
                    return

    async def _take(self, line: Line, received: Frame) -> bool:
        """Hand one message over and answer it; false if the sender must come again on a new connection."""
        if received.problem:
            self.troubles[received.problem] += 1
        if received.problem in ("junk", "unterminated"):
            return True
        arrival = Arrival(instance=self._instance, channel=self._channel, raw=received.body, problem=received.problem)
        try:
            async with asyncio.timeout(self._limits.patience_s):
                answer = await self._accept(arrival)
        except Exception as failure:
            # Not answered means not taken, and nothing that came after it may overtake it.
            _log.warning("intake failed for %s/%s: %s", arrival.instance, arrival.channel, type(failure).__name__)
            return False
        if answer.body:
            async with asyncio.timeout(self._limits.idle_s):
                await line.send(answer.body)
        return True


async def serve_mllp(
    host: str,
    port: int,
    accept: Accept,
    *,
    instance: str,
    channel: str,
    limit: int = LARGEST_MESSAGE,
    idle_timeout_s: float = 300.0,
    connections: int = 64,
    patience_s: float = 30.0,
    tls: ssl.SSLContext | None = None,
) -> MllpServer:
    """Listen for messages on ``port`` (0: any free one) of ``host`` ("": 127.0.0.1); raises OSError if it is taken.

    Each message is handed to ``accept``, which returns after the commit, and then answered with the answer's body, in order
    on each connection; an answer without body (busy, or none wanted) writes nothing. If ``accept`` raises or takes longer
    than ``patience_s`` seconds the connection is closed, so that the sender sends again. A message over ``limit`` bytes is
    skipped in bounded memory and arrives as its beginning with the problem "too large", so that it can be refused.
    """
    limits = Limits(message=limit, connections=connections, idle_s=idle_timeout_s, patience_s=patience_s)
    server = MllpServer(accept, instance, channel, limits)
    await server.start(host or "127.0.0.1", port, tls)
    return server


class MllpLink:
    """A Link to one HL7 v2 receiver; see ``exchange.Link`` for its law.

    One message is under way at a time, on one connection that is kept and opened anew when needed. The reply is the first
    acknowledgement whose MSA-2 is the message's MSH-10 (or which has none); others are strays, as some receivers repeat
    earlier ones. ``timeout_s`` bounds each of waiting for one's turn, and the exchange with connecting.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float = 10.0,
        limit: int = LARGEST_MESSAGE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host, self._port, self._timeout_s, self._limit, self._tls = host, port, timeout_s, limit, tls
        self._turn = asyncio.Lock()
        self._line: Line | None = None
        self._left: list[Frame] = []

    async def perform(self, request: Request) -> Taken:
        """The acknowledgement, whatever it says; raises NotSent, NoReply, and TypeError for anything but a Say."""
        if not isinstance(request, Say):
            raise TypeError(f"MLLP carries Say requests, not {type(request).__name__}")
        if not frameable(request.body):
            raise NotSent(f"{self._peer}: the message holds the marks that frame it")
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._turn.acquire()
        except TimeoutError:
            raise NotSent(f"{self._peer}: an earlier message is still under way") from None
        try:
            return await self._exchange(request.body)
        finally:
            self._turn.release()

    async def close(self) -> None:
        """Hang up; a request under way ends with NoReply."""
        line, self._line = self._line, None
        if line is not None:
            await line.hang_up()

    @property
    def _peer(self) -> str:
        return f"mllp://{self._host}:{self._port}"

    async def _exchange(self, body: bytes) -> Taken:
        line = await self._connected()
        answered = False
        try:
            async with asyncio.timeout(self._timeout_s):
                await line.send(body)
                taken = Taken(body=await self._acknowledgement(line, control_id(body)))
            answered = True
            return taken
        except TimeoutError:
            raise NoReply(f"{self._peer}: no acknowledgement within {self._timeout_s:g} s") from None
        except (EOFError, OSError) as failure:
            raise NoReply(f"{self._peer}: the line ended before the acknowledgement ({type(failure).__name__})") from None
        finally:
            if not answered:
                await self._drop()

    async def _acknowledgement(self, line: Line, wanted: str) -> bytes:
        for _ in range(_STRAYS_MAX):
            frames = self._left or await line.receive()
            received, self._left = frames[0], frames[1:]
            answered = parse_ack(received.body)
            if not received.problem and answered.code and answered.control_id in (wanted, ""):
                return received.body
        raise EOFError

    async def _connected(self) -> Line:
        if self._line is not None and self._line.alive:
            return self._line
        await self._drop()
        try:
            async with asyncio.timeout(min(_CONNECT_WITHIN_S, self._timeout_s)):
                reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        except (OSError, TimeoutError) as failure:
            raise NotSent(f"{self._peer}: no connection ({type(failure).__name__})") from None
        self._line = Line(reader, writer, self._limit)
        return self._line

    async def _drop(self) -> None:
        """Forget the connection: an answer that comes late on it must not meet the next message."""
        self._left = []
        await self.close()
