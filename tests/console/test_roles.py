"""Who may do what: every role on every page and every action, and nobody anything that no role of theirs grants."""

from __future__ import annotations

import re
from functools import cache

import pytest
from starlette.testclient import TestClient

from suture.console.page import Action, Page, actions, pages
from suture.gateway import ROLES, Access, Caller
from tests.console.conftest import Opened
from tests.console.test_pages import address

ROLE_NAMES = (*ROLES, "stranger to every policy")
PAGES, ACTIONS = pages(), actions()


@cache
def granted(role: str, permission: str) -> bool:
    """What the policy says."""
    return bool(Access().allows(Caller(subject="somebody", roles=(role,)), permission))


@pytest.fixture
def somebody(opened: Opened) -> dict[str, TestClient]:
    """A browser for each role."""
    return {role: opened.client(role, subject=f"the {role}") for role in ROLE_NAMES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_shown_to_whoever_may_see_it_and_to_nobody_else(
    page: Page, opened: Opened, somebody: dict[str, TestClient]
) -> None:
    where = address(page.name, opened)
    path, _, query = where.partition("?")
    seen = {role: client.get(where).status_code for role, client in somebody.items()}
    twins = {role: client.get(f"{path}.json?{query}").status_code for role, client in somebody.items()}
    expected = {role: 200 if granted(role, page.allow) else 403 for role in ROLE_NAMES}
    assert seen == expected
    assert twins == expected
    assert set(expected.values()) == {200, 403}, "a page that everybody or nobody may see declares the wrong permission"


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_is_refused_to_whoever_may_not(action: Action, opened: Opened, somebody: dict[str, TestClient]) -> None:
    """Whoever may gets as far as the form, which says nothing here."""
    answers, before = {}, opened.journal.read(0, 100_000)[-1].position
    for role, client in somebody.items():
        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/nowhere").text)[0]
        answers[role] = client.post(action.path, data={"csrf": csrf})
    refused = {role for role, answer in answers.items() if answer.status_code == 403}
    assert refused == {role for role in ROLE_NAMES if not granted(role, action.allow)}
    assert opened.journal.read(before, 10) == []


def test_nothing_of_a_page_is_told_to_whoever_may_not_see_it(opened: Opened, somebody: dict[str, TestClient]) -> None:
    text = somebody["machine"].get("/exceptions").text
    assert "exceptions.read" in text
    assert "PO-REQ" not in text


def test_buttons_say_why_they_cannot_be_pressed(opened: Opened, somebody: dict[str, TestClient]) -> None:
    drawn = somebody["viewer"].get(address("exception", opened)).text.partition("<footer")[0]
    buttons = re.findall(r"<button[^>]*name=\"verb\"[^>]*>", drawn)
    assert buttons
    assert all(" disabled" in button for button in buttons)
    assert "which the role viewer does not grant" in drawn
    able = somebody["operator"].get(address("exception", opened)).text.partition("<footer")[0]
    assert any(" disabled" not in button for button in re.findall(r"<button[^>]*name=\"verb\"[^>]*>", able))


def test_navigation_names_what_is_closed_and_why(somebody: dict[str, TestClient]) -> None:
    drawn = somebody["viewer"].get("/today").text
    assert 'href="/audit"' not in drawn
    assert re.search(r'aria-disabled="true" title="[^"]*audit\.read[^"]*">Audit', drawn)


def test_every_declaration_names_a_permission() -> None:
    for name, allow in [(page.name, page.allow) for page in PAGES] + [(action.name, action.allow) for action in ACTIONS]:
        assert re.fullmatch(r"[a-z]+\.[a-z]+", allow), name
