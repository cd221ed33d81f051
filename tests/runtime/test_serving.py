"""A network file put to work over real sockets and folders: a stop that leaves no doubt, a start that goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from suture.formats.hl7v2 import parse_ack
from suture.journal import Delivery, Journal, open_journal
from suture.journal.seal import verify
from suture.journal.shelves import load_keys
from suture.model import Delivered
from suture.runtime.network import read_network
from suture.runtime.secrets import NoSecret
from suture.runtime.serving import BadAddress, CannotListen, Serving
from suture.transports import Http, NotSent, Say
from suture.transports.mllp import MllpLink
from suture.views import history
from tests.runtime.loopback import Loopback, filed, free_port, until, webhook


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 50))


@asynccontextmanager
async def serving(network: Path) -> AsyncIterator[Serving]:
    served = Serving(read_network(network), network.parent)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


def ways(served: Serving) -> tuple[str, int]:
    """The webhook address, and the MLLP port."""
    http, mllp = served.listening.split(", ")
    return http, int(mllp.rpartition(":")[2])


def reopened(folder: Path) -> Journal:
    return open_journal(folder / "suture.db", load_keys(folder))


async def owed(served: Serving, instance: str) -> list[Delivery]:
    return await served.service.in_thread(lambda: served.journal.open_deliveries(instance))


def test_a_signed_requisition_becomes_an_order_and_an_850_and_a_charge_moves_stock(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house, serving(house.write_network()) as served:
            http, mllp = ways(served)
            async with webhook(http) as link:
                reply = await link.perform(filed(house.requisition(1)))
            assert (reply.status, reply.json()["documents"]) == (202, ["REQ-000001"])
            await until(lambda: house.ordered() == {"REQ-000001": 1} and house.dropped(), "order and interchange")
            assert b"ST*850*" in house.dropped()[0]
            assert house.erp.orders[0].body["vendor"].startswith("V")
            await until(lambda: house.inventory.expected and house.ap.orders, "dock and AP are told")

            ehr = MllpLink("127.0.0.1", mllp)
            acknowledged = await ehr.perform(Say(body=house.charge(1)))
            await ehr.close()
            assert parse_ack(acknowledged.body).code == "AA"
            await until(lambda: house.inventory.movements, "stock moves")
            assert house.inventory.movements[0]["quantity"]["qty"].startswith("-")

    run(story())


def test_the_public_half_of_the_seal_lies_beside_it_for_a_third_party(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            network = house.write_network()
            async with serving(network) as served:
                await until(lambda: served.journal.checkpoint() is not None, "a seal over the masters")
            public = load_pem_public_key((network.parent / "seal.pub").read_bytes())
            assert isinstance(public, Ed25519PublicKey)
            journal = reopened(network.parent)
            assert verify(journal, public) == []
            stranger = Ed25519PrivateKey.generate().public_key()
            assert verify(journal, stranger) != []
            journal.close()

    run(story())


def test_who_does_not_sign_is_refused_with_a_problem_and_health_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Loopback(tmp_path) as house,
            serving(house.write_network()) as served,
            webhook(ways(served)[0], secret="") as plain,
        ):
            refused = await plain.perform(filed(house.requisition(1)))
            assert (refused.status, refused.headers["content-type"]) == (401, "application/problem+json")
            assert refused.json()["type"] == "urn:suture:problem:wrong-signature"
            unknown = await plain.perform(Http(method="POST", path="/in/nobody/webhook", body=b"{}"))
            assert unknown.status == 404
            for health in ("live", "ready"):
                reply = await plain.perform(Http(method="GET", path=f"/health/{health}"))
                assert (reply.status, reply.json()) == (200, {"status": health})
            served.service.trouble = "the journal is out of reach"
            reply = await plain.perform(Http(method="GET", path="/health/ready"))
            assert (reply.status, reply.json()["detail"]) == (503, "the journal is out of reach")
            served.service.trouble = ""

    run(story())


def test_figures_are_told_for_prometheus_and_agree_with_the_counterparts(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Loopback(tmp_path) as house,
            serving(house.write_network()) as served,
            webhook(ways(served)[0]) as link,
        ):
            await house.close("ap")
            first, second = house.requisition(1), house.requisition(2)
            for raw in (first, second, second):
                assert (await link.perform(filed(raw))).status == 202
            await until(lambda: len(house.ordered()) == 2, "both orders")

            async def figures() -> str:
                return (await link.perform(Http(method="GET", path="/metrics"))).body.decode()

            async def complete() -> bool:
                told = await figures()
                return 'counterpart="ap",status="queued"' in told and "suture_sealed_events" in told

            await until(complete, "a backlog and a seal")
            told = await figures()
            assert 'suture_messages_total{counterpart="procurement",channel="webhook",outcome="accepted"} 3' in told
            assert 'suture_repeats_total{counterpart="procurement",channel="webhook"} 1' in told
            assert 'document="PurchaseOrder",outcome="done"} 2' in told
            assert 'suture_open_deliveries{counterpart="ap",status="queued"}' in told
            assert 'suture_breaker{counterpart="erp-north"} 0' in told
            assert "suture_ready 1" in told

    run(story())


def test_a_journal_that_is_away_is_told_before_anybody_needs_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            Loopback(tmp_path) as house,
            serving(house.write_network()) as served,
            webhook(ways(served)[0], secret="") as plain,
        ):
            gone = threading.Event()
            hanging = asyncio.create_task(served.service.in_thread(lambda: gone.wait(20)))
            reply = await plain.perform(Http(method="GET", path="/health/ready"))
            assert (reply.status, reply.json()["detail"]) == (503, "the journal does not answer")
            assert (await plain.perform(Http(method="GET", path="/health/live"))).status == 200
            told = (await plain.perform(Http(method="GET", path="/metrics"))).body.decode()
            assert "suture_ready 0" in told
            assert "suture_open_deliveries" not in told
            gone.set()
            await hanging

            async def ready() -> bool:
                return (await plain.perform(Http(method="GET", path="/health/ready"))).status == 200

            await until(ready, "it answers again")

    run(story())


def test_before_it_has_started_it_is_alive_not_ready_and_takes_nothing_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            port = free_port()
            served = Serving(read_network(house.write_network(port=port)), tmp_path)
            may = threading.Event()
            waiting = asyncio.create_task(served.service.in_thread(lambda: may.wait(20)))
            starting = asyncio.create_task(served.start())
            async with webhook(f"http://127.0.0.1:{port}") as link:

                async def alive() -> bool:
                    try:
                        return (await link.perform(Http(method="GET", path="/health/live"))).status == 200
                    except NotSent:
                        return False

                await until(alive, "it listens")
                reply = await link.perform(Http(method="GET", path="/health/ready"))
                assert (reply.status, reply.json()["detail"]) == (503, "not started yet")
                refused = await link.perform(filed(house.requisition(1)))
                assert (refused.status, refused.headers["retry-after"]) == (503, "5")
                may.set()
                await asyncio.gather(waiting, starting)
                assert (await link.perform(Http(method="GET", path="/health/ready"))).status == 200
                assert (await link.perform(filed(house.requisition(1)))).status == 202
            await served.stop()

    run(story())


def test_who_is_no_gateway_tells_its_health_and_takes_nothing_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            port = free_port()
            served = Serving(read_network(house.write_network()), tmp_path, port=port, roles=("worker", "deliver"))
            await served.start()
            assert served.listening == f"http://127.0.0.1:{port}"
            async with webhook(served.listening) as link:
                assert (await link.perform(Http(method="GET", path="/health/ready"))).status == 200
                assert (await link.perform(Http(method="GET", path="/metrics"))).status == 200
                assert (await link.perform(filed(house.requisition(1)))).status == 404
            await served.stop()

    run(story())


def test_a_stop_lets_conversations_end_and_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            house.erp.latency_s = 0.15
            async with serving(house.write_network()) as served:
                async with webhook(ways(served)[0]) as link:
                    replies = await asyncio.gather(*(link.perform(filed(house.requisition(number))) for number in range(40)))
                assert {reply.status for reply in replies} == {202}
                await until(lambda: house.erp.orders, "the first order")
            journal = reopened(tmp_path)
            statuses = {delivery.status for delivery in journal.open_deliveries()}
            assert statuses <= {"queued", "awaiting"}
            done = [row.event.data for row in history(journal) if isinstance(row.event.data, Delivered)]
            orders = [fate for fate in done if fate.instance == "erp-north" and fate.document.type == "PurchaseOrder"]
            assert len(orders) == len(house.erp.orders) < 40, "what the ERP did is known, and the rest still owed"
            journal.close()

            async with serving(house.folder / "network.toml"):
                await until(lambda: len(house.erp.orders) >= 40, "what was owed goes on")
            assert set(house.ordered().values()) == {1}

    run(story())


def test_what_was_owed_to_somebody_who_was_down_goes_on_at_the_next_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            await house.close("erp-north")
            async with serving(house.write_network()) as served:
                async with webhook(ways(served)[0]) as link:
                    assert (await link.perform(filed(house.requisition(1)))).status == 202

                async def tried() -> bool:
                    return any(delivery.attempts for delivery in await owed(served, "erp-north"))

                await until(tried, "the ERP was called")
            assert not house.erp.orders

            await house.open(house.erp)
            async with serving(house.folder / "network.toml"):
                await until(lambda: house.ordered() == {"REQ-000001": 1} and house.dropped(), "the order arrives")

    run(story())


def test_a_bearer_token_goes_along_is_read_anew_and_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            token = tmp_path / "token"
            token.write_text("first-token\n")
            door = f'address = "http://127.0.0.1:{house.ports["erp-north"]}"\ntoken = "file:{token}"'
            async with serving(house.write_network(erp_north=door)) as served, webhook(ways(served)[0]) as link:
                await link.perform(filed(house.requisition(1)))
                await until(lambda: len(house.erp.orders) == 1, "the first order")
                token.write_text("second-token\n")
                await link.perform(filed(house.requisition(2)))
                await until(lambda: len(house.erp.orders) == 2, "the second order")
            assert house.authorizations["erp-north"] >= {"Bearer first-token", "Bearer second-token"}
            assert house.authorizations["ap"] == {""}

    caplog.set_level(logging.DEBUG)
    run(story())
    assert "-token" not in caplog.text


def test_a_supplier_over_sftp_gets_files_and_leaves_them(tmp_path: Path) -> None:
    pytest.importorskip("asyncssh", reason="asyncssh is not installed (the extra sftp)")
    from tests.transports import test_sftp as peers

    async def story() -> None:
        for side in ("to", "from"):
            (tmp_path / "sftp" / side).mkdir(parents=True)
        keys = {"host": peers.public(peers.HOST_KEY), "client": peers.private(peers.CLIENT_KEY)}
        for name, text in keys.items():
            (tmp_path / f"{name}.key").write_text(text)
        async with peers.in_process(tmp_path / "sftp") as peer, Loopback(tmp_path) as house:
            root = peer.address.rstrip("/")
            door = (
                f'address = "{root}/to"\nlisten = {{ in = "{root}/from" }}\n'
                f'host_key = "file:{tmp_path}/host.key"\nclient_key = "file:{tmp_path}/client.key"'
            )
            async with serving(house.write_network(supplier_alder=door)) as served:
                async with webhook(ways(served)[0]) as link:
                    await link.perform(filed(house.requisition(1)))
                await until(lambda: list((tmp_path / "sftp/to").glob("[!.]*")), "the interchange")
                (sent,) = [raw for name, raw in peer.tree().items() if name.startswith("to/")]
                assert b"ST*850*" in sent
                (tmp_path / "sftp/from/000000001.x12").write_bytes(acknowledgement_of(sent))

                async def settled() -> bool:
                    return not await owed(served, "supplier-alder")

                await until(settled, "the partner's 997 ends the delivery")
                await until(lambda: list((tmp_path / "sftp/from/.archive").glob("*/000000001.x12")), "the 997 is filed")

    run(story())


def acknowledgement_of(sent: bytes) -> bytes:
    """The supplier's 997."""
    from suture.formats import Profile, Stamp, Verdict
    from suture.formats.x12 import FORMAT

    profile = Profile(us="ALDER", partner="HOSPITAL")
    assert FORMAT.acknowledge is not None
    stamp = Stamp(number=1, at="2026-03-02T15:15:01+00:00")
    return FORMAT.acknowledge(FORMAT.read(sent, profile), Verdict(outcome="accepted", stamp=stamp), profile) or b""


