"""/api/events: what a caller may hear, as server-sent events from any position on, or a batch at a time.

An application beside the operations: whoever calls is proven already and stands in the scope. The id of an event in the stream
is its position, so a reader that lost its connection goes on by itself (Last-Event-ID). A stream ends after an hour, or when the
proof of identity does; whoever reconnects is proven anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from suture.gateway.access import Access, Caller
from suture.gateway.events.contract import CONTRACTS
from suture.gateway.events.hearing import Hearing, hears_anything
from suture.gateway.events.subscribing import before, end
from suture.gateway.events.subscription import TYPES_MOST
from suture.gateway.identity.api_keys import ended
from suture.gateway.problem import Problem, Wrong
from suture.journal import Journal
from suture.runtime.clock import Clock
from suture.views.events import CloudEvent, written

T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]

#: Events that are looked at in one step, and that a batch holds at most.
LOOKED_AT, BATCH_MOST = 500, 1_000
#: How long a stream rests when there is nothing new, how often it shows that it lives, and how long it lasts, in seconds.
REST_S, BEAT_S, LONGEST_S = 0.5, 15.0, 3_600.0
#: Streams at a time, of all callers and of one.
STREAMS, STREAMS_EACH = 200, 5
_STREAM, _BATCH = "text/event-stream", "application/cloudevents-batch+json"


class Asked(Struct, frozen=True, kw_only=True):
    """From which position on, which types, and how many at a time."""

    after: int
    types: tuple[str, ...] = ()
    limit: int = 100

    def wants(self, event: CloudEvent) -> bool:
        """Whether this event is of a type that was asked for."""
        return not self.types or event.type in self.types or event.dataschema.rpartition(":")[2] in self.types


class Heard(Struct, frozen=True):
    """A page of events that a caller hears, and the position up to which everything was looked at."""

    events: tuple[tuple[int, CloudEvent], ...]
    position: int


class EventStream:
    """The application; ``access`` is asked for each page, so that a right that is taken away is gone at once."""

    def __init__(
        self, journal: Journal, network: str, clock: Clock, in_thread: InThread, access: Callable[[], Access] = Access
    ) -> None:
        self.journal, self.clock, self.in_thread, self.access = journal, clock, in_thread, access
        self._hearing = Hearing(journal, network)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; raises Problem before anything was sent, for the gateway to tell."""
        caller: Caller = scope["caller"]
        if scope["method"] not in ("GET", "HEAD") or scope["path"].rstrip("/") != "/api/events":
            raise Problem("no-operation", "Events are read by GET /api/events.")
        if not hears_anything(self.access(), caller):
            raise Problem("forbidden", "none of your roles hears any event")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = await self._asked(scope["query_string"].decode("latin-1"), headers)
        if scope["method"] == "GET" and _STREAM in headers.get("accept", ""):
            with self._place(caller):
                await self._stream(caller, asked, receive, send)
        else:
            await self._batch(caller, asked, send)

    async def _asked(self, query: str, headers: Mapping[str, str]) -> Asked:
        given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True, max_num_fields=20).items()}
        if unknown := given.keys() - {"after", "since", "types", "limit"}:
            raise _bad(min(unknown), "there is no such parameter; there are after, since, types and limit")
        last = headers.get("last-event-id", "").strip()
        after = _number("Last-Event-ID", last) if last else _number("after", given["after"]) if "after" in given else None
        if after is None and "since" in given:
            moment = _moment(given["since"])
            after = await self.in_thread(lambda: before(self.journal, moment))
        if after is None:
            after = await self.in_thread(lambda: end(self.journal)) if _STREAM in headers.get("accept", "") else 0
        return Asked(after=after, types=_types(given.get("types", "")), limit=_limit(given.get("limit", "100")))

    # -- a batch

    async def _batch(self, caller: Caller, asked: Asked, send: Send) -> None:
        events: list[tuple[int, CloudEvent]] = []
        position, looked = asked.after, -1
        while len(events) < asked.limit and looked < position:
            looked = position
            page = await self._page(caller, asked, position, asked.limit - len(events))
            events += page.events
            position = page.position
        follows = urlencode(
            {"after": position, "limit": asked.limit, **({"types": ",".join(asked.types)} if asked.types else {})}
        )
        body = b"[" + b",".join(written(event) for _, event in events) + b"]"
        await send(_start(_BATCH, {"link": f'</api/events?{follows}>; rel="next"', "content-length": str(len(body))}))
        await send({"type": "http.response.body", "body": body})

    # -- a stream

    @contextmanager
    def _place(self, caller: Caller) -> Iterator[None]:
        if self._open.total() >= STREAMS or self._open[caller.subject] >= STREAMS_EACH:
            raise Problem("too-many", f"There are {STREAMS_EACH} streams for each caller.", wait_s=30)
        self._open[caller.subject] += 1
        try:
            yield
        finally:
            self._open[caller.subject] -= 1
            self._open += Counter()  # forgets those who have none

    async def _stream(self, caller: Caller, asked: Asked, receive: Receive, send: Send) -> None:
        await send(_start(_STREAM, {"x-accel-buffering": "no"}))
        telling = asyncio.create_task(self._tell(caller, asked, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, leaving):
                task.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, caller: Caller, asked: Asked, send: Send) -> None:
        async for piece in self.pieces(caller, asked):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def pieces(self, caller: Caller, asked: Asked) -> AsyncIterator[bytes]:
        """The stream as bytes, until it ends by itself."""
        began = told = self.clock.now()
        until = min(filter(None, (began + timedelta(seconds=LONGEST_S), caller.until)))
        position = asked.after
        yield b"retry: 2000\n\n"
        while self.clock.now() < until and hears_anything(self.access(), caller) and not await self._ended(caller):
            page = await self._page(caller, asked, position, BATCH_MOST)
            for at, event in page.events:
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (at, event.type.encode(), written(event))
            moved, position = page.position != position, page.position
            now = self.clock.now()
            if page.events:
                told = now
            elif now - told >= timedelta(seconds=BEAT_S):
                told = now
                # no event, but where to go on from: what does not concern this reader is not looked at again
                yield b"id: %d\n: alive\n\n" % position
            if not moved:
                await self.clock.sleep(REST_S)

    # -- the journal

    async def _ended(self, caller: Caller) -> bool:
        """Whether the key that opened the stream was revoked since."""
        now = self.clock.now()
        return bool(caller.credential and await self.in_thread(lambda: ended(self.journal, caller.credential, now)))

    async def _page(self, caller: Caller, asked: Asked, after: int, most: int) -> Heard:
        heard: Heard = await self.in_thread(lambda: self._looked(caller, asked, after, most))
        return heard

    def _looked(self, caller: Caller, asked: Asked, after: int, most: int) -> Heard:
        access, events = self.access(), list[tuple[int, CloudEvent]]()
        for row in self.journal.read(after, LOOKED_AT):
            after = row.position
            event = self._hearing.heard(row, caller, access)
            if event is not None and asked.wants(event):
                events.append((row.position, event))
            if len(events) == most:
                break
        return Heard(tuple(events), after)


async def _left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(media_type: str, headers: Mapping[str, str]) -> dict[str, Any]:
    said = {"content-type": media_type, "cache-control": "no-store", "x-content-type-options": "nosniff", **headers}
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.items()],
    }


def _bad(name: str, text: str) -> Problem:
    return Problem("bad-parameter", errors=[Wrong(code="bad_value", text=text, path=name[:40])])


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _bad(name, "a position is a number from 0 on")
    return int(text)


def _limit(text: str) -> int:
    if not 0 < (found := _number("limit", text)) <= BATCH_MOST:
        raise _bad("limit", f"from 1 to {BATCH_MOST:,}")
    return found


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad("since", "a time such as 2026-03-02T08:00Z") from None
    if moment.tzinfo is None:
        raise _bad("since", "a time with its offset from UTC, such as 2026-03-02T08:00Z")
    return moment


def _types(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    known = {name for contract in CONTRACTS.values() for name in (contract.name, *contract.types)}
    if len(names) > TYPES_MOST or not known.issuperset(names):
        raise _bad("types", "names of documents or event types, with commas between; /api/asyncapi.json lists them")
    return names
