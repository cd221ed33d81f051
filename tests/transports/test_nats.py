"""A real nats-server: kept once, in order, whatever is lost between, and whoever else speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nats", reason="nats-py is not installed (the extra nats)")

from prove.jetstream import NatsServer, server_program
from suture.transports import NoReply, NotSent
from suture.transports.broker import Kept, Message
from suture.transports.nats import NatsBroker

pytestmark = pytest.mark.skipif(not server_program(), reason="there is no nats-server on this machine (python -m live.setup)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(server_program(), tmp_path)
    server.start()
    yield server
    server.kill()


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def messages(*numbers: int) -> list[Message]:
    return [event(str(number)) for number in numbers]


def event(id: str) -> Message:
    body = f'{{"id":"{id}","type":"t","partitionkey":"k","sequence":"0","time":"2026-03-02T09:30:00Z"}}'
    return Message(id=id, topic="order_status.emitted.v1", key="k", body=body.encode())


def broker_at(server: NatsServer, **options: Any) -> NatsBroker:
    return NatsBroker(server.address, "EVENTS", "suture", **options)


async def all_of(broker: NatsBroker, batch: list[Message]) -> list[Kept]:
    """Published until everything is acknowledged, as the relay does."""
    kept: list[Kept] = []
    while len(kept) < len(batch):
        kept += await broker.publish(batch[len(kept) :])
    return kept


async def held(server: NatsServer) -> list[str]:
    return [seen.id for seen in await server.read("EVENTS")]


def test_a_batch_is_kept_in_order_and_acknowledged_with_its_places(server: NatsServer) -> None:
    async def story() -> None:
        broker = broker_at(server)
        assert await all_of(broker, messages(*range(600))) == [Kept(offset) for offset in range(1, 601)]
        assert await held(server) == [str(number) for number in range(600)]
        await broker.close()

    run(story())


def test_what_was_acknowledged_before_a_crash_is_a_repeat_after_it(server: NatsServer) -> None:
    async def story() -> None:
        first = broker_at(server)
        await all_of(first, messages(*range(300)))
        await first.close()
        second = broker_at(server)
        kept = await all_of(second, messages(*range(200, 500)))
        assert [each.repeated for each in kept] == [True] * 100 + [False] * 200
        assert await held(server) == [str(number) for number in range(500)]
        await second.close()

    run(story())


def test_repeats_cost_one_round_not_one_round_each(server: NatsServer) -> None:
    async def story() -> None:
        broker = broker_at(server)
        await all_of(broker, messages(*range(256)))
        await broker.close()
        assert len(await broker.publish(messages(*range(256)))) == 256
        await broker.close()

    run(story())


def test_a_gap_before_a_message_keeps_it_and_all_after_it_out(server: NatsServer) -> None:
    """What is lost in the middle of a batch must not be followed by what comes after it."""

    async def story() -> None:
        broker = broker_at(server)
        await all_of(broker, messages(1))
        lost, send = messages(3)[0], broker._send

        async def without_one(client: Any, message: Message, follows: int) -> asyncio.Future[Any]:
            if message == lost:
                return asyncio.get_running_loop().create_future()
            return await send(client, message, follows)

        broker._send = without_one  # type: ignore[method-assign]  # a network that loses one message
        broker.timeout_s = 0.3
        assert len(await broker.publish(messages(2, 3, 4, 5))) == 1
        assert await held(server) == ["1", "2"]
        broker._send = send  # type: ignore[method-assign]
        await all_of(broker, messages(3, 4, 5))
        assert await held(server) == ["1", "2", "3", "4", "5"]
        await broker.close()

    run(story())


def test_whoever_was_taken_for_dead_and_goes_on_is_kept_out(server: NatsServer) -> None:
    """Also when the stream no longer remembers the ids: what it says follows what it saw last."""

    async def story() -> None:
        await server.make_stream("EVENTS", "suture", 0.1)
        stopped, successor = broker_at(server), broker_at(server)
        await all_of(stopped, messages(1, 2))
        await all_of(successor, messages(3, 4))
        await asyncio.sleep(0.3)
        with pytest.raises(NoReply, match="wrong last sequence"):
            await stopped.publish(messages(3, 4))
        assert await held(server) == ["1", "2", "3", "4"]
        await stopped.close()
        await successor.close()

    run(story())


def test_a_server_that_is_away_is_told_and_met_again(server: NatsServer) -> None:
    async def story() -> None:
        broker = broker_at(server)
        await all_of(broker, messages(1))
        server.kill()
        with pytest.raises((NotSent, NoReply)):
            await broker.publish(messages(2))
        with pytest.raises(NotSent, match="out of reach"):
            await broker.publish(messages(2))
        server.start()
        assert len(await broker.publish(messages(2))) == 1
        assert await held(server) == ["1", "2"]
        await broker.close()

    run(story())


def test_ids_of_any_kind_are_told_apart(server: NatsServer) -> None:
    async def story() -> None:
        broker = broker_at(server)
        odd = [Message(id=id, topic="t.emitted.v1", key="k", body=event(str(n)).body) for n, id in enumerate(ODD)]
        assert not any(each.repeated for each in await all_of(broker, odd))
        await broker.close()
        again = broker_at(server)
        assert all(each.repeated for each in await all_of(again, odd))
        await again.close()

    run(story())


ODD = ("supplier/ZZ:ÅR 1/#0", "supplier/ZZ:ÅR 1/#1", "a\r\nb", "a%0D%0Ab", "x" * 1024)


def test_a_stream_that_cannot_be_made_is_told_with_the_servers_words(server: NatsServer) -> None:
    async def story() -> None:
        await server.make_stream("OTHER", "suture", 60)
        with pytest.raises(NotSent, match="overlap"):
            await broker_at(server).publish(messages(1))

    run(story())


def test_a_wrong_address_is_told_without_repeating_it() -> None:
    for wrong in ("http://127.0.0.1:4222", "nats://user:pass@127.0.0.1", "nats://"):
        with pytest.raises(ValueError, match="nats://HOST:PORT") as caught:
            NatsBroker(wrong, "EVENTS", "suture")
        assert "pass" not in str(caught.value)
