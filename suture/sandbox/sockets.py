"""The stage on real loopback sockets and folders: HTTP servers for the REST twins, MLLP and files for the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from aiohttp import web

from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.sandbox.stage import Stage, network
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.supplier import SupplierTwin
from suture.sandbox.twins.twin import Outgoing, RestTwin
from suture.transports import Drop, Http, HttpReply, NoReply, NotSent, Request, Say, Taken
from suture.transports.exchange import Accept, Link
from suture.transports.folder import FolderInbox, FolderLink
from suture.transports.http import HttpLink
from suture.transports.http_server import Server, inbound_app, serve
from suture.transports.mllp import MllpLink, serve_mllp

#: How long the demo waits for a reply that will not come, in seconds of real time.
PATIENCE_S = 0.25
SECRET = "whsec_" + "c3V0dXJlLWRlbW8tc2VjcmV0LW5vdC1mb3ItdXNl"
TRIES = 20


class Losses:
    """Chance of the network between the twins and Suture: replies lost after the peer has acted, messages sent twice."""

    def __init__(self, seed: int, lost_reply: float = 0.01, repeated: float = 0.02) -> None:
        self.chance = Random(f"losses/{seed}")
        self.lost_reply, self.repeated = lost_reply, repeated
        self.counts: Counter[str] = Counter()

    def loses_reply(self) -> bool:
        """Whether this reply gets lost."""
        return self._hit("replies lost after the peer acted", self.lost_reply)

    def repeats(self) -> bool:
        """Whether this message is sent twice."""
        return self._hit("messages sent twice", self.repeated)

    def _hit(self, what: str, rate: float) -> bool:
        hit = self.chance.random() < rate
        self.counts[what] += hit
        return hit


class Calls:
    """What one twin is called: when (``loop.time``), and how many callers it has had at a time at most."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self.at_once = self._now = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """One call, from its request to its reply."""
        self.moments.append(asyncio.get_running_loop().time())
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        try:
            yield
        finally:
            self._now -= 1

    def most(self, within_s: float) -> int:
        """The most calls that any span of so many seconds has seen."""
        span, most = deque[float](), 0
        for moment in self.moments:
            span.append(moment)
            while span[0] <= moment - within_s:
                span.popleft()
            most = max(most, len(span))
        return most


class Leaving:
    """How a careless partner leaves a file: written aside and renamed, but nobody waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def perform(self, request: Request) -> Taken:
        """Leave one file."""
        assert isinstance(request, Drop)
        aside = self.folder / f".{request.name}"
        aside.write_bytes(request.body)
        aside.rename(self.folder / request.name)
        return Taken()

    async def close(self) -> None:
        """Nothing is kept open."""


