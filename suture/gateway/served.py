"""The gateway as an application (ASGI): every call is proven, allowed, read, answered and noted in the same few steps."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from email.utils import format_datetime
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suture.gateway import pages
from suture.gateway.access import Access, Caller
from suture.gateway.handing import Handed, Handing, status_of
from suture.gateway.identity import Unproven
from suture.gateway.limits import Left, Limits, Rates
from suture.gateway.operation import Accepted, Given, Operation, Said
from suture.gateway.problem import Problem
from suture.gateway.reach import House, Reach
from suture.gateway.request import (
    Gone,
    Incoming,
    Parameters,
    Reader,
    body_of,
    incoming,
    key_of,
    links,
    matches,
    patience_of,
    preferences,
)
from suture.gateway.trail import Called, Trail, object_of
from suture.gateway.usage import Usage

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(decimal_format="string").encode
#: Answers from this size on are packed, if the caller takes that.
PACKED_FROM = 1400
#: A look-up that is not answered after so many times its target is given up, but not before this, in seconds.
OVERDUE, LEAST_S = 10, 5.0


class Prover(Protocol):
    """Who turns a request's proofs into a caller (``identity.Identity``); raises Unproven."""

    async def caller(
        self, headers: Mapping[str, str], address: str, method: str, url: str, client_certificate: bytes | None = None
    ) -> Caller: ...


class Reply(Struct, frozen=True):
    """What goes back: status, headers and body; ``code`` is the problem's."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    code: str = ""


class _Call:
    """One call as far as it has come: who makes it, and which operation it is for."""

    def __init__(self, request: Incoming, began: float) -> None:
        self.request, self.began = request, began
        self.subject = self.beside = ""
        self.operation: Operation | None = None
        self.headers = {"traceparent": request.traceparent}


class Routes:
    """Which operation an address belongs to; parts in braces take any one segment, a literal part goes first."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._root: dict[str, Any] = {}
        for operation in operations.values():
            node = self._root
            for part in operation.address.strip("/").split("/"):
                node = node.setdefault("{}" if part.startswith("{") else part, {})
            if operation.method in node.setdefault("", {}):
                raise ValueError(f"two operations answer {operation.method} {operation.address}")
            node[""][operation.method] = operation

    def find(self, segments: tuple[str, ...]) -> dict[str, Operation]:
        """The operations at an address, by method; empty if there is none."""
        nodes = [self._root]
        for part in segments:
            nodes = [node[name] for node in nodes for name in (part, "{}") if name and name in node]
        return next((node[""] for node in nodes if "" in node), {})


