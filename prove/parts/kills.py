"""``kill -9`` of the running service, hundreds of times under load, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from random import Random

from msgspec import Struct

from prove.clerk import attended
from prove.count import Counted, count
from prove.house import House
from prove.part import Part, Result, Table, Task
from prove.postgres import Postgres, binaries
from prove.service import Service, serving

#: Kills on each database at full size.
KILLS = 160
#: Needs (requisitions and usages) that arise each second while the service is being killed.
LOAD = 8.0
#: How long a life lasts, in seconds after the service listens, and how often: files are read only after two quiet looks.
LIVES = ((0.2, 1.4, 0.65), (4.0, 6.5, 0.15))
#: How long the bank may say nothing about a payment file until a person is asked, in seconds; two days otherwise.
ANSWERS_WITHIN_S = 120.0


class Storm(Struct, frozen=True, kw_only=True):
    """What one database went through: ``recoveries`` are seconds from a kill to the first commit after it."""

    database: str
    kills: int
    starting: int
    recoveries: tuple[float, ...]
    answered: int
    counted: Counted


def run(task: Task) -> Result:
    """The part."""
    kills = task.of(KILLS, least=4)
    programs = binaries()
    storms = [asyncio.run(storm(task, "SQLite", kills, task.folder / "sqlite"))]
    if programs:
        server = Postgres(programs, task.folder / "postgres")
        server.make()
        try:
            storms.append(asyncio.run(storm(task, "PostgreSQL", kills, task.folder / "on-postgres", server.address)))
        finally:
            server.stop()
    return _result(storms, missing="" if programs else "There is no PostgreSQL server on this machine: only SQLite was tried.")


async def storm(task: Task, database: str, kills: int, folder: Path, address: str = "", load: float = LOAD) -> Storm:
    """Kill the service so often; then let it finish, and count."""
    folder.mkdir(parents=True)
    options = ("--database", address) if address else ()
    recoveries: list[float] = []
    async with House(folder, seed=3, load=load) as house:
        network = house.write_network(answers_within_s=ANSWERS_WITHIN_S)
        starting = await _kill(task, house, network, options, kills, recoveries)
        house.load = 0
        async with serving(network, *options) as service:
            left, answered = await attended(house, address)
            await service.stopped()
        task.tell(f"{database}: {kills} kills, {house.filed} needs filed; counting")
        counted = await count(house, left, address)
    return Storm(
        database=database, kills=kills, starting=starting, recoveries=tuple(recoveries), answered=answered, counted=counted
    )


async def _kill(task: Task, house: House, network: Path, options: tuple[str, ...], kills: int, recoveries: list[float]) -> int:
    """The storm; returns how many kills came before the service listened."""
    chance, starting, killed_at = Random("kills"), 0, 0.0
    for number in range(1, kills + 1):
        service, first = await Service.begin(network, *options), house.first_yes()
        life = _life(chance)
        if life is None:
            await asyncio.sleep(chance.uniform(0.05, 1.0))
        else:
            await service.listening()
            await asyncio.sleep(life)
        if first.done() and killed_at:
            recoveries.append(first.result() - killed_at)
        starting += life is None
        await service.killed()
        killed_at = time.monotonic()
        if number % 20 == 0:
            task.tell(f"{number} kills, {house.filed} needs filed")
    return starting


def _life(chance: Random) -> float | None:
    """How long the service lives once it listens; None if it is killed while it starts."""
    luck = chance.random()
    for least, most, share in LIVES:
        if luck < share:
            return chance.uniform(least, most)
        luck -= share
    return None


def _result(storms: list[Storm], missing: str) -> Result:
    held = all(storm.counted.held for storm in storms)
    kills = sum(storm.kills for storm in storms)
    lines = [
        f"The service was killed {kills} times with SIGKILL, {sum(storm.starting for storm in storms)} of them while it started, "
        "and was started again at once. Twins and their load went on all the time.",
        "Afterwards all work was done, `python -m verifier` found the export sound, and the twins were counted.",
        f"{sum(storm.answered for storm in storms)} times a person was asked about a payment file, since no word of the bank "
        f"about it had been read within {ANSWERS_WITHIN_S:.0f} s: such a file is never sent again by itself.",
        *([missing] if missing else []),
        *(f"{storm.database}: {line}" for storm in storms for line in storm.counted.trouble()),
    ]
    columns = ("database", "kills", "documents", "lost", "doubled", "recovery, median", "recovery, longest")
    rows = tuple(_row(storm) for storm in storms)
    figures = {f"{storm.database.lower()}.{name}": float(value) for storm in storms for name, value in _figures(storm).items()}
    return Result(held=held, lines=tuple(lines), tables=(Table(title=_TITLE, columns=columns, rows=rows),), figures=figures)


_TITLE = "Killed under load; recovery is the time from a kill to the first commit after it, with the start of the process"


def _row(storm: Storm) -> tuple[str, ...]:
    counted, times = storm.counted, storm.recoveries or (0.0,)
    numbers = (storm.kills, counted.documents, len(counted.lost), len(counted.doubled))
    return (storm.database, *(f"{number:,}" for number in numbers), f"{statistics.median(times):.1f} s", f"{max(times):.1f} s")


def _figures(storm: Storm) -> dict[str, float]:
    counted, times = storm.counted, storm.recoveries or (0.0,)
    return {
        "kills": storm.kills,
        "documents": counted.documents,
        "lost": len(counted.lost),
        "doubled": len(counted.doubled),
        "recovery_median_s": round(statistics.median(times), 2),
        "recovery_max_s": round(max(times), 2),
    }


PART = Part(name="kills", order=3, title="Killed at any moment", minutes=25, run=run)