class Sockets:
    """Servers, links and folders of one run. ``open`` before, ``close`` after."""

    def __init__(self, stage: Stage, folder: Path, clock: ManualClock, losses: Losses, host: str = "127.0.0.1") -> None:
        self.stage, self.folder, self.clock, self.losses, self.host = stage, folder, clock, losses, host
        self.addresses: dict[str, str] = {}
        self.again: list[tuple[datetime, Outgoing]] = []
        #: The most files that waited for a supplier that was dark.
        self.waited = 0
        #: By the name of the twin.
        self.calls: dict[str, Calls] = {}
        self._dropped: set[str] = set()
        self._runners: list[web.AppRunner] = []
        self._closers: list[Callable[[], Awaitable[object]]] = []
        self._ways: dict[str, Link] = {}

    # -- what Suture needs

    async def open(self) -> Network:
        """Start the twins' servers; returns the network that knows their addresses."""
        for name, twin in self.stage.rest_twins().items():
            self.addresses[name] = await self._serve(twin)
        for name in self.stage.file_twins():
            for side in ("to", "from"):
                (self.folder / name / side).mkdir(parents=True)
            self.addresses[name] = (self.folder / name / "to").absolute().as_uri()
        return network(self.addresses, {}, secret="demo")

    def links(self) -> dict[str, Link]:
        """How Suture reaches each instance."""
        links: dict[str, Link] = {name: HttpLink(self.addresses[name], timeout_s=PATIENCE_S) for name in self.stage.rest_twins()}
        links |= {name: FolderLink(self.folder / name / "to") for name in self.stage.file_twins()}
        return links

    def inboxes(self) -> dict[str, FolderInbox]:
        """Where partners leave files for Suture."""
        return {
            name: FolderInbox(
                self.folder / name / "from",
                "*.x12" if isinstance(twin, SupplierTwin) else "*.xml",
                instance=name,
                channel="in",
                clock=self.clock.now,
                whole="rename",
            )
            for name, twin in self.stage.file_twins().items()
        }

    async def listen(self, accept: Accept) -> None:
        """Let Suture listen: one HTTP port for webhooks, one MLLP port per EHR; and give the twins their ways to it."""
        app = inbound_app(accept, lambda instance, channel: (SECRET,), clock=self.clock.now)
        server: Server = await serve(app)
        self._closers.append(server.stop)
        for name in self.stage.rest_twins():
            self._ways[name] = HttpLink(
                f"http://127.0.0.1:{server.port}", timeout_s=30, secret=SECRET, clock=self.clock.now, concurrency=16
            )
        for name in self.stage.ehrs:
            mllp = await serve_mllp("127.0.0.1", 0, accept, instance=name, channel="charges")
            self._closers.append(mllp.close)
            self._ways[name] = MllpLink("127.0.0.1", mllp.port, timeout_s=30)
        for name in self.stage.file_twins():
            self._ways[name] = Leaving(self.folder / name / "from")

    async def close(self) -> None:
        """Stop everything that was started."""
        for way in self._ways.values():
            await way.close()
        for closer in reversed(self._closers):
            await closer()
        for runner in self._runners:
            await runner.cleanup()

    # -- the twins' side

    async def _serve(self, twin: RestTwin) -> str:
        calls = self.calls[twin.name] = Calls()

        async def answer(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            with calls.one():
                if twin.latency_s:
                    await asyncio.sleep(twin.latency_s)
                headers = {name.lower(): value for name, value in request.headers.items()}
                reply = twin.handle(Http(method=request.method, path=request.path_qs, body=body, headers=headers))
            if self.losses.loses_reply() and request.transport is not None:
                request.transport.abort()
            return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, self.host, 0)
        await site.start()
        return f"http://{self.host}:{runner.addresses[0][1]}"

    def due(self) -> datetime | None:
        """When a message that found no answer is to be tried again."""
        return min((moment for moment, _ in self.again), default=None)

    def dropped(self) -> set[str]:
        """The instances for whom files were left since the last time this was asked."""
        names, self._dropped = self._dropped, set()
        return names

    async def speak(self, now: datetime) -> int:
        """Hand over whatever the twins want to say now; returns how many messages."""
        waiting = [message for moment, message in self.again if moment <= now]
        self.again = [(moment, message) for moment, message in self.again if moment > now]
        fresh = [message for twin in self.stage.twins.values() for message in twin.outbox]
        for twin in self.stage.twins.values():
            twin.outbox.clear()
        doubled = [message for message in fresh if self.losses.repeats()]
        by_twin: dict[str, list[Outgoing]] = {}
        for message in waiting + fresh + doubled:
            by_twin.setdefault(message.instance, []).append(message)
        self._dropped |= by_twin.keys() & self.stage.file_twins().keys()
        await asyncio.gather(*(self._speak_for(messages, now) for messages in by_twin.values()))
        return len(waiting) + len(fresh) + len(doubled)

    async def _speak_for(self, messages: list[Outgoing], now: datetime) -> None:
        if isinstance(self.stage.twins[messages[0].instance], EhrTwin):
            for message in messages:  # one MLLP connection speaks one message at a time
                await self._hand_over(message, now)
        else:
            await asyncio.gather(*(self._hand_over(message, now) for message in messages))

    async def _hand_over(self, message: Outgoing, now: datetime) -> None:
        answer = ""
        with contextlib.suppress(NotSent, NoReply):
            answer = _meaning(await self._ways[message.instance].perform(self._request(message)))
        self.stage.twins[message.instance].said(message, answer, now)
        if not answer and message.tries < TRIES:
            later = Outgoing(
                instance=message.instance, channel=message.channel, raw=message.raw, name=message.name, tries=message.tries + 1
            )
            self.again.append((now + timedelta(minutes=5), later))

    def _request(self, message: Outgoing) -> Http | Say | Drop:
        twin = self.stage.twins[message.instance]
        if isinstance(twin, EhrTwin):
            return Say(body=message.raw)
        if isinstance(twin, RestTwin):
            return Http(method="POST", path=f"/in/{message.instance}/{message.channel}", body=message.raw)
        return Drop(name=message.name, body=message.raw)

    def collect(self, now: datetime) -> int:
        """The file twins look into their inboxes, unless they are closed; returns how many files they took."""
        taken = 0
        for name, twin in self.stage.file_twins().items():
            waiting = sorted((self.folder / name / "to").iterdir())
            if isinstance(twin, SupplierTwin) and twin.closed_until is not None:
                self.waited = max(self.waited, len(waiting))
                continue
            for path in waiting:
                if path.is_file() and not path.name.startswith("."):
                    twin.receive(path.read_bytes(), now)
                    path.unlink()
                    taken += 1
        return taken


def _meaning(reply: HttpReply | Taken) -> str:
    """accepted, refused, or "" where the message is to be sent again."""
    if isinstance(reply, Taken):
        return "accepted"
    return "accepted" if reply.status < 300 else "refused" if reply.status == 422 else ""
