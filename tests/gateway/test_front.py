"""A newcomer to a served network: it finds an operation, calls it with its own key, and its order reaches ERP and supplier."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import structs

from suture.gateway import Access
from suture.gateway.front import front
from suture.gateway.identity import Grant, api_keys
from suture.model import Requisition, decode, encode
from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from suture.runtime.share import Role
from tests.runtime.loopback import Loopback, until

CLIENT = """
[[instances]]
name = "ward-app"
system = "api_client"
owner = "ward applications"
"""


@asynccontextmanager
async def opened(house: Loopback, *roles: Role) -> AsyncIterator[tuple[Serving, httpx2.AsyncClient]]:
    """The network with a client of the gateway, served as ``suture run`` serves it."""
    path = house.write_network()
    path.write_text(path.read_text() + CLIENT)
    served = Serving(read_network(path), path.parent, wing=front, **({"roles": roles} if roles else {}))
    await served.start()
    try:
        async with httpx2.AsyncClient(base_url=served.listening.split(", ")[0]) as client:
            yield served, client
    finally:
        await served.stop()


async def key(served: Serving) -> dict[str, str]:
    """A key for the newcomer, made as an administrator makes it."""

    def make() -> str:
        grant = Grant(roles=("machine",), instance="ward-app")
        now = served.clock.now()
        return api_keys.make(served.journal, Access(), "ward-app", grant, actor="Nia Osei", reason="pilot", now=now)

    return {api_keys.HEADER: await served.service.in_thread(make)}


def golden(house: Loopback) -> Requisition:
    """A requisition in the group's codes, which are the newcomer's, too."""
    filed = decode(house.requisition(1))
    assert isinstance(filed, Requisition)
    lines = tuple(
        structs.replace(
            line,
            item=house.book.inbound("procurement", "item", line.item) or "",
            supplier=house.book.inbound("procurement", "supplier", line.supplier) or "",
        )
        for line in filed.lines
    )
    return structs.replace(filed, lines=lines)


def test_a_newcomer_finds_an_operation_calls_it_and_the_order_arrives(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house, opened(house) as (served, client):
            assert (await client.get("/api/operations")).status_code == 401
            client.headers.update(await key(served))
            rows = (await client.get("/api/operations")).json()["operations"]
            creating = next(row for row in rows if row["title"] == "Create a purchase order")
            contract = (await client.get("/openapi.json")).json()
            assert creating["method"].lower() in contract["paths"][creating["address"]]

            headers = {"idempotency-key": "first", "content-type": "application/json"}
            said = await client.post(creating["address"], content=encode(golden(house)), headers=headers)
            assert said.status_code == 202, said.text
            await until(lambda: house.ordered() == {"REQ-000001": 1} and house.dropped(), "order and interchange")
            await until(lambda: _ordered(client, said.headers["location"]), "the status tells which order it led to")
            order = await _ordered(client, said.headers["location"])
            assert [row["id"] for row in (await client.get("/api/process/v1/orders")).json()["items"]] == [order]
            standing = (await client.get(f"/api/process/v1/orders/{order}")).json()
            assert standing["erp"]["state"] == "held"
            held = (await client.get("/api/system/v1/erp-north/orders")).status_code
            assert held == 403, "a machine's role does not read systems' lists"

            metrics = (await client.get("/metrics")).text
            assert (
                'suture_gateway_calls_total{operation="create_order",version="1",consumer="key/ward-app",status="202"} 1'
                in metrics
            )
            assert (await client.get("/health/ready")).status_code == 200
            refused = await client.post("/in/ward-app/api", content=b"{}")
            assert refused.status_code == 404, "a client of the gateway has no other way in"

    asyncio.run(asyncio.wait_for(story(), 50))


async def _ordered(client: httpx2.AsyncClient, status: str) -> str:
    """The order that a submission led to; "" as long as there is none."""
    told: Any = msgspec.json.decode((await client.get(status)).content)
    return next((ref.partition(":")[2] for ref in told.get("led_to", ()) if ref.startswith("PurchaseOrder:")), "")


def test_who_takes_nothing_in_opens_no_gateway(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            path = house.write_network()
            served = Serving(read_network(path), path.parent, roles=("worker",), wing=front)
            try:
                assert served.wing is None
            finally:
                await served.stop()

    asyncio.run(asyncio.wait_for(story(), 50))


def test_the_register_is_taken_up_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            async with opened(house) as (served, client):
                client.headers.update(await key(served))
                headers = {"idempotency-key": "first", "content-type": "application/json"}
                await client.post("/api/process/v1/orders", content=encode(golden(house)), headers=headers)
                await until(lambda: house.ordered() == {"REQ-000001": 1}, "the order")
                await until(lambda: _count(client, 1), "the register tells it")
            async with opened(house) as (served, client):
                client.headers.update(await key(served))
                assert await _count(client, 1)

    asyncio.run(asyncio.wait_for(story(), 50))


async def _count(client: httpx2.AsyncClient, number: int) -> bool:
    return len((await client.get("/api/process/v1/orders")).json()["items"]) == number
