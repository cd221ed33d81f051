"""A Kafka client against a cluster that speaks the protocol (librdkafka's own mock): batches as transactions, keys in order.

The mock takes transactions and isolates nothing: whether readers see half a batch, and a zombie is fenced, it cannot tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

pytest.importorskip("aiokafka", reason="aiokafka is not installed (the extra kafka)")
pytest.importorskip("confluent_kafka", reason="confluent-kafka, whose mock cluster is the counterpart, is not installed")

from aiokafka import AIOKafkaConsumer
from aiokafka.conn import AIOKafkaConnection
from confluent_kafka import Producer

from suture.transports import NoReply, NotSent
from suture.transports.broker import Message
from suture.transports.kafka import RECORD_MOST, KafkaBroker


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a broker of its own."""
    mock = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    (broker,) = mock.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del mock


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests that go over the wire, in order."""
    seen: list[Any] = []
    send = AIOKafkaConnection.send

    def noted(self: Any, request: Any, *more: Any, **names: Any) -> Any:
        seen.append(request)
        return send(self, request, *more, **names)

    monkeypatch.setattr(AIOKafkaConnection, "send", noted)
    return seen


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def event(number: int, size: int = 0) -> Message:
    body = f'{{"id":"{number}","pad":"{"x" * size}"}}'
    return Message(id=str(number), topic="order_status.emitted.v1", key=f"PO-{number % 3}", body=body.encode())


async def held(cluster: str) -> list[Any]:
    """Every record of the topic; the mock's checksums are not what the protocol says."""
    reader = AIOKafkaConsumer("SUTURE", bootstrap_servers=cluster, auto_offset_reset="earliest", check_crcs=False)
    await reader.start()
    try:
        found: list[Any] = []
        while batch := await reader.getmany(timeout_ms=1000):
            found += [record for records in batch.values() for record in records]
        return found
    finally:
        await reader.stop()


def transactions(asked: list[Any]) -> list[str]:
    """The steps of transactions among the requests."""
    steps = {"InitProducerId", "AddPartitionsToTxn", "Produce", "EndTxn"}
    named = [(type(each).__name__.partition("Request")[0], each) for each in asked]
    return [f"{name} {_end(each)}".strip() for name, each in named if name in steps]


def _end(request: Any) -> str:
    result = getattr(request, "transaction_result", getattr(request, "_transaction_result", None))
    return "" if result is None else "commit" if result else "abort"


def test_a_batch_is_one_transaction_and_a_key_keeps_its_order(cluster: str, asked: list[Any]) -> None:
    async def story() -> None:
        broker = KafkaBroker(f"kafka://{cluster}", "SUTURE", "relay-1")
        assert len(await broker.publish([event(number) for number in range(200)])) == 200
        assert len(await broker.publish([event(number) for number in range(200, 210)])) == 10
        await broker.close()
        steps = transactions(asked)
        assert steps[0] == "InitProducerId"
        assert [step for step in steps if step.startswith("EndTxn")] == ["EndTxn commit"] * 2
        found = await held(cluster)
        assert len(found) == 210
        for key in (b"PO-0", b"PO-1", b"PO-2"):
            mine = [record for record in found if record.key == key]
            assert len({record.partition for record in mine}) == 1
            ids = [int(dict(record.headers)["id"]) for record in sorted(mine, key=lambda record: record.offset)]
            assert ids == sorted(ids)
        assert dict(found[0].headers)["content-type"] == b"application/cloudevents+json"
        assert dict(found[0].headers)["type"] == b"order_status.emitted.v1"

    run(story())


def test_a_batch_with_a_message_that_is_too_large_is_taken_back(cluster: str, asked: list[Any]) -> None:
    async def story() -> None:
        broker = KafkaBroker(f"kafka://{cluster}", "SUTURE", "relay-1")
        with pytest.raises(NoReply, match="larger than"):
            await broker.publish([event(1), event(2, RECORD_MOST), event(3)])
        assert "EndTxn commit" not in transactions(asked)
        assert len(await broker.publish([event(4)])) == 1, "it goes on with a new connection"
        await broker.close()

    run(story())


def test_nobody_there_is_not_sent_and_gone_in_between_is_no_reply() -> None:
    async def story() -> None:
        nobody = KafkaBroker("kafka://127.0.0.1:1", "SUTURE", "relay-1", timeout_s=2)
        with pytest.raises(NotSent, match="out of reach"):
            await nobody.publish([event(1)])
        mock = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
        (there,) = mock.list_topics(timeout=10).brokers.values()
        broker = KafkaBroker(f"kafka://{there.host}:{there.port}", "SUTURE", "relay-1", timeout_s=2)
        await broker.publish([event(1)])
        del mock
        with pytest.raises(NoReply, match="committed nothing"):
            await broker.publish([event(2)])
        await broker.close()

    run(story())


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("nats://127.0.0.1:9092", ""),
        ("kafka://127.0.0.1", ""),
        ("kafka://ann:secret@127.0.0.1:9092", ""),
        ("kafka://127.0.0.1:9092,", ""),
        ("kafka://127.0.0.1:9092/SUTURE", ""),
        ("kafka://127.0.0.1:9092", "ann:secret"),
        ("kafkas://127.0.0.1:9092", "ann"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str, token: str) -> None:
    with pytest.raises(ValueError, match="a Kafka") as refused:
        KafkaBroker(address, "SUTURE", "relay-1", token=token)
    assert "secret" not in str(refused.value)
