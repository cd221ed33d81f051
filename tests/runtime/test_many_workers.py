"""Several workers over one PostgreSQL: each part has one owner, whoever comes or goes, and who was given up stays silent."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

import pytest
from msgspec import structs

from suture.formats.json import FORMAT as JSON
from suture.journal import Committed, Event, Fenced, Journal, MemoryJournal, Unavailable, Unit, open_journal
from suture.journal.partitions import divide
from suture.journal.postgres import PostgresJournal
from suture.model import Crosswalk, Document, OrderStatus, decode, encode
from suture.processes import Effect, Seen, Send
from suture.processes.masters import PROCESS as MASTERS
from suture.runtime.attendance import WITHIN_S
from suture.runtime.clock import SystemClock
from suture.runtime.network import Instance, Network
from suture.runtime.publish import say
from suture.runtime.service import Service
from suture.runtime.share import ROLES, WEBHOOKS, Role, lane, partition, parts_of
from suture.runtime.wiring import Wiring
from suture.systems import Call, Channel, Done, Operation, Steps, System
from suture.transports import Arrival, Http, HttpReply, Reply, Request
from suture.transports.permit import last_look
from tests.journal.units import KEY
from tests.runtime.house import NOON, TELLER, Told

pytestmark = pytest.mark.postgres

PEERS = tuple(f"peer-{number}" for number in range(6))
RATE = 25.0
ORDERS = 24
ROW = Crosswalk(kind="item", golden="ITEM-1", system=PEERS[1], local="7")


def passed_on(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
    """An order's state goes to the peer whose number the order begins with."""
    status = event.data
    assert isinstance(status, OrderStatus)
    return state, (Send(role="peer", document=status, key=status.order, facility=status.order[0]),)


def post(document: Document, call: Call) -> Steps:
    """Post it with its key."""
    yield Http(method="POST", path="/", body=encode(document), headers={"idempotency-key": call.key})
    return Done(reference="R1")


SYSTEM = System(
    name="peer",
    title="Peer",
    role="peer",
    accepts={OrderStatus: Operation(send=post, outcome="key")},
    channels=(Channel(name="in", transport="memory", format="json"),),
    codes=("item",),
    rate_per_s=1000,
    concurrency=4,
)


def wiring_of(journal: Journal, peers: Sequence[str]) -> Wiring:
    """A network of these peers on a journal."""
    return Wiring(
        journal,
        Network(name="many", instances=tuple(_instance(peer) for peer in peers)),
        privacy_key=b"p" * 32,
        formats={"json": JSON},
        systems={"peer": SYSTEM},
        processes={"teller": TELLER_OF_MANY, "masters": MASTERS},
    )


def _instance(peer: str) -> Instance:
    return Instance(name=peer, system="peer", role="peer", facilities=(peer[-1],), rate_per_s=RATE if peer == PEERS[0] else 0)


TELLER_OF_MANY = structs.replace(TELLER, on={**TELLER.on, OrderStatus: passed_on})
#: All parts that somebody has to own.
ALL = set(parts_of(wiring_of(MemoryJournal(KEY), PEERS)))


