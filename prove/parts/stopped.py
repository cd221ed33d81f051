"""The service frozen, its wires cut in mid-reply, its disk full, and its database killed, each under load."""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from msgspec import Struct

from prove.clerk import attended
from prove.count import Counted, count
from prove.disk import Disk, disk
from prove.house import House
from prove.part import Part, Result, Table, Task
from prove.postgres import Postgres, binaries
from prove.proxy import Proxy
from prove.service import Service

LOAD = 6.0
#: How often at full size: frozen, seconds of cut wires, disks full, databases killed.
FREEZES, CUTTING_S, FILLS, DATABASES = 60, 90, 12, 24
#: How long after a fault is over the first commit may take, in seconds.
BACK_WITHIN_S = 90.0
#: How long the bank may say nothing about a payment file until a person is asked, in seconds.
ANSWERS_WITHIN_S = 45.0


class Attack(Struct, frozen=True, kw_only=True):
    """A fault: ``wreak`` does it so often as was asked, and returns how often that was."""

    name: str
    wreak: Callable[[Scene], Awaitable[int]]
    options: tuple[str, ...] = ()
    database: str = ""
    wires: bool = False
    #: Where the journal's file lies, if not beside the network file.
    elsewhere: Path | None = None


class Scene:
    """Where an attack happens: house and service, and how long it took until something was committed after each fault."""

    def __init__(self, task: Task, house: House, network: Path, attack: Attack) -> None:
        self.task, self.house, self.network, self.attack = task, house, network, attack
        self.chance = Random(attack.name)
        self.service: Service | None = None
        self.proxies: list[Proxy] = []
        self.recoveries: list[float] = []

    async def start(self) -> Service:
        """Start the service and wait until it listens."""
        self.service = await Service.begin(self.network, *self.attack.options)
        await self.service.listening()
        return self.service

    async def back(self) -> None:
        """The fault is over from now on: wait until something is committed again."""
        over = time.monotonic()
        first = self.house.first_yes()
        self.recoveries.append(await asyncio.wait_for(first, BACK_WITHIN_S) - over)


class Seen(Struct, frozen=True, kw_only=True):
    """What became of one attack."""

    name: str
    times: int
    recoveries: tuple[float, ...]
    counted: Counted


def run(task: Task) -> Result:
    """The part."""
    programs = binaries()
    seen = [_attacked(task, _frozen(task)), _attacked(task, _cut(task))]
    place = disk(task.folder / "disk")
    try:
        seen.append(_attacked(task, _full(task, place)))
    finally:
        place.close()
    if programs:
        server = Postgres(programs, task.folder / "postgres")
        server.make()
        try:
            seen.append(_attacked(task, _killed(task, server)))
        finally:
            server.stop()
    return _result(seen, place.kind, missing="" if programs else "There is no PostgreSQL server on this machine.")


def _attacked(task: Task, attack: Attack) -> Seen:
    return asyncio.run(_story(task, attack))


async def _story(task: Task, attack: Attack) -> Seen:
    folder = task.folder / attack.name.split(",")[0].replace(" ", "-")
    folder.mkdir()
    if attack.elsewhere:
        (folder / "suture.db").symlink_to(attack.elsewhere)
    async with AsyncExitStack() as ending:
        house = await ending.enter_async_context(House(folder, seed=4, load=LOAD))
        proxies = {name: Proxy(house.sockets.addresses[name], Random(name)) for name in house.stage.rest_twins() if attack.wires}
        wires = {name: await proxy.open() for name, proxy in proxies.items()}
        for proxy in proxies.values():
            ending.push_async_callback(proxy.close)
        scene = Scene(task, house, house.write_network(wires, answers_within_s=ANSWERS_WITHIN_S), attack)
        scene.proxies = list(proxies.values())
        return await _suffered(scene)


async def _suffered(scene: Scene) -> Seen:
    house, attack = scene.house, scene.attack
    try:
        await scene.start()
        await asyncio.sleep(2)
        times = await attack.wreak(scene)
        house.load = 0
        scene.task.tell(f"{attack.name}: {times} times, {house.filed} needs filed")
        assert scene.service is not None
        left, _ = await attended(house, attack.database)
        await scene.service.stopped()
    finally:
        if scene.service is not None and scene.service.process.returncode is None:
            await scene.service.killed()
    counted = await count(house, left, attack.database)
    return Seen(name=attack.name, times=times, recoveries=tuple(scene.recoveries), counted=counted)


