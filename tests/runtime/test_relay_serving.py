"""A network file with a relay, put to work against a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="nats-py is not installed (the extra nats)")

from prove.jetstream import NatsServer, server_program
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.checks import check
from suture.runtime.network import read_network
from suture.runtime.relay import behind
from suture.runtime.serving import BadAddress, Serving
from tests.runtime.test_relay import due, filled

pytestmark = pytest.mark.skipif(not server_program(), reason="there is no nats-server on this machine (python -m live.setup)")

NETWORK = """name = "north"
port = 0

[[relays]]
name = "bus"
address = "{address}"
owner = "integration"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(server_program(), tmp_path)
    server.start()
    yield server
    server.kill()


def written(folder: Path, address: str) -> Path:
    """The network file, beside a journal of 600 events."""
    path = folder / "network.toml"
    path.write_text(NETWORK.format(address=address), "utf-8")
    filled(600, open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))).close()
    return path


def test_what_is_recorded_is_relayed_also_when_the_broker_comes_later(server: NatsServer, tmp_path: Path) -> None:
    async def story() -> None:
        server.kill()
        path = written(tmp_path, server.address)
        network = read_network(path)
        assert not [finding for finding in check(network, {}, {}, {}) if finding.path.startswith("relays")]
        serving = Serving(network, tmp_path)
        await serving.start()
        while not serving.relays[0].trouble:
            await asyncio.sleep(0.02)
        assert "the broker is out of reach" in serving.relays[0].trouble
        server.start()
        while await serving.service.in_thread(lambda: behind(serving.journal, network.relays[0])):
            await asyncio.sleep(0.05)
        wanted = await serving.service.in_thread(lambda: due(serving.journal))
        assert [seen.id for seen in await server.read("SUTURE")] == wanted
        await serving.stop()

    asyncio.run(asyncio.wait_for(story(), 50))


def test_who_does_not_deliver_does_not_relay(server: NatsServer, tmp_path: Path) -> None:
    path = written(tmp_path, server.address)
    serving = Serving(read_network(path), tmp_path, roles=("gateway",))
    assert not serving.relays
    asyncio.run(serving.stop())


def test_a_relay_with_a_wrong_address_stops_the_start(tmp_path: Path) -> None:
    path = written(tmp_path, "kafka://user:hush@127.0.0.1")
    with pytest.raises(BadAddress, match="relay bus: a Kafka address is") as caught:
        Serving(read_network(path), tmp_path)
    assert "hush" not in str(caught.value)
