"""Events over HTTP: a stream that goes on where it stopped, batches, subscriptions by their owners; nothing of anybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from suture.gateway.access import Access, Caller
from suture.gateway.events.addresses import listed
from suture.gateway.events.contract import CONTRACTS
from suture.gateway.events.desk import Desk
from suture.gateway.events.samples import SAMPLES
from suture.gateway.events.stream import STREAMS_EACH, Asked, EventStream
from suture.gateway.events.subscription import known
from suture.gateway.events.webhooks import Webhooks
from suture.gateway.problem import Problem
from suture.journal import Event, Journal, MemoryJournal, Unit
from suture.model import OrderStatus
from suture.runtime.clock import ManualClock, SystemClock
from suture.transports.http_server import serve
from tests.gateway.receiver import Receiver

T = TypeVar("T")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEY = b"s" * 32
CALLERS = {
    "analyst": Caller(subject="key/lake", roles=("analyst", "machine"), kind="machine"),
    "alder": Caller(subject="key/alder", roles=("supplier", "subscriber"), supplier="ALDER", kind="machine"),
    "birch": Caller(subject="key/birch", roles=("supplier", "subscriber"), supplier="BIRCH", kind="machine"),
    "nobody": Caller(subject="key/nobody", roles=()),
}
ACCESS = Access(roles={"subscriber": ("subscriptions.own",)})


async def at_once(step: Callable[[], T]) -> T:
    return step()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


class Proven:
    """What the gateway does before: it knows who calls, and tells problems."""

    def __init__(self, applications: dict[str, ASGIApp]) -> None:
        self.applications = applications

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        try:
            name = scope["path"].split("/")[2]
            await self.applications[name]({**scope, "caller": CALLERS[headers["who"]]}, receive, send)
        except Problem as problem:
            body = json.dumps({"code": problem.code, "errors": [error.text for error in problem.errors]}).encode()
            await send({"type": "http.response.start", "status": problem.fault.status, "headers": []})
            await send({"type": "http.response.body", "body": body})


@pytest.fixture
def story() -> Journal:
    journal = MemoryJournal()
    journal.commit(
        [
            Unit(events=[Event(once=f"s/{kind.__name__}", kind=CONTRACTS[kind].kinds[0], source="s", at=AT, data=document)])
            for kind, document in SAMPLES.items()
        ]
    )
    return journal


class Client:
    """A caller of the applications."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.session, self.address = session, address

    async def get(self, path: str, who: str, **headers: str) -> tuple[int, Any, Any]:
        async with self.session.get(self.address + path, headers={"who": who, **headers}) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None, reply.headers

    async def post(self, path: str, who: str, body: Any) -> tuple[int, Any]:
        async with self.session.post(self.address + path, headers={"who": who}, json=body) as reply:
            return reply.status, json.loads(await reply.text())

    async def stream(self, path: str, who: str, count: int, **headers: str) -> list[tuple[str, str, dict[str, Any]]]:
        """The first ``count`` events of a stream, as a browser's EventSource reads them."""
        found: list[tuple[str, str, dict[str, Any]]] = []
        said = {"who": who, "accept": "text/event-stream", **headers}
        async with self.session.get(self.address + path, headers=said) as reply:
            assert reply.status == 200
            assert reply.headers["content-type"] == "text/event-stream"
            fields: dict[str, str] = {}
            while len(found) < count:
                line = (await reply.content.readline()).decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    found.append((fields["id"], fields["event"], json.loads(fields["data"])))
                    fields = {}
        return found


@asynccontextmanager
async def served(journal: Journal, clock: Any = None) -> AsyncIterator[Client]:
    clock = clock or SystemClock()
    stream = EventStream(journal, "north", clock, at_once, lambda: ACCESS)
    desk = Desk(journal, clock, at_once, KEY, access=lambda: ACCESS, allowed=listed(["127.0.0.0/8"]))
    server = await serve(Proven({"events": stream, "subscriptions": desk}), grace_s=1)
    async with aiohttp.ClientSession() as session:
        yield Client(session, f"http://127.0.0.1:{server.port}")
    await server.stop()


def status(order: str) -> Unit:
    document = OrderStatus(order=order, state="closed", at=AT)
    return Unit(events=[Event(once=f"new/{order}", kind="emitted", source="p", at=AT, data=document)])


# -- the stream


