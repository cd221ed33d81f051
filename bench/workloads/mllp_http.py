"""HL7 v2 over MLLP in, decided, HTTP JSON out: messages delivered a second, each acknowledged after its commit."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.bout import Bout, Told
from bench.contender import APART, LIMIT, OURS, Contender, others
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload

COUNT, WARM = 6000, 500
_NOTE = (
    "delivered: 50 connections, each saying the next message when the last is acknowledged; 2 kB a message; one delivery each, "
    "in the order of its key, which the sink checks; from the first word said to the last delivery. The limit keeps what came, "
    "acknowledges, tells and marks as durably, and nothing else; where the gateway stands apart it is a process of its own"
)


def run(task: Task) -> Iterator[Figure]:
    """Ours on each database, and beside what is installed here."""
    yield from delivered(task, "mllp", "DFT^P03 in, JSON out")


def delivered(task: Task, kind: str, title: str) -> Iterator[Figure]:
    """The rate of one kind of message on each database."""
    with stores(task.room("stores")) as places:
        for store in places:
            base = [(each, _loads(task, store, kind, each)) for each in (LIMIT, *others()) if each.uses(store.name)]
            for ours in (OURS, APART):
                if ours.uses(store.name):
                    where = f"{title}, {store.name}{', gateway apart' if ours is APART else ''}"
                    tolds = _loads(task, store, kind, ours)
                    yield _figure(where, tolds, goal=Goal(bound=2000))
                    yield from (_figure(where, tolds, theirs, each.name) for each, theirs in base)


def _loads(task: Task, store: Store, kind: str, contender: Contender) -> list[Told]:
    folder = task.folder / f"{kind}-{store.name}-{contender.name}"
    with Bout(kind, store, folder, contender).running() as bout:
        bout.load(task.of(WARM, 100))
        tolds = []
        for _ in range(task.runs):
            told = bout.load(task.of(COUNT, 200))
            if told.faults and contender in (OURS, APART, LIMIT):
                raise RuntimeError(f"what was delivered is not what was sent: {told.faults}")
            own = f"{told.service_cpu_ms:.2f} of it the service's"
            task.tell(f"{contender.name}, {store.name}: {told.per_s:,.0f}/s, {told.cpu_ms:.2f} ms CPU ({own})")
            tolds.append(told)
    return tolds


def _figure(title: str, tolds: list[Told], theirs: list[Told] | None = None, name: str = "", goal: Goal | None = None) -> Figure:
    disorder = sum(told.faults.get("out of order", 0) for told in theirs or ())
    late = f"; {disorder:,} deliveries came out of the order of their key" if disorder else ""
    took = f"{name}: {median(told.cpu_ms for told in theirs):.2f} ms of CPU, {_most(theirs):.0f} MB{late}" if theirs else ""
    return Figure(
        workload=f"{title}, beside another" if theirs else title,
        unit="delivered/s",
        ours=tuple(told.per_s for told in tolds),
        baseline=tuple(told.per_s for told in theirs or ()),
        baseline_name=name,
        goal=goal,
        cpu_ms=median(told.cpu_ms for told in tolds),
        memory_mb=_most(tolds),
        note=took or _NOTE,
    )


def _most(tolds: list[Told]) -> float:
    return max(told.memory_mb for told in tolds)


WORKLOAD = Workload(name="mllp_http", order=3, title="HL7 v2 over MLLP in, HTTP JSON out", run=run)
