"""The relay: events of the business, read from the journal in order, kept by a broker, and only then passed by our own cursor.

At least once: what a broker acknowledged before a crash and the cursor does not know yet is published again, under the same id.
Nothing here decides, delivers or answers: to relay again, from wherever, changes nothing but the stream.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Protocol

from msgspec import Struct

from suture.journal import Fenced, Journal, Recorded, Unavailable, Unit
from suture.runtime.clock import Clock
from suture.runtime.network import Relay
from suture.runtime.secrets import secret
from suture.runtime.share import relay_part
from suture.runtime.wiring import Wiring
from suture.transports.broker import Broker, Message
from suture.transports.exchange import NoReply, NotSent
from suture.views.events import CloudEvent, crossing, written

_log = logging.getLogger(__name__)

#: Events that are looked at, and at most in flight, at a time.
BATCH = 256
#: How long the relay rests when there is nothing new, and after a failure, in seconds.
REST_S, AFTER_FAILURE_S = 0.25, 1.0


class InThread(Protocol):
    """How a step that touches the journal is run, between turns of the river."""

    def __call__(self, step: Callable[[], Any]) -> Awaitable[Any]: ...


class NoBroker(ValueError):
    """A relay's broker cannot be spoken to: its address is none, or what speaks to it is not installed."""


class Repeated(Struct, frozen=True, kw_only=True):
    """What became of events relayed again: how many were published, how many of them the broker still had, the last position."""

    events: int
    known: int
    position: int


class Relaying:
    """One relay in service."""

    def __init__(self, wiring: Wiring, relay: Relay, broker: Broker, clock: Clock, in_thread: InThread) -> None:
        self.wiring, self.relay, self.broker, self.clock, self.in_thread = wiring, relay, broker, clock, in_thread
        self.part = relay_part(relay.name)
        #: Why the last look failed, or nothing.
        self.trouble = ""

    async def run(self) -> None:
        """Relay for ever; a failure is told once, and tried again until it is over."""
        while True:
            why, came = "", 0
            try:
                came = await self.once()
            except (NotSent, NoReply, Unavailable, Fenced) as failure:
                why = str(failure)
            except Exception as failure:  # an error's own words may hold content
                why = type(failure).__name__
            self._tell(why)
            if not came:
                await self.clock.sleep(AFTER_FAILURE_S if why else REST_S)

    async def once(self) -> int:
        """Relay one batch if this process owns the relay; returns how many events were looked at.

        Raises NotSent, NoReply, Unavailable and Fenced; then the cursor stands before whatever the broker has not acknowledged.
        """
        page: list[Recorded] = await self.in_thread(self._page)
        if not page:
            return 0
        crossed = _crossed(page, self.wiring.network.name, self.relay.types)
        kept = await self.broker.publish([message(event) for _, event in crossed]) if crossed else ()
        reached = page[-1].position if len(kept) == len(crossed) else crossed[len(kept)][0] - 1
        await self.in_thread(lambda: self._move(reached))
        return len(page)

    def _page(self) -> list[Recorded]:
        if not self.wiring.share.holds(self.part):
            return []
        return self.wiring.journal.read(self.wiring.journal.cursor(self.part), BATCH)

    def _move(self, position: int) -> None:
        """Whoever has lost the relay to another leaves the cursor alone: it may stand further on by now."""
        if self.wiring.share.holds(self.part):
            self.wiring.journal.commit([Unit(cursors=[(self.part, position)])])

    def _tell(self, why: str) -> None:
        if why != self.trouble:
            _log.warning("relay %s: %s", self.relay.name, why or "works again")
        self.trouble = why


async def relay_again(
    events: Iterable[Recorded], network: str, broker: Broker, only: Collection[str] = (), label: str = ""
) -> Repeated:
    """Publish recorded events once more, in order; no cursor moves and the journal is only read.

    A broker takes an id that it remembers for a repeat, and keeps nothing; under a ``label`` the ids that it compares are others,
    and it keeps everything once more. The events themselves are the same, with their own ids. Raises NotSent and NoReply.
    """
    published = known = position = 0
    batch: list[CloudEvent] = []

    async def publish() -> None:
        nonlocal published, known
        while batch:
            kept = await broker.publish([message(event, label) for event in batch])
            published += len(kept)
            known += sum(each.repeated for each in kept)
            del batch[: len(kept)]

    for recorded in events:
        position = recorded.position
        event = crossing(recorded, network, only)
        if event is not None:
            batch.append(event)
        if len(batch) == BATCH:
            await publish()
    await publish()
    return Repeated(events=published, known=known, position=position)


def message(event: CloudEvent, label: str = "") -> Message:
    """The event as a broker takes it."""
    id = f"{event.id}@{label}" if label else event.id
    return Message(id=id, topic=event.type.partition(".")[2], key=event.partitionkey, body=written(event))


def behind(journal: Journal, relay: Relay) -> int:
    """How many events the journal holds that the relay has not looked at yet, counted up to ten thousand."""
    return len(journal.read(journal.cursor(relay_part(relay.name)), 10_000))


def open_broker(relay: Relay, *, again: bool = False) -> Broker:
    """The broker that the relay's address names; it connects when something is published. ``again`` is somebody who publishes
    beside the relay itself. Raises NoBroker and NoSecret."""
    scheme = relay.address.partition("://")[0]
    extra = "kafka" if scheme in ("kafka", "kafkas") else "nats"
    try:
        return _kafka(relay, again=again) if extra == "kafka" else _nats(relay)
    except ImportError:
        raise NoBroker(f"relay {relay.name} needs the extra: pip install 'suture[{extra}]'") from None
    except ValueError as error:
        raise NoBroker(f"relay {relay.name}: {error}") from None


# brokers are extras; who relays nothing need not have them


def _nats(relay: Relay) -> Broker:
    from suture.transports.nats import NatsBroker

    return NatsBroker(relay.address, relay.stream, relay.subjects, token=secret(relay.token), remembers_s=relay.remembers_s)


def _kafka(relay: Relay, *, again: bool) -> Broker:
    from suture.transports.kafka import KafkaBroker

    # two of one name would fence each other
    name = f"suture.{relay.stream}.{relay.name}{'.again' if again else ''}"
    return KafkaBroker(relay.address, relay.stream, name, token=secret(relay.token))


def _crossed(page: list[Recorded], network: str, only: Collection[str]) -> list[tuple[int, CloudEvent]]:
    found = ((recorded.position, crossing(recorded, network, only)) for recorded in page)
    return [(position, event) for position, event in found if event is not None]
