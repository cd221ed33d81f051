"""Break-glass: rights that a person takes when it must be, for an hour, with a reason, an alarm, and somebody else's review."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from suture.gateway.access import Access, Caller
from suture.gateway.identity.commands import decision, reasoned
from suture.journal import Event, Journal, Recorded, State, Unit
from suture.model import Case, Decision, Ref
from suture.runtime.command import EMERGENCY
from suture.runtime.decide import CASES, OpenCase, encode

#: The type of the objects that these decisions are about: one for each person.
RIGHTS = "Emergency"
#: Until when somebody else has looked at what was done.
REVIEW = timedelta(days=1)


class Taken(Struct, frozen=True, kw_only=True):
    """Emergency rights of a person: which, why, and until when."""

    roles: tuple[str, ...]
    reason: str
    until: datetime


class NotYours(ValueError):
    """These rights are not for this person to take, whatever the reason."""


def take(journal: Journal, access: Access, caller: Caller, role: str, *, reason: str, now: datetime) -> Taken:
    """Journal that this person takes a role, and raise the alarm: an open exception for whoever watches over access.

    Raises NotYours for a role that the policy does not offer to them, ValueError for no reason.
    """
    kept = reasoned(caller.subject, reason)
    offered = access.takes(caller)
    if role not in offered:
        raise NotYours(f"the policy lets you take {' or '.join(offered) or 'no role'} in an emergency, not {role!r}")
    taken = Taken(roles=(role,), reason=kept, until=now + timedelta(seconds=access.emergency_s))
    values = {"roles": role, "until": taken.until.isoformat()}
    subject = Ref(RIGHTS, caller.subject)
    said = decision(journal, subject, "take", actor=caller.subject, reason=kept, now=now, values=values)
    alarm = _alarm(caller.subject, taken, said.once, now)
    state = State(CASES, alarm.id, 1, encode(OpenCase("open", 1)))
    raised = Event(once=alarm.id, kind="emitted", source="access", at=now, data=alarm, cause=said.once, root=said.once)
    journal.commit([Unit(events=[said, raised], states=[state])])
    return taken


def give_back(journal: Journal, subject: str, *, actor: str, reason: str, now: datetime) -> None:
    """Journal that emergency rights end now; their owner may, and whoever administers access. Raises ValueError for no reason."""
    said = decision(journal, Ref(RIGHTS, subject), "give_back", actor=actor, reason=reasoned(actor, reason), now=now, values={})
    journal.commit([Unit(events=[said])])


def held(journal: Journal, subject: str, now: datetime) -> Taken | None:
    """The emergency rights that this person holds at ``now``."""
    return _folded(journal.find(Ref(RIGHTS, subject)), now)


def with_rights(access: Access, caller: Caller, taken: Taken | None) -> Caller:
    """The caller with what was taken; rights that the policy offers no more are not held either."""
    if taken is None or any(role not in access.takes(caller) for role in taken.roles):
        return caller
    until = taken.until if caller.until is None else min(caller.until, taken.until)
    return msgspec.structs.replace(caller, roles=(*caller.roles, *taken.roles), scopes=(), emergency=taken.reason, until=until)


def _folded(rows: Iterable[Recorded], now: datetime) -> Taken | None:
    taken: Taken | None = None
    for row in rows:
        said = row.event.data
        if isinstance(said, Decision) and said.verb == "take":
            until = datetime.fromisoformat(said.values["until"])
            taken = Taken(roles=(said.values["roles"],), reason=said.reason, until=until)
        elif isinstance(said, Decision) and said.verb == "give_back":
            taken = None
    return taken if taken is not None and now < taken.until else None


def _alarm(subject: str, taken: Taken, once: str, now: datetime) -> Case:
    return Case(
        id=f"{EMERGENCY}/{subject}/{once.rpartition('/')[2]}",
        reason=EMERGENCY,
        text=f"{subject} has taken the role {taken.roles[0]} until {taken.until:%Y-%m-%d %H:%M} UTC: {taken.reason}",
        objects=(Ref("Person", subject), Ref(RIGHTS, subject)),
        owner="administrator",
        at=now,
        deadline=now + REVIEW,
        actions=("reviewed",),
        suggestion="look at what they did in this time, then say that you reviewed it; it is not for themselves to say",
    )
