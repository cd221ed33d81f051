"""Incidents: what people are alerted to, one for each cause, however many documents it holds up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from suture.model import Case, Ref

Care = Literal["none", "supply", "procedure"]
What = Literal["opened", "worse", "escalated", "over"]
#: In the order of harm.
CARES: tuple[Care, ...] = ("none", "supply", "procedure")
#: Cases of one incident that are held by id; of more only the number is known, and it ends when they do.
CASES_HELD = 2000


class Notice(Struct, frozen=True, omit_defaults=True):
    """One message that is owed to one alert: what happened, since when, and how often it has been tried."""

    alert: str
    what: What
    at: datetime
    tries: int = 0


class Incident(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cause that somebody is to see to. ``times`` counts how often it has come up; ``owing`` are messages not sent yet.

    ``told`` names who has been told of this time, with the care that was at stake then.
    """

    phase: Literal["open", "acknowledged", "over"] = "over"
    reason: str = ""
    about: str = ""
    owner: str = ""
    care: Care = "none"
    since: datetime | None = None
    times: int = 0
    count: int = 0
    cases: tuple[str, ...] = ()
    acknowledged_by: str = ""
    told: dict[str, Care] = field(default_factory=dict)
    owing: tuple[Notice, ...] = ()


class Contact(Struct, frozen=True, kw_only=True):
    """Whom to alert, of what, when: the part of an alert in the network file that decides. Empty narrows nothing."""

    name: str
    reasons: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    care: Care = "none"
    after: timedelta = timedelta(0)
    escalates_to: str = ""
    escalates_after: timedelta = timedelta(minutes=30)
    at_opening: bool = True

    def wants(self, incident: Incident) -> bool:
        """Whether it is to hear of this incident."""
        return (
            (not self.reasons or incident.reason in self.reasons)
            and (not self.owners or incident.owner in self.owners)
            and CARES.index(incident.care) >= CARES.index(self.care)
        )


def key_of(case: Case) -> tuple[str, str]:
    """To which incident a case belongs, and what that is about.

    Everything that goes wrong in sending to one counterpart is one; of the rest, whatever has the same reason.
    """
    instance = next((ref.id for ref in case.objects if ref.type == "Instance"), "")
    if not instance and any(ref.type == "Delivery" for ref in case.objects):
        instance = case.context.get("instance", "")
    return (f"counterpart/{instance}", instance) if instance else (f"work/{case.reason}", "")


def opened(incident: Incident, case: Case, about: str) -> Incident:
    """One case more; the first begins the incident anew, and the gravest says how grave it is."""
    if case.id in incident.cases:
        return incident
    if incident.phase == "over":
        incident = begun(incident, case.reason, about, case.owner, case.at)
    care = max(incident.care, case.care, key=CARES.index)
    # an outage names the incident, whatever was noticed first
    reason = case.reason if any(ref.type == "Instance" for ref in case.objects) else incident.reason
    cases = (*incident.cases, case.id)[:CASES_HELD]
    return replace(incident, care=care, reason=reason, count=incident.count + 1, cases=cases)


def begun(incident: Incident, reason: str, about: str, owner: str, at: datetime) -> Incident:
    """The incident as it comes up once more, nobody told yet."""
    owing = incident.owing
    return Incident(phase="open", reason=reason, about=about, owner=owner, since=at, times=incident.times + 1, owing=owing)


def closed(incident: Incident, case: str) -> Incident:
    """One case less; with the last it is over."""
    if case not in incident.cases or incident.phase == "over":
        return incident
    cases = tuple(each for each in incident.cases if each != case)
    left = replace(incident, cases=cases, count=incident.count - 1)
    return left if cases else replace(left, phase="over")


def acknowledged(incident: Incident, actor: str) -> Incident:
    """Somebody sees to it: it is not escalated any more."""
    return replace(incident, phase="acknowledged", acknowledged_by=actor)


def due(incident: Incident, contacts: Sequence[Contact], now: datetime) -> Incident:
    """The incident with every message added that is owed by now: its opening, its worsening, its escalation, its end."""
    known = {contact.name: contact for contact in contacts}
    told, owing = dict(incident.told), list(incident.owing)
    if incident.phase == "over":
        owing += [Notice(name, "over", now) for name in told if name in known]
        return replace(incident, told={}, owing=tuple(owing))
    since = incident.since or now
    for contact in contacts:
        if contact.name in told:
            if CARES.index(incident.care) > CARES.index(told[contact.name]):
                owing.append(Notice(contact.name, "worse", now))
                told[contact.name] = incident.care
        elif contact.at_opening and contact.wants(incident) and now >= since + contact.after:
            owing.append(Notice(contact.name, "opened", now))
            told[contact.name] = incident.care
    if incident.phase == "open":
        for name in _escalated(known, told, since, now):
            owing.append(Notice(name, "escalated", now))
            told[name] = incident.care
    return replace(incident, told=told, owing=tuple(owing))


def _escalated(known: dict[str, Contact], told: dict[str, Care], since: datetime, now: datetime) -> list[str]:
    """Whom the next step concerns: nobody has acknowledged in time, and they have not been told."""
    steps = ((known[name], known[name].escalates_to) for name in told if name in known)
    late = [
        to for contact, to in steps if to in known and to not in told and now >= since + contact.after + contact.escalates_after
    ]
    return list(dict.fromkeys(late))


def subject_of(key: str) -> Ref:
    """What a decision about an incident is about."""
    return Ref("Incident", key)
