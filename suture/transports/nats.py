"""NATS JetStream as a broker of events: a stream of our own, repeats told by id, order kept by sequence.

Every message names the stream sequence that it expects to follow (``Nats-Expected-Last-Sequence``): of a batch in flight is kept
what comes before the first loss, never more, and a publisher that was taken for dead and goes on is kept out.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import msgspec
import nats
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, MaxPayloadError
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from suture.transports.broker import Kept, Message
from suture.transports.exchange import NoReply, NotSent

#: Of an id stay these as they are; a header cannot hold everything else.
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


class _Trouble(Struct, frozen=True):
    description: str = ""


class _Word(Struct, frozen=True):
    """What JetStream says of one message."""

    seq: int = 0
    duplicate: bool = False
    error: _Trouble | None = None


class NatsBroker:
    """One stream of one server or cluster (``nats://HOST:PORT`` or ``tls://HOST:PORT``).

    A stream that is not there is made: on disk, with everything under ``subjects``, and with memory of ids for ``remembers_s``
    seconds; one that is there stays as it is. Nobody else should publish into it. Raises ValueError, without repeating the
    address, for one that is none.
    """

    def __init__(
        self, address: str, stream: str, subjects: str, *, token: str = "", remembers_s: float = 600.0, timeout_s: float = 5.0
    ) -> None:
        url = urlsplit(address)
        if url.scheme not in ("nats", "tls") or not url.hostname or url.username or url.path.strip("/"):
            raise ValueError("a NATS address is nats://HOST:PORT or tls://HOST:PORT, with credentials elsewhere")
        self.address, self.stream, self.subjects = address, stream, subjects
        self.remembers_s, self.timeout_s = remembers_s, timeout_s
        self._token = token
        self._client: Client | None = None
        self._inbox, self._numbers = "", itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Msg]] = {}
        #: The sequence that our next message is to follow; None while we cannot know it.
        self._last: int | None = None

    async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]:
        """See ``Broker``. Where it is not known what the stream holds, repeats go through and one new message; then all."""
        try:
            client = await self._connected()
            known = self._last is not None
            last = await self._reached(client) if self._last is None else self._last
            replies = [await self._send(client, message, last + known * n) for n, message in enumerate(batch)]
        except MaxPayloadError:
            await self.close()
            raise NoReply("a message is larger than the broker allows") from None
        except (Error, OSError, TimeoutError) as failure:
            await self.close()
            raise NotSent(f"the broker is out of reach: {_reason(failure)}") from None
        kept, trouble = await self._words(replies)
        self._last = kept[-1].offset if kept and not kept[-1].repeated else None
        if not kept:
            raise NoReply(f"the broker kept nothing: {trouble}")
        return kept

    async def close(self) -> None:
        """Give back the connection; what is under way ends with NoReply."""
        client, self._client, self._last = self._client, None, None
        self._give_up()
        if client is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                await asyncio.wait_for(client.close(), self.timeout_s)

    # -- the connection

    async def _connected(self) -> Client:
        """The connection; never one that was mended behind our back, which would send what we have given up."""
        if self._client is None or self._client.is_closed:
            self._last = None
            self._client = await asyncio.wait_for(self._connect(), self.timeout_s)
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._heard)
            await self._found(self._client)
        return self._client

    async def _connect(self) -> Client:
        return await nats.connect(
            self.address,
            name="suture relay",
            token=self._token or None,
            connect_timeout=max(1, round(self.timeout_s)),
            allow_reconnect=False,
            error_cb=_quiet,
            closed_cb=self._lost,
        )

    async def _found(self, client: Client) -> None:
        streams = client.jsm(timeout=self.timeout_s)
        try:
            await streams.stream_info(self.stream)
        except NotFoundError:
            subjects, window = [f"{self.subjects}.>"], self.remembers_s
            await streams.add_stream(StreamConfig(name=self.stream, subjects=subjects, duplicate_window=window))

    async def _reached(self, client: Client) -> int:
        info = await client.jsm(timeout=self.timeout_s).stream_info(self.stream)
        return info.state.last_seq

    async def _lost(self) -> None:
        self._give_up()

    def _give_up(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.cancel()

    # -- messages and the words on them

    async def _send(self, client: Client, message: Message, follows: int) -> asyncio.Future[Msg]:
        reply = f"{self._inbox}.{next(self._numbers)}"
        self._waiting[reply] = future = asyncio.get_running_loop().create_future()
        headers = {
            "Nats-Msg-Id": quote(message.id, safe=_SAFE),
            "Nats-Expected-Stream": self.stream,
            "Nats-Expected-Last-Sequence": str(follows),
            "Content-Type": message.media_type,
        }
        await client.publish(f"{self.subjects}.{message.topic}", message.body, reply=reply, headers=headers)
        return future

    async def _heard(self, msg: Msg) -> None:
        future = self._waiting.pop(msg.subject, None)
        if future is not None and not future.done():
            future.set_result(msg)

    async def _words(self, replies: Sequence[asyncio.Future[Msg]]) -> tuple[list[Kept], str]:
        """The broker's word on the beginning of a batch, and why it ends there."""
        await asyncio.wait(replies, timeout=self.timeout_s)
        kept: list[Kept] = []
        for reply in replies:
            if not reply.done() or reply.cancelled():
                why = "the connection was lost" if reply.cancelled() else "no answer in time"
                await self.close()  # what is still on its way to us is of no use any more
                return kept, why
            word = _word(reply.result())
            if word.error is not None or not word.seq:
                return kept, word.error.description if word.error else "no stream takes these subjects"
            kept.append(Kept(word.seq, word.duplicate))
        return kept, ""


def _word(msg: Msg) -> _Word:
    """What was said; nothing, where nobody listens at the subject (status 503)."""
    try:
        return msgspec.json.decode(msg.data, type=_Word)
    except msgspec.DecodeError:
        return _Word()


def _reason(failure: Exception) -> str:
    description = failure.description if isinstance(failure, APIError) else ""
    return description or type(failure).__name__


async def _quiet(_: Exception) -> None:
    """Whoever publishes meets the trouble itself."""