def test_a_folder_that_is_away_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            share, away = tmp_path / "alder/from", tmp_path / "unmounted"
            share.rename(away)
            async with serving(house.write_network()):
                await until(lambda: "inbox supplier-alder/in" in caplog.text, "the failure is told")
                away.rename(share)
                (share / "1.x12").write_bytes(b"not X12 at all")
                await until(lambda: list((share / ".refused").glob("*")), "the file is picked up")
            assert caplog.text.count("inbox supplier-alder/in") == 2, "once when it fails, once when it works again"

    run(story())


def test_what_cannot_be_opened_is_told_by_name_and_nothing_is_left_open(tmp_path: Path) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            async with serving(house.write_network()) as served:
                http, mllp = ways(served)
                port = int(http.rpartition(":")[2])
                other = tmp_path / "other"
                other.mkdir()
                (other / "masters").symlink_to(tmp_path / "masters")
                taken = {f"http://127.0.0.1:{port}": {"port": port}, f"mllp://127.0.0.1:{mllp} for ehr-main": {"mllp_port": mllp}}
                for place, ports in taken.items():
                    second = Serving(read_network(house.write_network(**ports)), other)
                    with pytest.raises(CannotListen, match=f"cannot listen at {place}: the port is in use"):
                        await second.start()
            with pytest.raises(NoSecret, match="env:NOT_SET"):
                Serving(read_network(house.write_network(ap='address = "http://127.0.0.1:1"\ntoken = "env:NOT_SET"')), tmp_path)
            with pytest.raises(BadAddress, match="bank: "):
                Serving(read_network(house.write_network(bank='address = "gopher://127.0.0.1"')), tmp_path)

    run(story())
