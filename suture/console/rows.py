"""An exception and a fact as one row each, as several pages show them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from suture.console.page import Ask
from suture.journal import Recorded
from suture.model import Case, Decision, Money
from suture.views.exceptions import OpenException
from suture.views.impact import Ranked, Reason
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
    #: What it costs to let it wait, in the group's currency, and how that adds up.
    cost: Decimal = Decimal(0)
    reasons: tuple[Reason, ...] = ()
    supplier: str = ""
    taken_by: str = ""
    #: Why it sleeps, by whom and until when; "" while it is awake.
    asleep: str = ""


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


def ranked_row(each: Ranked, ask: Ask) -> ExceptionRow:
    """One open exception with what it costs to let it wait."""
    return structs.replace(
        exception_row(each.row, ask),
        cost=each.impact.score,
        reasons=each.impact.reasons,
        supplier=each.facts.supplier,
        taken_by=each.taken_by,
        asleep=sleeping(each.asleep) if each.asleep else "",
    )


def sleeping(note: Decision) -> str:
    """Until when something sleeps, who said so and why."""
    values = note.values
    until = (
        f"{values['until'][:16].replace('T', ' ')}" if values.get("until") else "",
        f"{values['count']} are alike" if values.get("count") else "",
        f"{values['value']} are at stake" if values.get("value") else "",
    )
    return f"asleep until {' or '.join(filter(None, until))}, {note.actor}: {note.reason}"


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
