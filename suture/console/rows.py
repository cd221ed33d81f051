"""An exception and a fact as one row each, as several pages show them."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from suture.console.page import Ask
from suture.journal import Recorded
from suture.model import Case, Money
from suture.views.exceptions import OpenException
from suture.views.story import tell


class ExceptionRow(Struct, frozen=True):
    """One open exception: cause, owner, deadline, what it puts at stake, what one may do, and who decided since it was raised."""

    id: str
    reason: str
    text: str
    owner: str
    opened: datetime
    deadline: datetime | None
    overdue: bool
    money: Money | None
    care: str
    actions: tuple[str, ...]
    objects: tuple[str, ...]
    decided: str = ""


class Fact(Struct, frozen=True):
    """One fact of a story in words: who says it, which mapping read it, and how long after the one before."""

    position: int
    at: datetime
    source: str
    text: str
    mapping: str
    waited: timedelta


def exception_row(row: OpenException, ask: Ask) -> ExceptionRow:
    """One open exception as of the ask's time."""
    case = row.case
    last = ask.trail.last(case.id)
    decided = f"{last.decision.verb} by {last.decision.actor}" if last and last.position > row.position else ""
    return ExceptionRow(
        id=case.id,
        reason=case.reason,
        text=case.text,
        owner=case.owner,
        opened=case.at,
        deadline=case.deadline,
        overdue=overdue(case, ask.now),
        money=case.money,
        care=case.care,
        actions=case.actions,
        objects=tuple(dict.fromkeys(ref.id for ref in case.objects)),
        decided=decided,
    )


def overdue(case: Case, now: datetime) -> bool:
    """Whether its deadline has passed."""
    return case.deadline is not None and case.deadline < now


def story(events: tuple[Recorded, ...]) -> tuple[Fact, ...]:
    """The facts that people can read, in order."""
    facts: list[Fact] = []
    for row in events:
        text, event = tell(row.event), row.event
        if text:
            waited = event.at - facts[-1].at if facts else timedelta(0)
            facts.append(Fact(row.position, event.at, event.source, text, event.mapping, max(waited, timedelta(0))))
    return tuple(facts)
