"""The gateway: invoices handed over a second with authentication, validation and durable commit, beside a route that echoes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import aiohttp
from msgspec import Struct, structs

from bench.gauge import cpu_s
from bench.workload import Figure, Task, Workload
from suture.gateway import Access, samples
from suture.gateway.identity import Grant, api_keys
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Document, encode

COUNT, WARM, AT_ONCE = 6000, 500, 50
PATH = "/api/process/v1/invoices"
_NETWORK = """name = "bench"
port = {port}

[[instances]]
name = "app"
system = "api_client"
owner = "bench"
"""
#: The bench is not about allowances.
_LIMITS = """[allowances.standard]
rate = 1000000.0
burst = 1000000
"""


class Loaded(Struct, frozen=True, kw_only=True):
    """What one load saw: requests a second, how long the slowest hundredth took, and CPU time of the server for each."""

    per_s: float
    p99_ms: float
    cpu_ms: float

    def __str__(self) -> str:
        return f"{self.per_s:,.0f}/s, p99 {self.p99_ms:.1f} ms, {self.cpu_ms:.2f} ms CPU"


class Served(Struct, frozen=True, kw_only=True):
    """A server process and where it answers."""

    address: str
    pid: int


def run(task: Task) -> Iterator[Figure]:
    """Ours and the echo by turns, on the same bytes."""
    folder = task.room("gateway")
    key = _prepared(folder)
    with served(str(folder / "network.toml")) as ours, served("echo") as bare:
        warm = task.of(WARM, 100)
        _loaded(ours, PATH, key, "warm", warm)
        _loaded(bare, "/echo", key, "warm", warm)
        pairs = []
        for number in range(task.runs):
            count, name = task.of(COUNT, 300), f"run-{number}"
            mine, theirs = _loaded(ours, PATH, key, name, count), _loaded(bare, "/echo", key, name, count)
            pairs.append((mine, theirs))
            task.tell(f"gateway {mine}; echo {theirs}")
    note = (
        f"{AT_ONCE} connections, each sending the next invoice when the last is answered; API key, permission, parameters, "
        "schema, codes, idempotency key, SQLite with synchronous=FULL; answered after the commit; the echo keeps nothing"
    )
    yield Figure(
        workload="An invoice handed over through the gateway",
        unit="requests/s",
        ours=tuple(mine.per_s for mine, _ in pairs),
        baseline=tuple(theirs.per_s for _, theirs in pairs),
        baseline_name="bare Starlette echo",
        cpu_ms=median(mine.cpu_ms for mine, _ in pairs),
        note=f"{note} in {median(theirs.cpu_ms for _, theirs in pairs):.2f} ms of CPU",
    )
    yield Figure(
        workload="The same, the slowest hundredth",
        unit="ms",
        ours=tuple(mine.p99_ms for mine, _ in pairs),
        baseline=tuple(theirs.p99_ms for _, theirs in pairs),
        baseline_name="bare Starlette echo",
        note=f"{AT_ONCE} requests are always under way: it is what {AT_ONCE} of them take together",
    )


def _prepared(folder: Path) -> str:
    """A network with one client, and the client's key."""
    (folder / "network.toml").write_text(_NETWORK.format(port=0))
    (folder / "gateway.toml").write_text(_LIMITS)
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    try:
        grant = Grant(roles=("machine",), instance="app")
        return api_keys.make(journal, Access(), "app", grant, actor="bench", reason="bench", now=datetime.now(UTC))
    finally:
        journal.close()


@contextmanager
def served(what: str) -> Iterator[Served]:
    """A server process."""
    process = subprocess.Popen([sys.executable, "-m", "bench.gate", what], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Served(address=process.stdout.readline().strip(), pid=process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def _invoice(name: str, number: int) -> Document:
    return structs.replace(samples.INVOICE, number=f"{name}-{number}")


def _loaded(server: Served, path: str, key: str, name: str, count: int) -> Loaded:
    before = cpu_s(server.pid)
    per_s, p99_ms = asyncio.run(_load(f"{server.address}{path}", key, name, count))
    return Loaded(per_s=per_s, p99_ms=p99_ms, cpu_ms=(cpu_s(server.pid) - before) / count * 1000)


async def _load(address: str, key: str, name: str, count: int) -> tuple[float, float]:
    bodies = [encode(_invoice(name, number)) for number in range(count)]
    took: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        waiting = iter(enumerate(bodies))

        async def one() -> None:
            for number, body in waiting:
                headers = {"x-api-key": key, "idempotency-key": f"{name}-{number}", "content-type": "application/json"}
                began = time.perf_counter()
                async with session.post(address, data=body, headers=headers) as reply:
                    await reply.read()
                    if reply.status not in (200, 202):
                        raise RuntimeError(f"{address} answered {reply.status}")
                took.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - began
    return count / seconds, quantiles(took, n=100)[98] * 1000


WORKLOAD = Workload(name="gateway", order=9, title="The gateway beside a route that echoes", run=run)