class Gateway:
    """The application. ``beside`` are other applications under /api/NAME: they are called for a proven caller only, whom they
    find in the scope under "caller". ``standstill`` says why nothing is answered at the moment, or nothing."""

    def __init__(
        self,
        house: House,
        prover: Prover,
        access: Access,
        operations: Mapping[str, Operation],
        *,
        limits: Limits | None = None,
        beside: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        self.house, self.prover, self.access, self.operations = house, prover, access, operations
        self.limits = limits or Limits()
        self.beside, self.usage = dict(beside or {}), Usage()
        self._rates, self._handing = Rates(self.limits), Handing(house, access, self.limits)
        self._routes, self._places = Routes(operations), self.limits.at_once
        self._readers = {name: Reader(operation, self.limits) for name, operation in operations.items()}
        self.standstill: Callable[[], str] = str
        self.trail = Trail(house.service)
        self._successors = {each.replaces: each for each in operations.values() if each.replaces}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; nothing that goes wrong leaves but as a problem."""
        if scope["type"] != "http":
            return
        call = _Call(_head(scope), asyncio.get_running_loop().time())
        try:
            if self.trail.full:
                raise Problem("busy", "More calls were answered than could be written down.", wait_s=5)
            other = await self._beside(call, scope, receive, send)
            reply = None if other else await self._guarded(call, receive)
        except Gone:
            return
        except Problem as problem:
            reply = _problem(call, problem)
        if reply is None:
            return
        self._note(call, reply.status, reply.code)
        await _send(call, _packed(call.request, reply), send)

    async def close(self) -> None:
        """Answer nothing more, write down what was answered, and let go of the house."""
        await self.trail.close()
        await self.house.close()

    def _note(self, call: _Call, status: int, code: str = "") -> None:
        operation, known = call.operation, bool(call.operation or call.beside)
        noted = Called(
            at=self.house.clock.now(),
            actor=call.subject,
            operation=operation.name if operation else call.beside,
            version=operation.version if operation else 0,
            # what led nowhere is not repeated
            object=object_of(operation, call.request, self.house.wiring.pseudonym) if known else "",
            status=status,
            code=code,
            trace=call.request.trace,
        )
        self.usage.note(operation, noted, asyncio.get_running_loop().time() - call.began)
        self.trail.note(noted)

    async def _beside(self, call: _Call, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether another application has answered."""
        name = call.request.segments[1] if len(call.request.segments) > 1 else ""
        if name not in self.beside:
            return False
        call.beside = name
        await self.beside[name]({**scope, "caller": await self._proven(call)}, receive, partial(self._said_beside, call, send))
        return True

    async def _said_beside(self, call: _Call, send: Send, message: Message) -> None:
        """What another application answers: a stream is noted as it begins, for it may last an hour."""
        if message["type"] == "http.response.start":
            self._note(call, message["status"])
        await send(message)

    async def _guarded(self, call: _Call, receive: Receive) -> Reply:
        if why := self.standstill():
            raise Problem("busy", f"Not now: {why}.", wait_s=5)
        if self._places == 0:
            raise Problem("busy", "Too many calls at once.", wait_s=1)
        self._places -= 1
        try:
            return await self._answer(call, receive)
        except (Problem, Gone):
            raise
        except Exception as error:  # whatever it is, the caller is told what to do; an error's own words may hold content
            _log.exception("%s failed: %s", call.operation.name if call.operation else "-", type(error).__name__)
            raise Problem("failed") from None
        finally:
            self._places += 1

    # -- the steps

    async def _answer(self, call: _Call, receive: Receive) -> Reply:
        caller = await self._proven(call)
        if page := self._page(call, caller):
            return page
        operation = call.operation = self._found(call.request)
        self._alive(call, operation)
        left = self._rates.spend(caller.subject, operation.quota, self.house.clock.now())
        call.headers |= left.headers()
        _paid(left)
        self._permit(caller, operation)
        read = self._readers[operation.name].read(_named(operation, call.request.segments), call.request.query)
        given = Given(caller=caller, asked=read.asked, now=self.house.clock.now(), after=read.after, limit=read.limit)
        if operation.takes:
            return await self._take(call, operation, given, read, receive)
        return await self._look_up(call, operation, given, read)

    def _page(self, call: _Call, caller: Caller) -> Reply | None:
        """What the gateway tells of itself: the operations that this caller may call, and no others."""
        make = _PAGES.get(call.request.segments)
        if make is None:
            return None
        if call.request.method not in ("GET", "HEAD"):
            raise Problem("method", headers={"Allow": "GET, HEAD"})
        mine = [each for each in self.operations.values() if self.may_call(caller, each)]
        media, body = make(mine, self.usage)
        return Reply(200, {"Content-Type": media, "Cache-Control": "private, no-cache", **_PAGE_POLICY}, body)

    def may_call(self, caller: Caller, operation: Operation) -> bool:
        """Whether this caller may call it at all, whatever it is about."""
        return self.access.holds(caller, operation.permission) and (not caller.bound or operation.layer == "partner")

    def _permit(self, caller: Caller, operation: Operation) -> None:
        if not self.access.holds(caller, operation.permission):
            raise Problem("forbidden", self.access.allows(caller, operation.permission).reason)
        if caller.bound and operation.layer != "partner":
            raise Problem("forbidden", "Partners call the operations under /api/partner/.")

    async def _proven(self, call: _Call) -> Caller:
        request = call.request
        try:
            caller = await self.prover.caller(request.headers, request.address, request.method, request.url, request.certificate)
        except Unproven as unproven:
            if unproven.later:
                raise Problem("busy", unproven.why, wait_s=5) from None
            raise Problem("unproven", unproven.why, headers={"WWW-Authenticate": unproven.challenge}) from None
        call.subject = caller.subject
        return caller

    def _found(self, request: Incoming) -> Operation:
        there = self._routes.find(request.segments)
        if not there:
            raise Problem("no-operation")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in there:
            raise Problem("method", headers={"Allow": ", ".join(sorted([*there, *(["HEAD"] if "GET" in there else [])]))})
        return there[method]

    def _alive(self, call: _Call, operation: Operation) -> None:
        """A version that ends says so in every answer (RFC 9745, RFC 8594); one that has ended answers no more."""
        if operation.deprecated_on is None:
            return
        call.headers["Deprecation"] = f"@{int(_midnight(operation.deprecated_on).timestamp())}"
        successor = self._successors.get(operation.name)
        said = [("/api/docs", "deprecation")]
        call.headers["Link"] = links(*said, *([(successor.address, "successor-version")] if successor else []))
        if operation.sunset_on is not None:
            end = _midnight(operation.sunset_on)
            call.headers["Sunset"] = format_datetime(end, usegmt=True)
            if self.house.clock.now() >= end:
                raise Problem("gone")

    # -- look-ups

    async def _look_up(self, call: _Call, operation: Operation, given: Given, read: Parameters) -> Reply:
        if read.mock:
            return _mocked(operation)
        waits = patience_of(call.request)
        said = await self._said(operation, given, waits)
        headers = _caching(operation, said) | ({} if waits is None else {"Preference-Applied": f"wait={waits}"})
        if said.next:
            following = links((_next(call.request, operation, read, said.next), "next"))
            headers["Link"] = ", ".join(filter(None, (call.headers.pop("Link", ""), following)))
        if said.etag and matches(headers["ETag"], call.request.headers.get("if-none-match", "")):
            return Reply(304, headers)
        return Reply(200, {**headers, "Content-Type": "application/json"}, _encode(said.value))

    async def _said(self, operation: Operation, given: Given, waits: int | None = None) -> Said:
        """The answer, if all of it is the caller's to see; systems have as long as the caller ``waits``, if it says so."""
        assert operation.answer is not None
        overdue = max(LEAST_S, OVERDUE * operation.latency_ms / 1000)
        within = None if waits is None else min(waits, overdue)
        try:
            async with asyncio.timeout(overdue):
                said = await operation.answer(given, Reach(self.house, operation, within))
        except TimeoutError:
            raise Problem("busy", "The answer did not come in time; nothing was changed.", wait_s=5) from None
        allowed = said is not None and all(self.access.allows(given.caller, operation.permission, each) for each in said.about)
        if said is None or not allowed:
            raise Problem("not-found")
        return said

    # -- documents

    async def _take(self, call: _Call, operation: Operation, given: Given, read: Parameters, receive: Receive) -> Reply:
        key = key_of(call.request)
        raw = await body_of(call.request, receive, self.limits)
        checked = await self._handing.check(operation, given, raw, Reach(self.house, operation))
        if read.mock:
            names = (f"{type(checked.came).__name__}:{getattr(checked.came, 'id', '')}",)
            accepted = Accepted(outcome="accepted", documents=names, status=status_of(operation, key))
            return _taken(Handed(accepted), {"Suture-Mock": "true"})
        await self._unchanged(call, operation, given)
        handed = await self._handing.hand_over(operation, given, key, checked)
        return _taken(handed, _preferred(call.request))

    async def _unchanged(self, call: _Call, operation: Operation, given: Given) -> None:
        """If-Match names what the caller has seen; what has changed since then is not acted on."""
        seen = call.request.headers.get("if-match", "")
        if not seen or not operation.guards:
            return
        looked = self.operations[operation.guards]
        said = await self._said(looked, given)
        if not matches(_caching(looked, said)["ETag"], seen):
            raise Problem("stale")


# -- answers


#: What pages may do in a browser: be read.
_PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_PAGES: Mapping[tuple[str, ...], Callable[[Sequence[Operation], Usage], tuple[str, bytes]]] = {
    ("openapi.json",): lambda operations, usage: pages.contract(operations, "/"),
    ("api", "openapi.json"): lambda operations, usage: pages.contract(operations, "/"),
    ("api", "docs"): lambda operations, usage: pages.page(operations),
    ("api", "operations"): pages.catalogue,
}


def _head(scope: Scope) -> Incoming:
    try:
        return incoming(scope)
    except Problem:
        return incoming({**scope, "raw_path": b"/api"})


def _named(operation: Operation, segments: tuple[str, ...]) -> dict[str, str]:
    parts = operation.address.strip("/").split("/")
    return {part[1:-1]: said for part, said in zip(parts, segments, strict=True) if part.startswith("{")}


def _paid(left: Left) -> None:
    if not left.allowed:
        raise Problem("too-many", wait_s=left.reset_s)


def _problem(call: _Call, problem: Problem) -> Reply:
    body = _encode(problem.details(call.request.path))
    return Reply(problem.fault.status, {**problem.headers, "Content-Type": "application/problem+json"}, body, problem.code)


def _caching(operation: Operation, said: Said) -> dict[str, str]:
    private = operation.data_class in ("financial", "personal", "patient")
    headers = {"Cache-Control": "no-store" if private else "private, no-cache"}
    return {**headers, "ETag": f'W/"{said.etag}"'} if said.etag else headers


def _next(request: Incoming, operation: Operation, read: Parameters, cursor: str) -> str:
    given: dict[str, Any] = msgspec.to_builtins(read.asked)
    kept = [(name, str(value)) for name, value in given.items() if name not in operation.names and value not in ("", None)]
    return f"{request.path}?{urlencode([*kept, ('limit', str(read.limit)), ('after', cursor)])}"


def _mocked(operation: Operation) -> Reply:
    example = next((each.answer for each in operation.examples if each.answer is not None), None)
    if example is None:
        raise Problem("not-found", "This operation has no example yet.")
    return Reply(200, {"Content-Type": "application/json", "Suture-Mock": "true", "Cache-Control": "no-store"}, _encode(example))


def _taken(handed: Handed, headers: dict[str, str]) -> Reply:
    more = {"Content-Type": "application/json", "Cache-Control": "no-store", "Location": handed.accepted.status, **headers}
    if handed.repeated:
        more["Idempotent-Replayed"] = "true"
    return Reply(202, more, _encode(handed.accepted))


def _preferred(request: Incoming) -> dict[str, str]:
    """What is accepted is always carried on afterwards: whoever prefers that (RFC 7240 section 4.1) is told so."""
    return {"Preference-Applied": "respond-async"} if "respond-async" in preferences(request) else {}


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC)


def _packed(request: Incoming, reply: Reply) -> Reply:
    if len(reply.body) < PACKED_FROM or "gzip" not in request.headers.get("accept-encoding", ""):
        return reply
    headers = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Reply(reply.status, headers, gzip.compress(reply.body, 5, mtime=0), reply.code)


async def _send(call: _Call, reply: Reply, send: Send) -> None:
    said = {"X-Content-Type-Options": "nosniff", **call.headers, **reply.headers}
    if reply.status != 304:
        said["Content-Length"] = str(len(reply.body))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in said.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if call.request.method == "HEAD" else reply.body})
