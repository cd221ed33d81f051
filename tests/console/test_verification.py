"""Verify now: the journal is read again while the console goes on, and what was changed under its seal is found."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from suture.console.verification import public_key
from suture.model import Decision, Ref
from tests.console.conftest import NOW, Opened
from tests.console.test_work import notes, post


def verify(client: TestClient, reason: str = "the quarter ends") -> dict[str, Any]:
    """What the page says once everything has been read again."""
    assert post(client, "/proof", "/verify", reason=reason).status_code == 303
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told: dict[str, Any] = client.get("/proof.json").json()
        if told["verifying"]["found"] or told["verifying"]["stopped"]:
            return told
        time.sleep(0.05)
    raise AssertionError("it does not end")


def test_a_sound_journal_is_told_to_be_sound(client: TestClient, opened: Opened) -> None:
    told = verify(client)
    found, checkpoint = told["verifying"]["found"], opened.journal.checkpoint()
    assert found["faults"] == []
    assert found["signed"]
    assert checkpoint is not None
    assert found["seals"] == len(opened.journal.checkpoints())
    assert found["position"] == told["position"], "up to the word that asked for it"
    assert (found["accepted"], found["debits"]) == (told["accepted"], told["debits"])
    assert told["verifying"]["read"] == told["verifying"]["total"]
    page = client.get("/proof").text
    assert "As it was sealed, and the ledger balances." in page
    assert "each signed by the key of this journal" in page
    assert [(made.verb, made.actor, made.reason) for made in notes(opened, "journal")] == [
        ("verify", "Nia Osei", "the quarter ends")
    ]


def test_an_event_that_was_changed_is_found_and_where(client: TestClient, opened: Opened) -> None:
    changed(
        opened,
        """update events set body = cast(replace(body, 'PO-REQ-000001', 'PO-REQ-000009') as blob) where position in
        (select position from events where instr(body, 'PO-REQ-000001') order by position limit 1)""",
    )
    found = verify(client)["verifying"]["found"]
    assert any("is not what was sealed" in fault for fault in found["faults"])
    assert "Not as it should be" in client.get("/proof").text


def test_an_event_that_was_removed_at_the_end_is_found(client: TestClient, opened: Opened) -> None:
    checkpoint = opened.journal.checkpoint()
    assert checkpoint is not None
    changed(opened, f"delete from events where position = {checkpoint.position}")
    assert any("were sealed" in fault for fault in verify(client)["verifying"]["found"]["faults"])


def changed(opened: Opened, statement: str) -> None:
    """Somebody writes into the file behind our back."""
    db = sqlite3.connect(opened.desk.books.with_name("suture.db"))
    assert db.execute(statement).rowcount == 1
    db.commit()
    db.close()


def test_without_its_key_signatures_are_not_judged_and_that_is_said(client: TestClient, opened: Opened) -> None:
    for name in ("seal.key", "seal.pub"):
        opened.desk.books.with_name(name).unlink(missing_ok=True)
    assert public_key(opened.desk.books.parent) is None
    found = verify(client)["verifying"]["found"]
    assert (found["signed"], found["faults"]) == (False, [])
    assert "whose signatures were not judged" in client.get("/proof").text


def test_a_key_that_is_none_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "seal.pub").write_bytes(b"no key at all")
    (tmp_path / "seal.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    assert public_key(tmp_path) is None


def test_whoever_asks_while_it_goes_on_has_it_read_once(client: TestClient, opened: Opened) -> None:
    before = threading.Event()

    def slow() -> Iterator[str]:
        before.wait(30)
        yield "done"

    opened.desk.errands.begin("slow", 1, slow())
    begun = []
    for reason in ("is it sound?", "is it?"):
        assert post(client, "/proof", "/verify", reason=reason).status_code == 303
        begun.append(opened.desk.verification)
    assert "Reading for Nia Osei" in client.get("/proof").text
    before.set()
    assert begun[0] is begun[1]
    assert [made.reason for made in notes(opened, "journal")] == ["is it sound?", "is it?"], "both are journaled"


def test_an_operator_may_look_and_not_have_it_read(opened: Opened) -> None:
    operator = opened.client("operator")
    assert "Verify now</button>" in operator.get("/proof").text
    assert post(operator, "/proof", "/verify", reason="curious").status_code == 403
    assert not opened.journal.find(Ref("Note", "journal"))


def test_whoever_stops_waits_until_nothing_is_read_any_more(client: TestClient, opened: Opened) -> None:
    with opened.desk._one:  # it cannot have come to its end
        opened.desk.verify(
            Decision(id="v", subject=Ref("Note", "journal"), verb="verify", actor="nia", at=NOW, reason="-", position=0)
        )
        opened.desk.closing = True
    opened.desk.close()
    verification = opened.desk.verification
    assert verification is not None
    assert (verification.over, verification.stopped, verification.found) == (True, "the console was stopped", None)
    assert not [thread for thread in threading.enumerate() if thread.name == "errands"]