@dataclass
class Heard:
    """What all peers heard: who spoke to whom, when, and what; the same key again is not taken twice."""

    said: list[tuple[str, str, float, OrderStatus]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    slow_s: float = 0.001

    def per_order(self) -> dict[str, list[float]]:
        """The moments that each order's states bear, as they came."""
        found = defaultdict(list)
        for _, _, _, status in self.said:
            found[status.order].append((status.at - NOON).total_seconds())
        return dict(found)

    def speakers(self, since: float = 0.0) -> dict[str, set[str]]:
        """Who spoke to each peer since a moment."""
        found = defaultdict(set)
        for worker, peer, at, _ in self.said:
            if at >= since:
                found[peer].add(worker)
        return dict(found)


class Way:
    """A worker's way to a peer."""

    def __init__(self, heard: Heard, worker: str, peer: str) -> None:
        self.heard, self.worker, self.peer = heard, worker, peer
        self.held_up: asyncio.Event | None = None
        self.waiting = asyncio.Event()

    async def perform(self, request: Request) -> Reply:
        assert isinstance(request, Http)
        if self.held_up is not None:
            self.waiting.set()
            await self.held_up.wait()
        await asyncio.sleep(self.heard.slow_s)
        last_look()
        document = decode(request.body)
        assert isinstance(document, OrderStatus)
        if request.headers["idempotency-key"] not in self.heard.keys:
            self.heard.keys.add(request.headers["idempotency-key"])
            self.heard.said.append((self.worker, self.peer, monotonic(), document))
        return HttpReply(status=201)

    async def close(self) -> None:
        """Nothing is kept open."""


@dataclass
class Group:
    """Workers of one database."""

    url: str
    heard: Heard = field(default_factory=Heard)
    workers: dict[str, Service] = field(default_factory=dict)
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)

    async def join(self, name: str, roles: Sequence[Role] = ROLES, knows: Sequence[str] = PEERS) -> Service:
        """One more, whose network file names these peers."""
        wiring = wiring_of(open_journal(self.url, KEY), knows)
        for peer in PEERS:
            self.ways[name, peer] = Way(self.heard, name, peer)
        links = {peer: self.ways[name, peer] for peer in knows}
        self.workers[name] = Service(wiring, SystemClock(), links, roles=roles)
        await self.workers[name].start()
        return self.workers[name]

    async def leave(self, name: str) -> None:
        """One less."""
        service = self.workers.pop(name)
        await service.stop()
        service.wiring.journal.close()

    def shares(self) -> dict[str, frozenset[str]]:
        """What each believes to own."""
        return {name: service.wiring.share.parts or frozenset() for name, service in self.workers.items()}

    def settled(self, *names: str) -> bool:
        """Whether these own everything between them, nothing twice, and everybody something."""
        shares = [share for name, share in self.shares().items() if name in names]
        owned = Counter(part for share in shares for part in share)
        return set(owned) == ALL and set(owned.values()) == {1} and all(shares)


@asynccontextmanager
async def group(url: str, *names: str) -> AsyncIterator[Group]:
    """Workers who share everything between them."""
    made = Group(url)
    try:
        for name in names:
            await made.join(name)
        await until(lambda: made.settled(*names))
        yield made
    finally:
        for name in list(made.workers):
            await made.leave(name)


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> float:
    """Wait for a condition; returns how long it took."""
    began = monotonic()
    while not condition():
        assert monotonic() - began < within_s
        await asyncio.sleep(0.01)
    return monotonic() - began


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))


def states() -> Iterator[OrderStatus]:
    """States of 24 orders, four for each peer, in turn; each bears its own second."""
    second = 0
    while True:
        for peer in range(6):
            for number in range(4):
                yield OrderStatus(order=f"{peer}-{number}", state="confirmed", at=NOON + timedelta(seconds=second))
        second += 1


async def tell(service: Service, statuses: Sequence[OrderStatus]) -> None:
    """Messages for a gateway."""
    for status in statuses:
        await service.accept(Arrival(instance=PEERS[0], channel="in", raw=encode(status)))


def in_order(heard: Heard, count: int) -> bool:
    """Whether each order's states came once, without a gap, in order."""
    came = heard.per_order()
    return sum(map(len, came.values())) == count and all(
        moments == [float(number) for number in range(len(moments))] for moments in came.values()
    )


