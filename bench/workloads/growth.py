"""What one document costs when the journal is long: the relay at 10,000 events, and at a million."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from bench.lengthen import lengthen
from bench.relay import ITEMS, PROCESS, charge, write_network
from bench.store import Store, stores
from bench.workload import Figure, Goal, Task, Workload
from suture.journal import open_journal
from suture.runtime.clock import ManualClock, SystemClock
from suture.runtime.network import read_network
from suture.runtime.publish import publish, read_masters
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from suture.transports import Arrival, HttpReply, Reply, Request

KEY = b"k" * 32
SHORT, FULL, LONG = 10_000, 1_000_000, 10_000_000
#: Events that are lived, at least, before the longest journal is measured; what is between was told again (``lengthen``).
LIVED = 100_000
_TOLD = "; most of the longest journal is rows of one stretch under other names"
#: Messages that are measured together, and how many come at once.
WINDOW, TOGETHER = 1000, 100


def run(task: Task) -> Iterator[Figure]:
    """The first windows of a journal against the last ones; with ``long`` also at ten million."""
    with stores(task.room("stores")) as places:
        for store in places:
            yield from _grown(task, store)


class _House:
    """The relay without sockets, fed by hand."""

    def __init__(self, store: Store, folder: Path) -> None:
        network = read_network(write_network(folder, 1, 2, 3))
        self._store, self.address = store, store.empty()
        self.journal = open_journal(self.address, KEY)
        wiring = Wiring(self.journal, network, privacy_key=KEY)
        wiring.processes = {"masters": wiring.processes["masters"], PROCESS.name: PROCESS}
        now = SystemClock().now()
        publish(wiring, read_masters(wiring, folder / "masters"), now)
        self._still = Still(wiring, ManualClock(now), {"inventory": _yes})
        self._numbers = count()

    def events(self) -> int:
        """How long the journal is."""
        return self.journal.counts()["events"]

    def window(self) -> float:
        """CPU milliseconds for each of the next messages, the database's included."""
        cpu = time.process_time() + self._store.cpu_s()
        for _ in range(WINDOW // TOGETHER):
            numbers = [next(self._numbers) for _ in range(TOGETHER)]
            raws = [charge(number * 7 % ITEMS, number)[1] for number in numbers]
            self._still.accept(*(Arrival(instance="ehr", channel="charges", raw=raw) for raw in raws))
            self._still.settle()
        return 1000 * (time.process_time() + self._store.cpu_s() - cpu) / WINDOW


def _yes(request: Request) -> Reply:
    return HttpReply(status=201, body=b'{"number": "1"}')


def _grown(task: Task, store: Store) -> Iterator[Figure]:
    house = _House(store, task.room(f"house-{store.name}"))
    while house.events() < SHORT:
        house.window()
    short = tuple(house.window() for _ in range(task.runs))
    for length in (task.of(FULL), *((LONG,) if task.long else ())):
        if length > FULL:
            lengthen(house.address, length - LIVED)
        while house.events() < length:
            for _ in range(10):
                house.window()
        ours = tuple(house.window() for _ in range(task.runs))
        task.tell(f"{store.name}: {median(short):.2f} ms at {SHORT:,}, {median(ours):.2f} ms at {house.events():,}")
        yield Figure(
            workload=f"a document at {length:,} events, {store.name}",
            unit="CPU ms",
            ours=ours,
            baseline=short,
            baseline_name=f"at {SHORT:,}",
            goal=Goal(bound=1.25, of="ratio", most=True) if length <= FULL else None,
            cpu_ms=median(ours),
            note="growth: the relay without sockets, messages that come by the hundred" + (_TOLD if length > FULL else ""),
        )
    house.journal.close()
    store.drop(house.address)


WORKLOAD = Workload(name="growth", order=7, title="What a document costs in a long journal", run=run)
