"""What one message waits at 50 a second, said at their time whether or not the one before was answered (open loop)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from bench.bout import Bout, Told
from bench.contender import LIMIT, OURS, Contender, others
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload

RATE, COUNT, WARM, CONNECTIONS = 50.0, 1000, 200, 10
_NOTE = (
    "latency: 50 messages/s over MLLP on 10 connections, from the moment a message was due to be said; whoever is beside us does "
    "the same in the same minutes. A message that comes alone finds cold caches, whoever takes it"
)
#: What is told of a bout: its unit, where to find it, and what is to be reached (at most).
_TOLD: dict[str, tuple[str, Callable[[Told], float], float]] = {
    "acknowledged, p50": ("ms", lambda told: told.acknowledged[0], 3),
    "acknowledged, p99": ("ms", lambda told: told.acknowledged[1], 6),
    "delivered, p50": ("ms", lambda told: told.delivered[0], 4),
    "delivered, p99": ("ms", lambda told: told.delivered[1], 10),
    "CPU a message": ("ms", lambda told: told.cpu_ms, 0.8),
    "memory": ("MB", lambda told: told.memory_mb, 250),
}


def run(task: Task) -> Iterator[Figure]:
    """Over MLLP, on each database, each in turn with whoever is beside us."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield from _measured(task, store)


def _measured(task: Task, store: Store) -> Iterator[Figure]:
    beside = [each for each in (LIMIT, *others()) if each.uses(store.name)]
    tolds: dict[str, list[Told]] = {each.name: [] for each in (OURS, *beside)}
    starts = []
    for number in range(task.runs):
        for each in (OURS, *beside):
            told, ready_s = _load(task, store, each, number)
            tolds[each.name].append(told)
            if each is OURS:
                starts.append(ready_s)
    ours, cpu = tolds.pop(OURS.name), _TOLD["CPU a message"][1]
    for what, (unit, of, most) in _TOLD.items():
        yield _figure(f"{what}, {store.name}", unit, _of(of, ours), most)
    yield _figure(f"start-up to ready, {store.name}", "s", starts, 2, cpu_ms=median(_of(cpu, ours)))
    for name, theirs in tolds.items():
        for what, (unit, of, _) in _TOLD.items():
            title = f"{what}, {store.name}, beside another"
            yield Figure(workload=title, unit=unit, ours=_of(of, ours), baseline=_of(of, theirs), baseline_name=name)


def _figure(workload: str, unit: str, ours: Sequence[float], most: float, cpu_ms: float | None = None) -> Figure:
    goal = Goal(bound=most, most=True)
    return Figure(workload=workload, unit=unit, ours=tuple(ours), goal=goal, cpu_ms=cpu_ms, note=_NOTE)


def _load(task: Task, store: Store, contender: Contender, number: int) -> tuple[Told, float]:
    """What one bout told, and how long the start took in seconds."""
    with Bout("mllp", store, task.folder / f"{contender.name}-{store.name}-{number}", contender).running() as bout:
        bout.load(task.of(WARM, 50), connections=CONNECTIONS)
        told = bout.load(task.of(COUNT, 100), connections=CONNECTIONS, rate=RATE)
    acknowledged, delivered = (f"{p50:.2f} / {p99:.2f}" for p50, p99 in (told.acknowledged, told.delivered))
    task.tell(
        f"{contender.name}, {store.name}: acknowledged {acknowledged} ms, delivered {delivered} ms, "
        f"{told.cpu_ms:.2f} ms CPU, ready in {bout.ready_s:.2f} s"
    )
    return told, bout.ready_s


def _of(take: Callable[[Told], float], tolds: Sequence[Told]) -> tuple[float, ...]:
    return tuple(map(take, tolds))


WORKLOAD = Workload(name="latency", order=5, title="One message at 50 a second, open loop", run=run)
