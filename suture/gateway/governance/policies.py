"""Policies as governed data: which version of each was in force when, and which one a decision rested on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from suture.journal import Event, Journal, Recorded
from suture.model import Delivered, Document, MessageReceived, Policy, Ref
from suture.rules import keeping, retries, routing, service_levels
from suture.rules.approvals import same_person

_MOST = 10_000
#: What a version of these policies may say; others are checked by whoever reads them, when they are read.
CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    keeping.NAME: keeping.check_retention,
    retries.NAME: retries.check_retry,
    routing.NAME: routing.check_routing,
    service_levels.NAME: service_levels.check_levels,
}


def check(name: str, values: Mapping[str, Any]) -> None:
    """Raises ValueError, with the reason, for values that nobody could follow."""
    if name in CHECKS:
        CHECKS[name](values)


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


#: What is governed without being decided: how a delivery is tried and until when, and for how long a message is kept.
GOVERNED: Mapping[type[Document], tuple[str, ...]] = {
    Delivered: (retries.NAME, service_levels.NAME),
    MessageReceived: (keeping.NAME,),
}


def named_in(event: Event) -> tuple[str, ...]:
    """The policies that a decision looked at, or that govern what the event tells of."""
    entries = (entry.rpartition("#")[0] for entry in event.seen)
    looked_at = (entry.removeprefix("Policy:") for entry in entries if entry.startswith("Policy:"))
    return (*looked_at, *GOVERNED.get(type(event.data), ()))


def _policy(row: Recorded) -> Policy:
    assert isinstance(row.event.data, Policy)
    return row.event.data
