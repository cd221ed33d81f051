"""Events of a network in service: a newcomer finds them, subscribes, and hears a requisition become an order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from suture.gateway import Access
from suture.gateway.front import front
from suture.gateway.identity import Grant, api_keys
from suture.model import Case, Ref
from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from tests.gateway.receiver import Receiver
from tests.runtime.loopback import Loopback, filed, until, webhook

LISTENER = """
[[instances]]
name = "lake"
system = "api_client"
owner = "data platform"
"""


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[tuple[Serving, httpx2.AsyncClient, Receiver, str, Loopback]]:
    """A network in service, a client of it, and somebody who listens."""
    async with Loopback(folder) as house:
        path = house.write_network()
        path.write_text('private_networks = ["127.0.0.0/8"]\n' + path.read_text() + LISTENER)
        served = Serving(read_network(path), path.parent, wing=front)
        receiver = Receiver([], served.clock.now)
        hook = await receiver.start()
        await served.start()
        try:
            async with httpx2.AsyncClient(base_url=served.listening.split(", ")[0]) as client:
                yield served, client, receiver, hook, house
        finally:
            await served.stop()
            await receiver.stop()


def key_of(served: Serving) -> str:
    """A new key of the data platform."""
    grant = Grant(roles=("machine",), instance="lake")
    now = served.clock.now()
    return api_keys.make(served.journal, Access(), "lake", grant, actor="Nia Osei", reason="pilot", now=now)


async def heard(served: Serving, client: httpx2.AsyncClient, receiver: Receiver, hook: str, house: Loopback) -> None:
    key = {api_keys.HEADER: await served.service.in_thread(lambda: key_of(served))}
    assert (await client.get("/api/events")).status_code == 401
    assert (await client.post("/in/nobody/orders", content=b"{}")).status_code == 404
    assert 'suture_turned_away_total{reason="unknown-channel"} 1' in (await client.get("/metrics")).text
    catalogue = (await client.get("/api/asyncapi.json", headers=key)).json()
    assert "suture.purchase_order.emitted.v1" in catalogue["channels"]
    wanted = {"name": "lake", "url": hook, "types": ["Requisition", "PurchaseOrder", "OrderStatus"], "after": 0}
    made = await client.post("/api/subscriptions", headers=key, json=wanted)
    assert made.status_code == 201, made.text
    receiver.secrets = [made.json()["secret"]]
    async with webhook(str(client.base_url).rstrip("/")) as link:
        await link.perform(filed(house.requisition(1)))
    await until(lambda: any(event["type"] == "suture.purchase_order.emitted.v1" for _, event in receiver.got), "its order")
    assert (receiver.refused, receiver.asked) == (0, ["loopback-hospital"])
    assert receiver.positions == sorted(receiver.positions)
    batch: list[dict[str, Any]] = (await client.get("/api/events?types=PurchaseOrder", headers=key)).json()
    assert [event["type"] for event in batch] == ["suture.purchase_order.emitted.v1"]
    assert batch[0] in [event for _, event in receiver.got]
    async with client.stream("GET", "/api/events?after=0", headers={**key, "accept": "text/event-stream"}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                assert json.loads(line[6:])["specversion"] == "1.0"
                break


def test_a_newcomer_hears_what_becomes_of_its_requisition(tmp_path: Path) -> None:
    async def scene() -> None:
        async with standing(tmp_path) as stage:
            await heard(*stage)

    asyncio.run(asyncio.wait_for(scene(), 60))


async def silenced(served: Serving, client: httpx2.AsyncClient, receiver: Receiver, hook: str, house: Loopback) -> None:
    """A key is revoked while a stream and a webhook of its holder are open; a new one brings the webhook back."""
    text = await served.service.in_thread(lambda: key_of(served))
    key = {api_keys.HEADER: text}
    made = await client.post("/api/subscriptions", headers=key, json={"name": "lake", "url": hook, "types": ["Requisition"]})
    receiver.secrets = [made.json()["secret"]]
    async with webhook(str(client.base_url).rstrip("/")) as link:
        await link.perform(filed(house.requisition(1)))
        await until(lambda: len(receiver.got) == 1, "the first requisition")
        async with client.stream("GET", "/api/events", headers={**key, "accept": "text/event-stream"}) as stream:
            now = served.clock.now()
            await served.service.in_thread(
                lambda: api_keys.revoke(served.journal, text[:20], now=now, actor="Nia Osei", reason="found in a mail")
            )
            await asyncio.wait_for(stream.aread(), 10)  # it ends by itself
        await link.perform(filed(house.requisition(2)))

        async def told() -> int:
            found = await served.service.in_thread(lambda: served.journal.find(Ref("Case", "subscription/lake/not-entitled")))
            return sum(isinstance(row.event.data, Case) for row in found)

        await until(told, "an exception that says so")

        async def shut_out() -> bool:
            return (await client.get("/api/subscriptions", headers=key)).status_code == 401

        await until(shut_out, "the key to open nothing, once what is remembered of it is over")
        again = {api_keys.HEADER: await served.service.in_thread(lambda: key_of(served))}
        (shown,) = (await client.get("/api/subscriptions", headers=again)).json()
        assert (shown["status"], shown["why"]) == ("paused", f"the API key {text[:20]} was revoked")
        assert len(receiver.got) == 1
        await client.post("/api/subscriptions/lake/resume", headers=again, json={"reason": "a new key"})
        await until(lambda: len(receiver.got) == 2, "what it had missed")
        assert await told() == 1


def test_a_revoked_key_silences_its_webhook_and_its_stream(tmp_path: Path) -> None:
    async def scene() -> None:
        async with standing(tmp_path) as stage:
            await silenced(*stage)

    asyncio.run(asyncio.wait_for(scene(), 60))
