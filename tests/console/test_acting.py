"""Every action, done by a person in a real browser: with the script and without it, and what the peers hear of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from suture.console.page import actions
from suture.model import Decision
from suture.views import history
from tests.console.scene import ACTOR, Scene
from tests.console.test_browser import browser, looking

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

REASON = "agreed on the telephone"
#: What somebody does on a page that stands at this address.
Story = Callable[["Page", str, Scene], None]


def exception(scene: Scene, part: str) -> str:
    """The page of the open exception whose number holds this."""
    with scene.desk.ask({}) as ask:
        id = next(row.case.id for row in ask.books.exceptions() if part in row.case.id)
    return f"/exception?id={quote(id, safe='')}"


def press(page: Page, form: str, button: str, says: str, **fields: str) -> None:
    """Fill a form, press its button, and wait until it is said what was done."""
    for name, value in {"reason": REASON, **fields}.items():
        page.fill(f"{form} [name={name}]", value)
    page.click(f"{form} {button}")
    page.wait_for_selector(f".told[role=status]:has-text('{says}')")


def acknowledge(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/incidents")
    row = page.locator("li.row", has_text="inventory: it began with out of reach")
    row.locator("[name=reason]").fill(REASON)
    row.locator("button").click()
    page.wait_for_selector(f"text=seen to by {ACTOR}")


def hold(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/system?name=inventory-lake")
    press(page, "form[action='/hold']", "button[value=pause]", "is paused")
    press(page, "form[action='/hold']", "button[value=resume]", "is running")


def answer(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/approvals")
    press(page, "form[action='/answer']", "button[value=approve]", "approve told")
    scene.settle()
    assert any(b"PO-R-2" in body for _, body in scene.peers.told("erp"))


def unmask(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/documents?id=R-2&lens=raw")
    assert "mo@north.example" not in page.content()
    press(page, "form[action='/unmask']", "button", "ten minutes")
    assert "mo@north.example" in page.content()


def note(page: Page, base: str, scene: Scene) -> None:
    page.goto(base + exception(scene, "acknowledgement_overdue"))
    page.click("summary:text('Take it on')")
    press(page, "form[action='/note']:has([name=to])", "button[value=assign]", "has taken it on")
    page.click("summary:text('Look at it later')")
    press(page, "form[action='/note']:has([name=until])", "button[value=snooze]", "It sleeps", count="5")
    page.click("summary:text('Look at it later')")
    press(page, "form[action='/note']:has([name=until])", "button[value=wake]", "It is awake")


def draft(page: Page, base: str, scene: Scene) -> None:
    page.goto(base + exception(scene, "intake/"))
    page.fill("#mended", page.input_value("#mended").replace('"ten"', '"10"'))
    page.click("button[formaction='/draft']")
    page.wait_for_selector(".diff .plus:has-text('\"10\"')")
    assert not any(b"R-3" in body for _, body in scene.peers.told("erp")), "a draft is not sent"


def decide(page: Page, base: str, scene: Scene) -> None:
    """What was drafted is sent, with the number that nobody has seen."""
    page.fill("#why", REASON)
    page.click("button[value=repair]")
    page.wait_for_selector(".told[role=status]")
    scene.settle()
    assert any(b"PO-R-3" in body for _, body in scene.peers.told("erp"))
    page.goto(base + exception(scene, "delivery/"))
    press(page, "form[action='/decide']", "button[value=confirm]", "onfirm")


def route(page: Page, base: str, scene: Scene) -> None:
    [delivery] = scene.parked()
    page.goto(base + exception(scene, delivery))
    page.click("summary:text('Route elsewhere')")
    press(page, "form[action='/route']", "button", "wed to inventory-lake")
    scene.settle()
    assert len(scene.peers.told("inventory-lake")) == 1


def bulk(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/exceptions?owner=buyer")
    page.click("text=/Decide about all/")
    page.wait_for_selector("h1:has-text('at once')")
    press(page, "form[action='/bulk/decide']", "button[value=accept]", "decided")


def verify(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/proof")
    press(page, "form[action='/verify']", "button", "is read again")
    for _ in range(100):
        if "the ledger balances. Up to position" in page.inner_text("#verification"):
            return
        page.wait_for_timeout(100)
        if page.locator("#badge").is_hidden():  # nothing is live without script
            page.reload()
    raise AssertionError(page.inner_text("#verification"))


def take(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/emergency")
    press(page, "form[action='/take']", "button", "You hold treasurer")
    press(page, "form[action='/take']", "button:has-text('Give it back')", "no emergency rights any more")


def keep(page: Page, base: str, scene: Scene) -> None:
    page.goto(f"{base}/exceptions?owner=buyer")
    page.click("summary:text('Keep this view')")
    press(page, "form[action='/keep']", "button", "Kept as Buying", name="Buying")
    page.click("nav a:text('Buying')")
    page.wait_for_url("**/exceptions?owner=buyer")
    page.goto(f"{base}/views")
    press(page, "form[action='/keep']:has([name=view])", "button", "Buying is given up")


#: In an order in which each finds what it needs.
STORIES: Mapping[str, Story] = {
    "acknowledge": acknowledge,
    "hold": hold,
    "answer": answer,
    "unmask": unmask,
    "note": note,
    "bulk/decide": bulk,
    "draft": draft,
    "decide": decide,
    "route": route,
    "verify": verify,
    "keep": keep,
    "take": take,
}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_every_action_is_done_in_a_browser(script: bool, browser: Browser, tmp_path: Path) -> None:
    assert set(STORIES) == {action.name for action in actions()}, "an action that nobody has done in a browser"
    scene = Scene(tmp_path)
    with looking(browser, scene, java_script_enabled=script, viewport={"width": 1440, "height": 900}) as (page, base):
        page.set_default_timeout(30_000)
        for story in STORIES.values():
            story(page, base, scene)
    made = [row.event.data for row in history(scene.journal) if isinstance(row.event.data, Decision)]
    assert len(made) > len(STORIES)
    assert {(decision.actor, decision.reason) for decision in made} == {(ACTOR, REASON)}
