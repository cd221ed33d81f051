"""The HTTP client side: one counterpart behind one address, asked over a few kept connections."""

from __future__ import annotations

import hashlib
import io
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from urllib.parse import quote

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from aiohttp.abc import AbstractResolver
from yarl import URL

from suture.formats import LARGEST_MESSAGE
from suture.transports.exchange import Http, HttpReply, NoReply, NotSent, Request
from suture.transports.permit import guarded, last_look
from suture.transports.signatures import sign

#: Idle connections are given up before common servers close theirs (after 5 seconds), so that a request seldom meets its end.
_KEEP_S = 4.0
_CONNECT_S = 5.0
_ONE_PIECE = 256 * 1024
#: What may stand in a path and query (RFC 3986 section 3.3 and 3.4); "#" would cut the address short and is encoded.
_ALLOWED = "!$&'()*+,-./:;=?@_~%"
_PLAIN = re.compile(f"[A-Za-z0-9{re.escape(_ALLOWED)}]*")
#: A connector that needs the peer's cookies (a CSRF token bound to a session) passes them on itself, seen by all its tests.
_SET_COOKIE = "set-cookie"

#: Headers that prove who we are, fetched anew for each request: a token that is still good, or a fresh one.
Credentials = Callable[[], Awaitable[Mapping[str, str]]]


