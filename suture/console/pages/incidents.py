"""Incidents: what people are alerted to, one for each cause; who has been told, who sees to it, and what is over."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.rules.incidents import CARES, Care, Incident, subject_of
from suture.runtime.alerts import incidents_of

#: Incidents that are over and still shown, the latest first.
OVER_MOST = 20


class Row(Struct, frozen=True, kw_only=True):
    """One incident; ``link`` is where one looks closer, ``position`` what an acknowledgement made on this page rests on."""

    key: str
    phase: str
    reason: str
    about: str
    owner: str
    care: Care
    since: datetime | None
    times: int
    count: int
    told: tuple[str, ...]
    unsent: int
    acknowledged_by: str
    link: str
    position: int


class Incidents(Struct, frozen=True, kw_only=True):
    """What is open, the gravest first, and what was over last; ``alerts`` are those that the network file declares."""

    open: tuple[Row, ...]
    over: tuple[Row, ...]
    alerts: tuple[str, ...]
    denied: str


def load(ask: Ask) -> Incidents:
    """No query."""
    rows = [_row(ask, key, incident) for key, (_, incident) in incidents_of(ask.wiring).items()]
    known = [row for row in rows if row.since is not None]
    open_ones = [row for row in known if row.phase != "over"]
    over = sorted((row for row in known if row.phase == "over"), key=lambda row: row.since or ask.now, reverse=True)
    return Incidents(
        open=tuple(sorted(open_ones, key=lambda row: (row.phase != "open", -CARES.index(row.care), row.since or ask.now))),
        over=tuple(over[:OVER_MOST]),
        alerts=tuple(alert.name for alert in ask.wiring.network.alerts),
        denied=ask.may("systems.acknowledge").reason,
    )


def _row(ask: Ask, key: str, incident: Incident) -> Row:
    kind, _, name = key.partition("/")
    links = {"counterpart": f"/system?name={name}", "work": f"/exceptions?reason={name}", "service_level": "/slas"}
    said = ask.journal.find(subject_of(key))
    return Row(
        key=key,
        phase=incident.phase,
        reason=incident.reason,
        about=incident.about,
        owner=incident.owner,
        care=incident.care,
        since=incident.since,
        times=incident.times,
        count=incident.count,
        told=tuple(incident.told),
        unsent=len(incident.owing),
        acknowledged_by=incident.acknowledged_by,
        link=links.get(kind, "/exceptions"),
        position=max(ask.trail.position, said[-1].position if said else 0),
    )


PAGE = Page(
    path="/incidents", title="Incidents", allow="systems.read", section="Run", rank=5, load=load, template="incidents.html"
)
