"""A counterpart's rate holds for every request: those of a conversation that takes several, and questions of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from time import monotonic

import pytest

from suture.formats.json import FORMAT as JSON
from suture.journal import MemoryJournal
from suture.model import Document, OrderStatus
from suture.runtime.clock import SystemClock
from suture.runtime.gate import Gate
from suture.runtime.network import Instance, Network
from suture.runtime.pace import place
from suture.runtime.service import Service
from suture.runtime.wiring import Wiring
from suture.systems import Call, Channel, Done, Operation, Poll, Steps, System
from suture.transports import Http, HttpReply, NotSent, Reply, Request
from tests.runtime.house import NOON, TELLER, arrival, order

RATE = 8.0
ORDERS = 10


class Counting:
    """A counterpart that notes when each request came."""

    def __init__(self) -> None:
        self.moments: list[float] = []
        self.posted: list[str] = []

    async def perform(self, request: Request) -> Reply:
        assert isinstance(request, Http)
        self.moments.append(monotonic())
        self.posted += [request.path] if request.method == "POST" else []
        return HttpReply(status=200)

    async def close(self) -> None:
        """Nothing is kept open."""

    @property
    def most(self) -> int:
        """The most requests of any second."""
        return max(sum(first <= moment < first + 1.0 for moment in self.moments) for first in self.moments)


def asked_first(document: Document, call: Call) -> Steps:
    """A conversation of two requests: a token, as of SAP or Tryton, then the document."""
    yield Http(method="GET", path="/token")
    yield Http(method="POST", path=f"/{call.id}")
    return Done(reference="R1")


def news(cursor: str, call: Call) -> Generator[Request, Reply, tuple[tuple[bytes, ...], str]]:
    """Nothing is ever new."""
    yield Http(method="GET", path="/news")
    return (), cursor


def service(peer: Counting, *polls: Poll) -> Service:
    system = System(
        name="peer",
        title="Peer",
        role="peer",
        accepts={OrderStatus: Operation(send=asked_first, outcome="key")},
        channels=(Channel(name="in", transport="memory", format="json"),),
        polls=polls,
    )
    instance = Instance(name="peer", system="peer", role="peer", rate_per_s=RATE, concurrency=4)
    wiring = Wiring(
        MemoryJournal(b"k" * 32),
        Network(name="small", instances=(instance,)),
        privacy_key=b"p" * 32,
        formats={"json": JSON},
        systems={"peer": system},
        processes={"teller": TELLER},
    )
    return Service(wiring, SystemClock(), {"peer": peer})


async def all_told(peer: Counting, running: Service) -> None:
    await running.start()
    for number in range(ORDERS):
        await running.accept(arrival(order(f"PO-{number}")))
    async with asyncio.timeout(30):
        while len(peer.posted) < ORDERS:
            await asyncio.sleep(0.05)
    await running.stop()


def test_each_request_of_a_conversation_counts() -> None:
    peer = Counting()
    asyncio.run(all_told(peer, service(peer)))
    assert sorted(peer.posted) == sorted(f"/PO-{number}" for number in range(ORDERS))
    assert len(peer.moments) == 2 * ORDERS
    assert peer.most <= RATE


def test_polls_are_calls_like_any_other() -> None:
    peer = Counting()
    asyncio.run(all_told(peer, service(peer, Poll(name="news", every_s=0.02, ask=news, format="json"))))
    assert len(peer.moments) > 2 * ORDERS, "it was polled, too"
    assert peer.most <= RATE


def test_a_request_that_waits_comes_before_calls_that_are_to_begin() -> None:
    gate, later = Gate(concurrency=4, rate=2.0), NOON + timedelta(seconds=1)
    assert gate.room(NOON) == 2
    gate.begin("first", NOON)
    gate.begin("second", NOON)
    assert not gate.request("first", NOON), "both places are taken"
    gate.end("second", NOON, reached=True)
    assert gate.room(later) == 1, "one of the two that are free is kept for the one that waits"
    assert gate.request("first", later)
    assert gate.room(later) == 1
    gate.end("first", later, reached=True)
    assert gate.room(later + timedelta(seconds=1)) == 2


def test_a_conversation_goes_on_where_one_call_a_second_is_all() -> None:
    gate = Gate(concurrency=1, rate=1.0)
    gate.begin("delivery", NOON)
    assert not gate.request("delivery", NOON)
    assert gate.room(NOON + timedelta(seconds=1)) == 0, "nobody else begins meanwhile"
    assert gate.request("delivery", NOON + timedelta(seconds=1))


def test_who_is_given_up_while_waiting_keeps_no_place() -> None:
    gate = Gate(concurrency=2, rate=1.0)
    gate.begin("delivery", NOON)
    assert not gate.request("delivery", NOON)
    gate.lose("delivery", NOON)
    assert gate.room(NOON + timedelta(seconds=1)) == 1


def test_nobody_waits_for_ever() -> None:
    rests: list[float] = []

    async def never() -> bool:
        return False

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    with pytest.raises(NotSent, match="no room"):
        asyncio.run(place(never, rest))
    assert sum(rests) == pytest.approx(3600)


def test_a_trial_that_is_given_up_while_waiting_does_not_keep_the_breaker_shut() -> None:
    gate, later = Gate(concurrency=1, rate=1.0), NOON + timedelta(seconds=40)
    for number in range(gate.breaker.trips):
        gate.begin(f"{number}", NOON)
        gate.end(f"{number}", NOON, reached=False)
    gate.begin("trial", later)
    assert not gate.request("trial", later), "its first request still counts"
    assert gate.breaker.room(later) == 0
    gate.lose("trial", later)
    assert gate.breaker.room(later) == 1


def test_a_question_that_never_got_in_leaves_nothing_behind() -> None:
    gate = Gate(concurrency=1, rate=5.0)
    gate.begin("delivery", NOON)
    assert not gate.request("poll", NOON), "one call at a time"
    gate.over("poll", NOON)
    gate.end("delivery", NOON, reached=True)
    assert gate.room(NOON + timedelta(seconds=1)) == 1
