"""``suture access``: who may, keys shown once, duties checked, and bytes that end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suture.cli import main
from suture.gateway.identity import api_keys, emergency
from suture.gateway.trail import Called, unit_of
from suture.journal import open_journal
from suture.journal.shelves import load_keys
from suture.runtime.clock import SystemClock


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    open_journal(tmp_path / "suture.db", load_keys(tmp_path)).close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def says(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as left:
        main(["access", *arguments])
    told = capsys.readouterr()
    assert (left.value.code or 0) == code, told
    return told.out + told.err


def test_it_answers_who_may_do_what_and_why_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert says(capsys, "may", "invoices.approve", "--role", "clerk").strip() == "yes"
    assert "does not grant" in says(capsys, "may", "payments.release", "--role", "clerk", code=1)
    assert "two people" in says(capsys, "may", "payments.release", "--role", "clerk", "--role", "treasurer", code=1)
    assert "payments.release" in says(capsys, "policy")


def test_a_key_is_shown_once_and_ends_when_it_is_revoked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--actor", "ines", "--reason", "new partner")
    key = says(capsys, "make", "acme", "--role", "supplier", "--supplier", "ACME", *given, "--json", "-")
    text = json.loads(key)["key"]
    listed = says(capsys, "keys")
    assert text[:20] in listed
    assert text not in listed
    new = json.loads(says(capsys, "rotate", text[:20], *given, "--overlap", "1", "--json", "-"))["key"]
    says(capsys, "revoke", new[:20], *given)
    opened = open_journal(folder / "suture.db", load_keys(folder))
    known = {each.id: each.revoked for each in api_keys.keys(opened)}
    opened.close()
    assert known == {text[:20]: False, new[:20]: True}
    assert "reason" in says(capsys, "make", "acme", "--role", "supplier", "--supplier", "ACME", code=1)
    assert "person" in says(capsys, "make", "acme", "--role", "clerk", *given, code=1)


def test_duties_that_meet_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 errors" in says(capsys, "check")
    (folder / "identity.toml").write_text(
        '[[issuers]]\nissuer = "https://login.example"\naudience = "a"\n[issuers.roles]\nFinance = ["clerk", "treasurer"]\n'
    )
    assert "duties_not_apart" in says(capsys, "check", code=1)
    (folder / "identity.toml").write_text("issuers = 1\n")
    assert "wrong_field" in says(capsys, "check", code=1)


def test_bytes_end_by_their_shelf(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(capsys, "shelve", "patient-2020-01", "patient-2099-01")
    assert "may be shredded" in says(capsys, "shelves")
    assert "needed until" in says(capsys, "shred", "patient-2099-01", "--reason", "clearing", code=1)
    says(capsys, "shred", "patient-2020-01", "--reason", "clearing", "--actor", "omar")
    assert [path.name for path in (folder / "blobs.keys").iterdir()] == ["patient-2099-01.key"]


def test_emergency_rights_are_taken_by_policy_and_given_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--actor", "noor", "--role", "operator", "--reason", "the order desk burns")
    assert "no role" in says(capsys, "take", "buyer", *given, code=1)
    (folder / "access.toml").write_text('author = "ana"\napprover = "ben"\n[emergency]\noperator = ["buyer"]\n')
    assert "review" in says(capsys, "take", "buyer", *given)
    opened = open_journal(folder / "suture.db", load_keys(folder))
    held = emergency.held(opened, "noor", SystemClock().now())
    opened.close()
    assert held is not None
    assert held.roles == ("buyer",)
    says(capsys, "give-back", "noor", "--actor", "noor", "--reason", "it is out")


def test_who_called_what_is_read_from_the_journal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = SystemClock().now()
    rows = [("buyer-1", 200), ("key/alder", 404)]
    calls = [Called(at=now, actor=who, operation="trace", version=1, status=status, trace="ab" * 16) for who, status in rows]
    opened = open_journal(folder / "suture.db", load_keys(folder))
    opened.commit([unit_of(calls)])
    opened.close()
    assert [each["actor"] for each in json.loads(says(capsys, "calls", "--json", "-"))] == ["buyer-1", "key/alder"]
    assert "404" in (told := says(capsys, "calls", "key/alder"))
    assert "buyer-1" not in told
