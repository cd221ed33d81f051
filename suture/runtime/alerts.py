"""Alerts: who is declared in the network file hears of each incident once, again if it worsens or nobody acts, and of its end.

Write first, then speak: a message is owed in the journal before it is sent, and struck off afterwards. A crash in between sends
it once more, under the same id. No message holds a document, a name of a patient or a partner's words: it says what to look at.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from suture.journal import Fenced, State, Unavailable, Unit
from suture.model import Case, CaseResolved, Decision
from suture.rules import incidents, service_levels
from suture.rules.incidents import Contact, Incident, Notice
from suture.runtime.clock import Clock
from suture.runtime.network import Alert
from suture.runtime.policies import in_force
from suture.runtime.relay import InThread
from suture.runtime.secrets import secret
from suture.runtime.share import ALERTS
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring
from suture.transports import NoReply, NotSent
from suture.transports.exchange import Http, HttpReply
from suture.transports.link import Access, open_link
from suture.transports.mail import Mail, Mailbox

_log = logging.getLogger(__name__)

#: Built-in state: the incidents, by key; the cursor of the events that have been looked at has the same name.
INCIDENTS = "incidents"
#: Events that are looked at in one step, incidents that are kept in mind, and open deliveries that may be late.
BATCH, INCIDENTS_MOST, OPEN_ASKED = 1000, 5000, 2000
#: How long to rest between two looks, in seconds; how often service levels are asked; how often a message is tried.
REST_S, LEVELS_EVERY, TRIES_MOST = 1.0, timedelta(minutes=1), 500
#: How much of a promise's time may have gone before a delivery counts as about to be late.
CLOSE = 0.8
_LEVELS = "service_level"


class Door(Protocol):
    """How a message reaches whoever is declared; raises NotSent and NoReply."""

    async def send(self, message: Message) -> None: ...

    async def close(self) -> None: ...


class Message(Struct, frozen=True, kw_only=True):
    """What somebody is told: which incident of which network, what happened, and how it stands; a repeat has the same id."""

    id: str
    network: str
    incident: str
    what: str
    reason: str
    about: str
    owner: str
    care: str
    count: int
    since: datetime
    at: datetime
    acknowledged_by: str = ""

    def subject(self) -> str:
        """One line for a mailbox."""
        head = {"over": "over", "worse": "worse", "escalated": "nobody has acknowledged"}.get(self.what, "")
        name = f"{self.about} {self.reason}".strip().replace("_", " ")
        return f"[{self.network}] {f'{head}: ' if head else ''}{name}"

    def text(self) -> str:
        """The message in words."""
        lines = [
            f"What:   {self.reason.replace('_', ' ')}{f', {self.about}' if self.about else ''}",
            f"Since:  {self.since:%Y-%m-%d %H:%M} UTC",
            f"State:  {self.what}, {self.count:,} open",
            f"Care:   {self.care}",
            f"Owner:  {self.owner.replace('_', ' ')}",
        ]
        act = f"suture resolve 'Incident:{self.incident}' acknowledge --actor NAME --reason WHY"
        return "\n".join([*lines, "", "It is told once. To say that you see to it:", "", f"  {act}"]) + "\n"


class Alerting:
    """The alerts of one network, in service."""

    def __init__(self, wiring: Wiring, doors: Mapping[str, Door], clock: Clock, in_thread: InThread) -> None:
        self.wiring, self.doors, self.clock, self.in_thread = wiring, doors, clock, in_thread
        self.contacts = tuple(contact_of(alert) for alert in wiring.network.alerts)
        #: Why a door did not take a message last, by its name.
        self.trouble: dict[str, str] = {}
        self._levels_at: datetime | None = None
        #: Whether there is more to look at than one look takes in; nothing is told of what may be over by now.
        self.behind = False

    async def run(self) -> None:
        """Look and tell, for ever."""
        while True:
            with contextlib.suppress(Unavailable, Fenced):  # the next look sees what this one did not
                await self.once()
            if not self.behind:
                await self.clock.sleep(REST_S)

    async def once(self) -> int:
        """One look: take in what was raised and closed, and send what is owed; returns how many messages were sent.

        Raises Unavailable and Fenced.
        """
        owed: list[tuple[str, Incident, Notice]] = await self.in_thread(self.look)
        sent = 0
        for key, incident, notice in owed:
            taken = await self._sent(key, incident, notice)
            sent += taken
            await self.in_thread(partial(self._struck, key, notice, taken=taken))
        return sent

    async def close(self) -> None:
        """Let go of the doors."""
        for door in self.doors.values():
            await door.close()

    # -- what is owed

    def look(self) -> list[tuple[str, Incident, Notice]]:
        """In the thread of the river: bring the incidents up to date, durably; returns the messages that are owed."""
        if not self.wiring.share.holds(ALERTS):
            return []
        now = self.clock.now()
        page = self.wiring.journal.read(self.wiring.journal.cursor(INCIDENTS), BATCH)
        stored = incidents_of(self.wiring)
        current = {key: incident for key, (_, incident) in stored.items()}
        for row in page:
            self._take(current, row.event.data)
        self.behind = len(page) == BATCH
        if not self.behind and (self._levels_at is None or now - self._levels_at >= LEVELS_EVERY):
            self._levels_at = now
            self._late(current, now)
        told = () if self.behind else self.contacts
        after = {key: incidents.due(incident, told, now) if told else incident for key, incident in current.items()}
        self._write(stored, after, page[-1].position if page else 0)
        return [] if self.behind else [(key, incident, notice) for key, incident in after.items() for notice in incident.owing]

    def _take(self, current: dict[str, Incident], data: object) -> None:
        match data:
            case Case():
                key, about = incidents.key_of(data)
                if key in current or len(current) < INCIDENTS_MOST:
                    current[key] = incidents.opened(current.get(key, Incident()), data, about)
            case CaseResolved(case=case):
                for key, incident in current.items():
                    if case in incident.cases:
                        current[key] = incidents.closed(incident, case)

    def _late(self, current: dict[str, Incident], now: datetime) -> None:
        """One incident for each kind of document that is late or about to be, unless its counterpart has one of its own."""
        promised = service_levels.levels(in_force(self.wiring.journal, service_levels.NAME, now))
        down = {incident.about for incident in current.values() if incident.phase != "over" and incident.about}
        late: dict[str, int] = {}
        for delivery in self.wiring.journal.open_deliveries(limit=OPEN_ASKED):
            kind = type(delivery.document).__name__
            if delivery.instance not in down and now - delivery.created >= promised.of(kind).within * CLOSE:
                late[kind] = late.get(kind, 0) + 1
        for kind in {*late, *(key.partition("/")[2] for key in current if key.startswith(f"{_LEVELS}/"))}:
            key = f"{_LEVELS}/{kind}"
            current[key] = _counted(current.get(key, Incident()), kind, late.get(kind, 0), now)

    def _write(self, stored: Mapping[str, tuple[int, Incident]], after: Mapping[str, Incident], position: int) -> None:
        states = []
        for key, incident in after.items():
            version, before = stored.get(key, (0, None))
            if incident != before:
                states.append(State(INCIDENTS, key, version + 1, msgspec.json.encode(incident)))
        if states or position:
            self.wiring.journal.commit([Unit(states=states, cursors=[(INCIDENTS, position)] if position else [])])

    # -- telling

    async def _sent(self, key: str, incident: Incident, notice: Notice) -> bool:
        door, why = self.doors.get(notice.alert), ""
        try:
            if door is not None:
                await door.send(message_of(self.wiring.network.name, key, incident, notice))
        except (NotSent, NoReply) as failure:
            why = str(failure)
        if why != self.trouble.get(notice.alert, ""):
            _log.warning("alert %s: %s", notice.alert, why or "works again")
        self.trouble[notice.alert] = why
        return not why

    def _struck(self, key: str, notice: Notice, *, taken: bool) -> None:
        """In the thread of the river: the message has been sent, or is tried again; what nobody takes is given up, and told."""
        version, incident = incidents_of(self.wiring).get(key, (0, Incident()))
        given_up = notice.tries + 1 >= TRIES_MOST
        if given_up and not taken:
            _log.error("alert %s: %s of %s was never taken", notice.alert, notice.what, key)
        again = () if taken or given_up else (replace(notice, tries=notice.tries + 1),)
        rest = tuple(each for each in incident.owing if each != notice)
        state = State(INCIDENTS, key, version + 1, msgspec.json.encode(replace(incident, owing=(*rest, *again))))
        self.wiring.journal.commit([Unit(states=[state])])


def incidents_of(wiring: Wiring) -> dict[str, tuple[int, Incident]]:
    """Every incident by key, with the version of its state."""
    found: dict[str, tuple[int, Incident]] = {}
    after = ""
    while page := wiring.journal.scan_states(INCIDENTS, after):
        after = page[-1].key
        found |= {state.key: (state.version, msgspec.json.decode(state.data, type=Incident)) for state in page}
    return found


def on_incident(wiring: Wiring, unit: UnitBuilder, decision: Decision, raw: bytes) -> str:
    """Somebody acknowledges an incident; raises ValueError for another verb, or where nothing is to be acknowledged."""
    key = decision.subject.id
    stored = wiring.journal.states([(INCIDENTS, key)]).get((INCIDENTS, key))
    incident = msgspec.json.decode(stored.data, type=Incident) if stored else Incident()
    if stored is None or incident.phase == "over":
        raise ValueError(f"there is no incident {key} to acknowledge; it may be over")
    if decision.verb != "acknowledge":
        raise ValueError(f"an incident takes acknowledge, not {decision.verb!r}")
    acknowledged = incidents.acknowledged(incident, decision.actor)
    unit.state(State(INCIDENTS, key, stored.version + 1, msgspec.json.encode(acknowledged)))
    return f"{decision.actor} sees to {key}; it is not escalated any more"


def message_of(network: str, key: str, incident: Incident, notice: Notice) -> Message:
    """What is told; the same incident, time and occasion give the same id, so that a repeat can be recognised."""
    once = f"{network}/{key}/{incident.times}/{notice.alert}/{notice.what}/{notice.at.isoformat()}"
    return Message(
        id=hashlib.blake2b(once.encode(), digest_size=16).hexdigest(),
        network=network,
        incident=key,
        what=notice.what,
        reason=incident.reason,
        about=incident.about,
        owner=incident.owner,
        care=incident.care,
        count=incident.count,
        since=incident.since or notice.at,
        at=notice.at,
        acknowledged_by=incident.acknowledged_by,
    )


def contact_of(alert: Alert) -> Contact:
    """The part of a declared alert that decides."""
    return Contact(
        name=alert.name,
        reasons=alert.reasons,
        owners=alert.owners,
        care=alert.care,
        after=timedelta(seconds=alert.after_s),
        escalates_to=alert.escalates_to,
        escalates_after=timedelta(seconds=alert.escalates_after_s),
        at_opening=alert.at_opening,
    )


def _counted(incident: Incident, kind: str, count: int, now: datetime) -> Incident:
    if not count:
        return replace(incident, phase="over", count=0)
    if incident.phase == "over":
        incident = incidents.begun(incident, "service_level", kind, "operations", now)
    return replace(incident, count=count)


# -- doors


class Webhook:
    """A signed POST of the message as JSON (Standard Webhooks); whatever is not 2xx was not taken."""

    def __init__(self, alert: Alert, clock: Clock) -> None:
        self._link = open_link(alert.webhook, Access(secret=secret(alert.secret)), clock=clock.now)

    async def send(self, message: Message) -> None:
        """Hand it over; raises NotSent and NoReply."""
        # the id goes with the signature, too
        headers = {"content-type": "application/json", "webhook-id": message.id, "idempotency-key": message.id}
        reply = await self._link.perform(Http(method="POST", path="", body=msgspec.json.encode(message), headers=headers))
        if not isinstance(reply, HttpReply) or not 200 <= reply.status < 300:
            raise NotSent(f"the webhook answers {getattr(reply, 'status', 'nothing')}")

    async def close(self) -> None:
        """Give back connections."""
        await self._link.close()


class Letters:
    """A mail for each message; those of one incident belong to one thread."""

    def __init__(self, alert: Alert) -> None:
        self._alert, self._box = alert, Mailbox(alert.mail, password=secret(alert.secret))

    async def send(self, message: Message) -> None:
        """Hand it to the relay; raises NotSent and NoReply."""
        domain = self._alert.sender.rpartition("@")[2] or "suture"
        thread = hashlib.blake2b(f"{message.incident}/{message.since.isoformat()}".encode(), digest_size=12).hexdigest()
        mail = Mail(
            sender=self._alert.sender,
            to=self._alert.to,
            subject=message.subject(),
            text=message.text(),
            id=f"{message.id}@{domain}",
            about=f"{thread}@{domain}",
        )
        await asyncio.to_thread(self._box.send, mail)

    async def close(self) -> None:
        """Nothing is held between two mails."""


def doors(alerts: Iterable[Alert], clock: Clock) -> dict[str, Door]:
    """The way to each alert; raises NoSecret, and ValueError for an address that cannot be used."""
    return {alert.name: Webhook(alert, clock) if alert.webhook else Letters(alert) for alert in alerts}
