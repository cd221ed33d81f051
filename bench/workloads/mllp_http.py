"""HL7 v2 over MLLP in, decided, HTTP JSON out: messages delivered a second, each acknowledged after its commit."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.bout import Bout
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload

COUNT, WARM = 6000, 500


def run(task: Task) -> Iterator[Figure]:
    """Ours on each database."""
    yield from delivered(task, "mllp", "DFT^P03 in, JSON out")


def delivered(task: Task, kind: str, title: str) -> Iterator[Figure]:
    """The rate of one kind of message on each database."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield _measured(task, store, kind, f"{title}, {store.name}")


def _measured(task: Task, store: Store, kind: str, title: str) -> Figure:
    with Bout(kind, store, task.folder / f"{kind}-{store.name}").running() as bout:
        bout.load(task.of(WARM, 100))
        tolds = []
        for _ in range(task.runs):
            told = bout.load(task.of(COUNT, 200))
            if told.faults:
                raise RuntimeError(f"what was delivered is not what was sent: {told.faults}")
            task.tell(f"{title}: {told.per_s:,.0f}/s, {told.cpu_ms:.2f} ms CPU ({told.service_cpu_ms:.2f} of it the service's)")
            tolds.append(told)
    return Figure(
        workload=title,
        unit="delivered/s",
        ours=tuple(told.per_s for told in tolds),
        goal=Goal(bound=2000),
        cpu_ms=median(told.cpu_ms for told in tolds),
        memory_mb=max(told.memory_mb for told in tolds),
        note="delivered: 50 connections, each saying the next message when the last is acknowledged; 2 kB a message; one "
        "delivery each, in the order of its key, which the sink checks; from the first word said to the last delivery",
    )


WORKLOAD = Workload(name="mllp_http", order=3, title="HL7 v2 over MLLP in, HTTP JSON out", run=run)
