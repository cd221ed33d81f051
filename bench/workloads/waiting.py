"""Ten thousand orders wait for a person: what they cost while nothing happens, and how soon all go on when all are approved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.approval import PROCESS, approval
from bench.bout import started
from bench.gauge import cpu_s, pss_mb
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload
from bench.workloads.decided import order
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import load_or_create_signing_key, seal
from suture.model import encode
from suture.runtime.clock import SystemClock
from suture.runtime.decide import decide
from suture.runtime.intake import accept
from suture.runtime.network import read_network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.transports import Arrival

COUNT, IDLE_S = 10_000, 10.0
NETWORK = """name = "bench"
port = 0
[[instances]]
name = "procurement"
system = "procurement_rest"
role = "procurement"
"""


def run(task: Task) -> Iterator[Figure]:
    """On each database."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield from _measured(task, store)


def _measured(task: Task, store: Store) -> Iterator[Figure]:
    count, seconds, idle, memory = task.of(COUNT, 100), [], [], []
    for number in range(task.runs):
        folder = task.room(f"{store.name}-{number}")
        (folder / "network.toml").write_text(NETWORK)
        empty, full = store.empty(), store.empty()
        _wait(folder, full, count)
        without = _idle(folder, empty)[1]
        used, held = _idle(folder, full)
        idle.append(100 * used)
        memory.append(max(0.0, held - without))
        seconds.append(_approve(folder, full, count))
        task.tell(f"{store.name}: {idle[-1]:.1f} % of a core idle, {memory[-1]:.1f} MB more, all went on in {seconds[-1]:.2f} s")
        store.drop(empty)
        store.drop(full)
    note = f"waiting: {count:,} orders with a timer each, sealed before they are measured; approvals come in messages of 500"
    yield _figure(f"approved and gone on, {store.name}", "s", seconds, 2, note)
    yield _figure(f"CPU while they wait, {store.name}", "% of a core", idle, 1, note)
    yield _figure(f"memory for those that wait, {store.name}", "MB", memory, 5, note)


def _figure(workload: str, unit: str, ours: list[float], bound: float, note: str) -> Figure:
    return Figure(workload=workload, unit=unit, ours=tuple(ours), goal=Goal(bound=bound, most=True), note=note)


def _wiring(folder: Path, address: str) -> Wiring:
    journal = open_journal(address, load_or_create_key(folder / "blobs.key"))
    return Wiring(journal, read_network(folder / "network.toml"), privacy_key=b"p" * 32, processes={PROCESS.name: PROCESS})


def _wait(folder: Path, address: str, count: int) -> None:
    wiring, now = _wiring(folder, address), SystemClock().now()
    publish(wiring, map(order, range(count)), now)
    # a service seals once a minute: reading that many new events is not what waiting costs
    key = load_or_create_signing_key(folder / "seal.key")
    while seal(wiring.journal, key, now):
        pass
    wiring.journal.close()


def _idle(folder: Path, address: str) -> tuple[float, float]:
    """CPU seconds a second, and memory, of a service that has nothing to do."""
    with started("bench.serve", str(folder / "network.toml"), address, "waiting") as (process, _):
        time.sleep(2)
        before = cpu_s(process.pid)
        time.sleep(IDLE_S)
        return (cpu_s(process.pid) - before) / IDLE_S, pss_mb(process.pid)


def _approve(folder: Path, address: str, count: int) -> float:
    """Seconds from the first approval that is taken in to the last order that has gone on."""
    wiring = _wiring(folder, address)
    words = [encode(approval(f"PO-{number:06}")) for number in range(count)]
    raws = [b"\n".join(words[first : first + 500]) for first in range(0, count, 500)]
    now = SystemClock().now()
    began = time.perf_counter()
    for raw in raws:
        accept(wiring, [Arrival(instance="procurement", channel="webhook", raw=raw)], now)
        while decide(wiring, range(wiring.journal.partitions), now).more:
            pass
    seconds = time.perf_counter() - began
    states = wiring.journal.scan_states(PROCESS.name, limit=count)
    if sum(b"approved" in state.data for state in states) != count:
        raise RuntimeError("not every order went on")
    wiring.journal.close()
    return seconds


WORKLOAD = Workload(name="waiting", order=6, title="Ten thousand orders wait for approval", run=run)
