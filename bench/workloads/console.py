"""The console on a long journal: the server's time for each page, caught up, just after something was journaled.

Counted is processor time, the console's and the database's together: the clock would tell of whoever else is on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from starlette.testclient import TestClient

from bench.store import Store, stores
from bench.where_is import Day, fill, lived
from bench.workload import Figure, Goal, Task, Workload
from suture.console import Desk, Sessions, console_app
from suture.console.drawing import to
from suture.console.page import pages
from suture.console.queue import queue
from suture.gateway import Caller
from suture.journal import Journal, load_or_create_key, open_journal
from suture.model import Decision, Ref
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.notes import note
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING

#: Events of the journal, and how long any page may take on it, in milliseconds.
FULL, BOUND_MS = 1_000_000, 150.0
ROLES = ("operator", "clerk", "auditor")


class Took(NamedTuple):
    """Milliseconds of a page: of the processors, and by the clock."""

    cpu: float
    clock: float


def run(task: Task) -> Iterator[Figure]:
    """On each database a journal of days lived again and again, and every page on it."""
    folder = task.room("console")
    day = _day(folder)
    with stores(task.room("stores")) as places:
        for store in places:
            journal = open_journal(store.empty(), load_or_create_key(folder / "blobs.key"))
            days = fill(journal, day, task.of(FULL))
            books = folder / f"{store.name}.ledger"
            yield from measured(task, store, journal, books, days)
            journal.close()


def measured(task: Task, store: Store, journal: Journal, books: Path, days: int) -> Iterator[Figure]:
    """Every page on a journal of so many days; the read models are kept beside ``books``."""
    events, began = journal.counts()["events"], time.process_time()
    desk = Desk(_wiring(journal), books, ManualClock(MORNING + timedelta(days=days)), place="long")
    client, addresses = _client(desk)
    task.tell(f"{store.name}: {events:,} events of {days} days; read in {time.process_time() - began:.0f} s of work")
    for name, address in sorted(addresses.items()):
        ours = [_took(desk, store, client, address, number) for number in range(task.runs)]
        clock = median(each.clock for each in ours)
        task.tell(f"{store.name} {name}: {median(each.cpu for each in ours):.0f} ms, {clock:.0f} by the clock")
        yield Figure(
            workload=f"page {name}, {events:,} events, {store.name}",
            unit="ms",
            ours=tuple(each.cpu for each in ours),
            goal=Goal(bound=BOUND_MS, most=True),
            note="console: work of the processors, the database's included, each just after something was journaled",
        )


def _day(folder: Path) -> Day:
    source = open_journal(str(lived(folder / "day")), load_or_create_key(folder / "day" / "blobs.key"))
    day = Day(source)
    source.close()
    return day


def _wiring(journal: Journal) -> Wiring:
    return Wiring(journal, Network(name="none"), privacy_key=bytes(32))


def _client(desk: Desk) -> tuple[TestClient, dict[str, str]]:
    """Somebody who has come in, and every page with something to show."""
    with desk.ask({}) as ask:
        first = queue(ask)[0].row.case
    sessions = Sessions("suture-bench")
    client = TestClient(console_app(desk, sessions), base_url="http://127.0.0.1")
    client.get(f"/enter/{sessions.invite(Caller(subject='bench', roles=ROLES), desk.clock.now())}")
    more = {
        "exception": f"/exception?id={first.id}",
        "documents": "/documents?q=state:exception",
        "journey": f"/documents?id={next(ref.id for ref in first.objects)}",
        "kpi": "/kpi?name=order_to_receipt",
        "sla attainment": "/kpi?name=sla_attainment",
        **_fullest(client),
        "search": "/documents?q=supplier:ALDER+amount>1k",
        "messages": f"/documents?id={next(ref.id for ref in first.objects)}&lens=raw",
        "kpis of a facility, 90 days": "/kpis?facility=NSH&days=90",
    }
    # a page about one thing is not there without saying which
    shown = {page.name: f"/{page.name}" for page in pages() if client.get(f"/{page.name}").status_code == 200}
    return client, {**shown, **more}


def _fullest(client: TestClient) -> dict[str, str]:
    """What is behind the largest number of those pages that open into rows."""

    def told(page: str) -> Any:
        return client.get(f"/{page}.json").json()

    system = max(told("systems")["counterparts"], key=lambda one: one["owed"])
    flow = max(told("flows")["flows"], key=lambda one: one["sent"])
    phases = [
        (phase["number"], process["name"], phase["name"])
        for process in told("processes")["processes"]
        for phase in process["phases"]
    ]
    _, process, phase = max(phases)
    return {
        "system": to("/system", name=system["name"]),
        "flow": to("/flows", instance=flow["instance"], channel=flow["channel"], which="sent"),
        "process": to("/processes", process=process, phase=phase),
    }


def _took(desk: Desk, store: Store, client: TestClient, address: str, number: int) -> Took:
    """From asking to having the page, the journal having moved on since the last."""
    _noted(desk, f"{address}-{number}")
    clock, cpu = time.perf_counter(), time.process_time() + store.cpu_s()
    answer = client.get(address)
    took = Took(1000 * (time.process_time() + store.cpu_s() - cpu), 1000 * (time.perf_counter() - clock))
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return took


def _noted(desk: Desk, name: str) -> None:
    """Somebody looks at something: the journal moves on."""
    now = desk.clock.now()
    about = Ref("Note", f"bench/{name}")
    desk.act(note, Decision(id=f"BENCH-{name}", subject=about, verb="assign", actor="bench", at=now, reason="-", position=0))


WORKLOAD = Workload(name="console", order=10, title="The console on a long journal", run=run)