class HttpLink:
    """A Link to one HTTP counterpart; see ``exchange.Link`` for its law.

    ``headers`` go with every request and win over the connector's; ``credentials`` likewise, asked each time. With
    ``secret`` every request is signed (Standard Webhooks) at the time of ``clock``, under the request's ``webhook-id`` or
    ``idempotency-key`` header or, without either, a hash of the request. ``timeout_s`` bounds the whole exchange. A reply
    larger than ``largest_reply`` bytes is a NoReply, since its end is unknown. ``resolver`` may keep names from leading where
    nothing is to be sent. Not for use from several event loops.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float = 10.0,
        concurrency: int = 8,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        secret: str = "",
        clock: Callable[[], datetime] | None = None,
        largest_reply: int = LARGEST_MESSAGE,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._address, self._peer = _address(address)
        if secret and clock is None:
            raise ValueError("signing needs a clock")
        # Connecting ends well before the whole, so that only its own, telling error can come while nothing is sent.
        self._timeout = ClientTimeout(total=timeout_s, connect=min(_CONNECT_S, timeout_s / 2))
        self._concurrency = concurrency
        self._headers = dict(headers or {})
        self._credentials = credentials
        self._secret = secret
        self._clock = clock
        self._largest_reply = largest_reply
        self._tls = tls
        self._resolver = resolver
        self._session: ClientSession | None = None

    async def perform(self, request: Request) -> HttpReply:
        """The peer's reply, whatever its status; raises NotSent, NoReply, and TypeError for anything but an Http."""
        if not isinstance(request, Http):
            raise TypeError(f"HTTP carries Http requests, not {type(request).__name__}")
        try:
            return await self._exchange(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failure:
            raise NotSent(self._say(request, _word(failure))) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            raise NoReply(self._say(request, _word(failure))) from None
        except ValueError:
            # The client refuses such a header or address before it opens its mouth.
            raise NotSent(self._say(request, "a header or the path holds characters that HTTP forbids")) from None

    async def close(self) -> None:
        """Close the connections; requests under way end with NoReply."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, request: Http) -> HttpReply:
        session = self._session or self._open()
        headers = await self._headers_of(request)
        url = self._address + _target(request.path)
        async with session.request(
            request.method, URL(url, encoded=True), data=_payload(request.body), headers=headers, allow_redirects=False
        ) as response:
            body = await self._body(request, response)
            return HttpReply(status=response.status, body=body, headers=_lower(response))

    async def _headers_of(self, request: Http) -> dict[str, str]:
        headers = {**request.headers, **self._headers}
        if self._credentials is not None:
            headers.update(await self._prove(request))
        if self._secret and self._clock is not None:
            headers.update(sign(_message_id(request), self._clock(), request.body, self._secret))
        return headers

    async def _prove(self, request: Http) -> Mapping[str, str]:
        assert self._credentials is not None
        try:
            return await self._credentials()
        except Exception as failure:
            raise NotSent(self._say(request, f"no credentials to be had ({type(failure).__name__})")) from None

    async def _body(self, request: Http, response: ClientResponse) -> bytes:
        announced = response.content_length
        if announced is not None and announced <= self._largest_reply and "Content-Encoding" not in response.headers:
            return await response.read()
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._largest_reply:
                response.close()
                raise NoReply(self._say(request, f"the reply (status {response.status}) is over {self._largest_reply} bytes"))
        return bytes(body)

    def _open(self) -> ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._concurrency,
            keepalive_timeout=_KEEP_S,
            ssl=self._tls if self._tls is not None else True,
            resolver=self._resolver,
        )
        session = ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "suture"},
            skip_auto_headers=("Content-Type",),
            trace_configs=[_last_looks()] if guarded() else None,
        )
        # aiohttp sends GET, PUT and DELETE a second time when a kept connection breaks; whether a request may be repeated is
        # for the operation's outcome class to say, and there is no public switch.
        session._retry_connection = False
        self._session = session
        return session

    def _say(self, request: Http, what: str) -> str:
        return f"{request.method} {self._peer}: {what}"


def _address(address: str) -> tuple[str, str]:
    """The address without a closing slash, and host:port for messages; raises ValueError without repeating the address."""
    url = URL(address)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("an HTTP address begins with http:// or https:// and names a host")
    if url.user is not None or url.password is not None or url.query_string or url.fragment:
        raise ValueError("an HTTP address holds no user, password, query or fragment; credentials are configured apart")
    return str(url).rstrip("/"), f"{url.host}:{url.port}"


def _target(path: str) -> str:
    """The path as the connector wrote it; characters that may not stand there are percent-encoded."""
    if not _PLAIN.fullmatch(path):
        path = quote(path, safe=_ALLOWED)
    return path if path.startswith(("/", "?")) or not path else "/" + path


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """A large body goes out in pieces, so that it does not hold up everybody else."""
    return body or None if len(body) <= _ONE_PIECE else io.BytesIO(body)


def _message_id(request: Http) -> str:
    lower = {name.lower(): value for name, value in request.headers.items()}
    given = lower.get("webhook-id") or lower.get("idempotency-key")
    if given:
        return given.replace(".", "_")
    content = b"\n".join((request.method.encode(), request.path.encode(), request.body))
    return "msg_" + hashlib.sha256(content).hexdigest()


def _lower(response: ClientResponse) -> dict[str, str]:
    """Header names in lower case; repeated ones joined by a comma, cookies by a line feed (RFC 9110 section 5.3)."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        name = name.lower()
        known = headers.get(name)
        headers[name] = value if known is None else known + ("\n" if name == _SET_COOKIE else ", ") + value
    return headers


def _word(failure: BaseException) -> str:
    """What happened, in words that cannot hold an address, a header or content."""
    match failure:
        case aiohttp.ClientConnectorDNSError():
            return "the host's name is unknown"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "no trusted TLS connection"
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case aiohttp.ClientConnectorError():
            return f"no connection ({failure.strerror or 'refused'})"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientPayloadError():
            return "the reply broke off"
        case aiohttp.ClientResponseError():
            return "the reply is not HTTP"
        case _:
            return "the connection broke before the reply"


def _last_looks() -> aiohttp.TraceConfig:
    """aiohttp tells of headers and of each piece of a body right before it hands them to the socket."""

    async def look(session: ClientSession, context: object, about: object) -> None:
        last_look()

    looks = aiohttp.TraceConfig()
    looks.on_request_headers_sent.append(look)
    looks.on_request_chunk_sent.append(look)
    return looks
