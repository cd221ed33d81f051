"""Runbooks in the console: what the command says, linked from every exception, every process, and where incidents stand."""

from __future__ import annotations

import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from suture.extensions import found
from suture.gateway.governance.runbooks import ANY, RUNBOOKS, runbook_for, runbook_of
from suture.processes import Process
from tests.console.conftest import Opened


def follow(client: TestClient, page: str) -> list[str]:
    """The titles of the runbooks that a page links to, each followed."""
    links = re.findall(r'href="(/runbooks\?[^"]+)"', client.get(page).text)
    drawn = [client.get(unescape(link)) for link in dict.fromkeys(links)]
    assert {answer.status_code for answer in drawn} <= {200}
    return [unescape(re.findall(r"<h1>(.*?)</h1>", answer.text)[0]) for answer in drawn]


def test_every_exception_leads_to_its_runbook(client: TestClient, opened: Opened) -> None:
    with opened.desk.ask({}) as ask:
        cases = {row.case.reason: row.case.id for row in ask.books.exceptions()}
    assert len(cases) > 2
    for reason, id in cases.items():
        assert follow(client, f"/exception?id={id}") == [runbook_of(reason).title]


def test_every_process_leads_to_its_runbook(client: TestClient) -> None:
    flows = found("suture.processes", "PROCESS", Process)
    titles = follow(client, "/processes")
    assert sorted(titles) == sorted(runbook_for(name).title for name in flows)
    assert ANY.title not in titles


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_says_all_of_it(name: str, client: TestClient) -> None:
    one, text = RUNBOOKS[name], unescape(client.get("/runbooks", params={"name": name}).text)
    for said in (one.title, one.means, one.never, one.escalate, *one.do, *(place[1:] for place in one.look)):
        assert said in text


def test_the_list_holds_each_once_and_an_unknown_name_is_met_with_those_that_exist(client: TestClient) -> None:
    text = client.get("/runbooks").text
    assert {name: text.count(f'name={name}"') for name in RUNBOOKS} == dict.fromkeys(RUNBOOKS, 1)
    answer = client.get("/runbooks?name=nonsense")
    assert answer.status_code == 404
    assert "counterpart-away" in answer.text
    assert client.get("/runbooks.json?reason=never_heard_of").json()["one"]["name"] == ANY.name
