"""The audit: what people decided, and who called the gateway, hour by hour."""

from __future__ import annotations

from datetime import timedelta

from suture.gateway.trail import Called, unit_of
from tests.console.conftest import NOW, Opened
from tests.console.test_verification import changed


def call(minute: int, actor: str, status: int = 200, code: str = "") -> Called:
    return Called(
        at=NOW + timedelta(minutes=minute),
        actor=actor,
        operation="look_up_order",
        object=f"/api/process/v1/orders/PO-{minute}",
        status=status,
        code=code,
        trace=f"t-{minute}",
    )


def test_calls_stand_by_hour_with_who_what_and_result(opened: Opened) -> None:
    calls = [call(1, "portal"), call(2, "mallory", 403, "not_allowed"), call(70, "portal")]
    opened.journal.commit([unit_of(calls[:2]), unit_of(calls[2:])])
    auditor = opened.client("auditor")
    told = auditor.get(f"/audit.json?calls={NOW:%Y-%m-%dT%H}").json()["calls"]
    assert [(each["actor"], each["status"], each["object"]) for each in told["calls"]] == [
        ("mallory", 403, "/api/process/v1/orders/PO-2"),
        ("portal", 200, "/api/process/v1/orders/PO-1"),
    ]
    assert (told["before"], told["after"]) == ("2026-03-20T11", "2026-03-20T13")
    page = auditor.get(f"/audit?calls={NOW:%Y-%m-%dT%H}").text
    assert "403 not allowed" in page
    assert len(auditor.get(f"/audit.json?calls={told['after']}").json()["calls"]["calls"]) == 1
    assert len(auditor.get(f"/audit.json?calls={NOW:%Y-%m-%dT%H}&actor=mallory").json()["calls"]["calls"]) == 1


def test_an_hour_that_is_none_is_the_present_one(opened: Opened) -> None:
    auditor = opened.client("auditor")
    for said in ("now", "2026-13-40T99", "%00"):
        assert auditor.get(f"/audit.json?calls={said}").json()["calls"]["hour"] == "2026-03-20T12:00:00Z"
    assert "Nobody called in this hour" in auditor.get("/audit?calls=now").text


def test_calls_that_somebody_touched_are_not_shown_as_if_nothing_were(opened: Opened) -> None:
    written = unit_of([call(1, "portal")])
    opened.journal.commit([written])
    changed(opened, f"update blobs set sealed = zeroblob(40) where address = '{written.blobs[0][0]}'")
    page = opened.client("auditor").get(f"/audit?calls={NOW:%Y-%m-%dT%H}").text
    assert "These calls cannot be read" in page
