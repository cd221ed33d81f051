"""One picture: whatever page one looks at, a document is in the same state, and who is behind is named."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from suture.journal import Recorded
from suture.model import InvoiceStatus, OrderStatus, RequisitionStatus
from suture.views import history
from tests.console.conftest import Opened

#: What says how a document stands, by its kind: the fact and its fields.
SAYS: dict[str, tuple[type, str]] = {
    "Requisition": (RequisitionStatus, "requisition"),
    "PurchaseOrder": (OrderStatus, "order"),
    "Invoice": (InvoiceStatus, "invoice"),
}


def listed(client: TestClient, line: str) -> list[dict[str, Any]]:
    """Every document that a search line finds, page by page."""
    rows: list[dict[str, Any]] = []
    while page := client.get("/documents.json", params={"q": line, "skip": len(rows)}).json()["answer"]["rows"]:
        rows += page
    return rows


def last_words(rows: list[Recorded], kind: str) -> dict[str, str]:
    """The last word about each, straight from the facts."""
    fact, field = SAYS[kind]
    told: list[Any] = [row.event.data for row in rows if isinstance(row.event.data, fact)]
    return {getattr(each, field): each.state for each in told}


@pytest.mark.parametrize("kind", SAYS)
def test_a_document_stands_everywhere_as_its_last_word_says(kind: str, client: TestClient, opened: Opened) -> None:
    told = last_words(list(history(opened.journal)), kind)
    found = {row["id"]: row["state"] for row in listed(client, f"kind:{kind}")}
    assert told
    assert {id: found[id] for id in told} == told, "the list says what was said last"
    for id, state in list(told.items())[::4]:
        page = client.get("/documents.json", params={"id": id}).json()["found"]
        assert dict(zip((ref["type"] for ref in page["documents"]), page["states"], strict=True))[kind] == state
        assert id in [row["id"] for row in listed(client, f"kind:{kind} state:{state}")]


def test_an_exception_stands_on_the_page_of_what_it_is_about(client: TestClient) -> None:
    rows = client.get("/exceptions.json").json()["rows"]
    assert rows
    for row in rows:
        page = client.get("/documents.json", params={"id": row["objects"][0]}).json()["found"]
        assert row["id"] in [case["id"] for case in page["cases"]]


def test_who_is_behind_is_named_with_how_long(client: TestClient) -> None:
    """The sum of what single documents say is owed is what the ledger, the systems and today say."""
    today, proof = client.get("/today.json").json(), client.get("/proof.json").json()
    systems = client.get("/systems.json").json()["counterparts"]
    assert today["owed"] == sum(one["open"] + one["parked"] for one in systems) == sum(each["count"] for each in today["backlog"])
    assert proof["debits"] == sum(one["owed"] for one in systems)
    assert proof["open"] == sum(one["open"] for one in systems)