async def steadily(gate: Callable[[], Service], count: int) -> None:
    """A load that lasts: one state of each order after the other, at whatever gateway there is."""
    source = states()
    for _ in range(count // ORDERS):
        await asyncio.gather(*(tell(gate(), [next(source)]) for _ in range(ORDERS)))
        await asyncio.sleep(0.1)


def test_each_part_has_one_owner_and_each_peer_is_spoken_to_by_one(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b", "c") as made:
            await steadily(lambda: made.workers["a"], 240)
            await until(lambda: len(made.heard.said) == 240)
            assert in_order(made.heard, 240)
            assert all(len(speakers) == 1 for speakers in made.heard.speakers().values())
            assert len({min(speakers) for speakers in made.heard.speakers().values()}) > 1

    run(story())


def test_who_comes_gets_a_share_and_who_leaves_is_not_waited_for(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a") as made:
            load = asyncio.create_task(steadily(lambda: made.workers["a"], 360))
            await made.join("b")
            await until(lambda: made.settled("a", "b"))
            assert made.workers["a"].failure is None
            await until(lambda: [made.workers[name].wiring.share.others for name in "ab"] == [1, 1])
            await made.leave("b")
            assert await until(lambda: made.settled("a")) < WITHIN_S
            await until(lambda: made.workers["a"].wiring.share.others == 0)
            await load
            await until(lambda: len(made.heard.said) == 360)
            assert in_order(made.heard, 360)

    run(story())


def test_what_one_that_hangs_had_is_taken_over_and_it_says_and_writes_nothing_any_more(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            hung = made.workers["b"]
            peer = next(name for name in PEERS if hung.wiring.share.delivers(name))
            way = made.ways["b", peer]
            way.held_up = asyncio.Event()
            await tell(made.workers["a"], [OrderStatus(order=f"{peer[-1]}-9", state="confirmed", at=NOON)])
            await way.waiting.wait()  # claimed by b, and on its way
            assert hung._attending is not None
            hung._attending.cancel()  # no sign of life from here on, as of a process that is stopped
            took = await until(lambda: made.shares()["a"] == ALL)
            await until(lambda: made.heard.speakers().get(peer) == {"a"})
            way.held_up.set()  # it goes on in the middle of its request
            await asyncio.sleep(0.3)
            assert took < 5
            assert made.heard.speakers()[peer] == {"a"}
            assert len(made.heard.said) == 1

    run(story())


def test_a_turn_that_takes_long_costs_no_lease_and_what_it_commits_is_not_taken_over_meanwhile(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a") as made:
            slow, held_up = made.workers["a"], {peer: asyncio.Event() for peer in PEERS}
            ways = [made.ways["a", peer] for peer in PEERS]
            for peer, way in zip(PEERS, ways, strict=True):
                way.held_up = held_up[peer]
            await tell(slow, [OrderStatus(order=f"{peer[-1]}-1", state="confirmed", at=NOON) for peer in PEERS])
            await asyncio.gather(*(way.waiting.wait() for way in ways))
            other = await made.join("b")
            await until(lambda: any(name in PEERS for name in _lanes(other.attendance.due)))
            peer = next(name for name in _lanes(other.attendance.due))
            hesitates, go_on = _hesitating(slow)
            held_up[peer].set()  # it ends, and its outcome is on its way into the journal
            await until(hesitates.is_set)
            began = monotonic()
            while monotonic() - began < 1.2 * WITHIN_S:
                assert lane(peer) not in other.attendance.held
                await asyncio.sleep(0.05)
            go_on.set()
            for event in held_up.values():
                event.set()
            await until(lambda: made.settled("a", "b") and other.wiring.share.delivers(peer))
            await until(lambda: len(made.heard.said) == len(PEERS))
            assert made.heard.speakers()[peer] == {"a"}
            assert [service._stood_back for service in made.workers.values()] == [0, 0]

    run(story())


def _lanes(parts: Iterable[str]) -> list[str]:
    return [part.removeprefix("instance/") for part in parts if part.startswith("instance/")]


def _hesitating(service: Service) -> tuple[threading.Event, threading.Event]:
    """From now on the service's first commit hesitates until it is let go."""
    hesitates, go_on, commit = threading.Event(), threading.Event(), service.wiring.journal.commit

    def late(units: Sequence[Unit]) -> list[Committed]:
        hesitates.set()
        assert go_on.wait(30)
        return commit(units)

    service.wiring.journal.commit = late  # type: ignore[method-assign]  # the real commit, later
    return hesitates, go_on


def test_who_was_given_up_stands_back_under_another_name_and_works_on(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            before = made.workers["b"].attendance.worker
            journal = made.workers["a"].wiring.journal
            assert isinstance(journal, PostgresJournal)
            journal._rows("delete from workers where worker = :name returning worker", name=before)
            await until(lambda: made.workers["b"].attendance.worker != before)
            await until(lambda: made.settled("a", "b"))
            await steadily(lambda: made.workers["b"], 48)
            await until(lambda: len(made.heard.said) == 48)
            assert in_order(made.heard, 48)

    run(story())


def test_roles_are_split_over_processes(postgres_url: str) -> None:
    async def story() -> None:
        made = Group(postgres_url)
        try:
            await made.join("gateway", ("gateway",))
            await made.join("worker", ("worker",))
            await made.join("deliver", ("deliver",))
            # subscribers are told by one of those who take messages in, and that is all they own
            await until(lambda: frozenset[str]().union(*made.shares().values()) == ALL)
            assert made.shares()["gateway"] <= {WEBHOOKS}
            assert not any(part.startswith("instance/") for part in made.shares()["worker"])
            await steadily(lambda: made.workers["gateway"], 48)
            await until(lambda: len(made.heard.said) == 48)
            assert in_order(made.heard, 48)
            assert set.union(*made.heard.speakers().values()) == {"deliver"}
        finally:
            for name in list(made.workers):
                await made.leave(name)

    run(story())


def test_where_network_files_differ_what_each_leaves_to_another_is_taken_by_who_can(postgres_url: str) -> None:
    async def story() -> None:
        made = Group(postgres_url)
        try:
            await made.join("a")
            await made.join("b", ("deliver",), knows=PEERS[:1])  # as in the middle of a change, host by host
            await until(lambda: made.shares()["a"] | made.shares()["b"] == ALL)
            await steadily(lambda: made.workers["a"], 48)
            await until(lambda: len(made.heard.said) == 48)
            assert in_order(made.heard, 48)
        finally:
            for name in list(made.workers):
                await made.leave(name)

    run(story())


def test_codes_that_one_filed_are_known_to_the_other(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            row = ROW
            await made.workers["a"].in_thread(lambda: say(made.workers["a"].wiring, [row], NOON))
            for service in made.workers.values():
                await until(partial(_knows, service))

    run(story())


def test_the_quota_of_an_instance_holds_while_it_changes_hands(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            owner = next(name for name, service in made.workers.items() if service.wiring.share.delivers(PEERS[0]))
            other = {"a": "b", "b": "a"}[owner]
            statuses = [OrderStatus(order=f"0-{number}", state="confirmed", at=NOON) for number in range(120)]
            began = monotonic()
            await asyncio.gather(*(tell(made.workers[other], [status]) for status in statuses))
            await until(lambda: len(made.heard.said) > 40)
            await made.leave(owner)
            await until(lambda: len(made.heard.said) == 120)
            assert made.heard.speakers()[PEERS[0]] == {"a", "b"}
            moments = sorted(at for _, _, at, _ in made.heard.said)
            for first in range(len(moments)):
                within = sum(moment < moments[first] + 1.0 for moment in moments[first:])
                assert within <= RATE, "the ceiling, whoever calls"
            assert moments[-1] - began > (120 - RATE) / RATE - 1

    run(story())


def test_partitions_are_counted_anew_under_load(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            load = asyncio.create_task(steadily(lambda: made.workers["a"], 240))
            for count in (32, 5):
                await until(lambda: len(made.heard.said) > 20)
                assert (await asyncio.to_thread(divide, postgres_url, count))[0] != count
                wanted = {partition(number) for number in range(count)}
                await until(partial(_divided, made, wanted))
            await load
            await until(lambda: len(made.heard.said) == 240)
            assert in_order(made.heard, 240)
            assert all(service._stood_back == 0 for service in made.workers.values())
            journal = PostgresJournal(postgres_url, KEY)
            assert journal.partitions == 5
            journal.close()

    run(story())


def _divided(made: Group, wanted: set[str]) -> bool:
    return {part for share in made.shares().values() for part in share if part.startswith("work/")} == wanted


def _knows(service: Service) -> bool:
    return service.wiring.book.inbound(PEERS[1], "item", "7") == "ITEM-1"


def test_a_late_commit_of_one_given_up_is_fenced(postgres_url: str) -> None:
    async def story() -> None:
        async with group(postgres_url, "a", "b") as made:
            hung = made.workers["b"]
            assert hung._attending is not None
            hung._attending.cancel()
            await until(lambda: made.shares()["a"] == ALL)
            with pytest.raises(Fenced):
                await hung.in_thread(lambda: _twice(lambda: say(hung.wiring, [ROW], NOON)))

    run(story())


def _twice(step: Callable[[], object]) -> object:
    """The first may meet the end of its connection; the next has to hear why."""
    try:
        return step()
    except Unavailable:
        return step()
