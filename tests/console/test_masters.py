"""Master data on its page: what is filed, what systems call it, what clashes, and nothing of what is never shown."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from suture.model import BankAccount, Crosswalk, Supplier
from suture.runtime.publish import publish
from tests.console.conftest import NOW, Opened

TWIN = Supplier(
    id="ALDR",
    name="Alder Medical Supply Company",
    status="blocked",
    created_by="desk",
    account=BankAccount(holder="Alder", number="DE02120300000000202051"),
    tax_id="98-7654321",
)


def test_every_kind_is_listed_a_page_at_a_time(client: TestClient) -> None:
    for kind in ("suppliers", "items", "crosswalk"):
        seen: list[str] = []
        told = client.get(f"/masters.json?kind={kind}").json()
        while True:
            seen += [entry["id"] for entry in told["entries"]]
            if not told["after"]:
                break
            told = client.get("/masters.json", params={"kind": kind, "after": told["after"]}).json()
        assert len(seen) == len(set(seen)) > 4
        assert client.get(f"/masters?kind={kind}").status_code == 200


def test_a_code_is_found_by_its_beginning_and_by_itself(client: TestClient) -> None:
    for begins in ("AL", "ALDER"):
        assert [entry["id"] for entry in client.get(f"/masters.json?q={begins}").json()["entries"]] == ["ALDER"]
    assert "Nothing begins so" in client.get("/masters?q=NOBODY").text


def test_a_supplier_tells_what_others_call_it_and_whose_name_looks_like_its_own(client: TestClient, opened: Opened) -> None:
    publish(opened.desk.wiring, [TWIN], NOW)
    one = client.get("/masters.json?id=ALDER").json()["one"]
    assert ["erp-north", "V10001"] in one["called"]
    assert one["alike"][0]["id"] == "ALDR"
    assert "/documents?q=supplier%3AALDER" in client.get("/masters?id=ALDER").text


def test_neither_account_nor_tax_number_is_told(client: TestClient, opened: Opened) -> None:
    publish(opened.desk.wiring, [TWIN], NOW)
    for path in ("/masters?id=ALDR", "/masters.json?id=ALDR", "/masters", "/masters.json"):
        text = client.get(path).text
        assert "bank account, tax number" in text
        assert "0202051" not in text
        assert "7654321" not in text


def test_codes_that_clash_are_told_with_what_is_wrong(client: TestClient, opened: Opened) -> None:
    assert client.get("/masters.json?kind=crosswalk").json()["clashes"] == []
    publish(opened.desk.wiring, [Crosswalk(system="erp-north", kind="supplier", local="V99999", golden="ALDER")], NOW)
    [clash] = client.get("/masters.json?kind=crosswalk").json()["clashes"]
    assert (clash["system"], clash["golden"], clash["codes"]) == ("erp-north", "ALDER", ["V10001", "V99999"])
    assert "several codes for one thing" in client.get("/masters?kind=crosswalk").text


@pytest.mark.parametrize("query", ["kind=nothing", "id=NOBODY", "kind=items&id=ALDER"])
def test_what_is_not_filed_is_missing(query: str, client: TestClient) -> None:
    assert client.get(f"/masters?{query}").status_code == 404
