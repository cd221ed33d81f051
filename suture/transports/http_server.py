"""The HTTP server side: partners hand over bytes at /in/INSTANCE/CHANNEL and are answered after the commit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

import msgspec
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from suture.formats import LARGEST_MESSAGE
from suture.transports.exchange import BEGINNING, TOO_LARGE, Accept, Answer, Arrival
from suture.transports.http_protocol import GuardedProtocol
from suture.transports.signatures import Proof, WrongSignature

_log = logging.getLogger(__name__)

#: ``secrets(instance, channel)``: the signing secrets that are good now (new and old); empty where the partner cannot sign
#: and is kept apart by other means (mutual TLS, a private network); None if there is no such channel.
Secrets = Callable[[str, str], Sequence[str] | None]

#: What the process tells of itself, as text.
Tell = Callable[[], Awaitable[str]]
#: The text exposition format of Prometheus.
_EXPOSITION = "text/plain; version=0.0.4"
_STATUS = {"accepted": 202, "parked": 202, "refused": 422, "busy": 503}
_AGAIN_S = 5
_BODY_S = 60.0
#: So much of what is being received is held in memory, in bytes, before senders are asked to come again.
_HELD_MOST = 4 * LARGEST_MESSAGE


async def _nothing() -> str:
    return ""


class _Refusal(Exception):
    """A message that does not get as far as intake: the status, a name for it, and what to do next."""

    def __init__(self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.status, self.name, self.detail, self.headers = status, name, detail, headers or {}


class _Held:
    """How many bytes of messages under way one application holds, at most ``most``."""

    def __init__(self, most: int) -> None:
        self._left = most

    @contextlib.contextmanager
    def one(self) -> Iterator[Callable[[int], None]]:
        """One message: what it takes up is given back at its end. It raises _Refusal where there is no room."""
        held = 0

        def take(size: int) -> None:
            nonlocal held
            if size > self._left:
                raise _Refusal(503, "busy", "Too much at once; send it again later.", _retry())
            self._left -= size
            held += size

        try:
            yield take
        finally:
            self._left += held


class _Door:
    """What one inbound application knows: who may come in, how much, and to whom arrivals are handed."""

    def __init__(
        self,
        accept: Accept,
        secrets: Secrets,
        clock: Callable[[], datetime],
        limit: int,
        at_once: int,
        patience_s: float,
        critical: Callable[[str], bool],
    ) -> None:
        self._accept, self._secrets, self._clock = accept, secrets, clock
        self._limit, self._patience_s = limit, patience_s
        self._at_once, self._critical, self._inside = at_once, critical, 0
        self._held = _Held(max(_HELD_MOST, limit))
        self.troubles: Counter[str] = Counter()

    async def receive(self, request: Request) -> Response:
        """One POST from first byte to answer; never more than ``at_once`` of them, and as many again that are critical."""
        share = 2 if self._critical(request.path_params["instance"]) else 1
        if self._inside >= share * self._at_once:
            return _problem(request, 503, "busy", "Too many messages at once; send it again later.", _retry())
        self._inside += 1
        try:
            return await self._answer(request)
        except _Refusal as refusal:
            self.troubles[refusal.name] += 1
            return _problem(request, refusal.status, refusal.name, refusal.detail, refusal.headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it; nothing was accepted
        finally:
            self._inside -= 1

    async def _answer(self, request: Request) -> Response:
        instance, channel = request.path_params["instance"], request.path_params["channel"]
        secrets = self._secrets(instance, channel)
        if secrets is None:
            raise _Refusal(404, "unknown-channel", "No such instance and channel here; check the address agreed with us.")
        proof = Proof(request.headers, secrets) if secrets else None
        with self._held.one() as take:
            body = await self._read(request, proof, take)
            if proof is not None and body.whole:
                self._check(proof)
            arrival = Arrival(instance=instance, channel=channel, raw=body.raw, name=request.url.path)
            if body.too_large:
                # A stranger's is counted only: what nobody has signed must not fill the journal.
                if body.raw and (body.whole or proof is None):
                    await self._hand_over(msgspec.structs.replace(arrival, problem=TOO_LARGE))
                raise _Refusal(413, "too-large", f"A message may have {self._limit} bytes; send it in smaller ones.")
            return _response(request, await self._hand_over(arrival))

    async def _read(self, request: Request, proof: Proof | None, take: Callable[[int], None]) -> _Body:
        if request.headers.get("content-encoding", "identity") != "identity":
            raise _Refusal(415, "encoded", "Send the message as it is, without a content encoding.")
        try:
            async with asyncio.timeout(_BODY_S):
                return await _body(request, self._limit, proof, take)
        except TimeoutError:
            detail = f"The message did not come whole within {_BODY_S:.0f} seconds; send it again."
            raise _Refusal(408, "too-slow", detail) from None

    def _check(self, proof: Proof) -> None:
        try:
            proof.check(self._clock())
        except WrongSignature as wrong:
            detail = f"Not accepted: {wrong}. Sign the exact bytes sent and send the message again."
            raise _Refusal(401, "wrong-signature", detail, {"WWW-Authenticate": "StandardWebhooks"}) from None

    async def _hand_over(self, arrival: Arrival) -> Answer:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._accept(arrival)
        except Exception as failure:
            # Not answered means not taken as far as the partner can tell: it keeps the message and sends it again. One line
            # each: under a load that is too high there are many.
            _log.warning("intake failed for %s/%s: %s", arrival.instance, arrival.channel, type(failure).__name__)
            return Answer(outcome="busy")


def inbound_app(
    accept: Accept,
    secrets: Secrets,
    *,
    clock: Callable[[], datetime],
    limit: int = LARGEST_MESSAGE,
    at_once: int = 64,
    patience_s: float = 30.0,
    critical: Callable[[str], bool] = lambda instance: False,
    ready: Tell = _nothing,
    metrics: Tell | None = None,
) -> Starlette:
    """The application: POST /in/INSTANCE/CHANNEL, GET /health/live, /health/ready and, if told, /metrics.

    ``accept`` returns after the commit; if it raises or takes longer than ``patience_s`` the partner is told 503 and to come
    again. Statuses: 202 accepted or parked, 422 refused, 503 busy, 400 a length that is none, 401 wrong signature, 404 unknown
    channel, 408 too slow, 413 over ``limit`` bytes, 415 encoded; all but 202 and answers with a body of their own are problem
    documents (RFC 9457).
    A repeat is answered like the first time, with ``Idempotent-Replayed: true``. ``ready`` says why not, or nothing. ``at_once``
    messages may be under way, and as many again of instances that are ``critical``.
    Of a message over the limit the beginning is handed over, with a problem, unless nobody is known to have sent it;
    ``app.state.troubles`` counts what was refused before intake, by its name.
    """
    door = _Door(accept, secrets, clock, limit, at_once, patience_s, critical)

    async def live(request: Request) -> Response:
        return _json({"status": "live"})

    async def readiness(request: Request) -> Response:
        why_not = await ready()
        return _problem(request, 503, "not-ready", why_not, _retry()) if why_not else _json({"status": "ready"})

    routes = [
        Route("/in/{instance}/{channel}", door.receive, methods=["POST"]),
        Route("/health/live", live),
        Route("/health/ready", readiness),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", _told(metrics)))
    app = Starlette(routes=routes, exception_handlers={HTTPException: _astray})
    app.state.troubles = door.troubles
    return app


def _told(metrics: Tell) -> Callable[[Request], Awaitable[Response]]:
    async def tell(request: Request) -> Response:
        return Response(await metrics(), media_type=_EXPOSITION)

    return tell


class _Body(Struct, frozen=True):
    """What came of a message: all of it, or the beginning of one over the limit; ``whole`` if its end was seen."""

    raw: bytes
    too_large: bool
    whole: bool


async def _body(request: Request, limit: int, proof: Proof | None, take: Callable[[int], None]) -> _Body:
    """The body, every byte of it shown to ``proof``; ``take`` is told what of it is held.

    What is over ``limit`` bytes is read on for as much again and thrown away, for a sender that is cut off while it writes may
    never see the answer. What announces even more is not read at all.
    """
    if _declared(request) > 2 * limit:
        return _Body(b"", too_large=True, whole=False)
    body, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size > 2 * limit:
            break
        if proof is not None:
            proof.update(piece)
        if size <= limit or len(body) < BEGINNING:
            take(len(piece))
            body += piece
        if size > limit:
            del body[BEGINNING:]
    return _Body(bytes(body), too_large=size > limit, whole=size <= 2 * limit)


def _declared(request: Request) -> int:
    """The length that the sender declares, 0 if none; raises _Refusal for what is no number, which no server should let in."""
    text = request.headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise _Refusal(400, "no-length", "Content-Length is not the number of bytes sent; send the message again.")
    return int(text)


def _response(request: Request, answer: Answer) -> Response:
    status = _STATUS[answer.outcome]
    headers = {"Idempotent-Replayed": "true"} if answer.repeated else {}
    if status == 503:
        headers |= _retry()
    if answer.body:
        # As a header, since the framework would add a character set that the body may not be in.
        headers["Content-Type"] = answer.media_type or "application/octet-stream"
        return Response(answer.body, status, headers)
    if answer.outcome == "refused":
        return _problem(
            request, status, "refused", "The message is not acceptable as it is; correct it and send it anew.", headers
        )
    if answer.outcome == "busy":
        return _problem(request, status, "busy", "The message was not taken; send it again later.", headers)
    return _json({"outcome": answer.outcome}, status, headers)


def _problem(request: Request, status: int, name: str, detail: str, headers: Mapping[str, str]) -> Response:
    """A problem document (RFC 9457); ``detail`` says what to do next."""
    problem = {
        "type": f"urn:suture:problem:{name}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
    }
    return Response(msgspec.json.encode(problem), status, headers, "application/problem+json")


def _json(content: Mapping[str, str], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def _retry() -> dict[str, str]:
    return {"Retry-After": str(_AGAIN_S)}


async def _astray(request: Request, failure: Exception) -> Response:
    """404 and 405 of the router as problem documents."""
    assert isinstance(failure, HTTPException)
    detail = "Messages are handed over by POST to /in/INSTANCE/CHANNEL."
    return _problem(request, failure.status_code, "astray", detail, failure.headers or {})


class Server:
    """A running HTTP server; ``port`` is the bound one."""

    def __init__(self, uvicorn_server: _Uvicorn, task: asyncio.Task[None], port: int) -> None:
        self._server, self._task, self.port = uvicorn_server, task, port

    async def stop(self) -> None:
        """Take no more requests, finish those under way within the grace time, then close."""
        self._server.should_exit = True
        await self._task


class _Uvicorn(uvicorn.Server):
    """Uvicorn as one task among others: it leaves the process's signals alone and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


async def serve(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, grace_s: int = 10, tls: ssl.SSLContext | None = None
) -> Server:
    """Serve ``app`` within the running event loop, over TLS if told how; returns once it listens. Raises OSError if the port is
    taken."""
    listener = _listener(host, port)
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ssl_context_factory=(lambda config, usual: tls) if tls is not None else None,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=grace_s,
    )
    server = _Uvicorn(config)
    task = asyncio.create_task(server.serve([listener]), name="http")
    up = asyncio.create_task(server.up.wait())
    await asyncio.wait((task, up), return_when=asyncio.FIRST_COMPLETED)
    up.cancel()
    if task.done():
        listener.close()
        await task
    return Server(server, task, listener.getsockname()[1])


def _listener(host: str, port: int) -> socket.socket:
    # Named as TCP, not as the family's default: only then does asyncio switch off Nagle's algorithm, which would hold back
    # the second part of each answer for 40 ms.
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
