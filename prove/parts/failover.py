"""A highly available PostgreSQL whose primary is killed under load, again and again, while one service goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

import psycopg
from msgspec import Struct

from prove import patroni
from prove.count import Counted, count, drained
from prove.house import House, twice
from prove.part import Part, Result, Table, Task
from prove.patroni import Patroni
from prove.postgres import binaries
from prove.service import Service, serving
from prove.standby import Standby
from suture.sandbox.audit import audit

#: Takeovers at full size.
TAKEOVERS = 6
#: Needs (requisitions and usages) that arise each second, and how long the pair is left in peace between two kills, in seconds.
LOAD, PEACE = 4.0, (4.0, 8.0)
#: A takeover that takes longer did not happen.
TAKEOVER_WITHIN_S = 120.0
#: How long what has piled up may take to come to rest.
DRAIN_WITHIN_S = 900.0


class Pair(Protocol):
    """Two servers, one of them primary, the other its synchronous standby; ``address`` is the journal for either case."""

    title: str
    lines: tuple[str, ...]
    address: str

    def make(self) -> None: ...

    def kill(self, number: int) -> str: ...

    def take_over(self) -> None: ...

    def mend(self) -> None: ...

    def end(self) -> None: ...


class Takeover(Struct, frozen=True, kw_only=True):
    """One kill of the primary: seconds until the first commit and until the pair was whole again.

    ``promised`` messages had been answered with a yes before it; ``lost`` of them the new primary does not have. ``doubled`` is
    what counterparts hold twice since the takeover before.
    """

    killed: str
    seconds: float
    whole: float
    promised: int
    lost: int
    doubled: int


def run(task: Task) -> Result:
    """The part."""
    programs = binaries()
    if programs is None:
        return Result(held=False, skipped="there is no PostgreSQL server on this machine")
    why = patroni.missing()
    folder = task.folder / "servers"
    folder.mkdir()
    pair: Pair = Standby(programs, folder) if why else Patroni(programs, folder)
    try:
        pair.make()
        takeovers, counted = asyncio.run(_storm(task, pair, task.folder / "house"))
    finally:
        pair.end()
    return _result(pair, takeovers, counted, why)


async def _storm(task: Task, pair: Pair, folder: Path) -> tuple[list[Takeover], Counted]:
    """Kill the primary so often under load; then let everything finish, and count."""
    folder.mkdir()
    chance, takeovers = Random("failover"), list[Takeover]()
    async with House(folder, seed=5, load=LOAD) as house:
        network = house.write_network()
        async with serving(network, "--database", pair.address) as service:
            for number in range(1, task.of(TAKEOVERS, least=2) + 1):
                await asyncio.sleep(chance.uniform(*PEACE))
                takeovers.append(await _takeover(pair, house, service, number, takeovers))
                task.tell(_sentence(number, takeovers[-1], house.filed))
            house.load = 0
            left = await drained(house, pair.address, limit_s=DRAIN_WITHIN_S)
            await service.stopped()
        return takeovers, await count(house, left, pair.address)


async def _takeover(pair: Pair, house: House, service: Service, number: int, before: Sequence[Takeover]) -> Takeover:
    promised = list(house.accepted)
    killed = await asyncio.to_thread(pair.kill, number)
    began, first = time.monotonic(), house.first_yes()
    promoting = asyncio.create_task(asyncio.to_thread(pair.take_over))
    try:
        committed = await asyncio.wait_for(first, TAKEOVER_WITHIN_S)
    except TimeoutError:
        raise RuntimeError(f"nothing was committed within {TAKEOVER_WITHIN_S:g} s: {service.last_words()}") from None
    await promoting
    lost = await asyncio.to_thread(_missing, pair.address, promised)
    await asyncio.to_thread(pair.mend)
    doubled = len((*audit(house.stage, set()).doubled, *twice(house.stage)))
    return Takeover(
        killed=killed,
        seconds=committed - began,
        whole=time.monotonic() - began,
        promised=len(promised),
        lost=lost,
        doubled=doubled - sum(takeover.doubled for takeover in before),
    )


def _missing(address: str, promised: Sequence[str]) -> int:
    """How many of these messages the primary does not have, asked past Suture."""
    with psycopg.connect(address, connect_timeout=5) as db:
        there = {row[0] for row in db.execute("select address from blobs where address = any(%s)", (list(promised),))}
    return len(set(promised) - there)


def _sentence(number: int, takeover: Takeover, filed: int) -> str:
    return (
        f"takeover {number} ({takeover.killed} killed): first commit after {takeover.seconds:.1f} s, whole after "
        f"{takeover.whole:.1f} s, {takeover.lost} of {takeover.promised} promised lost, {filed} needs filed"
    )


def _result(pair: Pair, takeovers: Sequence[Takeover], counted: Counted, why: str) -> Result:
    held = counted.held and not any(takeover.lost or takeover.doubled for takeover in takeovers)
    lines = (
        f"{pair.title}. The primary was killed {len(takeovers)} times with SIGKILL under load; one `suture run` went on all the "
        "time and found the new primary by itself (`postgresql://A,B/journal?target_session_attrs=read-write`).",
        *pair.lines,
        *([f"{why}."] if why else []),
        f"Afterwards {counted.documents:,} documents, {len(counted.lost)} lost, {len(counted.doubled)} doubled: all work was "
        "done, `python -m verifier` found the export sound, and the twins were counted."
        if counted.held
        else "Not everything held.",
        "From a takeover until the other server is back there is one copy; only then was the next primary killed.",
        *counted.trouble(),
    )
    columns = ("takeover", "killed", "until the first commit", "until whole again", "promised before", "lost", "doubled")
    table = Table(title="Takeovers under load", columns=columns, rows=tuple(_rows(takeovers)))
    return Result(held=held, lines=lines, tables=(table,), figures=_figures(takeovers, counted))


def _rows(takeovers: Sequence[Takeover]) -> Iterator[tuple[str, ...]]:
    for number, each in enumerate(takeovers, 1):
        times = f"{each.seconds:.1f} s", f"{each.whole:.1f} s"
        yield (str(number), each.killed, *times, *(f"{value:,}" for value in (each.promised, each.lost, each.doubled)))


def _figures(takeovers: Sequence[Takeover], counted: Counted) -> dict[str, float]:
    longest = {f"longest_s.{what}": 0.0 for what in sorted({takeover.killed for takeover in takeovers})}
    for takeover in takeovers:
        name = f"longest_s.{takeover.killed}"
        longest[name] = max(longest[name], round(takeover.seconds, 2))
    return {
        "takeovers": len(takeovers),
        "documents": counted.documents,
        "lost": len(counted.lost) + sum(takeover.lost for takeover in takeovers),
        "doubled": len(counted.doubled),
        **longest,
    }


PART = Part(name="failover", order=8, title="A highly available PostgreSQL loses its primary", minutes=6, run=run)
