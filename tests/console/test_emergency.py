"""Break-glass in the console: taken where people are, good for every page and action until it ends, and reviewed by others."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from suture.console.page import pages
from suture.gateway import Access
from suture.model import Case, Decision
from tests.console.conftest import Opened

POLICY = Access(version="2", author="ana", approver="ben", emergency={"viewer": ("auditor",)})
#: What a viewer may not see and an auditor may.
WANTED = next(page.path for page in pages() if page.allow == "audit.read")


@pytest.fixture
def noor(opened: Opened) -> TestClient:
    """A viewer, where the policy offers viewers the auditor's rights."""
    opened.desk.access = POLICY
    return opened.client("viewer", subject="Noor")


def post(client: TestClient, verb: str, **said: str) -> int:
    text = client.get("/emergency").text
    form = dict(re.findall(r'name="(csrf|position|decision)" value="([^"]*)"', text))
    return client.post("/take", data={**form, "verb": verb, **said}).status_code


def test_what_is_taken_holds_here_for_an_hour_and_is_reviewed_by_another(opened: Opened, noor: TestClient) -> None:
    before = opened.journal.read(0, 100_000)[-1].position
    assert noor.get(WANTED).status_code == 403
    assert "Take it for 60 minutes" in noor.get("/emergency").text
    assert post(noor, "take", role="auditor", reason="the auditor is ill") == 303
    assert noor.get(WANTED).status_code == 200
    assert "you hold auditor until" in noor.get("/emergency").text
    said = [row.event.data for row in opened.journal.read(before, 10)]
    assert [each.verb for each in said if isinstance(each, Decision)] == ["take"]
    assert [each.reason for each in said if isinstance(each, Case)] == ["emergency_rights"]
    opened.clock.move_to(opened.clock.now() + timedelta(hours=1))
    assert noor.get(WANTED).status_code == 403


def test_it_is_given_back(opened: Opened, noor: TestClient) -> None:
    post(noor, "take", role="auditor", reason="the auditor is ill")
    assert post(noor, "give-back", reason="he is back") == 303
    assert noor.get(WANTED).status_code == 403


@pytest.mark.parametrize(
    ("verb", "said", "status"),
    [
        ("take", {"role": "treasurer", "reason": "r"}, 403),
        ("take", {"role": "auditor", "reason": " "}, 422),
        ("keep", {"role": "auditor", "reason": "r"}, 422),
        ("give-back", {"reason": "r"}, 409),
    ],
)
def test_no_more_than_is_offered_and_not_without_a_reason(
    opened: Opened, noor: TestClient, verb: str, said: dict[str, str], status: int
) -> None:
    before = opened.journal.read(0, 100_000)[-1].position
    assert post(noor, verb, **said) == status
    assert opened.journal.read(before, 10) == []


def test_nobody_is_offered_what_the_policy_does_not_name(opened: Opened) -> None:
    assert "offers you no role" in opened.client("operator").get("/emergency").text
