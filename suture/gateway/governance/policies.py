"""Policies as governed data: which version of each was in force when, and which one a decision rested on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from suture.journal import Event, Journal, Recorded
from suture.model import Policy, Ref
from suture.rules.approvals import same_person

_MOST = 10_000


def versions(journal: Journal, name: str) -> list[Recorded]:
    """Every version of a policy that was ever in force or will be, in order of version: the first word about each, if another
    person than its author approved it (see ``processes.masters.enact``)."""
    found: dict[int, Recorded] = {}
    for row in journal.find(Ref("Policy", name), _MOST):
        policy = row.event.data
        if isinstance(policy, Policy) and policy.id == name and not same_person(policy.author, policy.approver):
            found.setdefault(policy.version, row)
    return [found[version] for version in sorted(found)]


def in_force(rows: Iterable[Recorded], at: datetime, before: int) -> Recorded | None:
    """The version that a decision made at this moment, recorded at position ``before``, rested on."""
    known = [row for row in rows if row.position < before and _policy(row).effective <= at]
    return max(known, key=lambda row: _policy(row).version, default=None)


def named_in(event: Event) -> tuple[str, ...]:
    """The policies that a decision looked at."""
    entries = (entry.rpartition("#")[0] for entry in event.seen)
    return tuple(entry.removeprefix("Policy:") for entry in entries if entry.startswith("Policy:"))


def _policy(row: Recorded) -> Policy:
    assert isinstance(row.event.data, Policy)
    return row.event.data
