"""What one message waits at 50 a second, said at their time whether or not the one before was answered (open loop)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.bout import Bout, Told
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload

RATE, COUNT, WARM, CONNECTIONS = 50.0, 1000, 200, 10
#: Of acknowledgement and delivery, p50 and p99 in milliseconds.
GOALS = {"acknowledged": (3, 6), "delivered": (4, 10)}


def run(task: Task) -> Iterator[Figure]:
    """Over MLLP, on each database."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield from _measured(task, store)


def _measured(task: Task, store: Store) -> Iterator[Figure]:
    starts, tolds = [], []
    for number in range(task.runs):
        with Bout("mllp", store, task.folder / f"{store.name}-{number}").running() as bout:
            bout.load(task.of(WARM, 50), connections=CONNECTIONS)
            starts.append(bout.ready_s)
            tolds.append(bout.load(task.of(COUNT, 100), connections=CONNECTIONS, rate=RATE))
        last = tolds[-1]
        task.tell(f"{store.name}: {last.acknowledged} {last.delivered} ms, {last.cpu_ms:.2f} ms CPU, ready in {starts[-1]:.2f} s")
    cpu, memory = median(told.cpu_ms for told in tolds), max(told.memory_mb for told in tolds)
    for what, goals in GOALS.items():
        for place, (percentile, bound) in enumerate(zip(("p50", "p99"), goals, strict=True)):
            times = tuple(_of(told, what)[place] for told in tolds)
            yield Figure(workload=f"{what}, {percentile}, {store.name}", unit="ms", ours=times, goal=Goal(bound=bound, most=True))
    yield _at_most(f"CPU a message, {store.name}", "ms", [told.cpu_ms for told in tolds], 0.8, cpu)
    yield _at_most(f"memory, {store.name}", "MB", [told.memory_mb for told in tolds], 250, cpu, memory)
    yield _at_most(f"start-up to ready, {store.name}", "s", starts, 2, cpu)


def _of(told: Told, what: str) -> tuple[float, float]:
    return told.acknowledged if what == "acknowledged" else told.delivered


def _at_most(workload: str, unit: str, ours: list[float], bound: float, cpu: float, memory: float | None = None) -> Figure:
    return Figure(
        workload=workload,
        unit=unit,
        ours=tuple(ours),
        goal=Goal(bound=bound, most=True),
        cpu_ms=cpu,
        memory_mb=memory,
        note="latency: 50 messages/s over MLLP on 10 connections, from the moment a message was due to be said",
    )


WORKLOAD = Workload(name="latency", order=5, title="One message at 50 a second, open loop", run=run)
