"""The record of changes: each deployment with its tests, who approved it, and how one goes back; a journaled fact."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from suture.formats.xml import parse
from suture.gateway.identity.commands import decision, reasoned
from suture.journal import Journal, Unit
from suture.model import Decision, Finding, Ref
from suture.rules.approvals import same_person

DEPLOYMENT = "Deployment"
#: The longest time in which a release has to be undone, in minutes, and the largest report of tests, in bytes.
BACK_WITHIN_MIN, REPORT_MOST = 60, 64 * 1024 * 1024
_MOST = 10_000


class NotEvident(ValueError):
    """The change cannot be recorded: its tests, its approval or the way back are missing; the message says which."""


class Report(Struct, frozen=True, kw_only=True):
    """A report of tests (JUnit XML): which file, its SHA-256, and what it counts."""

    file: str
    sha256: str
    passed: int
    failed: int
    skipped: int


class Change(Struct, frozen=True, kw_only=True):
    """One deployment: what, over what, with which network file, by whom, approved by whom, tested how, undone how."""

    version: str
    before: str
    author: str
    approver: str
    at: datetime
    reason: str
    network_sha256: str
    tests: tuple[Report, ...]
    rollback: str
    #: In how many minutes the way back was rehearsed.
    rehearsed_min: int


def read_tests(path: Path) -> Report:
    """The counts of a JUnit report; raises NotEvident for what is none."""
    raw = path.read_bytes()
    if len(raw) > REPORT_MOST:
        raise NotEvident(f"{path.name} is larger than a report of tests")
    root = parse(raw)
    if isinstance(root, Finding):
        raise NotEvident(f"{path.name} is no JUnit report: {root.text}")
    suites = [root] if root.tag == "testsuite" else root.findall("testsuite")
    try:
        counts = {name: sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")}
    except ValueError:
        raise NotEvident(f"{path.name} counts in no numbers") from None
    failed = counts["failures"] + counts["errors"]
    if not suites or not counts["tests"]:
        raise NotEvident(f"{path.name} reports no test")
    passed = counts["tests"] - failed - counts["skipped"]
    return Report(file=path.name, sha256=hashlib.sha256(raw).hexdigest(), passed=passed, failed=failed, skipped=counts["skipped"])


def record(
    journal: Journal,
    version: str,
    reports: Sequence[Report],
    *,
    author: str,
    approver: str,
    reason: str,
    rollback: str,
    rehearsed_min: int,
    network: bytes,
    now: datetime,
) -> Change:
    """Journal a deployment. Raises NotEvident without passing tests, another person's approval or a rehearsed way back."""
    if not reports or any(each.failed or not each.passed for each in reports):
        raise NotEvident("a deployment needs reports of tests in which none failed")
    if same_person(author, approver) or not approver.strip():
        raise NotEvident("a deployment is approved by another person than its author")
    if not rollback.strip() or not 0 < rehearsed_min <= BACK_WITHIN_MIN:
        raise NotEvident(f"say how one goes back, and in how many minutes it was rehearsed: {BACK_WITHIN_MIN} at most")
    known = changes(journal)
    change = Change(
        version=version,
        before=known[-1].version if known else "",
        author=author,
        approver=approver,
        at=now,
        reason=reasoned(author, reason),
        network_sha256=hashlib.sha256(network).hexdigest(),
        tests=tuple(reports),
        rollback=rollback,
        rehearsed_min=rehearsed_min,
    )
    values = {"change": msgspec.json.encode(change).decode()}
    said = decision(journal, Ref(DEPLOYMENT, "suture"), "deploy", actor=author, reason=change.reason, now=now, values=values)
    journal.commit([Unit(events=[said])])
    return change


def changes(journal: Journal) -> list[Change]:
    """Every deployment that was recorded, in order."""
    return list(_read(journal))


def _read(journal: Journal) -> Iterator[Change]:
    for row in journal.find(Ref(DEPLOYMENT, "suture"), _MOST):
        if isinstance(row.event.data, Decision) and row.event.data.verb == "deploy":
            yield msgspec.json.decode(row.event.data.values["change"], type=Change)