def test_a_stream_begins_where_it_is_told_and_goes_on_with_what_is_new(story: Journal) -> None:
    async def scene() -> None:
        async with served(story) as client:
            everything = await client.stream("/api/events?after=0", "analyst", len(SAMPLES))
            assert [int(id) for id, _, _ in everything] == [row.position for row in story.read(0, 100)]
            assert all(event["type"] == type and int(event["sequence"]) == int(id) for id, type, event in everything)
            again = await client.stream("/api/events", "analyst", 3, **{"Last-Event-ID": everything[9][0]})
            assert [id for id, _, _ in again] == [id for id, _, _ in everything[10:13]]
            waiting = asyncio.create_task(client.stream("/api/events", "analyst", 1))
            await asyncio.sleep(0.2)
            story.commit([status("PO-REQ-7")])
            ((_, type, _),) = await waiting
            assert type == "suture.order_status.emitted.v1"

    run(scene)


def test_a_partner_hears_its_own_and_another_nothing_of_it(story: Journal) -> None:
    async def scene() -> None:
        partners = [kind for kind in SAMPLES if CONTRACTS[kind].partners]
        async with served(story) as client:
            mine = await client.stream("/api/events?after=0", "alder", len(partners))
            assert {event["data"]["type"] for _, _, event in mine} == {kind.__name__ for kind in partners}
            assert (await client.get("/api/events", "birch"))[1] == []
            assert (await client.get("/api/events", "nobody"))[0] == 403

    run(scene)


def test_types_narrow_and_batches_follow_one_another(story: Journal) -> None:
    async def scene() -> None:
        async with served(story) as client:
            code, events, headers = await client.get("/api/events?types=PurchaseOrder,suture.invoice.accepted.v1", "analyst")
            assert (code, [event["data"]["type"] for event in events]) == (200, ["PurchaseOrder", "Invoice"])
            assert headers["content-type"] == "application/cloudevents-batch+json"
            found: list[dict[str, Any]] = []
            path = "/api/events?limit=7"
            while batch := (await client.get(path, "analyst")):
                assert len(batch[1]) <= 7
                if not batch[1]:
                    break
                found += batch[1]
                path = batch[2]["link"].partition("<")[2].partition(">")[0]
            assert [event["sequence"] for event in found] == sorted({event["sequence"] for event in found})
            assert len(found) == len(SAMPLES)

    run(scene)


def test_since_a_moment(story: Journal) -> None:
    async def scene() -> None:
        later = AT + timedelta(hours=2)
        document = OrderStatus(order="PO-REQ-7", state="closed", at=later)
        story.commit([Unit(events=[Event(once="late", kind="emitted", source="p", at=later, data=document)])])
        async with served(story) as client:
            moment = (later - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            _, events, _ = await client.get(f"/api/events?since={moment}", "analyst")
            assert [event["id"] for event in events] == ["late"]

    run(scene)


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "since=yesterday", "since=2026-03-02T08:00", "types=Usage", "limit=0", "limit=1001", "x=1"]
)
def test_what_cannot_be_read_is_a_problem(story: Journal, query: str) -> None:
    async def scene() -> None:
        async with served(story) as client:
            code, problem, _ = await client.get(f"/api/events?{query}", "analyst")
            assert (code, problem["code"]) == (400, "bad-parameter")

    run(scene)


def test_a_caller_has_so_many_streams_and_gets_places_back(story: Journal) -> None:
    async def scene() -> None:
        async with served(story) as client:
            hold = asyncio.Event()

            async def open_stream() -> None:
                said = {"who": "analyst", "accept": "text/event-stream"}
                async with client.session.get(client.address + "/api/events", headers=said) as reply:
                    assert reply.status == 200
                    await hold.wait()

            streams = [asyncio.create_task(open_stream()) for _ in range(STREAMS_EACH)]
            await asyncio.sleep(0.3)
            code, problem, _ = await client.get("/api/events", "analyst", accept="text/event-stream")
            assert (code, problem["code"]) == (429, "too-many")
            assert (await client.get("/api/events", "alder"))[0] == 200
            hold.set()
            await asyncio.gather(*streams)
            await asyncio.sleep(0.3)
            await client.stream("/api/events?after=0", "analyst", 1)

    run(scene)


def test_a_stream_ends_with_the_proof_and_with_the_right(story: Journal) -> None:
    async def scene() -> None:
        clock, rights = ManualClock(AT), [ACCESS]
        stream = EventStream(story, "north", clock, at_once, lambda: rights[0])
        short = Caller(subject="s", roles=("analyst",), until=AT + timedelta(seconds=40))
        pieces = stream.pieces(short, Asked(after=0))
        seen: list[bytes] = []
        reading = asyncio.create_task(_all(pieces, seen))
        for _ in range(60):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            clock.move_to(clock.now() + timedelta(seconds=1))
        await asyncio.wait_for(reading, 2)
        last = story.read(0, 1000)[-1].position
        assert b"id: %d\n: alive\n\n" % last in seen
        rights[0] = Access(roles={"analyst": ()})
        ended = [piece async for piece in stream.pieces(Caller(subject="s", roles=("analyst",)), Asked(after=0))]
        assert ended == [b"retry: 2000\n\n"]

    run(scene)


