"""In a real browser: axe finds nothing, nothing complains, 360 pixels are wide enough, and all of it works without script."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from suture.console import Sessions, console_app
from suture.console.queue import queue
from tests.console.conftest import Opened
from tests.console.scene import Scene
from tests.console.test_decisions import decisions
from tests.console.test_pages import NAMES, STATIC, address
from tools.listening import listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def looking(browser: Browser, opened: Opened | Scene, **how: Any) -> Iterator[tuple[Page, str]]:
    """Somebody who came through the link, and the console's address; whatever the browser complains about fails the test."""
    complaints: list[str] = []
    with listening(opened.app) as base, contextlib.closing(browser.new_context(**how)) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{base}/enter/{opened.link()}")
        yield page, base
    assert complaints == []


#: How people look: at a desk or on a telephone, by day or by night.
VARIANTS = [(width, scheme) for width in (1440, 360) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A house in which something of everything waits for a person."""
    return Scene(tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize(("width", "scheme"), VARIANTS)
def test_every_page_passes_axe_and_fits(width: int, scheme: str, browser: Browser, opened: Opened) -> None:
    check(browser, opened, [address(name, opened) for name in NAMES], width, scheme)


@pytest.mark.parametrize(("width", "scheme"), VARIANTS)
def test_pages_with_something_to_do_pass_axe_and_fit(width: int, scheme: str, browser: Browser, scene: Scene) -> None:
    check(browser, scene, busy_pages(scene), width, scheme)


def test_pages_fit_every_width_between(browser: Browser, scene: Scene) -> None:
    with looking(browser, scene) as (page, base):
        for address in dict.fromkeys(
            [
                *busy_pages(scene),
                *(f"/{name}" for name in ("flows", "processes", "slas", "kpis", "business", "runbooks", "catalogue")),
            ]
        ):
            page.goto(base + address)
            for width in (1150, 1000, 961, 960, 640):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} scrolls sideways at {width}"


def busy_pages(scene: Scene) -> list[str]:
    """What somebody sees who has something to do there: forms, drafts, questions, masked messages."""
    with scene.desk.ask({}) as ask:
        cases = [f"/exception?id={quote(each.row.case.id, safe='')}" for each in queue(ask)]
    named = ("approvals", "audit", "bulk", "dead_letters", "emergency", "exceptions", "incidents", "proof", "systems", "today")
    return [*(f"/{name}" for name in named), "/system?name=inventory", "/documents?id=R-2&lens=raw", *cases]


def check(browser: Browser, of: Opened | Scene, addresses: list[str], width: int, scheme: str) -> None:
    """None of these pages scrolls sideways, repeats an id, or is complained about by axe; all that folds is unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    with looking(browser, of, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True) as (page, base):
        for address in addresses:
            page.goto(base + address)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} scrolls sideways"
            assert page.evaluate(REPEATED) == [], f"{address} repeats an id"
            found = axe.Axe().run(page).response["violations"]
            assert [(address, each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


#: The ids that a page has more than once; axe looks only at those that something refers to.
REPEATED = """[...document.querySelectorAll('[id]')].map(each => each.id).filter((id, index, all) => all.indexOf(id) < index)"""


def test_one_decides_without_script(browser: Browser, opened: Opened) -> None:
    with opened.desk.ask({}) as ask:
        case = next(row.case for row in ask.books.exceptions() if row.case.actions)
    with looking(browser, opened, java_script_enabled=False) as (page, base):
        page.goto(f"{base}{address('exception', opened)}")
        page.fill("#reason", "agreed with the dock")
        page.click("form.decision button >> nth=0")
        assert "agreed with the dock" in page.content()
        assert page.locator("[role=status]").count() == 1
    assert [made.reason for made in decisions(opened, case.id)] == ["agreed with the dock"]


def test_the_keyboard_moves_and_opens(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        page.goto(f"{base}/exceptions")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_url("**/exceptions?reason=*")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"


# -- live, in one tab and in many


def taken_on(opened: Opened, by: str) -> None:
    """Somebody else takes the dearest exception on, through a browser of their own."""
    client = opened.client(subject=by)
    with opened.desk.ask({}) as ask:
        id = queue(ask)[0].row.case.id
    page = client.get(f"/exception?id={id}").text
    hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page))
    answer = client.post("/note", data={**hidden, "verb": "assign", "to": by, "reason": "mine", "decision": uuid.uuid4().hex})
    assert answer.status_code == 303


def tabs(context: BrowserContext, base: str, count: int) -> list[Page]:
    """So many tabs with the exceptions, each of which shows that it is live."""
    opened = [context.new_page() for _ in range(count)]
    for page in opened:
        page.goto(f"{base}/exceptions")
    for page in opened:
        page.wait_for_selector(".badge.live")
    return opened


def test_what_somebody_else_does_appears_by_itself(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        page.goto(f"{base}/exceptions")
        page.wait_for_selector(".badge.live")
        taken_on(opened, "Lee Park")
        page.wait_for_selector("text=taken on by Lee Park")


def test_eight_tabs_share_one_stream_and_hand_it_on(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        streams: list[str] = []
        page.context.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
        others = tabs(page.context, base, 8)
        taken_on(opened, "Lee Park")
        for tab in others:
            tab.wait_for_selector("text=taken on by Lee Park")
        page.close()
        others.pop(0).close()
        taken_on(opened, "Ada Mora")
        for tab in others:
            tab.wait_for_selector("text=taken on by Ada Mora")
        assert all("after=" in url for url in streams)


def test_a_page_goes_on_after_the_server_was_restarted(browser: Browser, opened: Opened) -> None:
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        with listening(opened.app) as base:
            page.goto(f"{base}/enter/{opened.link()}")
            page.goto(f"{base}/exceptions")
            page.wait_for_selector(".badge.live")
        page.wait_for_selector(".badge.reconnecting")
        taken_on(opened, "Lee Park")
        again = console_app(opened.desk, Sessions("suture-test", opened.sessions.kept))
        with listening(again, int(base.rpartition(":")[2])):
            page.wait_for_selector("text=taken on by Lee Park")
            page.wait_for_selector(".badge.live")


def test_what_somebody_writes_is_not_replaced(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        with opened.desk.ask({}) as ask:
            id = queue(ask)[0].row.case.id
        page.goto(f"{base}/exception?id={quote(id)}")
        page.wait_for_selector(".badge.live")
        page.fill("#reason", "half a senten")
        taken_on(opened, "Lee Park")
        page.wait_for_selector("#state >> text=taken on by Lee Park")
        assert page.input_value("#reason") == "half a senten"


# -- budgets and the keyboard


@pytest.mark.parametrize("name", NAMES)
def test_a_page_costs_little_and_asks_nobody_else(name: str, browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        # the page before is left first, or its icon and its stream, still on their way, are counted with this one's
        page.goto("about:blank")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(base + address(name, opened), wait_until="load")
        sizes = page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter(entry => !entry.name.includes('/stream')).map(entry => entry.transferSize)"
        )
        assert {url.split("/")[2] for url in asked} == {base.removeprefix("http://")}
        assert len(asked) <= 5, asked
        assert sum(sizes) <= 40_000


def test_the_keyboard_alone_goes_anywhere_and_decides(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        page.goto(f"{base}/today")
        page.keyboard.press("?")
        page.wait_for_selector("#help[open]")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.wait_for_selector("#palette[open]")
        page.keyboard.type("excep")
        page.keyboard.press("Enter")
        page.wait_for_url("**/exceptions")
        page.focus("#rows [data-row]")
        page.keyboard.press("Enter")
        page.wait_for_url("**/exception?id=*")
        page.wait_for_selector("#content form")
        page.keyboard.press("e")
        page.keyboard.type("agreed with the dock")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=status].told")
        assert "agreed with the dock" in page.inner_text("#content")


def test_the_search_line_is_completed(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened) as (page, base):
        page.goto(f"{base}/today")
        page.keyboard.press("/")
        page.keyboard.type("kind:Inv", delay=30)
        page.wait_for_selector('#completions option[value="kind:Invoice"]', state="attached")


def test_a_number_is_copied_and_escape_leads_back(browser: Browser, opened: Opened) -> None:
    with looking(browser, opened, permissions=["clipboard-read", "clipboard-write"]) as (page, base):
        page.goto(base + address("exception", opened))
        id = page.get_attribute("[data-copy]", "data-copy")
        page.keyboard.press("c")
        page.wait_for_selector("[data-copy]:text('copied')")
        assert page.evaluate("navigator.clipboard.readText()") == id
        page.keyboard.press("Escape")
        page.wait_for_url("**/exceptions?reason=*")


def test_the_script_stays_small() -> None:
    assert len((STATIC / "console.js").read_text("utf-8").splitlines()) <= 200


def test_who_reads_a_list_is_told_how_much_is_new_and_nothing_moves_under_the_hand(browser: Browser, opened: Opened) -> None:
    row = '<li id="case-new" class="row" data-into="#rows" data-before="FIRST"><a data-row href="/today">new</a></li>'
    with looking(browser, opened) as (page, base):
        page.goto(f"{base}/exceptions")
        page.wait_for_selector(".badge.live")
        first = page.get_attribute("#rows > li", "id")
        page.hover("#rows > li >> nth=1")
        page.evaluate("html => patch(html)", row.replace("FIRST", first or ""))
        assert page.inner_text("#badge") == "○ paused, 1 new"
        assert page.inner_text("#news") == "1 new on this page"
        assert page.get_attribute("#rows > li", "id") == first
        page.hover("h1")
        page.wait_for_selector("#rows > li#case-new:first-child")
        page.wait_for_selector(".badge.live")
