"""The record of changes: no deployment without tests that passed, another person's approval and a rehearsed way back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suture.gateway.governance.changes import NotEvident, Report, changes, read_tests, record
from suture.journal import Journal, MemoryJournal

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GOOD = '<testsuites><testsuite tests="10" failures="0" errors="0" skipped="2"/><testsuite tests="5"/></testsuites>'


def report(folder: Path, text: str = GOOD) -> Report:
    path = folder / "report.xml"
    path.write_text(text)
    return read_tests(path)


def deploy(journal: Journal, *reports: Report, **more: Any) -> None:
    given = {
        "author": "anna",
        "approver": "ben",
        "reason": "webhooks",
        "rollback": "image 0.1.0",
        "rehearsed_min": 6,
        "network": b"name = 'n'",
        **more,
    }
    record(journal, given.pop("version", "0.2.0"), reports, now=NOW, **given)


def test_it_holds_who_what_how_tested_and_how_back(tmp_path: Path) -> None:
    journal = MemoryJournal()
    tests = report(tmp_path)
    assert (tests.passed, tests.failed, tests.skipped) == (13, 0, 2)
    assert tests.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    deploy(journal, tests)
    deploy(journal, tests, version="0.3.0")
    first, second = changes(journal)
    assert (first.version, first.before, second.before) == ("0.2.0", "", "0.2.0")
    assert (first.author, first.approver, first.rollback, first.rehearsed_min) == ("anna", "ben", "image 0.1.0", 6)
    assert first.network_sha256 == hashlib.sha256(b"name = 'n'").hexdigest()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"approver": "Anna "}, "another person"),
        ({"approver": ""}, "another person"),
        ({"rollback": " "}, "goes back"),
        ({"rehearsed_min": 0}, "rehearsed"),
        ({"rehearsed_min": 61}, "60 at most"),
        ({"reason": ""}, "reason"),
    ],
    ids=str,
)
def test_what_is_missing_keeps_it_out(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    journal = MemoryJournal()
    with pytest.raises(ValueError, match=why):
        deploy(journal, report(tmp_path), **more)
    assert changes(journal) == []


def test_without_tests_or_with_one_that_failed_it_stays_out(tmp_path: Path) -> None:
    journal = MemoryJournal()
    with pytest.raises(NotEvident, match="reports of tests"):
        deploy(journal)
    with pytest.raises(NotEvident, match="none failed"):
        deploy(journal, report(tmp_path, '<testsuite tests="3" failures="1"/>'))
    assert changes(journal) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<html/>",
        '<testsuite tests="0"/>',
        '<testsuite tests="many"/>',
        '<!DOCTYPE x [<!ENTITY e "x">]><testsuite tests="1"/>',
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotEvident):
        report(tmp_path, text)
