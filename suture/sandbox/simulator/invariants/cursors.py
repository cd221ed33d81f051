"""Promises about cursors: a poll and a relay are tried on what the run has written, and killed; neither may pass anything by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from msgspec.json import encode

from suture.journal import Journal, Recorded, Unavailable
from suture.model import MessageReceived
from suture.runtime.intake import accept
from suture.runtime.network import Relay
from suture.runtime.polling import poll_once
from suture.runtime.relay import Relaying
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.disk import Crash, Disk
from suture.sandbox.simulator.faults import Fault
from suture.sandbox.simulator.invariants.facts import Check, Facts
from suture.systems import System
from suture.transports import Answer, Arrival, Http, HttpReply, NoReply, NotSent, Reply, Request
from suture.transports.broker import Kept, Message
from suture.views.events import crossing

#: The system whose messages lie in an archive that is polled.
OVER_HTTP = "supplier_x12_http"
#: How many of the first requests and writes may go wrong.
FAULTS = 6
#: Requests to an archive, and batches for a broker, after which a trial ends anyhow.
REQUESTS, BATCHES = 2000, 200
#: One run in so many is tried.
EVERY = 4
RELAY = Relay(name="bus", address="nats://127.0.0.1:4222", owner="integration")


# -- polls


def polls_pass_nothing_by(facts: Facts) -> Iterator[str]:
    """What a supplier wrote and left in an archive is read from there to the end, whatever dies on the way."""
    if facts.world.plan.seed % EVERY:
        return
    name, letters = _most_talkative(facts)
    chance = Random(f"polls/{facts.world.plan.seed}")
    archive, disk = Archive(letters, chance), Disk(facts.world.base.journal, Luck(chance).strikes)
    done = False
    while not done and archive.asked < REQUESTS:
        with suppress(Crash, Unavailable):
            at_once(_look(facts, disk, name, archive))
            done = archive.ended
    known = {row.event.blob for row in _rows(disk) if isinstance(row.event.data, MessageReceived)}
    for number, raw in enumerate(letters, 1):
        if hashlib.sha256(raw).hexdigest() not in known:
            yield f"number {number} of {len(letters)} in the archive of {name} was never taken in"


def _most_talkative(facts: Facts) -> tuple[str, list[bytes]]:
    """A supplier and what it wrote in this run, each letter once."""
    written: dict[str, dict[bytes, None]] = {twin.name: {} for twin in facts.world.stage.suppliers.values()}
    for letter, _ in facts.world.kept:
        if letter.message.instance in written:
            written[letter.message.instance][letter.message.raw] = None
    name = max(sorted(written), key=lambda name: len(written[name]))
    return name, list(written[name])


async def _look(facts: Facts, disk: Journal, name: str, archive: Archive) -> int:
    """One look of a process that has just begun."""
    base, now = facts.world.base.wiring, facts.world.clock.now()
    instance, over_http = base.instances[name], base.systems[OVER_HTTP]
    wiring = _wiring(facts, disk, {**base.systems, instance.system: over_http})

    async def taken(arrival: Arrival) -> Answer:
        return accept(wiring, [arrival], now)[0]

    return await poll_once(wiring, instance, over_http.polls[0], archive, taken, now, _now)


class Archive:
    """Letters under the numbers 1, 2, ...; reading takes nothing away, and at first not every request succeeds."""

    def __init__(self, letters: Sequence[bytes], chance: Random) -> None:
        self.letters = letters
        #: Requests so far, and whether the last one asked for what comes after the last letter.
        self.asked, self.ended = 0, False
        self._moods = iter(chance.choices(("", "", "away", "busy"), k=FAULTS))

    async def perform(self, request: Request) -> Reply:
        """The letter of the number that the path ends with."""
        assert isinstance(request, Http)
        self.asked += 1
        mood, number = next(self._moods, ""), int(request.path.rpartition("/")[2])
        self.ended = not mood and number > len(self.letters)
        if mood == "away":
            raise NotSent("connection refused")
        if mood == "busy" or self.ended:
            return HttpReply(status=503 if mood else 404)
        row = {"direction": "out", "partner": "SUTURE", "payload": self.letters[number - 1].decode()}
        return HttpReply(status=200, body=encode(row))

    async def close(self) -> None:
        """Nothing is kept open."""


class Luck:
    """What befalls the first writes of a trial; later ones succeed, so that every trial ends."""

    def __init__(self, chance: Random) -> None:
        self._next = iter(chance.choices(("", "crash before a write", "crash after a write", "write in doubt"), k=FAULTS))

    def strikes(self) -> Sequence[Fault]:
        """What strikes at the next write."""
        kind = next(self._next, "")
        return [Fault(kind=kind)] if kind else []


# -- the relay


def the_stream_is_whole(facts: Facts) -> Iterator[str]:
    """What may leave is kept by the broker of a relay, all of it, in order, however often the relay and the broker break off."""
    world = facts.world
    if world.plan.seed % EVERY:
        return
    world.weather.ends = MORNING  # what strikes here is the broker's doing
    broker, wiring = Shelf(Random(f"broker/{world.plan.seed}")), _wiring(facts, world.disk, world.base.wiring.systems)
    moved = 1
    while moved and broker.asked < BATCHES:
        with suppress(Crash, NotSent, NoReply):
            moved = at_once(Relaying(wiring, RELAY, broker, world.clock, _now).once())
    leaving = [event.id for row in _rows(world.disk) if (event := crossing(row, wiring.network.name, ())) is not None]
    if missing := set(leaving) - set(broker.held):
        yield f"{len(missing)} of {len(leaving)} events never reached the broker, {min(missing)} is one of them"
    elif list(broker.held) != leaving:
        yield "the broker was told of events in another order than they came about"


class Shelf:
    """A broker that knows what it has, and at first keeps a part, says nothing, or outlives the relay that speaks to it."""

    def __init__(self, chance: Random) -> None:
        self.held: dict[str, None] = {}
        self.asked = 0
        self._moods = iter(chance.choices(("away", "a part", "silent", "outlives"), k=FAULTS))
        self._chance = chance

    async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]:
        """Keep the batch, as the mood is."""
        self.asked += 1
        mood = next(self._moods, "")
        if mood == "away":
            raise NotSent("connection refused")
        some = batch[: self._chance.randint(1, len(batch))] if mood else batch
        self.held |= dict.fromkeys(message.id for message in some)
        if mood == "silent":
            raise NoReply("timed out")
        if mood == "outlives":
            raise Crash
        return [Kept(offset) for offset in range(len(some))]

    async def close(self) -> None:
        """Nothing is kept open."""


# -- both


def at_once(step: Coroutine[Any, Any, int]) -> int:
    """What it comes to; nothing in it waits."""
    try:
        step.send(None)
    except StopIteration as end:
        return int(end.value)
    raise RuntimeError("it waits")


async def _now(step: Callable[[], Any]) -> Any:
    return step()


def _wiring(facts: Facts, disk: Journal, systems: Mapping[str, System]) -> Wiring:
    base = facts.world.base
    return Wiring(
        disk,
        base.network,
        privacy_key=b"p" * 32,
        formats=base.wiring.formats,
        systems=systems,
        processes=base.wiring.processes,
    )


def _rows(disk: Journal) -> Iterator[Recorded]:
    after = 0
    while page := disk.read(after, 5000):
        yield from page
        after = page[-1].position


PROMISES: dict[str, Check] = {
    "polls pass nothing by": polls_pass_nothing_by,
    "the stream is whole": the_stream_is_whole,
}
