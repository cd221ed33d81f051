"""The console as it is felt, in Chromium: from pressing a button to the answer on the screen, and from an event to the screen.

By the clock, which also tells of whoever else is on the machine: the fastest of the runs tells most of the console.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.where_is import lived
from bench.workload import Figure, Goal, Task, Workload
from suture.console import Desk, Sessions, console_app
from suture.console.drawing import to
from suture.console.queue import queue
from suture.gateway import Caller
from suture.journal import load_or_create_key, open_journal
from suture.model import Decision, Ref
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.notes import note
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING
from suture.views.search import NOTE
from tools.listening import listening

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: The budgets, in milliseconds.
ACTION_MS, EVENT_MS = 50.0, 100.0
#: How often each is measured in a run; the median counts.
TIMES = 15

#: Press the button of this form; milliseconds until what was done has been painted.
_PRESS = """form => new Promise(done => {
  const began = performance.now();
  const seen = new MutationObserver(() => {
    if (!document.querySelector('.told[role=status]')) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  document.querySelectorAll('.told').forEach(old => old.remove());
  seen.observe(document.body, {childList: true, subtree: true});
  form.requestSubmit(form.querySelector('button'));
})"""
#: The moment at which this text has been painted, in milliseconds since 1970.
_PAINTED = """text => new Promise(done => {
  const look = () => document.body.textContent.includes(text) &&
    (seen.disconnect(), requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now()))));
  const seen = new MutationObserver(look);
  seen.observe(document.body, {childList: true, subtree: true, characterData: true});
  look();
})"""


def run(task: Task) -> Iterator[Figure]:
    """On a day of the demo, with one browser that looks at the exceptions."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        task.tell("there is no Chromium here; Debian's package is called chromium")
        return
    folder = task.room("live") / "day"
    journal = open_journal(str(lived(folder)), load_or_create_key(folder / "blobs.key"))
    clock = ManualClock(MORNING + timedelta(days=20))
    desk = Desk(Wiring(journal, Network(name="none"), privacy_key=bytes(32)), folder / "suture.ledger", clock, place="day")
    sessions = Sessions("suture-bench")
    with listening(console_app(desk, sessions)) as base, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{base}/enter/{sessions.invite(Caller(subject='bench', roles=('operator',)), clock.now())}")
        times = task.of(TIMES, least=3)
        acted = [_median(_pressed(page, base, desk, times)) for _ in range(task.runs)]
        told = [_median(_heard(page, base, desk, times)) for _ in range(task.runs)]
        browser.close()
    journal.close()
    yield _figure("from a button to the answer on the screen", acted, ACTION_MS, "decides, commits, redraws the page")
    yield _figure("from an event in the journal to the screen", told, EVENT_MS, "through the stream, with the list of exceptions")


def _figure(what: str, ours: list[float], bound: float, note: str) -> Figure:
    return Figure(workload=what, unit="ms", ours=tuple(ours), goal=Goal(bound=bound, most=True), note=f"console: {note}")


def _pressed(page: Page, base: str, desk: Desk, times: int) -> Iterator[float]:
    """Somebody takes the same exception on, again and again."""
    page.goto(base + to("/exception", id=_dearest(desk)))
    for _ in range(times):
        page.eval_on_selector("form:has([name=to]) [name=reason]", "field => field.value = 'mine'")
        yield float(page.eval_on_selector("form:has([name=to])", _PRESS))


def _heard(page: Page, base: str, desk: Desk, times: int) -> Iterator[float]:
    """Somebody else takes it on, each time in another name."""
    page.goto(f"{base}/exceptions")
    page.wait_for_selector(".badge.live")
    for _ in range(times):
        page.wait_for_timeout(600)  # no two within the shortest time between flushes
        name = f"Nia {uuid.uuid4().hex}"
        page.evaluate(f"void (window.painted = ({_PAINTED})({name!r}))")
        subject, values = Ref(NOTE, _dearest(desk)), {"to": name}
        now = desk.clock.now()
        decision = Decision(
            id=uuid.uuid4().hex, subject=subject, verb="assign", actor=name, at=now, reason="-", position=0, values=values
        )
        desk.act(note, decision)
        began = time.time()  # as the browser's clock tells it
        yield float(page.evaluate("window.painted")) - 1000 * began


def _dearest(desk: Desk) -> str:
    with desk.ask({}) as ask:
        return queue(ask)[0].row.case.id


def _median(found: Iterator[float]) -> float:
    ordered = sorted(found)
    return ordered[len(ordered) // 2]


WORKLOAD = Workload(name="console_live", order=11, title="The console as it is felt, in Chromium", run=run)
