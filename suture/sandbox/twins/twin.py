"""What every twin is: something that answers requests, and has things to say at times of its own choosing."""

from __future__ import annotations

import heapq
import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from suture.transports import Http, HttpReply

#: Rows of one page of a list.
ROWS_MOST = 200
_TIMES = re.compile(rb'"\d{4}-\d\d-\d\dT[^"]*"')


class Outgoing(Struct, frozen=True, kw_only=True):
    """A message that a twin wants to hand to Suture: through which instance's channel, the bytes, and the file's name."""

    instance: str
    channel: str
    raw: bytes
    name: str
    #: How often it has been tried without a positive answer.
    tries: int = 0


class Agenda:
    """What is to happen when; ties go in the order in which they were planned. ``now`` is where the day stands."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._heap: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._order = itertools.count()

    def at(self, moment: datetime, act: Callable[[datetime], None]) -> None:
        """Plan an act."""
        heapq.heappush(self._heap, (moment, next(self._order), act))

    def next(self) -> datetime | None:
        """When the first act is due."""
        return self._heap[0][0] if self._heap else None

    def run(self, now: datetime) -> int:
        """Do all that is due; returns how many acts were done."""
        done, self.now = 0, max(self.now, now)
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2](now)
            done += 1
        return done


class Twin:
    """A counterpart of one instance. ``agenda`` drives it; ``outbox`` holds what it wants to say now."""

    def __init__(self, name: str, agenda: Agenda) -> None:
        self.name, self.agenda = name, agenda
        self.outbox: list[Outgoing] = []
        self.sent: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        #: Whether a message is lost on its way though the twin is told that it was accepted.
        self.loses: Callable[[Outgoing], bool] = lambda message: False

    def say(self, channel: str, raw: bytes, name: str) -> None:
        """Put a message into the outbox."""
        message = Outgoing(instance=self.name, channel=channel, raw=raw, name=name)
        if self.loses(message):
            self.said(message, "accepted", self.agenda.now)
        else:
            self.outbox.append(message)

    def said(self, message: Outgoing, answer: str, now: datetime) -> None:
        """Told how a message fared: accepted, refused, parked, or "" for no answer."""
        self.sent[answer or "unanswered"] += 1


#: How one thing on a shelf is listed.
Row = Callable[[Any], Mapping[str, Any]]
Handler = Callable[[Http, dict[str, str], Any], HttpReply]


def replied(status: int, body: Any = None, **headers: str) -> HttpReply:
    """A JSON reply."""
    raw = b"" if body is None else msgspec.json.encode(body)
    return HttpReply(status=status, body=raw, headers={"content-type": "application/json", **headers})


class RestTwin(Twin):
    """A twin with a REST face. Where ``honours_keys`` holds, a repeated Idempotency-Key gets the first reply again."""

    def __init__(self, name: str, agenda: Agenda) -> None:
        super().__init__(name, agenda)
        #: The first reply to each Idempotency-Key, what it was given to, and until when it is remembered.
        self._replies: dict[str, tuple[datetime, HttpReply, bytes]] = {}
        #: Keys that came again with another document: it got the reply to the first one, and was never taken.
        self.reused: list[str] = []
        self.keys_live = timedelta(days=3650)
        self._routes: list[tuple[str, tuple[str, ...], Handler, bool]] = []
        self.numbers, self.running = itertools.count(1), itertools.count(1)
        self.down = False
        #: Calls that the counterpart takes in a minute of the day, and how long it thinks about one, in seconds of real time.
        self.per_minute, self.latency_s = 0, 0.0
        self._minute: tuple[datetime, int] = (agenda.now, 0)
        self.throttled = 0

    def say(self, channel: str, raw: bytes, name: str) -> None:
        """Put a document into the outbox, with its running number."""
        super().say(channel, b'{"sequence":%d,"documents":[%s]}' % (next(self.running), raw), name)

    def route(self, method: str, path: str, handler: Handler, *, honours_keys: bool = True) -> None:
        """Answer ``method path``, where "{name}" stands for one segment."""
        self._routes.append((method, tuple(path.strip("/").split("/")), handler, honours_keys))

    def lists(self, path: str, shelf: Callable[[], Sequence[Any]], row: Row = dict) -> None:
        """Answer GET ``path`` with what stands on the shelf, a page at a time: ``after`` a place, at most ``limit`` rows."""

        def page(request: Http, names: dict[str, str], body: Any) -> HttpReply:
            return listing(shelf(), row, names)

        self.route("GET", path, page)

    def handle(self, request: Http) -> HttpReply:
        """The reply to one request."""
        if self.down:
            return replied(503, {"title": "maintenance"}, **{"retry-after": "60"})
        if self._over_quota():
            self.throttled += 1
            return replied(429, {"title": "too many requests"}, **{"retry-after": "60"})
        path, _, query = request.path.partition("?")
        for method, pattern, handler, honours_keys in self._routes:
            names = _matched(pattern, path) if method == request.method else None
            if names is not None:
                return self._answer(request, handler, names | _query(query), honours_keys)
        return replied(404, {"title": f"no resource {request.method} {path}"})

    def _over_quota(self) -> bool:
        since, calls = self._minute
        if self.agenda.now - since >= timedelta(minutes=1):
            since, calls = self.agenda.now, 0
        self._minute = (since, calls + 1)
        return bool(self.per_minute) and calls >= self.per_minute

    def _answer(self, request: Http, handler: Handler, names: dict[str, str], honours_keys: bool) -> HttpReply:
        key = request.headers.get("idempotency-key", "") if honours_keys else ""
        if key and key in self._replies and self.agenda.now < self._replies[key][0]:
            _, reply, first = self._replies[key]
            if _said(request) != first:
                self.reused.append(key)
            return reply
        try:
            reply = handler(request, names, msgspec.json.decode(request.body) if request.body else None)
        except (msgspec.DecodeError, LookupError, TypeError) as error:  # a body that is not what this path takes
            reply = replied(400, {"title": "malformed", "detail": f"{type(error).__name__}: {error}"})
        if key and reply.status < 500:
            self._replies[key] = (self.agenda.now + self.keys_live, reply, _said(request))
        return reply


def listing(shelf: Sequence[Any], row: Row, names: Mapping[str, str]) -> HttpReply:
    """The page that the query asks for, and where the next one begins."""
    after, limit = int(names.get("after") or 0), min(int(names.get("limit") or ROWS_MOST), ROWS_MOST)
    end = after + limit
    return replied(200, {"items": [row(each) for each in shelf[after:end]], "next": str(end) if end < len(shelf) else ""})


def _matched(pattern: tuple[str, ...], path: str) -> dict[str, str] | None:
    segments = tuple(path.strip("/").split("/"))
    if len(segments) != len(pattern):
        return None
    names = {}
    for expected, actual in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected.strip("{}")] = unquote(actual)
        elif expected != actual:
            return None
    return names


def _said(request: Http) -> bytes:
    """What a request asks for, apart from times: a decision made again says when it was made again."""
    return b"%s %s" % (request.path.encode(), _TIMES.sub(b"", request.body))


def _query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query))
