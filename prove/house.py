"""The hospital group around a service under attack: twins on real sockets and folders, and a load that does not end by itself.

It lives in the proof's own process and survives whatever happens to the service. Its day runs faster than ours, so that an
order is confirmed, shipped, received, billed and paid within half a minute. Partners make no mistakes here: whatever is
missing at the end is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import socket
import time
from collections import Counter
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import structs

from suture.formats.hl7v2 import parse_ack
from suture.model import encode
from suture.runtime.clock import ManualClock
from suture.sandbox.day import Need, requisitions, usages
from suture.sandbox.group import MORNING, invent
from suture.sandbox.sockets import SECRET, Leaving, Losses, Sockets
from suture.sandbox.stage import Stage, network
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.inventory import Mishaps
from suture.sandbox.twins.supplier import Habits, SupplierTwin
from suture.sandbox.twins.twin import Outgoing, RestTwin, Twin
from suture.transports import Drop, Http, HttpReply, NoReply, NotSent, Reply, Request, Say, Taken
from suture.transports.exchange import Link
from suture.transports.http import HttpLink
from suture.transports.mllp import MllpLink

#: How much of the group's day passes in a second of ours.
PACE = timedelta(hours=6)
#: How often the house looks around, and how long a partner waits before it says a message again, in seconds.
TICK_S, AGAIN_S = 0.03, 0.1
#: How often a partner says a message before it gives up, which counts as a loss.
TRIES = 6000
#: Needs that a load may draw; no run gets that far.
ENDLESS = 1_000_000


class House:
    """All counterparts of one group. ``async with`` opens and closes them; ``load`` is how many needs arise a second."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        load: float,
        *,
        lost_reply: float = 0.005,
        host: str = "127.0.0.1",
        doors: Sequence[str] = ("127.0.0.1",),
        pace: timedelta = PACE,
    ) -> None:
        """``host`` is where the twins listen, ``doors`` are the hosts at which Suture does; ``pace`` is how much of the group's
        day passes in a second of ours: a long run has to end before today, for what is due in the future rightly waits."""
        self.folder, self.load, self.doors, self.pace = folder, load, doors, pace
        self.stage = _straight(Stage(invent(seed), seed))
        for erp in self.stage.erps.values():
            # the twins' days go fast and the service's do not: what an ERP remembers for a day is a day of the service
            erp.keys_live *= pace.total_seconds()
        self.sockets = Sockets(self.stage, folder / "files", ManualClock(MORNING), Losses(seed, lost_reply), host)
        self.port, *ports = free_ports(1 + len(self.stage.ehrs))
        self.mllp_ports = dict(zip(self.stage.ehrs, ports, strict=True))
        #: SHA-256 of every message over HTTP that was answered with a yes, and when.
        self.accepted: dict[str, float] = {}
        #: Everything that was answered with a yes or left as a file, and when.
        self.told: list[tuple[float, Outgoing]] = []
        self.unheard: list[Outgoing] = []
        #: Who said something, when first, and how many seconds later it got a yes.
        self.waited: list[tuple[str, float, float]] = []
        #: How often each partner was asked to come again, and how often without being told when.
        self.turned_away, self.untold = Counter[str](), 0
        self.filed = 0
        self._needs = _needs(self.stage, seed)
        self._began, self._owed = time.monotonic(), 0.0
        self._ways: dict[str, Link] = {}
        self._room: dict[str, asyncio.Semaphore] = {}
        #: Unset while a partner says again what it has said before.
        self._forward: dict[str, asyncio.Event] = {}
        self._speaking: set[asyncio.Task[None]] = set()
        self._life: asyncio.Task[None] | None = None
        self._watched: tuple[float, asyncio.Future[float]] | None = None

    async def __aenter__(self) -> House:
        await self.sockets.open()
        self._open_ways()
        self._began = time.monotonic()
        self._life = asyncio.create_task(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._life is not None
        for task in (self._life, *self._speaking):
            task.cancel()
        await asyncio.gather(self._life, *self._speaking, return_exceptions=True)
        for way in self._ways.values():
            await way.close()
        await self.sockets.close()

    # -- what the service needs

    def write_network(
        self,
        addresses: dict[str, str] | None = None,
        listen: str = "127.0.0.1",
        rates: Mapping[str, float] | None = None,
        critical: Collection[str] = (),
        answers_within_s: float = 0.0,
    ) -> Path:
        """The network file, with master data and secret beside it; ``addresses`` replace those of some twins, ``listen`` is
        the address at which partners are to reach the service on its host, ``rates`` are ceilings in calls a second, what
        ``critical`` instances say is critical, and of a file to the bank that it says nothing about for ``answers_within_s`` a
        person is asked."""
        masters = self.folder / "masters"
        masters.mkdir(exist_ok=True)
        group = self.stage.group
        (masters / "group.jsonl").write_bytes(b"\n".join(map(encode, (*group.crosswalk, *group.masters))))
        (self.folder / "secret").write_text(f"{SECRET}\n")
        listens = {name: {"in": (self.sockets.folder / name / "from").as_uri()} for name in self.stage.file_twins()}
        listens |= {name: {"charges": f"mllp://{listen}:{port}"} for name, port in self.mllp_ports.items()}
        reached = {**self.sockets.addresses, **(addresses or {})}
        value = network(reached, listens, secret=f"file:{self.folder}/secret")
        instances = tuple(
            structs.replace(
                each,
                rate_per_s=(rates or {}).get(each.name, 0.0),
                critical=each.name in critical,
                answers_within_s=answers_within_s if each.name == self.stage.bank.name else 0.0,
            )
            for each in value.instances
        )
        value = structs.replace(value, masters="masters", host=listen, port=self.port, instances=instances)
        path = self.folder / "network.toml"
        path.write_text(_toml(msgspec.to_builtins(value)))
        return path

    # -- what the proof asks

    def first_yes(self) -> asyncio.Future[float]:
        """When (``time.monotonic``) the first message that is said from now on gets a yes: it is committed."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._watched = (time.monotonic(), future)
        return future

    def again(self, since: float) -> int:
        """Say again whatever was told since a moment (``time.monotonic``), as partners do who are asked to; returns how much.

        Each partner goes back in what it has to say: first that again, in its order, then what it has not said yet.
        """
        chosen = [message for at, message in self.told if at >= since]
        for instance in {message.instance for message in chosen}:
            self._forward[instance].clear()
            self._start(self._repeat(instance, [message for message in chosen if message.instance == instance]))
        return len(chosen)

    def busy(self) -> dict[str, int]:
        """What partners still have to say, to do, or to look at; empty when they are at rest."""
        files = [path for name in self.stage.file_twins() for path in _lying(self.sockets.folder / name)]
        waiting = {"messages": len(self._speaking), "files": len(files), "agenda": self.stage.agenda.next() is not None}
        return {what: int(count) for what, count in waiting.items() if count}

    # -- its life

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = MORNING + self.pace * (time.monotonic() - self._began)
            self._need(now)
            self.stage.agenda.run(now)
            self.sockets.collect(now)
            for twin in self.stage.twins.values():
                said, twin.outbox = twin.outbox, []
                for message in said:
                    for _ in range(1 + self.sockets.losses.repeats()):
                        self._begin(message)

    def _need(self, now: datetime) -> None:
        self._owed += self.load * TICK_S
        while self._owed >= 1:
            self._owed -= 1
            self.filed += 1
            self.stage.plan([structs.replace(next(self._needs), at=now)])

    def _begin(self, message: Outgoing) -> None:
        self._start(self._speak(message))

    def _start(self, speech: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(speech)
        self._speaking.add(task)
        task.add_done_callback(self._speaking.discard)

    async def _speak(self, message: Outgoing) -> None:
        """Say a message until it gets an answer, as partners do."""
        first = time.monotonic()
        async with self._room[message.instance]:
            for _ in range(TRIES):
                await self._forward[message.instance].wait()
                if await self._heard(message):
                    self.waited.append((message.instance, first, time.monotonic() - first))
                    return
                await asyncio.sleep(AGAIN_S)
        self.unheard.append(message)

    async def _repeat(self, instance: str, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            for _ in range(TRIES):
                if await self._heard(message):
                    break
                await asyncio.sleep(AGAIN_S)
            else:
                self.unheard.append(message)
        self._forward[instance].set()

    async def _heard(self, message: Outgoing) -> bool:
        """One attempt: whether it got an answer."""
        said_at = time.monotonic()
        answer = await self._answer(message)
        self.stage.twins[message.instance].said(message, answer, self.stage.agenda.now)
        if answer:
            self._note(message, answer, said_at)
        else:
            self.turned_away[message.instance] += 1
        return bool(answer)

    async def _answer(self, message: Outgoing) -> str:
        with contextlib.suppress(NotSent, NoReply):
            reply = await self._ways[message.instance].perform(self._request(message))
            self.untold += isinstance(reply, HttpReply) and reply.status == 503 and "retry-after" not in reply.headers
            return _meaning(reply)
        return ""

    def _note(self, message: Outgoing, answer: str, said_at: float) -> None:
        if answer == "accepted":
            self.told.append((said_at, message))
        if isinstance(self.stage.twins[message.instance], RestTwin) and answer == "accepted":
            self.accepted[hashlib.sha256(message.raw).hexdigest()] = time.monotonic()
            if self._watched and said_at > self._watched[0] and not self._watched[1].done():
                self._watched[1].set_result(time.monotonic())

    def _request(self, message: Outgoing) -> Http | Say | Drop:
        twin = self.stage.twins[message.instance]
        if isinstance(twin, EhrTwin):
            return Say(body=message.raw)
        if isinstance(twin, RestTwin):
            return Http(method="POST", path=f"/in/{message.instance}/{message.channel}", body=message.raw)
        return Drop(name=message.name, body=message.raw)

    def _open_ways(self) -> None:
        for name, twin in self.stage.twins.items():
            if isinstance(twin, SupplierTwin | BankTwin):
                self._ways[name] = Leaving(self.sockets.folder / name / "from")
            else:
                self._ways[name] = Doors([self._way(twin, door) for door in self.doors])
            self._room[name] = asyncio.Semaphore(1 if isinstance(twin, EhrTwin) else 6)
            self._forward[name] = asyncio.Event()
            self._forward[name].set()

    def _way(self, twin: Twin, door: str) -> Link:
        """With several doors nobody waits long before one that is closed."""
        patience_s = 20.0 if len(self.doors) == 1 else 4.0
        if isinstance(twin, EhrTwin):
            return MllpLink(door, self.mllp_ports[twin.name], timeout_s=patience_s)
        return HttpLink(f"http://{door}:{self.port}", timeout_s=patience_s, secret=SECRET, clock=lambda: datetime.now(UTC))


class Doors:
    """A partner's way to several gateways, as a load balancer makes it: one after the other, whoever answered before."""

    def __init__(self, ways: Sequence[Link]) -> None:
        self._ways, self._turns = ways, itertools.cycle(ways)

    async def perform(self, request: Request) -> Reply:
        """The reply, a busy one too; raises what the way raises."""
        return await next(self._turns).perform(request)

    async def close(self) -> None:
        """Close all."""
        for way in self._ways:
            await way.close()


def _straight(stage: Stage) -> Stage:
    """The same group without partners' mistakes: repeats and bad timing stay, wrong contents go.

    Split shipments go too: the second lot would arrive before its notice has been read, which a person has to look at.
    """
    for supplier in stage.suppliers.values():
        supplier.habits = Habits(
            split=0, reject_line=0, price_change=0, overcharge=0, overbill=0, duplicate_invoice=0, portal_too=0
        )
    for inventory in stage.inventories.values():
        inventory.mishaps = Mishaps(short=0, over=0, wrong_lot=0, wrong_place=0, reversed=0)
    for desk in (stage.procurement.desk, stage.ap.desk):
        desk.reject_rate = 0
    stage.bank.reject_rate = stage.bank.return_rate = 0
    return stage


def _needs(stage: Stage, seed: int) -> Iterator[Need]:
    """Two requisitions, one usage, and so on."""
    wanted, used = requisitions(stage.group, seed, ENDLESS), usages(stage.group, seed, ENDLESS)
    return itertools.chain.from_iterable(zip(wanted, wanted, used, strict=False))


def _meaning(reply: HttpReply | Taken | object) -> str:
    """accepted, refused, or "" where the message is to be said again."""
    if isinstance(reply, HttpReply):
        return "accepted" if reply.status < 300 else "refused" if reply.status == 422 else ""
    assert isinstance(reply, Taken)
    return "accepted" if not reply.body or parse_ack(reply.body).code in ("AA", "CA") else ""


def _lying(folder: Path) -> Iterator[Path]:
    """Files on their way, in both directions, also those that the service has claimed and not filed.

    What it had begun to write when it was killed is no file yet: partners pass over it, and the next attempt writes over it.
    """
    yield from (path for path in (folder / "to").iterdir() if path.is_file() and not path.name.startswith("."))
    yield from (path for path in (folder / "from").iterdir() if path.is_file())
    if (folder / "from" / ".taken").is_dir():
        yield from (folder / "from" / ".taken").iterdir()


def twice(stage: Stage) -> list[str]:
    """What counterparts hold twice besides what ``audit`` counts: changes, entries, payments, and files that came again."""
    found = []
    for erp in stage.erps.values():
        for shelf in (erp.changes, erp.entries, erp.payments, erp.failed_payments):
            found += [f"{erp.name} {id}" for id, times in Counter(booked.reference for booked in shelf).items() if times > 1]
    return found + ["a payment file that the bank had seen"] * stage.bank.duplicates


def swallowed(stage: Stage) -> list[tuple[str, str]]:
    """Who got a key again with another document, and which: the document got the reply to the first one and was not taken."""
    return [(name, key) for name, twin in stage.twins.items() if isinstance(twin, RestTwin) for key in twin.reused]


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def _toml(network: dict[str, object]) -> str:
    """A network as a file: JSON's strings and lists are TOML's too; what is None is not said."""
    instances = network.pop("instances")
    assert isinstance(instances, list | tuple)
    tables = [("", network), *(("[[instances]]\n", instance) for instance in instances)]
    return "\n".join(head + _lines(table) for head, table in tables)


def _lines(table: dict[str, object]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in table.items() if value is not None)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + " }"
    return json.dumps(value)
