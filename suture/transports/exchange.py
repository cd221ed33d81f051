"""What crosses a wire: the requests that connectors make and the replies they get, apart from any socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct, field

#: What is wrong with an arrival over the limit; of its bytes so many are kept, enough to tell whose it was.
TOO_LARGE = "too large"
BEGINNING = 64 * 1024


class Http(Struct, frozen=True, kw_only=True):
    """An HTTP request relative to the instance's address; credentials are added by the transport, not by the connector."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpReply(Struct, frozen=True, kw_only=True):
    """An HTTP reply; header names are lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as plain Python data; raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class Drop(Struct, frozen=True, kw_only=True):
    """A file to leave in a folder, whole or not at all (written aside, then renamed)."""

    name: str
    body: bytes


class Say(Struct, frozen=True, kw_only=True):
    """A message to send over MLLP; the reply is the acknowledgement's bytes."""

    body: bytes


class Taken(Struct, frozen=True, kw_only=True):
    """The transport's own answer to a Drop (empty) or a Say (the acknowledgement)."""

    body: bytes = b""


Request = Http | Drop | Say
Reply = HttpReply | Taken


class NotSent(Exception):
    """The request never reached the peer (connection refused, name unknown): trying again is safe."""


class Collision(NotSent):
    """The folder already holds other bytes under this name: nothing was written, and only another name will help."""


class NoReply(Exception):
    """The request may have reached the peer, but no answer came: the outcome is unknown."""


class Link(Protocol):
    """A way to one counterpart: HTTP, MLLP, a folder, SFTP, or memory; ``link.open_link`` opens the one an address names.

    ``perform`` returns the peer's reply, whatever it says (an HTTP 500 is a reply). It raises NotSent only if the peer
    certainly did not get the request, and NoReply in every other case without a whole answer: in doubt, NoReply. It never
    sends twice, follows no redirect, ends within the link's time limit, and its errors name neither credentials nor content.
    A request that the transport cannot carry (a Drop over HTTP) is a mistake of the connector and raises TypeError.
    """

    async def perform(self, request: Request) -> Reply: ...

    async def close(self) -> None:
        """Give back connections; requests under way end with NoReply."""


class Arrival(Struct, frozen=True, kw_only=True):
    """Bytes that a partner handed over on a channel of an instance; ``name`` is the file's name or the path.

    ``problem`` is set by the transport when the bytes came with a defect that the sender must hear of: a wrong
    signature, a message over the limit (then ``raw`` holds the beginning). ``key`` is the sender's own name for this message:
    under one key the same bytes are a repeat, and others are refused ("conflict"). ``actor`` and ``operation`` say which proven
    identity handed it over, and how.
    """

    instance: str
    channel: str
    raw: bytes
    name: str = ""
    problem: str = ""
    key: str = ""
    actor: str = ""
    operation: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """What intake says to the partner after the commit; ``outcome`` is accepted, refused, parked or busy; conflict, for a
    key that already stands for other bytes."""

    outcome: str
    body: bytes = b""
    media_type: str = ""
    repeated: bool = False


#: What a way in hands an arrival to: it returns after the commit. If it raises, the partner must be able to send again.
Accept = Callable[[Arrival], Awaitable[Answer]]
