"""What people do with exceptions: later, together, elsewhere, mended; and what they search and read of messages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from suture.console.authority import VERBS
from suture.console.queue import queue
from suture.model import Decision, Ref
from suture.views.query import answer, completions, read_query
from tests.console.conftest import NOW, Opened
from tests.console.test_decisions import decisions


def post(client: TestClient, page: str, path: str, **fields: str) -> Any:
    """Post the form of this action on a page, filled in."""
    drawn = client.get(page).text
    found = next(text for text in re.findall(r"<form.*?</form>", drawn, re.DOTALL) if f'action="{path}"' in text)
    hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', found))
    return client.post(path, data={**hidden, **fields})


def notes(opened: Opened, about: str) -> list[Decision]:
    """The notes on something."""
    return [row.event.data for row in opened.journal.find(Ref("Note", about)) if isinstance(row.event.data, Decision)]


@pytest.fixture
def first(opened: Opened) -> str:
    """The exception that is dearest to leave."""
    with opened.desk.ask({}) as ask:
        return queue(ask)[0].row.case.id


# -- notes


def test_what_sleeps_wakes_at_its_time(client: TestClient, opened: Opened, first: str) -> None:
    count = client.get("/exceptions.json").json()["count"]
    until = NOW + timedelta(hours=1)
    page = f"/exception?id={first}"
    assert (
        post(client, page, "/note", verb="snooze", until=f"{until:%Y-%m-%dT%H:%M}", reason="the lorry comes").status_code == 303
    )
    assert client.get("/exceptions.json").json()["count"] == count - 1
    asleep = client.get("/exceptions.json?asleep=yes").json()
    assert [row["id"] for row in asleep["rows"]] == [first]
    assert "the lorry comes" in asleep["rows"][0]["asleep"]
    opened.clock.move_to(until)
    assert client.get("/exceptions.json").json()["count"] == count
    assert decisions(opened, first) == [], "a note is no decision"


def test_what_sleeps_wakes_when_enough_are_alike_or_enough_is_at_stake(client: TestClient, opened: Opened, first: str) -> None:
    page = f"/exception?id={first}"
    for sleeps, conditions in (
        (False, {"count": "1"}),
        (True, {"count": "9999"}),
        (False, {"value": "0.01"}),
        (True, {"value": "1e9"}),
    ):
        assert post(client, page, "/note", verb="snooze", reason="until it grows", **conditions).status_code == 303
        assert bool(client.get("/exceptions.json?asleep=yes").json()["rows"]) is sleeps, conditions
    assert post(client, page, "/note", verb="wake", reason="looked at").status_code == 303
    assert client.get("/exceptions.json?asleep=yes").json()["rows"] == []


def test_a_snooze_needs_a_condition_and_a_reason(client: TestClient, opened: Opened, first: str) -> None:
    page = f"/exception?id={first}"
    assert post(client, page, "/note", verb="snooze", reason="later").status_code == 422
    assert post(client, page, "/note", verb="snooze", count="3", reason=" ").status_code == 422
    assert post(client, page, "/note", verb="snooze", until="soon", reason="later").status_code == 422
    assert notes(opened, first) == []


def test_somebody_takes_it_on(client: TestClient, opened: Opened, first: str) -> None:
    assert post(client, f"/exception?id={first}", "/note", verb="assign", reason="mine").status_code == 303
    assert [row["taken_by"] for row in client.get("/exceptions.json?mine=yes").json()["rows"]] == ["Nia Osei"]
    [made] = notes(opened, first)
    assert (made.actor, made.verb, made.reason) == ("Nia Osei", "assign", "mine")


# -- many at once


def test_a_bulk_decision_says_first_what_it_touches_and_touches_that(client: TestClient, opened: Opened) -> None:
    groups = client.get("/exceptions.json").json()["groups"]
    shown = {group["reason"]: client.get(f"/bulk.json?reason={group['reason']}").json() for group in groups}
    reason, told = next((reason, told) for reason, told in shown.items() if told["choices"] and not told["choices"][0]["denied"])
    choice = told["choices"][0]
    drawn = client.get(f"/bulk?reason={reason}").text
    assert f"{choice['count']:,} exception" in drawn
    done = post(client, f"/bulk?reason={reason}", "/bulk/decide", verb=choice["verb"], reason="agreed with the dock")
    assert done.status_code == 303
    made = [row.decision for row in trail(opened) if row.decision.reason == "agreed with the dock"]
    assert 0 < len(made) <= choice["count"]
    assert {decision.actor for decision in made} == {"Nia Osei"}
    assert len({decision.subject.id for decision in made}) == len(made)
    assert f"{len(made):,} of this run" in client.get(done.headers["location"]).text


def trail(opened: Opened) -> list[Any]:
    """Every decision so far."""
    with opened.desk.ask({}) as ask:
        return list(ask.trail.decisions)


def test_a_bulk_decision_repeated_changes_nothing(client: TestClient, opened: Opened) -> None:
    [reason] = [
        group["reason"] for group in client.get("/exceptions.json").json()["groups"] if group["reason"] == "match_exception"
    ][:1] or [""]
    page = f"/bulk?reason={reason}"
    drawn = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', client.get(page).text)
    fields = {**dict(drawn), "verb": "reject", "reason": "all of it"}
    assert client.post("/bulk/decide", data=fields).status_code == 303
    many = len(trail(opened))
    client.post("/bulk/decide", data=fields)
    assert len(trail(opened)) == many


# -- search


def test_a_search_line_narrows_and_the_address_keeps_it(client: TestClient) -> None:
    everything = client.get("/documents.json?q=kind:Invoice").json()["answer"]
    one = everything["rows"][0]
    for line in (
        f"kind:Invoice supplier:{one['supplier']}",
        f"kind:invoice facility:{one['facility']}",
        f"state:{one['state']} amount>1",
    ):
        rows = client.get("/documents.json", params={"q": line}).json()["answer"]["rows"]
        assert one["id"] in {row["id"] for row in rows}, line
    assert client.get("/documents.json", params={"q": "kind:Invoice amount>99m"}).json()["answer"]["rows"] == []
    drawn = client.get("/documents", params={"q": "kind:Invoice state:paid"}).text
    assert 'value="kind:Invoice state:paid"' in drawn


def test_an_order_finds_all_that_hangs_with_it(client: TestClient) -> None:
    rows = client.get("/documents.json", params={"q": "po:PO-REQ-000001"}).json()["answer"]["rows"]
    assert {"PurchaseOrder", "Requisition"} <= {row["type"] for row in rows}


def test_what_cannot_be_read_in_a_line_is_told(client: TestClient) -> None:
    answer = client.get("/documents", params={"q": "colour:red amount>1.2.3"})
    assert answer.status_code == 200
    assert "there is no qualifier colour:" in answer.text
    assert "1.2.3 is no amount" in answer.text


def test_a_line_is_completed(opened: Opened) -> None:
    with opened.desk.ask({}) as ask:
        assert completions(ask.index, "kind:Invoice sup") == ("kind:Invoice supplier:",)
        assert "kind:Invoice" in completions(ask.index, "kind:Inv")
        [only] = {row.supplier for row in answer(ask.index, read_query("supplier:alder"), 0, 100).rows} or {"ALDER"}
        assert only == "ALDER"


# -- messages


def test_messages_are_masked_until_somebody_asks_with_a_purpose(opened: Opened) -> None:
    page = "/documents?id=PO-REQ-000001&lens=raw"
    clerk, auditor = opened.client("clerk"), opened.client("auditor", subject="Ada Audit")
    messages = auditor.get(page.replace("documents?", "documents.json?")).json()["found"]["messages"]
    hidden = next(each for each in messages if each["masked"])
    raw = opened.journal.blob(hidden["blob"]).decode()
    assert "‹1›" in hidden["text"]
    assert post(clerk, page, "/unmask", blob=hidden["blob"], reason="curious").status_code == 403
    assert post(auditor, page, "/unmask", blob=hidden["blob"], reason=" ").status_code == 422
    assert notes(opened, hidden["blob"]) == []
    assert post(auditor, page, "/unmask", blob=hidden["blob"], reason="sample 12 of the audit").status_code == 303
    [made] = notes(opened, hidden["blob"])
    assert (made.actor, made.verb, made.reason) == ("Ada Audit", "unmask", "sample 12 of the audit")
    line = next(line for line in raw.replace("~", "~\n").splitlines() if len(line) > 20)
    assert line[:20].replace("&", "&amp;") in auditor.get(page).text
    opened.clock.move_to(NOW + timedelta(minutes=11))
    assert "‹1›" in auditor.get(page).text


# -- lenses


@pytest.mark.parametrize("lens", ["story", "timeline", "raw"])
def test_one_history_under_several_lenses(lens: str, client: TestClient) -> None:
    drawn = client.get(f"/documents?id=PO-REQ-000001&lens={lens}").text
    assert 'aria-current="true"' in drawn
    assert "PO-REQ-000001" in drawn
    assert (lens == "timeline") == ('class="lanes"' in drawn)


def test_verbs_stand_in_the_order_of_their_violence(client: TestClient) -> None:
    order = list(VERBS)
    told = [choice["verb"] for choice in client.get("/bulk.json").json()["choices"]]
    assert len(told) > 3
    assert told == sorted(told, key=order.index)
    assert all(choice["does"] for choice in client.get("/bulk.json").json()["choices"])


def test_what_is_alike_has_a_trend(client: TestClient) -> None:
    groups = client.get("/exceptions.json").json()["groups"]
    assert all(len(group["trend"]) == 14 and sum(group["trend"]) <= group["count"] for group in groups)
    assert sum(sum(group["trend"]) for group in groups) > 0
    assert 'class="counts"' in client.get("/exceptions").text
