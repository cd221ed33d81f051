"""Verbs as forms: a decision with its reason is journaled once; what is stale, forged or unreasoned is refused and told."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from suture.console.app import FORM_BYTES
from suture.model import Decision, Ref
from tests.console.conftest import NOW, Opened


def form(client: TestClient, opened: Opened) -> tuple[str, dict[str, str]]:
    """The page of an exception that somebody may decide, and its form filled in as a browser would."""
    with opened.desk.ask({}) as ask:
        case = next(row.case for row in ask.books.exceptions() if row.case.actions)
    page = f"/exception?id={case.id}"
    fields = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', client.get(page).text))
    return page, {**fields, "reason": "agreed with the dock", "verb": case.actions[0]}


def decisions(opened: Opened, case: str) -> list[Decision]:
    """What the journal holds about it."""
    rows = opened.journal.find(Ref("Case", case))
    return [row.event.data for row in rows if isinstance(row.event.data, Decision)]


def test_a_decision_is_journaled_with_actor_reason_and_position(client: TestClient, opened: Opened) -> None:
    page, fields = form(client, opened)
    answer = client.post("/decide", data=fields)
    assert answer.status_code == 303
    [made] = decisions(opened, fields["case"])
    assert (made.actor, made.reason, made.verb, made.at) == ("Nia Osei", fields["reason"], fields["verb"], NOW)
    assert made.position == int(fields["position"])
    shown = client.get(answer.headers["location"])
    assert 'role="status"' in shown.text
    assert "agreed with the dock" in shown.text
    assert 'role="status"' not in client.get(page).text, "it is told once"
    assert client.get("/audit.json").json()["entries"][0]["reason"] == fields["reason"]


def test_the_same_form_sent_twice_decides_once(client: TestClient, opened: Opened) -> None:
    _, fields = form(client, opened)
    assert [client.post("/decide", data=fields).status_code for _ in range(2)] == [303, 303]
    assert len(decisions(opened, fields["case"])) == 1


def test_a_stale_decision_is_refused_and_told(client: TestClient, opened: Opened) -> None:
    other = opened.client(subject="Lee Park")
    _, fields = form(client, opened)
    _, later = form(other, opened)
    assert client.post("/decide", data=fields).status_code == 303
    refused = other.post("/decide", data=later)
    assert refused.status_code == 409
    assert "Not carried out" in refused.text
    assert "changed at position" in refused.text
    assert len(decisions(opened, fields["case"])) == 1


def test_a_form_without_the_sessions_token_decides_nothing(client: TestClient, opened: Opened) -> None:
    _, fields = form(client, opened)
    for forged in ({**fields, "csrf": "x"}, {name: value for name, value in fields.items() if name != "csrf"}):
        assert client.post("/decide", data=forged).status_code == 403
    assert decisions(opened, fields["case"]) == []


def test_a_decision_needs_a_reason_a_known_verb_and_a_whole_form(client: TestClient, opened: Opened) -> None:
    _, fields = form(client, opened)
    wrong = {"reason": " ", "verb": "burn", "position": "-1", "decision": "short"}
    answers = {name: client.post("/decide", data={**fields, name: value}) for name, value in wrong.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "reason": 422,
        "verb": 422,
        "position": 400,
        "decision": 400,
    }
    assert all('role="alert"' in answer.text for answer in answers.values())
    assert client.post("/decide", data={**fields, "reason": "x" * 2_000}).status_code == 422
    assert client.post("/decide", data={**fields, "reason": "x" * FORM_BYTES}).status_code == 404
    assert decisions(opened, fields["case"]) == []
