"""More than it can do: ten times the load, a slow counterpart, a slow database, and no worker at all for a while.

A gateway, a worker and a process that delivers serve one PostgreSQL, to which the way can be made slow. What is critical to care
has to be where it belongs in time, memory must not grow, and of what was answered with a yes nothing may be missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from prove.count import Counted, count, drained, journal_of
from prove.house import House
from prove.part import Part, Result, Table, Task
from prove.postgres import Postgres, binaries
from prove.service import Service
from suture.journal import Journal
from suture.model import Delivered, Entity, encode
from suture.runtime.network import read_network
from suture.sandbox.sockets import SECRET
from suture.transports import Http, HttpReply
from suture.transports.http import HttpLink
from suture.views import history

#: Needs a second of an ordinary hour: eleven documents each, a million documents a day.
ORDINARY = 1.0
#: How long each phase lasts at full size, in seconds.
LASTS_S = 60.0
#: Within which time, in seconds, 99 of 100 critical documents have to be where they belong, whatever the load.
CRITICAL_S = 10.0
#: Memory that one process may have more under any load than in an ordinary hour, in MB.
GROWS_MB = 100.0
#: What a call to the slow counterpart takes, and each way to or from the slow database, in seconds.
SLOW_CALL_S, SLOW_WAY_S = 2.0, 0.03
#: How long a flood may take until it is turned away, in seconds.
FLOODS_S = 180.0
#: Updates of master data in one message of a flood.
UPDATES = 50
#: Whose messages are critical: what is used in theatre.
CRITICAL = ("ehr-main", "ehr-pine")
ROLES = ("gateway", "worker", "deliver")
DRAIN_WITHIN_S = 900.0
_PIECE = 64 * 1024


class Phase(Struct, frozen=True, kw_only=True):
    """One stretch of time: its name, the needs a second that arise, and what is slow."""

    name: str
    load: float = ORDINARY
    call_s: float = 0.0
    way_s: float = 0.0
    #: No worker decides, and an ERP says updates of master data as fast as it gets an answer.
    flood: bool = False
    #: Whether critical documents have to keep their time: where all is slow they cannot.
    kept: bool = True


PHASES = (
    Phase(name="an ordinary hour"),
    Phase(name="five times as much", load=5 * ORDINARY),
    Phase(name="ten times as much", load=10 * ORDINARY),
    Phase(name="an ERP that takes 2 s for a call", call_s=SLOW_CALL_S, kept=False),
    Phase(name="a database 30 ms away", way_s=SLOW_WAY_S, kept=False),
    Phase(name="no worker, and a flood of updates", load=5 * ORDINARY, flood=True, kept=False),
)


class Lasted(Struct, frozen=True, kw_only=True):
    """A phase as it went: when (UTC), how much came, the largest memory of each process in MB, and refusals by the door."""

    phase: Phase
    began: datetime
    ended: datetime
    needs: int
    memory: dict[str, float]
    turned_away: int
    drained_s: float
    #: Of a flood: updates that were taken in, messages of them that were turned away, and charges that were taken in meanwhile.
    flooded: tuple[int, int, int] = (0, 0, 0)


class Fared(Struct, frozen=True, kw_only=True):
    """How the documents of a phase fared, in seconds: at the door, and from the door to where they belong."""

    door: Sequence[float]
    critical: Sequence[float]
    others: Sequence[float]


class Wire:
    """The way to a server on loopback; each piece of bytes on it takes ``way_s`` seconds longer, in either direction."""

    def __init__(self, address: str) -> None:
        self.way_s = 0.0
        url = urlsplit(address)
        self._host, self._port = url.hostname, url.port
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Cut everything."""
        assert self._server is not None
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _carry(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_connection(self._host, self._port)
        for source, target in ((near_in, far_out), (far_in, near_out)):
            line = asyncio.create_task(self._pour(source, target))
            self._lines.add(line)
            line.add_done_callback(self._lines.discard)

    async def _pour(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(_PIECE):
                if self.way_s:
                    await asyncio.sleep(self.way_s)
                target.write(piece)
                await target.drain()
        target.close()


def run(task: Task) -> Result:
    """The part."""
    programs = binaries()
    if programs is None:
        return Result(held=False, skipped="there is no PostgreSQL server on this machine")
    server = Postgres(programs, task.folder / "postgres")
    try:
        server.make()
        return asyncio.run(_run(task, server.address))
    finally:
        server.stop()


async def _run(task: Task, address: str) -> Result:
    folder = task.folder / "house"
    folder.mkdir()
    wire = Wire(address)
    far = urlsplit(address)
    slow = far._replace(netloc=f"postgres@127.0.0.1:{await wire.open()}").geturl()
    try:
        async with House(folder, seed=11, load=0, lost_reply=0) as house:
            network = house.write_network(critical=CRITICAL)
            async with _processes(network, slow) as services:
                lasted = [await _phase(task, each, house, wire, services, (network, slow), address) for each in PHASES]
                left = await drained(house, address, limit_s=DRAIN_WITHIN_S)
                for service in services.values():
                    await service.stopped()
            fared = await asyncio.to_thread(_fared, folder, address, house, lasted)
            return _result(lasted, fared, house, await count(house, left, address))
    finally:
        await wire.close()


@contextlib.asynccontextmanager
async def _processes(network: Path, address: str) -> AsyncIterator[dict[str, Service]]:
    """One process of each role; gone afterwards whatever happens."""
    services = {role: await Service.begin(network, "--database", address, "--role", role) for role in ROLES}
    try:
        await asyncio.gather(*(service.listening() for service in services.values()))
        yield services
    finally:
        for service in services.values():
            if service.process.returncode is None:
                await service.killed()


async def _phase(
    task: Task,
    phase: Phase,
    house: House,
    wire: Wire,
    services: dict[str, Service],
    again: tuple[Path, str],
    address: str,
) -> Lasted:
    """One phase, and after it everything that it left to do."""
    needs, turned_away, began = house.filed, house.turned_away.total(), datetime.now(UTC)
    memory: dict[str, float] = defaultdict(float)
    for erp in house.stage.erps.values():
        erp.latency_s = phase.call_s
    wire.way_s, house.load = phase.way_s, phase.load
    if phase.flood:
        await services["worker"].stopped()
    watching, flooded = asyncio.create_task(_watch(services, memory)), (0, 0, 0)
    try:
        lasts_s = max(8.0, LASTS_S * task.share)
        if phase.flood:
            flooded = await _flood(house, lasts_s)
        else:
            await asyncio.sleep(lasts_s)
        house.load, ended = 0.0, datetime.now(UTC)
        if phase.flood:
            services["worker"] = await Service.begin(again[0], "--database", again[1], "--role", "worker")
            await services["worker"].listening()
        elif not phase.kept:
            for erp in house.stage.erps.values():
                erp.latency_s = 0.0
            wire.way_s = 0.0
        if left := await drained(house, address, limit_s=DRAIN_WITHIN_S):
            raise RuntimeError(f"{phase.name}: not done: {left}; {services['worker'].last_words()}")
    finally:
        watching.cancel()
    lasted = Lasted(
        phase=phase,
        began=began,
        ended=ended,
        needs=house.filed - needs,
        memory=dict(memory),
        turned_away=house.turned_away.total() - turned_away,
        drained_s=(datetime.now(UTC) - ended).total_seconds(),
        flooded=flooded,
    )
    sizes = ", ".join(f"{role} {size:.0f} MB" for role, size in memory.items())
    task.tell(
        f"{phase.name}: {lasted.needs} needs, {sizes}, {lasted.turned_away} came again, done {lasted.drained_s:.0f} s later"
    )
    return lasted


async def _flood(house: House, lasts_s: float) -> tuple[int, int, int]:
    """Say updates until they are turned away, and for so long after that; returns how many were taken in, how many messages of
    them were turned away, and how many charges were taken in after the first was."""
    way = HttpLink(f"http://127.0.0.1:{house.port}", secret=SECRET, clock=lambda: datetime.now(UTC))
    took = away = 0
    since, until = 0.0, time.monotonic() + FLOODS_S
    try:
        while time.monotonic() < until:
            reply = await way.perform(_updates(took))
            assert isinstance(reply, HttpReply)
            if reply.status < 300:
                took += UPDATES
            else:
                away += 1
                if not since:
                    since = time.monotonic()
                    until = since + lasts_s
                house.untold += "retry-after" not in reply.headers
                await asyncio.sleep(0.5)
    finally:
        await way.close()
    charges = sum(name in CRITICAL and first + seconds > since for name, first, seconds in house.waited) if since else 0
    return took, away, charges


def _updates(number: int) -> Http:
    documents = (
        encode(Entity(id=f"FLOOD-{number + each}", name=f"Update {number + each}", currency="USD")) for each in range(UPDATES)
    )
    return Http(method="POST", path="/in/erp-north/events", body=b'{"documents":[%b]}' % b",".join(documents))


async def _watch(services: dict[str, Service], memory: dict[str, float]) -> None:
    while True:
        for role, service in services.items():
            with contextlib.suppress(OSError):
                memory[role] = max(memory[role], _memory_mb(service.process.pid))
        await asyncio.sleep(0.5)


def _memory_mb(pid: int) -> float:
    """What a process alone takes up (proportional set size)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


# -- how documents fared


def _fared(folder: Path, address: str, house: House, lasted: Sequence[Lasted]) -> list[Fared]:
    """By the journal's account, for what came in each phase; what came while the rest was done belongs to nobody."""
    with contextlib.closing(journal_of(folder, address)) as journal:
        priorities = dict(_priorities(journal, [instance.name for instance in read_network(folder / "network.toml").instances]))
        took: dict[str, datetime] = {}
        found: list[tuple[datetime, float, bool]] = []
        for row in history(journal):
            event = row.event
            took.setdefault(event.once, event.at)
            if isinstance(event.data, Delivered) and event.data.outcome == "done" and event.root in took:
                began = took[event.root]
                found.append((began, (event.at - began).total_seconds(), priorities.get(event.data.delivery, 5) == 0))
    offset = datetime.now(UTC).timestamp() - time.monotonic()
    doors = [(datetime.fromtimestamp(first + offset, UTC), seconds) for _, first, seconds in house.waited]
    return [
        Fared(
            door=[seconds for at, seconds in doors if each.began <= at < each.ended],
            critical=[seconds for at, seconds, critical in found if critical and each.began <= at < each.ended],
            others=[seconds for at, seconds, critical in found if not critical and each.began <= at < each.ended],
        )
        for each in lasted
    ]


def _priorities(journal: Journal, instances: Iterable[str]) -> Iterator[tuple[str, int]]:
    for instance in instances:
        after = 0
        while page := journal.scan_deliveries(instance, after):
            after = page[-1].sequence
            yield from ((delivery.id, delivery.priority) for delivery in page)


def _slowest(seconds: Sequence[float], share: float) -> float:
    """The time within which this share of all was done."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0


# -- what is told

_COLUMNS = (
    *("phase", "needs a second", "answered within, p50", "p99", "critical documents, p50", "p99", "others, p50", "p99"),
    *("came again", "done after", *(f"{role}, MB" for role in ROLES)),
)


def _result(lasted: Sequence[Lasted], fared: Sequence[Fared], house: House, counted: Counted) -> Result:
    trouble = [*counted.trouble(), *_late(lasted, fared), *_grown(lasted)]
    took, away, charges = lasted[-1].flooded
    trouble += ["a flood was not held back, or charges were"] * (not (away and charges))
    trouble += [f"{house.untold} were asked to come again and not told when"] * bool(house.untold)
    lines = (
        "A gateway, a worker and a process that delivers, over PostgreSQL, on two cores that all counterparts share. "
        f"{ORDINARY:g} need a second, as in an ordinary hour, makes a million documents a day. A phase ends when all that it led "
        "to is done.",
        "Of critical documents (what was used in theatre, implants, emergencies) 99 of 100 have to be where they belong "
        f"{CRITICAL_S:g} s after they were accepted, up to ten times the ordinary load.",
        f"Without a worker the gateway took in {took:,} updates; then it answered {away} times 503 with Retry-After, and went on "
        f"taking in what is critical, {charges} charges.",
        f"Afterwards {counted.documents:,} documents, {len(counted.lost)} lost, {len(counted.doubled)} doubled; "
        f"{house.turned_away.total():,} times a partner of the group had to come again.",
        *trouble,
    )
    rows = tuple(_row(each, how) for each, how in zip(lasted, fared, strict=True))
    return Result(
        held=counted.held and not trouble,
        lines=lines,
        tables=(Table(title="Latency and memory under load", columns=_COLUMNS, rows=rows),),
        figures=_figures(lasted, fared, counted),
    )


def _late(lasted: Sequence[Lasted], fared: Sequence[Fared]) -> Iterator[str]:
    for each, how in zip(lasted, fared, strict=True):
        if each.phase.kept and _slowest(how.critical, 0.99) > CRITICAL_S:
            yield f"{each.phase.name}: of {len(how.critical)} critical documents too many came late"
    if not fared[2].critical:
        yield "nothing was critical under the highest load"


def _grown(lasted: Sequence[Lasted]) -> Iterator[str]:
    for each in lasted[1:]:
        for role, size in each.memory.items():
            if size > lasted[0].memory[role] + GROWS_MB:
                yield f"{each.phase.name}: the {role} grew from {lasted[0].memory[role]:.0f} to {size:.0f} MB"


def _row(each: Lasted, how: Fared) -> tuple[str, ...]:
    times = [f"{_slowest(group, share):.3f} s" for group in (how.door, how.critical, how.others) for share in (0.5, 0.99)]
    rate = each.needs / (each.ended - each.began).total_seconds()
    sizes = (f"{each.memory.get(role, 0):.0f}" for role in ROLES)
    return (each.phase.name, f"{rate:.1f}", *times, str(each.turned_away), f"{each.drained_s:.0f} s", *sizes)


def _figures(lasted: Sequence[Lasted], fared: Sequence[Fared], counted: Counted) -> dict[str, float]:
    figures = {"documents": float(counted.documents), "lost": float(len(counted.lost)), "doubled": float(len(counted.doubled))}
    for each, how in zip(lasted, fared, strict=True):
        figures[f"critical_p99_s.{each.phase.name}"] = round(_slowest(how.critical, 0.99), 3)
        figures[f"memory_mb.{each.phase.name}"] = round(max(each.memory.values()), 1)
    return figures


PART = Part(name="overload", order=11, title="More than it can do", minutes=15, run=run)