# -- the faults


def _frozen(task: Task) -> Attack:
    times = task.of(FREEZES, least=2)

    async def wreak(scene: Scene) -> int:
        assert scene.service is not None
        for _ in range(times):
            await asyncio.sleep(scene.chance.uniform(0.1, 1.0))
            scene.service.signal(signal.SIGSTOP)
            await asyncio.sleep(scene.chance.choice((0.1, 0.3, 1.0, 3.0)))
            scene.service.signal(signal.SIGCONT)
            await scene.back()
        return times

    return Attack(name="frozen, SIGSTOP and SIGCONT", wreak=wreak)


def _cut(task: Task) -> Attack:
    seconds = task.of(CUTTING_S, least=4)

    async def wreak(scene: Scene) -> int:
        await asyncio.sleep(seconds)
        for proxy in scene.proxies:
            proxy.cutting = False
        return sum(proxy.cuts for proxy in scene.proxies)

    return Attack(name="wire cut, in the middle of a twin's reply", wreak=wreak, wires=True)


def _full(task: Task, place: Disk) -> Attack:
    times = task.of(FILLS, least=2)

    async def wreak(scene: Scene) -> int:
        for number in range(times):
            await asyncio.sleep(scene.chance.uniform(0.5, 2.0))
            assert scene.service is not None
            await asyncio.to_thread(place.starve, scene.service.process.pid)
            await asyncio.sleep(scene.chance.uniform(1.0, 3.0))
            dies = number % 3 == 1
            if dies:  # and then it is killed on top of it
                await scene.service.killed()
            await asyncio.to_thread(place.feed, scene.service.process.pid)
            if dies:
                await scene.start()
            await scene.back()
        return times

    return Attack(name="disk full, of the journal", wreak=wreak, elsewhere=place.place / "suture.db")


def _killed(task: Task, server: Postgres) -> Attack:
    times = task.of(DATABASES, least=2)

    async def wreak(scene: Scene) -> int:
        for number in range(times):
            await asyncio.sleep(scene.chance.uniform(0.3, 2.0))
            await asyncio.to_thread(server.stop, signal.SIGQUIT if number % 2 else signal.SIGKILL)
            await asyncio.sleep(scene.chance.uniform(0.0, 2.0))
            await asyncio.to_thread(server.start)
            await scene.back()
        return times

    return Attack(
        name="PostgreSQL killed, SIGKILL and immediate stop",
        wreak=wreak,
        options=("--database", server.address),
        database=server.address,
    )


# -- the report


def _result(seen: list[Seen], kind: str, missing: str) -> Result:
    lines = [
        "After each attack everything was done without help, the verifier found the export sound, and the twins were counted.",
        f"The full disk was {kind}; every third time the service was killed on the full disk as well.",
        *([missing] if missing else []),
        *(f"{each.name}: {line}" for each in seen for line in each.counted.trouble()),
    ]
    columns = ("fault", "times", "documents", "lost", "doubled", "back after, median", "longest")
    table = Table(
        title="Starved and stopped under load; back is the first commit after the fault was over",
        columns=columns,
        rows=tuple(map(_row, seen)),
    )
    figures = {f"{each.name.split(',')[0]}.{name}": value for each in seen for name, value in _figures(each).items()}
    return Result(held=all(each.counted.held for each in seen), lines=tuple(lines), tables=(table,), figures=figures)


def _row(seen: Seen) -> tuple[str, ...]:
    numbers = (seen.times, seen.counted.documents, len(seen.counted.lost), len(seen.counted.doubled))
    times = (f"{statistics.median(seen.recoveries):.1f} s", f"{max(seen.recoveries):.1f} s") if seen.recoveries else ("", "")
    return (seen.name, *(f"{number:,}" for number in numbers), *times)


def _figures(seen: Seen) -> dict[str, float]:
    counted = seen.counted
    return {
        "times": float(seen.times),
        "documents": float(counted.documents),
        "lost": float(len(counted.lost)),
        "doubled": float(len(counted.doubled)),
        "back_max_s": round(max(seen.recoveries, default=0.0), 2),
    }


PART = Part(name="stopped", order=4, title="Frozen, cut off, starved", minutes=15, run=run)
