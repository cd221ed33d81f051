"""Every page of the console as pictures, at two widths, in the light and in the dark: ``python -m tools.screenshots FOLDER``.

It walks a small day of the demo, or opens the journal that is named, and beside it a house in which something of everything waits
for a person, as the tests know it. It needs Chromium and the package playwright.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from suture.console import Desk, Sessions, console_app
from suture.console.page import pages
from suture.console.queue import queue
from suture.gateway import Caller
from suture.gateway.trail import Called, unit_of
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Decision, Ref
from suture.runtime.clock import ManualClock
from suture.runtime.notes import note
from suture.runtime.wiring import Wiring
from suture.sandbox.stage import network
from suture.views import history
from suture.views.search import NOTE
from tests.console.scene import Scene
from tools.listening import listening

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (1440, 360)
ROLES = ("operator", "clerk", "auditor")
#: Pages that are empty on a quiet day.
WAITING = ("approvals", "audit", "dead_letters", "emergency", "incidents")
#: What the README shows, by the picture's name, at this size.
SHOWN = {"console-exceptions": "exceptions", "console-exception": "exception", "console-timeline": "documents-timeline"}
SIZE = {"width": 1000, "height": 500}


def main() -> None:
    """Write every page."""
    asked = argparse.ArgumentParser(prog="tools.screenshots", description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--journal", type=Path, help="a folder that `suture demo --keep` made; else a small day is walked")
    asked.add_argument("--readme", action="store_true", help="only the pictures of the README")
    asked.add_argument("--only", default="", help="names of pages, separated by commas")
    told = asked.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    only = [name for name in told.only.split(",") if name]
    with _day(told.journal) as day, _opened(day) as (desk, base, link), sync_playwright() as driver:
        if CHROMIUM is None:
            sys.exit("there is no Chromium here; Debian's package is called chromium")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if told.readme:
            _shown(browser, base, link, _addresses(desk, list(SHOWN.values())), told.folder)
        else:
            _pictures(browser, base, link, _addresses(desk, only), told.folder)
            with _scene() as (scene, base):
                _pictures(browser, base, scene.link(), _waiting(scene, only), told.folder)
                _afterwards(browser, scene, base, only, told.folder)
        browser.close()


@contextlib.contextmanager
def _day(kept: Path | None) -> Iterator[Path]:
    """A copy of the kept day, or a small one made now."""
    with tempfile.TemporaryDirectory(prefix="suture-screenshots-") as scratch:
        folder = Path(scratch) / "day"
        if kept:
            shutil.copytree(kept, folder)
        else:
            size = ("--requisitions", "60", "--usages", "40")
            subprocess.run([sys.executable, "-m", "suture", "demo", *size, "--keep", str(folder)], check=True)
        yield folder


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[tuple[Desk, str, str]]:
    """The console over a day, listening: its desk, its address, and a link."""
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    wiring = Wiring(journal, network({}, {}), privacy_key=bytes(32))
    # as of the end of the story: nothing on a picture lies in the future
    now = max(row.event.at for row in history(journal))
    desk = Desk(wiring, folder / "suture.ledger", ManualClock(now), place="day")
    sessions = Sessions("suture-screenshots")
    try:
        with listening(console_app(desk, sessions)) as base:
            yield desk, base, sessions.invite(Caller(subject="Nia Osei", roles=ROLES), now)
    finally:
        journal.close()


@contextlib.contextmanager
def _scene() -> Iterator[tuple[Scene, str]]:
    """The house in which something of everything waits, and its console's address."""
    with tempfile.TemporaryDirectory(prefix="suture-screenshots-") as folder:
        scene = Scene(Path(folder))
        now = scene.clock.now()
        for status, code in ((200, ""), (403, "not_allowed")):
            line = Called(
                at=now, actor="portal", operation="look_up_order", object="/orders/PO-R-1", status=status, code=code, trace=""
            )
            scene.journal.commit([unit_of([line])])
        with scene.desk.ask({}) as ask:
            known = [(each.row.case.id, ask.trail.position) for each in queue(ask)]
        for number, (id, position) in enumerate(known[:4]):
            taken = Decision(
                id=f"{number:032}",
                subject=Ref(NOTE, id),
                verb="assign",
                actor="Lee Park",
                at=now,
                reason="I ring them today",
                position=position,
                values={"to": "Lee Park"},
            )
            scene.desk.act(note, taken)
        with listening(scene.app) as base:
            yield scene, base


def _addresses(desk: Desk, only: list[str]) -> dict[str, str]:
    """Every page with something to show, by the name of its picture."""
    with desk.ask({}) as ask:
        found = queue(ask)
    first = found[0].row.case.id if found else "none"
    order = next((ref.id for each in found for ref in each.row.case.objects if ref.type == "PurchaseOrder"), "none")
    held = next((each.row.case.id for each in found if "repair" in each.row.case.actions), first)
    more = {
        "exception": f"/exception?id={first}",
        "exception-repair": f"/exception?id={held}",
        "documents": "/documents?q=supplier:ALDER",
        "documents-story": f"/documents?id={order}",
        "documents-timeline": f"/documents?id={order}&lens=timeline",
        "documents-raw": f"/documents?id={order}&lens=raw",
        "kpi": "/kpi?name=order_to_receipt",
        "complete": "/complete?q=s",
        "system": "/system?name=procurement",
        "runbooks-one": "/runbooks?name=receiving",
        "masters-items": "/masters?kind=items",
        "masters-crosswalk": "/masters?kind=crosswalk",
        "masters-one": "/masters?id=ALDER",
    }
    plain = {page.name: f"/{page.name}" for page in pages()}
    return {name: path for name, path in {**plain, **more}.items() if (name in only if only else name not in WAITING)}


