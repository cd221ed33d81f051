"""Views that people keep: journaled, for oneself or for everybody, and never an address outside the console."""

from __future__ import annotations

import re
import uuid

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from suture.model import Decision
from suture.views.events import history
from tests.console.conftest import Opened

MINE = "/exceptions?owner=buyer&care=procedure"


def post(client: TestClient, **fields: str) -> Response:
    page = client.get("/views").text
    hidden = {name: found[0] for name in ("csrf", "position") if (found := re.findall(rf'name="{name}" value="([^"]*)"', page))}
    asked: dict[str, str] = {**hidden, "decision": uuid.uuid4().hex, "verb": "keep", "reason": "every morning", **fields}
    return client.post("/keep", data=asked)


def names(client: TestClient) -> list[str]:
    return [view["name"] for view in client.get("/views.json").json()["views"]]


def test_a_view_is_kept_and_opens_from_every_page(client: TestClient, opened: Opened) -> None:
    answer = post(client, name="Theatre", address=MINE)
    assert (answer.status_code, answer.headers["location"]) == (303, MINE)
    assert names(client) == ["Theatre"]
    assert f'href="{MINE.replace("&", "&amp;")}" title="every morning">Theatre</a>' in client.get("/today").text
    assert 'title="every morning" aria-current="true"' in client.get(MINE).text
    [made] = [row.event.data for row in history(opened.journal) if isinstance(row.event.data, Decision)][-1:]
    assert (made.subject.type, made.verb, made.actor, made.reason) == ("View", "keep", "Nia Osei", "every morning")
    assert 'data-row href="/views"' in client.get("/audit").text


def test_what_is_for_everybody_is_seen_by_everybody_and_given_up_by_its_owner(client: TestClient, opened: Opened) -> None:
    post(client, name="Mine", address=MINE)
    post(client, name="Ours", address=MINE, shared="yes")
    other = opened.client(subject="Lee Park")
    assert (names(client), names(other)) == (["Mine", "Ours"], ["Ours"])
    [view] = other.get("/views.json").json()["views"]
    assert post(other, verb="drop", view=view["id"]).status_code == 403
    assert names(client) == ["Mine", "Ours"]
    assert post(client, verb="drop", view=view["id"]).status_code == 303
    assert (names(client), names(other)) == (["Mine"], [])
    assert post(client, verb="drop", view=view["id"]).status_code == 409


def test_the_same_name_keeps_the_view_anew(client: TestClient) -> None:
    post(client, name="Theatre", address=MINE)
    post(client, name="theatre", address="/documents?q=state:exception")
    assert [view["address"] for view in client.get("/views.json").json()["views"]] == ["/documents?q=state%3Aexception"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x", "address": "https://elsewhere.example/exceptions"},
        {"name": "x", "address": "//elsewhere.example/exceptions"},
        {"name": "x", "address": "javascript:alert(1)"},
        {"name": "x", "address": "/leave"},
        {"name": "x", "address": "/exceptions?" + "q=1&" * 300},
        {"name": " ", "address": MINE},
        {"name": "x" * 41, "address": MINE},
        {"name": "x", "address": MINE, "reason": ""},
        {"name": "x", "address": MINE, "verb": "steal"},
    ],
)
def test_nothing_else_is_kept(fields: dict[str, str], client: TestClient) -> None:
    assert post(client, **fields).status_code == 422
    assert names(client) == []
