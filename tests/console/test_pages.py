"""Every page and its twin: drawn, whole, light, and without anything inline or foreign."""

from __future__ import annotations

import gzip
import re
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

import suture.console
from suture.console.page import pages
from suture.gateway.evidence.gathering import resting_on
from suture.model import PaymentInstruction, Ref, Usage
from tests.console.conftest import Opened

STATIC = Path(suture.console.__file__).parent / "static"
NAMES = [page.name for page in pages()]
ORDER = "PO-REQ-000001"
BUDGET = 40_000


def address(name: str, opened: Opened) -> str:
    """A page's address, with something to show."""
    with opened.desk.ask({}) as ask:
        gravest = ask.books.exceptions()[0].case.id
    named = {
        "exception": f"/exception?id={gravest}",
        "documents": f"/documents?id={ORDER}",
        "kpi": "/kpi?name=order_to_receipt",
        "system": "/system?name=procurement",
    }
    return named.get(name, f"/{name}")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_drawn_within_its_budget(name: str, client: TestClient, opened: Opened) -> None:
    drawn = client.get(address(name, opened))
    assert drawn.status_code == 200
    assert drawn.text.count("<h1") == 1
    static = sum(len(gzip.compress((STATIC / file).read_bytes())) for file in re.findall(r'"/static/([^"]+)"', drawn.text))
    assert len(drawn.content) + static <= BUDGET
    assert 1 + len(re.findall(r'(?:src|rel="icon" href|rel="stylesheet" href)="', drawn.text)) <= 5


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(name: str, client: TestClient, opened: Opened) -> None:
    text = client.get(address(name, opened)).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)|https?://", text)


@pytest.mark.parametrize("name", NAMES)
def test_the_twin_says_the_same_as_data(name: str, client: TestClient, opened: Opened) -> None:
    path, _, query = address(name, opened).partition("?")
    told = client.get(f"{path}.json?{query}")
    assert told.status_code == 200
    assert told.headers["content-type"] == "application/json"
    assert told.json()


def test_the_figures_are_the_ledgers(client: TestClient, opened: Opened) -> None:
    today, proof = client.get("/today.json").json(), client.get("/proof.json").json()
    exceptions, systems = client.get("/exceptions.json").json(), client.get("/systems.json").json()
    assert proof["balanced"]
    assert proof["accepted"] == sum(proof[end] for end in ("delivered", "refused", "compensated", "parked", "in_flight"))
    assert today["count"] == exceptions["count"] == sum(group["count"] for group in exceptions["groups"]) > 0
    assert today["count"] == sum(owner["count"] for owner in today["owners"])
    assert sum(one["owed"] for one in systems["counterparts"]) == proof["debits"]
    assert sum(one["open"] for one in systems["counterparts"]) == proof["open"]


def test_exceptions_are_narrowed_by_the_address(client: TestClient) -> None:
    everything = client.get("/exceptions.json").json()
    for owner in everything["owners"]:
        mine = client.get(f"/exceptions.json?owner={owner}").json()
        assert {row["owner"] for row in mine["rows"]} == {owner}
    reason = everything["groups"][0]["reason"]
    assert [group["reason"] for group in client.get(f"/exceptions.json?reason={reason}").json()["groups"]] == [reason]
    assert client.get("/exceptions?skip=x&reason=nothing").status_code == 200


def test_each_row_shows_what_its_place_in_the_queue_adds_up_to(client: TestClient) -> None:
    rows = client.get("/exceptions.json").json()["rows"]
    costs = [Decimal(row["cost"]) for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert [sum(Decimal(reason["counts"]) for reason in row["reasons"]) for row in rows] == costs
    assert f"<b>{Decimal(rows[0]['reasons'][0]['counts']):,.2f}</b>" in client.get("/exceptions").text


def test_any_number_finds_the_same_transaction(client: TestClient) -> None:
    found = client.get(f"/documents.json?id={ORDER}").json()["found"]
    assert found["facts"]
    assert found["held"]
    for other in found["objects"]:
        story = client.get(f"/documents.json?id={other['id']}").json()["found"]
        assert {ORDER, other["id"]} <= {ref["id"] for ref in (*story["objects"], *story["documents"])}
    assert client.get(f"/documents.json?q={ORDER}").json()["found"]["subject"] == ORDER


def test_a_document_says_which_policies_applied_and_who_answers_for_them(client: TestClient, opened: Opened) -> None:
    rested = resting_on(opened.journal, ORDER)
    assert "approval_limits" in {each.name for each in rested}
    drawn = client.get(f"/documents?id={ORDER}").text
    for each in rested:
        assert f"<b>{each.name.replace('_', ' ')}</b> version {each.version}" in drawn
        assert f"approved by {each.approver}" in drawn


def test_of_a_journey_that_was_cut_short_nothing_is_claimed(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["suture.views.journey"], "EVENTS_MOST", 5)
    drawn = client.get(f"/documents?id={ORDER}").text
    assert "More hangs together than a journey follows" in drawn
    assert "Rests on" not in drawn


def test_an_unknown_number_is_met_with_those_that_begin_so(client: TestClient) -> None:
    answer = client.get("/documents?id=PO-REQ-00000X")
    assert answer.status_code == 404
    assert ORDER in answer.text
    assert client.get("/exception?id=none").status_code == client.get("/nowhere").status_code == 404


def test_what_is_asked_is_written_as_text(client: TestClient) -> None:
    answer = client.get("/documents", params={"id": "<script>alert(1)</script>"})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_no_bank_account_and_no_patient_is_shown(client: TestClient, opened: Opened) -> None:
    rows = [row.event.data for row in opened.journal.read(0, 100_000)]
    payments = [row for row in rows if isinstance(row, PaymentInstruction)]
    usages = [row for row in rows if isinstance(row, Usage)]
    assert payments
    assert usages
    accounts = [value for each in payments for value in msgspec.structs.astuple(each.creditor) if re.search(r"\d{6}", str(value))]
    hidden = {*map(str, accounts), *(each.patient for each in usages)}
    assert len(hidden) > 2
    for id in (*(each.id for each in payments[:5]), *(each.id for each in usages[:5])):
        assert opened.journal.find(Ref("", id))
        for path in (f"/documents?id={id}", f"/documents.json?id={id}", f"/documents?lens=raw&id={id}"):
            text = client.get(path).text
            assert not {value for value in hidden if value in text}
