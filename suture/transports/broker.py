"""The door to brokers of events: messages out in order, and its word on each. NATS JetStream is one, Kafka another.

A broker keeps what it has acknowledged and forgets repeats as far as it can; whoever publishes says a message again until it is
acknowledged (at least once).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Message(Struct, frozen=True, kw_only=True):
    """One event to publish, as a CloudEvent in structured mode.

    ``id`` tells repeats, ``topic`` is what consumers filter by (``purchase_order.emitted.v1``); messages with the same
    ``key`` keep their order.
    """

    id: str
    topic: str
    key: str
    body: bytes
    media_type: str = "application/cloudevents+json"


class Kept(Struct, frozen=True):
    """The broker's word that it has a message: where, and whether it had it already."""

    offset: int
    repeated: bool = False


class Broker(Protocol):
    """A place where events are kept for whoever listens.

    ``publish`` sends a batch in order, all of it in flight at once, and returns the broker's word on the beginning of the batch
    that it has, at least one message; what comes after is not kept, or in doubt, and is to be published again. No message is kept
    after a later one of the same key. It raises NotSent if the broker is out of reach, and NoReply if it kept nothing or did not
    say so; errors name neither credentials nor content. It ends within a time limit of its own, and connects when it has to.
    """

    async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]: ...

    async def close(self) -> None:
        """Give back the connection; what is under way ends with NoReply."""
