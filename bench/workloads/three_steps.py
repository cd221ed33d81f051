"""A process of three durable steps, accepted to done, beside DBOS on the same database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec

from bench.steps import PROCESS, Dbos
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload
from bench.workloads.decided import KEY, order
from suture.journal import Event, Route, Unit, open_journal
from suture.model import PurchaseOrder
from suture.processes.cast import MORNING
from suture.runtime.decide import decide
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring

OURS, THEIRS = 10_000, 200
BATCH = 256


def run(task: Task) -> Iterator[Figure]:
    """On each database; without DBOS ours alone."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield _measured(task, store)


def _measured(task: Task, store: Store) -> Figure:
    ours, cpu, theirs = [], [], []
    for _ in range(task.runs):
        rate, used = _ours(store, task.of(OURS, 500))
        ours.append(rate)
        cpu.append(used)
        if find_spec("dbos"):
            theirs.append(_theirs(store, task.of(THEIRS, 20)))
        task.tell(f"{store.name}: {ours[-1]:,.0f} processes/s; DBOS {theirs[-1] if theirs else float('nan'):,.1f}")
    return Figure(
        workload=f"three durable steps, {store.name}",
        unit="processes/s",
        ours=tuple(ours),
        baseline=tuple(theirs),
        baseline_name="DBOS" if theirs else "DBOS is not installed here",
        goal=Goal(bound=50, of="ratio"),
        cpu_ms=sorted(cpu)[len(cpu) // 2],
        note="three steps: an order is accepted, and three decisions follow, each committed; DBOS with 8 workflows at once",
    )


def _ours(store: Store, count: int) -> tuple[float, float]:
    """Processes a second, and CPU milliseconds for each."""
    address = store.empty()
    journal = open_journal(address, KEY)
    wiring = Wiring(journal, Network(name="bench"), privacy_key=KEY, processes={PROCESS.name: PROCESS})
    orders = [order(number) for number in range(count)]
    began, cpu = time.perf_counter(), time.process_time() + store.cpu_s()
    for first in range(0, count, BATCH):
        journal.commit([_unit(each) for each in orders[first : first + BATCH]])
        while decide(wiring, range(journal.partitions), MORNING).more:
            pass
    seconds, used = time.perf_counter() - began, time.process_time() + store.cpu_s() - cpu
    journal.close()
    store.drop(address)
    return count / seconds, 1000 * used / count


def _unit(each: PurchaseOrder) -> Unit:
    event = Event(once=each.id, kind="commanded", source="bench", at=MORNING, data=each, root=each.id)
    return Unit(events=[event], routes=[Route(0, PROCESS.name, each.id)])


def _theirs(store: Store, count: int) -> float:
    address = store.empty()
    dbos = Dbos(address.replace("postgresql://", "postgresql+psycopg://") if "://" in address else f"sqlite:///{address}")
    dbos.run(["warm-1", "warm-2"])
    began = time.perf_counter()
    dbos.run([f"PO-{number}" for number in range(count)])
    seconds = time.perf_counter() - began
    dbos.close()
    store.drop(address)
    return count / seconds


WORKLOAD = Workload(name="three_steps", order=2, title="Three durable steps", run=run)
