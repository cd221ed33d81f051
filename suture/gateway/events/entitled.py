"""Whether a subscription still speaks for somebody: the proof it was made with holds, and its rights cover what it asked for."""

from __future__ import annotations

from datetime import datetime, timedelta

from suture.gateway.access import Access, Caller
from suture.gateway.events.hearing import hears_anything, unheard
from suture.gateway.events.subscription import Subscription
from suture.gateway.identity import api_keys
from suture.journal import Journal

#: How long a subscription goes on that a token or a certificate began, until the same caller proves itself again and resumes it:
#: of those we do not hear when they are withdrawn.
LEASE = timedelta(days=30)


def lease_of(caller: Caller, now: datetime) -> datetime | None:
    """Until when what this caller begins goes on by itself; None for as long as its API key lives."""
    return None if caller.credential else now + LEASE


def not_entitled(journal: Journal, subscription: Subscription, access: Access, now: datetime) -> str:
    """Why nothing more may be sent in the name of whoever subscribed; empty if it may. Asked before each batch."""
    hears = subscription.hears
    if hears.credential and (why := api_keys.ended(journal, hears.credential, now)):
        return why
    if subscription.lease is None and not hears.credential and (why := _unremembered(journal, hears.subject, now)):
        return why
    if subscription.lease is not None and now >= subscription.lease:
        return f"{hears.subject} has not shown itself since {subscription.lease - LEASE:%Y-%m-%d}"
    if not hears_anything(access, hears):
        return f"the rights of {hears.subject} cover no event any more"
    if lost := unheard(access, hears, subscription.types):
        return f"the rights of {hears.subject} do not cover {', '.join(lost)} any more"
    return ""


def _unremembered(journal: Journal, subject: str, now: datetime) -> str:
    """What was begun before proofs were remembered speaks for a name: for a key's as long as any key of that name lives, for
    another machine's not, since nobody can tell whether it could still prove itself. An operator's has no machine's name."""
    if subject.startswith("key/"):
        live = any(key.live(now) and f"key/{key.name}" == subject for key in api_keys.keys(journal))
        return "" if live else f"no API key of {subject} lives any more"
    machine = subject.startswith(("client/", "certificate/"))
    return f"{subject} began it before proofs were remembered: it has to resume it once" if machine else ""
