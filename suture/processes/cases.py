"""How a process opens and closes its exceptions: each once while it is open, and only those that it opened itself.

The state of a process that uses this has a field ``cases``: the ids of the exceptions that it has open.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from suture.model import Case, Decision, Delivered, Ref
from suture.processes.course import Course, in_force
from suture.processes.process import Raise, Resolve, Seen
from suture.rules.expectations import HOURS
from suture.rules.policies import hours

#: Hours in which a person should have looked at an exception, unless the policy ``waits`` says otherwise (``case_hours``).
CASE_HOURS = 24


def wait(seen: Seen, name: str, default: int) -> timedelta:
    """How long to wait: ``name`` (hours) of the policy ``waits``, or ``default`` hours."""
    policy = in_force(seen, "waits")
    return hours(policy.values if policy else {}, name, default)


def within(seen: Seen, name: str) -> timedelta:
    """How long to wait for what is expected under this name: see ``rules.expectations``."""
    return wait(seen, name, HOURS[name])


def deadline(seen: Seen) -> datetime:
    """Until when a person should have looked at an exception that is opened now."""
    return seen.now + wait(seen, "case_hours", CASE_HOURS)


def case_id(process: str, key: str, reason: str, detail: str = "") -> str:
    """The id of an exception: process/key/reason, and a detail where several of a kind can be open."""
    return "/".join(part for part in (process, key, reason, detail) if part)


def reason_of(case: str, process: str, key: str) -> tuple[str, str]:
    """The reason and the detail in the id of an exception of this process and key."""
    reason, _, detail = case.removeprefix(f"{process}/{key}/").partition("/")
    return reason, detail


def open_case(course: Course[Any], case: Case) -> None:
    """Open an exception; one that is open already stays as it is."""
    if case.id not in course.state.cases:
        course.become(cases=(*course.state.cases, case.id))
        course.want(Raise(case=case))


def close_case(course: Course[Any], id: str, action: str, actor: str, reason: str = "") -> None:
    """Close an exception if it is open."""
    if id in course.state.cases:
        course.become(cases=tuple(case for case in course.state.cases if case != id))
        course.want(Resolve(case=id, action=action, actor=actor, reason=reason))


def close_by(course: Course[Any], decision: Decision) -> None:
    """Close the exception that a person decided about."""
    close_case(course, decision.subject.id, decision.verb, decision.actor, decision.reason)


def undelivered(course: Course[Any], process: str, fate: Delivered, about: Ref) -> None:
    """A counterpart refused a document: an exception until the same document is delivered after all, or a person accepts it."""
    id = case_id(process, course.seen.key, "undelivered", f"{fate.role}/{fate.document}")
    if fate.outcome == "done":
        close_case(course, id, "delivered", process)
    elif fate.outcome == "refused":
        open_case(
            course,
            Case(
                id=id,
                reason="undelivered",
                text=f"{fate.role} refused {fate.document}: {fate.reason or 'no reason given'}"[:2000],
                objects=(fate.document, about, Ref("Delivery", fate.delivery)),
                owner="operations",
                at=course.seen.now,
                deadline=deadline(course.seen),
                actions=("accept",),
                context={"delivery": fate.delivery, "instance": fate.instance},
                suggestion="mend the cause and release the delivery, or accept that it stays undelivered",
            ),
        )
