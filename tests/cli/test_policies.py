"""``suture policies``: proposed by one, approved by another, undone in one step, and told for each document it applied to."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from suture.cli import application
from suture.journal import Journal, open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Policy, PurchaseOrder, Ref
from suture.processes.masters import Filed
from suture.runtime.decide import decide
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring
from tests.day import Day


@pytest.fixture
def folder(day: Day, tmp_path: Path) -> Path:
    return Path(shutil.copytree(day.folder, tmp_path / "day"))


def said(folder: Path, *words: str, code: int = 0) -> str:
    outcome = CliRunner().invoke(application(["policies"]), ["policies", *words, "-j", str(folder)])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def told(folder: Path, *words: str) -> Any:
    return msgspec.json.decode(said(folder, *words, "--json", "-"))


def filed(folder: Path, name: str) -> list[Policy]:
    """What a network that runs has filed."""
    journal: Journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    wiring = Wiring(journal, Network(name="n"), privacy_key=b"p" * 32)
    while decide(wiring, range(journal.partitions), datetime.now(UTC)).more:
        pass
    key = ("masters", f"Policy:{name}")
    documents = msgspec.json.decode(journal.states([key])[key].data, type=Filed).documents
    journal.close()
    return [each for each in documents if isinstance(each, Policy)]


def values(folder: Path, **more: Any) -> str:
    path = folder / "values.json"
    path.write_bytes(msgspec.json.encode(more))
    return str(path)


def propose(folder: Path, percent: str = "5") -> str:
    file = values(folder, price_percent=percent)
    return said(folder, "propose", "tolerances", "--file", file, "--actor", "anna", "--reason", "prices move")


def test_one_proposes_another_approves_and_then_it_is_filed(folder: Path) -> None:
    assert "version 2 waits" in propose(folder)
    (standing,) = [each for each in told(folder) if each["name"] == "tolerances"]
    assert (standing["in_force"], standing["proposed"]) == (1, [2])
    assert [each.version for each in filed(folder, "tolerances")] == [1], "a proposal is not in force"
    assert "have another person" in said(folder, "approve", "tolerances", "--actor", " ANNA", "--reason", "r", code=2)
    assert "is enacted" in said(folder, "approve", "tolerances", "--actor", "ben", "--reason", "agreed")
    (standing,) = [each for each in told(folder) if each["name"] == "tolerances"]
    assert (standing["in_force"], standing["author"], standing["approver"], standing["proposed"]) == (2, "anna", "ben", [])
    assert [each.version for each in filed(folder, "tolerances")] == [1, 2]
    said(folder, "approve", "tolerances", "--version", "2", "--actor", "ben", "--reason", "again", code=1)


def test_a_new_policy_is_listed_from_its_first_proposal_on(folder: Path) -> None:
    said(folder, "propose", "retention", "--file", values(folder, patient="90"), "--actor", "anna", "--reason", "law")
    (standing,) = [each for each in told(folder) if each["name"] == "retention"]
    assert (standing["in_force"], standing["proposed"]) == (0, [1])


def test_undone_in_one_step(folder: Path) -> None:
    propose(folder)
    said(folder, "approve", "tolerances", "--actor", "ben", "--reason", "agreed")
    words = ("rollback", "tolerances", "--actor", "anna", "--reason", "too many by hand")
    assert "another person" in said(folder, *words, "--approver", "Anna", code=2)
    assert "version 3 is enacted" in said(folder, *words, "--approver", "ben")
    first, _, third = filed(folder, "tolerances")
    assert first.values == third.values
    assert "has no version 9" in said(folder, *words, "--version", "9", "--approver", "ben", code=1)


def test_a_later_version_waits_for_its_day(folder: Path) -> None:
    words = ("propose", "tolerances", "--file", values(folder, price_percent="9"), "--actor", "anna", "--reason", "next year")
    said(folder, *words, "--effective", "2031-01-01")
    said(folder, "approve", "tolerances", "--actor", "ben", "--reason", "agreed")
    (standing,) = [each for each in told(folder) if each["name"] == "tolerances"]
    assert (standing["in_force"], standing["coming"]) == (1, [2])


@pytest.mark.parametrize("content", ['{"percent": 0.1}', "[1]", "{}", "no json"])
def test_values_are_exact_and_there(folder: Path, content: str) -> None:
    file = folder / "values.json"
    file.write_text(content)
    said(folder, "propose", "tolerances", "--file", str(file), "--actor", "anna", "--reason", "r", code=2)


def test_every_step_stands_in_the_journal(folder: Path) -> None:
    propose(folder)
    said(folder, "approve", "tolerances", "--actor", "ben", "--reason", "agreed on Monday")
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    words: list[Any] = [row.event.data for row in journal.find(Ref("PolicyProposal", "tolerances/2"))]
    assert [(word.verb, word.actor, word.reason) for word in words] == [
        ("propose", "anna", "prices move"),
        ("approve", "ben", "agreed on Monday"),
    ]
    journal.close()


def test_the_policy_that_applied_is_told_for_any_document(folder: Path) -> None:
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    order = next(row.event.data for row in journal.read(0, 100_000) if isinstance(row.event.data, PurchaseOrder))
    journal.close()
    names = {each["name"]: each for each in told(folder, "applied", order.id)}
    assert {"approval_limits", "tolerances"} <= names.keys()
    assert (names["tolerances"]["version"], names["tolerances"]["approver"]) == (1, "controller")
    propose(folder)
    said(folder, "approve", "tolerances", "--actor", "ben", "--reason", "later")
    assert told(folder, "applied", order.id) == list(names.values()), "what was decided then was decided under what held then"
    assert "approved by controller" in said(folder, "applied", order.requisition)
    said(folder, "applied", "PO-NOBODY", code=1)


def test_show_has_the_whole_history(folder: Path) -> None:
    propose(folder, "7")
    shown = said(folder, "show", "tolerances")
    assert "version 1" in shown
    assert "proposed by anna" in shown
    said(folder, "show", "nothing", code=1)
    assert "controller" in said(folder)
