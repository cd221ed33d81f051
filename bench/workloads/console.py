"""The console on a long journal: how long the server takes for each page, caught up, and after a decision was journaled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from starlette.testclient import TestClient

from bench.where_is import Day, fill, lived
from bench.workload import Figure, Goal, Task, Workload
from suture.console import Desk, Sessions, console_app
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


def run(task: Task) -> Iterator[Figure]:
    """A journal of days lived again and again, and every page on it, the slowest first."""
    folder = task.room("console")
    day = _day(folder)
    journal = open_journal(str(folder / "long.db"), load_or_create_key(folder / "blobs.key"))
    days = fill(journal, day, task.of(FULL))
    events = journal.counts()["events"]
    desk = Desk(_wiring(journal), folder / "long.ledger", ManualClock(MORNING + timedelta(days=days)), place="long")
    began = time.perf_counter()
    client, addresses = _client(desk)
    task.tell(f"{events:,} events of {days} days; read in {time.perf_counter() - began:.0f} s")
    for name, address in sorted(addresses.items()):
        ours = tuple(_took(desk, client, address, number) for number in range(task.runs))
        task.tell(f"{name}: {median(ours):.0f} ms")
        yield Figure(
            workload=f"page {name}, {events:,} events",
            unit="ms",
            ours=ours,
            goal=Goal(bound=BOUND_MS, most=True),
            note="console: one request after another, each just after a note was journaled",
        )
    journal.close()


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
    }
    # a page about one thing is not there without saying which
    shown = {page.name: f"/{page.name}" for page in pages() if client.get(f"/{page.name}").status_code == 200}
    return client, {**shown, **more}


def _took(desk: Desk, client: TestClient, address: str, number: int) -> float:
    """Milliseconds from asking to having the page, the journal having moved on since the last."""
    about = Ref("Note", f"bench/{address}/{number}")
    now = desk.clock.now()
    id = f"BENCH-{number}-{address}"
    desk.act(note, Decision(id=id, subject=about, verb="assign", actor="bench", at=now, reason="-", position=0))
    began = time.perf_counter()
    answer = client.get(address)
    took = 1000 * (time.perf_counter() - began)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return took


WORKLOAD = Workload(name="console", order=10, title="The console on a long journal", run=run)