def _waiting(scene: Scene, only: list[str]) -> dict[str, str]:
    """Pages that are empty on a quiet day, with something to do."""
    with scene.desk.ask({}) as ask:
        cases = [each.row.case.id for each in queue(ask)]
        hour = f"{ask.now:%Y-%m-%dT%H}"
    named = {
        "exception-in": f"/exception?id={quote(next(id for id in cases if id.startswith('intake/')), safe='')}",
        "exception-out": f"/exception?id={quote(next(id for id in cases if id.endswith(scene.parked()[0])), safe='')}",
        "audit-calls": f"/audit?calls={hour}",
        "system-out": "/system?name=inventory",
        "systems-out": "/systems",
        "today-busy": "/today",
        "flows-out": "/flows",
        "slas-out": "/slas?days=30",
        "kpis-out": "/kpis?days=30",
        "kpi-out": "/kpi?name=sla_attainment&days=30",
    }
    return {name: path for name, path in {**{each: f"/{each}" for each in WAITING}, **named}.items() if not only or name in only}


def _afterwards(browser: Browser, scene: Scene, base: str, only: list[str], folder: Path) -> None:
    """What one sees after having done something, and where something is not as it should be."""
    context = browser.new_context()
    page = context.new_page()
    if not only or "sign-in" in only:
        _each_variant(page, f"{base}/today", folder / "sign-in")
    page.goto(f"{base}/enter/{scene.link()}")
    for name, do in _DEEDS.items():
        if not only or name in only:
            do(page, base, scene)
            _each_variant(page, "", folder / name)
    context.close()


def _each_variant(page: Page, address: str, name: Path) -> None:
    """One page, as it stands or at an address, in all variants."""
    if address:
        page.goto(address, wait_until="load")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            page.screenshot(path=name.with_name(f"{name.name}-{width}-{scheme}.png"), full_page=True)


def _keep(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/exceptions?owner=operations")
    page.click("footer .keep summary")
    page.fill("footer [name=name]", "Ours this morning")
    page.fill("footer [name=reason]", "what operations looks at first")
    page.click("footer .keep button")
    page.wait_for_selector("[role=status].told")
    page.goto(f"{base}/views")


def _draft(page: Page, base: str, scene: Scene) -> None:
    page.goto(base + _waiting(scene, [])["exception-in"])
    page.fill("#mended", page.input_value("#mended").replace("ten", "10"))
    page.click("text=See what changes")
    page.wait_for_selector("pre.diff")


def _refused(page: Page, base: str, scene: Scene) -> None:
    """Somebody decides on what has changed since."""
    page.goto(base + _waiting(scene, [])["exception-out"])
    page.evaluate("document.querySelectorAll('form.decision [name=position]').forEach(field => { field.value = '1' })")
    page.fill("#reason", "they say that they have it")
    page.click("form.decision button.act >> nth=0")
    page.wait_for_selector("[role=alert]")


def _paused(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/system?name=erp")
    page.fill("#reason", "their works until noon")
    page.click("button[value=pause]")
    page.wait_for_selector("[role=status].told")


def _many(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/bulk?dead=yes&system=inventory")
    page.fill("#reason", "inventory answers again")
    page.click("button[value=release]")
    page.wait_for_selector("[role=status].told")


def _unmasked(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/documents?id=R-2&lens=raw")
    field = page.locator("form[action='/unmask'] [name=reason]")
    if field.count():
        field.first.fill("the supplier asks what we sent")
        page.locator("form[action='/unmask'] button").first.click()
        page.wait_for_selector("[role=status].told")


#: What is done, one after the other, by the name of the picture of what one sees then.
_DEEDS: dict[str, Callable[[Page, str, Scene], object]] = {
    "nothing-known": lambda page, base, scene: page.goto(f"{base}/documents?q=PO-R"),
    "no-page": lambda page, base, scene: page.goto(f"{base}/nowhere"),
    "nothing-found": lambda page, base, scene: page.goto(f"{base}/documents?q=supplier:NOBODY colour:red"),
    "json": lambda page, base, scene: page.goto(f"{base}/exceptions.json"),
    "views-kept": _keep,
    "after-draft": _draft,
    "after-refused": _refused,
    "after-pause": _paused,
    "after-unmask": _unmasked,
    "after-bulk": _many,
}


def _shown(browser: Browser, base: str, link: str, addresses: dict[str, str], folder: Path) -> None:
    """The upper part of three pages, as small as it can be read."""
    context = browser.new_context(viewport=ViewportSize(width=SIZE["width"], height=SIZE["height"]))
    page = context.new_page()
    page.goto(f"{base}/enter/{link}")
    for picture, name in SHOWN.items():
        page.goto(base + addresses[name], wait_until="load")
        page.wait_for_selector(".badge.live")
        if name == "documents-timeline":
            page.locator("#lanes").evaluate("element => element.scrollIntoView({block: 'center'})")
        page.screenshot(path=folder / f"{picture}.png")
    context.close()


def _pictures(browser: Browser, base: str, link: str, addresses: dict[str, str], folder: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/enter/{link}")
    for name, path in addresses.items():
        _each_variant(page, base + path, folder / name)
    context.close()


if __name__ == "__main__":
    main()
