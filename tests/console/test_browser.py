"""In a real browser: axe finds nothing, nothing complains, 360 pixels are wide enough, and all of it works without script."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from suture.transports.http_server import serve
from tests.console.conftest import Opened
from tests.console.test_decisions import decisions
from tests.console.test_pages import NAMES, address

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def listening(opened: Opened) -> Iterator[str]:
    """The console on a free port of this machine, in a thread of its own."""
    loop, ready, stop, ports = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def main() -> None:
        server = await serve(opened.app, grace_s=1)
        ports.append(server.port)
        ready.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    try:
        assert ready.wait(30)
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


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
def looking(browser: Browser, opened: Opened, **how: Any) -> Iterator[tuple[Page, str]]:
    """Somebody who came through the link, and the console's address; whatever the browser complains about fails the test."""
    complaints: list[str] = []
    with listening(opened) as base, contextlib.closing(browser.new_context(**how)) as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{base}/enter/{opened.link()}")
        yield page, base
    assert complaints == []


def test_every_page_passes_axe_and_fits_a_telephone(browser: Browser, opened: Opened) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    with looking(browser, opened, viewport={"width": 360, "height": 800}, color_scheme="dark", bypass_csp=True) as (page, base):
        for name in NAMES:
            page.goto(base + address(name, opened))
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{name} scrolls sideways"
            found = axe.Axe().run(page).response["violations"]
            assert [(name, each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


def test_every_page_passes_axe_in_the_light_at_a_desk(browser: Browser, opened: Opened) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    with looking(browser, opened, viewport={"width": 1440, "height": 900}, color_scheme="light", bypass_csp=True) as (page, base):
        for name in NAMES:
            page.goto(base + address(name, opened))
            found = axe.Axe().run(page).response["violations"]
            assert [(name, each["id"], each["nodes"][0]["html"][:200]) for each in found] == []


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
        page.wait_for_url("**/exception?id=*")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"
