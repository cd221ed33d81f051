"""A backup of a busy journal, restored elsewhere after the original went on for a while: work resumes and nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from msgspec import Struct

from prove.clerk import attended
from prove.count import Counted, count, journal_of, verified
from prove.house import House
from prove.part import Part, Result, Table, Task
from prove.postgres import Postgres, binaries
from prove.service import Service, command, serving
from suture.model import Case, MessageReceived

#: Restores on each database at full size, and the load under which they happen.
RESTORES, LOAD = 8, 6.0
#: Files lie a while before they are read: partners leave those again that they left so long before the backup, in seconds.
FILES_BEFORE_S = 20.0
KEYS = ("blobs.key", "privacy.key", "seal.key", "network.toml")


class Seen(Struct, frozen=True, kw_only=True):
    """One restore: how much the original took in after the backup, what was put in doubt, what people had to answer."""

    database: str
    seconds: float
    after: int
    in_doubt: int
    answered: int
    sound: bool
    counted: Counted


class Place(Struct, frozen=True, kw_only=True):
    """The two homes of a journal: addresses of its databases, or nothing where it is a file."""

    name: str
    first: str = ""
    second: str = ""


def run(task: Task) -> Result:
    """The part."""
    seen: list[Seen] = []
    for number in range(task.of(RESTORES)):
        seen.append(asyncio.run(restored(task.folder / f"sqlite-{number}", Place(name="SQLite"), number)))
        task.tell(f"SQLite {number + 1}: {seen[-1].after} documents after the backup, {seen[-1].in_doubt} deliveries in doubt")
        if binaries():
            with _servers(task.folder / f"servers-{number}") as place:
                seen.append(asyncio.run(restored(task.folder / f"postgres-{number}", place, number)))
            task.tell(f"PostgreSQL {number + 1}: {seen[-1].after} documents after, {seen[-1].in_doubt} deliveries in doubt")
    return _result(seen)


@contextmanager
def _servers(folder: Path) -> Iterator[Place]:
    """Two servers: what is restored must not rest on anything that the first one knew."""
    programs = binaries()
    assert programs is not None
    folder.mkdir()
    folder.chmod(0o711)
    one, two = Postgres(programs, folder / "one"), Postgres(programs, folder / "two")
    try:
        one.make()
        two.make()
        yield Place(name="PostgreSQL", first=one.address, second=two.address)
    finally:
        one.stop()
        two.stop()


async def restored(folder: Path, place: Place, number: int) -> Seen:
    """Run, back up, run on, die, restore elsewhere, resume with the same twins, and count."""
    folder.mkdir()
    chance, elsewhere = Random(number), folder / "elsewhere"
    async with House(folder, seed=5 + number, load=LOAD) as house:
        network = house.write_network()
        service = await Service.begin(network, *_options(place.first))
        try:
            await service.listening()
            await asyncio.sleep(chance.uniform(6, 12))
            began = time.monotonic()
            await _must(folder, "suture", "backup", "copy", "--journal", place.first or "suture.db")
            seconds = time.monotonic() - began
            await asyncio.sleep(chance.uniform(1, 2))
        finally:
            await service.killed()
        house.load = 0
        _move(folder, elsewhere)
        said = await _must(elsewhere, "suture", "restore", str(folder / "copy"), place.second or "suture.db", "--json", "-")
        report = json.loads(said)
        after = await asyncio.to_thread(_accepted_after, folder, place.first, report["position"])
        sound, _ = await verified(elsewhere, place.second)
        return await _resumed(
            house,
            place,
            elsewhere,
            began,
            Seen(
                database=place.name,
                seconds=seconds,
                after=after,
                in_doubt=sum(report["in_doubt"].values()),
                answered=0,
                sound=sound,
                counted=Counted(documents=0, lost=(), doubled=(), sound=False, said=""),
            ),
        )


async def _resumed(house: House, place: Place, elsewhere: Path, began: float, seen: Seen) -> Seen:
    """The restored service with the same twins; partners say again what they said since, and people answer what is asked."""
    house.again(began - FILES_BEFORE_S)
    async with serving(elsewhere / "network.toml", *_options(place.second)) as service:
        left, answered = await attended(house, place.second, elsewhere)
        await service.stopped()
    counted = await count(house, left, place.second, elsewhere)
    return Seen(
        database=seen.database,
        seconds=seen.seconds,
        after=seen.after,
        in_doubt=seen.in_doubt,
        answered=answered,
        sound=seen.sound,
        counted=counted,
    )


def _options(address: str) -> tuple[str, ...]:
    return ("--database", address) if address else ()


async def _must(folder: Path, *words: str) -> str:
    code, said = await command(folder, *words)
    if code:
        raise RuntimeError(f"{' '.join(words[:2])}: {said}")
    return said


def _move(folder: Path, elsewhere: Path) -> None:
    """What a restore needs besides the backup: the keys, which were kept apart, the network file and the master data."""
    elsewhere.mkdir()
    for name in KEYS:
        shutil.copy2(folder / name, elsewhere / name)
    shutil.copytree(folder / "masters", elsewhere / "masters")


def _accepted_after(folder: Path, address: str, position: int) -> int:
    """Documents that the original accepted after the backup: lost with it, unless partners send them again."""
    journal, found = journal_of(folder, address), 0
    try:
        while page := journal.read(position, 1000):
            position = page[-1].position
            accepted = [row.event.data for row in page if row.event.kind == "accepted"]
            found += sum(not isinstance(data, MessageReceived | Case) for data in accepted)
    finally:
        journal.close()
    return found


def _result(seen: list[Seen]) -> Result:
    held = all(each.sound and each.counted.held for each in seen)
    after = [each.after for each in seen]
    lines = [
        "A backup was taken under load, the original went on for one to two seconds and was killed, and the backup was restored "
        "elsewhere: on PostgreSQL in another server. The verifier found it sound before and after work was resumed.",
        f"Recovery point: {min(after)} to {max(after)} documents were accepted after the backup and are not in it; "
        "here partners sent them again when asked to.",
        "What the restored journal owed was in doubt. Keys and look-ups settled most of it; what may have been sent to "
        "suppliers as a file before went to a person, who asked them.",
        *(f"{each.database}: {line}" for each in seen for line in each.counted.trouble()),
        *(f"{each.database}: the restored journal was not sound" for each in seen if not each.sound),
    ]
    columns = ("database", "backup took", "documents", "after the backup", "in doubt", "asked a person", "lost", "doubled")
    table = Table(title="Restored while the original had gone on", columns=columns, rows=tuple(map(_row, seen)))
    figures = {
        "restores": float(len(seen)),
        "lost": float(sum(len(each.counted.lost) for each in seen)),
        "doubled": float(sum(len(each.counted.doubled) for each in seen)),
        "recovery_point_max": float(max(after)),
    }
    return Result(held=held, lines=tuple(lines), tables=(table,), figures=figures)


def _row(seen: Seen) -> tuple[str, ...]:
    counted = seen.counted
    numbers = (counted.documents, seen.after, seen.in_doubt, seen.answered, len(counted.lost), len(counted.doubled))
    return (seen.database, f"{seen.seconds:.1f} s", *(f"{number:,}" for number in numbers))


PART = Part(name="backup", order=7, title="Backup and restore", minutes=15, run=run)
