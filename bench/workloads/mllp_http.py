"""HL7 v2 over MLLP in, decided, HTTP JSON out: messages delivered a second, each acknowledged after its commit."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from statistics import median

from msgspec import Struct

from bench.bout import Bout, Told
from bench.others import node_red
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload

COUNT, WARM = 6000, 500
_NOTE = (
    "delivered: 50 connections, each saying the next message when the last is acknowledged; 2 kB a message; one delivery each, "
    "in the order of its key, which the sink checks; from the first word said to the last delivery"
)


class Other(Struct, frozen=True):
    """What could be taken instead: its name in the table, its module, and the database that it needs."""

    name: str
    module: str
    store: str


def run(task: Task) -> Iterator[Figure]:
    """Ours on each database, and beside what is installed here."""
    yield from delivered(task, "mllp", "DFT^P03 in, JSON out")


def delivered(task: Task, kind: str, title: str) -> Iterator[Figure]:
    """The rate of one kind of message on each database."""
    with stores(task.room("stores")) as places:
        for store in places:
            tolds = _loads(task, store, kind, f"{title}, {store.name}")
            yield _figure(f"{title}, {store.name}", tolds, goal=Goal(bound=2000))
            for other in _others():
                if other.store == store.name:
                    theirs = _loads(task, store, kind, other.name, other.module)
                    yield _figure(f"{title}, {store.name}", tolds, theirs, other.name)


def _others() -> Iterator[Other]:
    if node_red.installed():
        yield Other("Node-RED, which keeps nothing", "bench.others.node_red", "SQLite")
    if find_spec("celery") and find_spec("requests"):
        from bench.others import celery_relay

        if celery_relay.available():
            yield Other("Celery, RabbitMQ and PostgreSQL", "bench.others.celery_relay", "PostgreSQL")


def _loads(task: Task, store: Store, kind: str, title: str, other: str = "") -> list[Told]:
    folder = task.folder / f"{kind}-{store.name}{'-other' if other else ''}"
    with Bout(kind, store, folder, other).running() as bout:
        bout.load(task.of(WARM, 100))
        tolds = []
        for _ in range(task.runs):
            told = bout.load(task.of(COUNT, 200))
            if told.faults and not other:
                raise RuntimeError(f"what was delivered is not what was sent: {told.faults}")
            task.tell(f"{title}: {told.per_s:,.0f}/s, {told.cpu_ms:.2f} ms CPU ({told.service_cpu_ms:.2f} of it the service's)")
            tolds.append(told)
    return tolds


def _figure(title: str, tolds: list[Told], theirs: list[Told] | None = None, name: str = "", goal: Goal | None = None) -> Figure:
    disorder = sum(told.faults.get("out of order", 0) for told in theirs or ())
    cpu = f"; theirs took {median(told.cpu_ms for told in theirs):.2f} ms of CPU and {_most(theirs):.0f} MB" if theirs else ""
    late = f", and {disorder:,} deliveries came out of the order of their key" if disorder else ""
    return Figure(
        workload=f"{title}, beside another" if theirs else title,
        unit="delivered/s",
        ours=tuple(told.per_s for told in tolds),
        baseline=tuple(told.per_s for told in theirs or ()),
        baseline_name=name,
        goal=goal,
        cpu_ms=median(told.cpu_ms for told in tolds),
        memory_mb=_most(tolds),
        note=f"{_NOTE}{cpu}{late}",
    )


def _most(tolds: list[Told]) -> float:
    return max(told.memory_mb for told in tolds)


WORKLOAD = Workload(name="mllp_http", order=3, title="HL7 v2 over MLLP in, HTTP JSON out", run=run)
