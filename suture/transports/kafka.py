"""Kafka as a broker of events: one topic, a partition for each key, and a batch as one transaction of an idempotent producer.

Consumers that read what is committed see all of a batch or nothing of it, and a producer that was taken for dead and goes on is
fenced by the next one of the same name. What was committed just before a crash is published again under its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from suture.transports.broker import Kept, Message
from suture.transports.exchange import NoReply, NotSent

#: kafka:// speaks in the clear, kafkas:// over TLS.
SCHEMES = ("kafka", "kafkas")
#: The largest record, in bytes; brokers allow as much unless they are told otherwise.
RECORD_MOST = 1_000_000


class KafkaBroker:
    """One topic of a cluster (``kafka://HOST:PORT[,HOST:PORT]`` or ``kafkas://...``), which is there or is made by the cluster.

    ``name`` is the producer's own for all time (its transactional id): two of one name fence each other. ``token`` is
    USER:PASSWORD for SASL/PLAIN, over TLS only. Raises ValueError, without repeating the address, for one that is none.
    """

    def __init__(self, address: str, topic: str, name: str, *, token: str = "", timeout_s: float = 10.0) -> None:
        scheme, _, hosts = address.partition("://")
        if scheme not in SCHEMES or not all(_placed(host) for host in hosts.split(",")):
            raise ValueError("a Kafka address is kafka://HOST:PORT or kafkas://HOST:PORT, more of them after commas")
        user, _, password = token.partition(":")
        if token and (scheme == "kafka" or not password):
            raise ValueError("a Kafka token is USER:PASSWORD, and goes over kafkas:// only")
        self.topic, self.timeout_s = topic, timeout_s
        self._options = {
            "bootstrap_servers": hosts.split(","),
            "security_protocol": {("kafka", False): "PLAINTEXT", ("kafkas", False): "SSL"}.get((scheme, bool(token)), "SASL_SSL"),
            "sasl_plain_username": user or None,
            "sasl_plain_password": password or None,
            "transactional_id": name,
        }
        self._tls = scheme == "kafkas"
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]:
        """See ``Broker``; a batch is kept whole or not at all."""
        producer = await self._connected()
        try:
            async with asyncio.timeout(self.timeout_s):
                await producer.begin_transaction()
                words = [await self._send(producer, message) for message in batch]
                kept = [Kept((await word).offset) for word in words]
                await producer.commit_transaction()
        except MessageSizeTooLargeError:
            await self.close()
            raise NoReply("a message is larger than the broker allows") from None
        except (KafkaError, OSError, TimeoutError) as failure:
            await self.close()
            raise NoReply(f"the broker committed nothing, or did not say so: {type(failure).__name__}") from None
        return kept

    async def close(self) -> None:
        """Give back the connection; what is under way ends with NoReply. A transaction that is not ended is taken back by the
        cluster, when the next producer of this name begins or when its time is over."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._stopped(producer)

    async def _stopped(self, producer: AIOKafkaProducer) -> None:
        """What waits in the producer expires within its own time, and then it stops."""
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(producer.stop(), 2 * self.timeout_s)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._options,
                client_id="suture relay",
                acks="all",
                enable_idempotence=True,
                max_request_size=RECORD_MOST,
                request_timeout_ms=round(self.timeout_s * 1000),
                transaction_timeout_ms=round(self.timeout_s * 2000),
                ssl_context=ssl.create_default_context() if self._tls else None,
            )
            try:
                await asyncio.wait_for(producer.start(), self.timeout_s)
            except (KafkaError, OSError, TimeoutError) as failure:
                await self._stopped(producer)
                raise NotSent(f"the broker is out of reach: {_reason(failure)}") from None
            self._producer = producer
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, message: Message) -> asyncio.Future[RecordMetadata]:
        """The event in structured mode (CloudEvents Kafka binding 1.0.2, section 3.3); what consumers filter by goes beside."""
        headers = [("content-type", message.media_type), ("type", message.topic), ("id", message.id)]
        encoded = [(name, value.encode()) for name, value in headers]
        sent: asyncio.Future[RecordMetadata] = await producer.send(
            self.topic, message.body, message.key.encode(), headers=encoded
        )
        return sent


def _placed(host: str) -> bool:
    """Whether this is HOST:PORT and nothing else."""
    url = urlsplit(f"//{host}")
    try:
        return bool(url.hostname and url.port) and host == url.netloc and "@" not in host
    except ValueError:
        return False


def _reason(failure: Exception) -> str:
    return "nobody answers" if isinstance(failure, KafkaConnectionError) else type(failure).__name__