async def _all(pieces: AsyncIterator[bytes], seen: list[bytes]) -> None:
    async for piece in pieces:
        seen.append(piece)


# -- subscriptions


def test_a_partner_subscribes_and_gets_its_own_signed(story: Journal) -> None:
    async def scene() -> None:
        clock = SystemClock()
        receiver = Receiver([], clock.now)
        url = await receiver.start()
        async with served(story) as client:
            code, made = await client.post("/api/subscriptions", "alder", {"name": "alder-hook", "url": url, "after": 0})
            assert (code, made["status"]) == (201, "active")
            receiver.secrets = [made["secret"]]
            webhooks = Webhooks(story, "north", clock, at_once, KEY, access=lambda: ACCESS, allowed=listed(["127.0.0.0/8"]))
            await webhooks.look()
            await webhooks.settle()
            await webhooks.close()
            assert receiver.refused == 0
            assert {event["data"]["type"] for _, event in receiver.got} == {
                kind.__name__ for kind in SAMPLES if CONTRACTS[kind].partners
            }
            _, (listed_one,), _ = await client.get("/api/subscriptions", "alder")
            assert listed_one["received"] == len(receiver.got)
            assert "secret" not in listed_one
        await receiver.stop()

    run(scene)


def test_nobody_sees_or_touches_the_subscription_of_another(story: Journal) -> None:
    async def scene() -> None:
        async with served(story) as client:
            await client.post("/api/subscriptions", "alder", {"name": "alder-hook", "url": "https://example.org/hook"})
            assert (await client.get("/api/subscriptions", "birch"))[1] == []
            for verb in ("pause", "resume", "rotate", "rewind", "end"):
                code, _ = await client.post(f"/api/subscriptions/alder-hook/{verb}", "birch", {"reason": "mine?", "after": 0})
                assert code == 404
            assert (await client.get("/api/subscriptions", "nobody"))[0] == 403
            found = known(story, "alder-hook")
            assert found is not None
            assert (found.subscription.status, found.subscription.generation) == ("active", 1)

    run(scene)


def test_its_owner_pauses_renews_goes_back_and_ends(story: Journal) -> None:
    async def scene() -> None:
        async with served(story) as client:
            _, made = await client.post("/api/subscriptions", "alder", {"name": "hook", "url": "https://example.org/hook"})
            assert (await client.post("/api/subscriptions/hook/pause", "alder", {"reason": "we move"}))[1]["status"] == "paused"
            _, renewed = await client.post("/api/subscriptions/hook/rotate", "alder", {"reason": "it leaked"})
            assert renewed["secret"] not in ("", made["secret"])
            _, back = await client.post("/api/subscriptions/hook/rewind", "alder", {"reason": "lost", "after": 3})
            assert back["position"] == 3
            _, earlier = await client.post(
                "/api/subscriptions/hook/rewind", "alder", {"reason": "lost", "since": "2026-01-01T00:00:00Z"}
            )
            assert earlier["position"] == 0
            assert (await client.post("/api/subscriptions/hook/end", "alder", {"reason": "done"}))[1]["status"] == "ended"
            assert (await client.post("/api/subscriptions/hook/end", "alder", {"reason": "done"}))[0] == 404

    run(scene)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "hook", "url": "http://169.254.169.254/latest/meta-data"}, 422),
        ({"name": "hook", "url": "https://[::ffff:10.0.0.1]/x"}, 422),
        ({"name": "../../x", "url": "https://example.org/"}, 422),
        ({"name": "hook", "url": "https://example.org/", "types": ["Usage"]}, 422),
        ({"name": "hook", "url": "https://example.org/", "supplier": "BIRCH"}, 422),
        ({"name": "hook"}, 422),
        ([], 422),
        ({"name": "hook", "url": "https://example.org/" + "x" * 20_000}, 413),
    ],
    ids=str,
)
def test_what_is_no_subscription_is_refused_and_leaves_no_trace(story: Journal, body: Any, code: int) -> None:
    async def scene() -> None:
        before = len(story.read(0, 1000))
        async with served(story) as client:
            assert (await client.post("/api/subscriptions", "alder", body))[0] == code
        assert len(story.read(0, 1000)) == before

    run(scene)
