"""A house in which something of everything waits for a person: a question, dead letters in and out, an outage, incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import structs
from starlette.types import ASGIApp

from suture.console import Desk, Sessions, console_app
from suture.gateway import Access, Caller
from suture.journal import MemoryJournal
from suture.journal.seal import seal
from suture.model import Person, Policy, Quantity, Requisition
from suture.processes.rehearsal import START
from suture.runtime.alerts import Alerting
from suture.runtime.clock import ManualClock
from suture.runtime.network import Alert, Instance, Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from suture.transports import Arrival, HttpReply
from tests.small_network import MASTERS, SYSTEMS, Peers, arrivals, instances, story
from tests.verifier.exports import SIGNER

#: Who looks: may decide, answer, hold back, read what is masked and have everything verified.
ROLES = ("operator", "buyer", "auditor")
ACTOR = "Nia Osei"
#: What operators are offered in an emergency.
ACCESS = Access(version="2", author="ana", approver="ben", emergency={"operator": ("treasurer",)})
#: Above this somebody is asked; a department head may approve what is below that.
ASKED, LIMIT = "500", "10000"


class Scene:
    """The house, its peers and the console over it; ``settle`` lets what was decided take its course."""

    def __init__(self, folder: Path) -> None:
        self.peers, self.clock = Peers(), ManualClock(START)
        alerts = (Alert(name="duty", webhook="http://127.0.0.1:1"),)
        network = Network(name="scene", instances=tuple(_two(instances())), alerts=alerts)
        self.journal = MemoryJournal(b"k" * 32)
        wiring = Wiring(self.journal, network, privacy_key=b"p" * 32, systems=SYSTEMS)
        links = {each.name: self.peers.link(each.name) for each in network.instances}
        self.still = Still(wiring, self.clock, {**links, "inventory": lambda request: HttpReply(status=503, body=b"{}")})
        publish(wiring, tuple(map(_with_levels, MASTERS)), START)
        publish(wiring, (Person(id=ACTOR, roles=("department_head",), entity="NORTH"),), START)
        self._happens()
        self.desk = Desk(wiring, folder / "scene.ledger", self.clock, access=ACCESS, place="scene")
        self.sessions = Sessions("suture-test", folder / "scene.sessions")
        self.app: ASGIApp = console_app(self.desk, self.sessions)

    def _happens(self) -> None:
        """What the morning brings, up to when nobody tries any more."""
        self.still.accept(arrivals(story(1))[0])
        self.still.accept(*(Arrival(instance="procurement", channel="webhook", raw=raw) for raw in (_dear(), _broken())))
        self.still.settle()
        while not self.parked():
            self.clock.move_to(self.clock.now() + timedelta(hours=1))
            self.still.settle()
        alerting = Alerting(self.still.wiring, {}, self.clock, _directly)
        # a browser's driver has a loop of its own in this thread
        with ThreadPoolExecutor(1) as aside:
            while alerting.look() or alerting.behind:
                aside.submit(asyncio.run, alerting.once()).result()
        seal(self.journal, SIGNER, self.clock.now())

    def parked(self) -> list[str]:
        """The deliveries that wait for a person."""
        return [row.id for row in self.journal.open_deliveries("inventory", limit=10) if row.status == "parked"]

    def settle(self) -> None:
        """What was decided takes its course; nobody looks meanwhile."""
        with self.desk._one:
            self.still.settle()

    def link(self) -> str:
        """The secret of a link for whoever may do all of it."""
        return self.sessions.invite(Caller(subject=ACTOR, roles=ROLES), self.clock.now())


def _two(network: tuple[Instance, ...]) -> Iterator[Instance]:
    """A second inventory, in another house."""
    for each in network:
        yield structs.replace(each, facilities=("NSH",)) if each.name == "inventory" else each
        if each.name == "inventory":
            yield structs.replace(each, name="inventory-lake", facilities=("LKG",))


def _with_levels(document: Any) -> Any:
    if not isinstance(document, Policy) or document.id != "approval_limits":
        return document
    levels = [{"role": "department_head", "limit": {"USD": LIMIT}}]
    return structs.replace(document, values={"auto": {"USD": ASKED}, "levels": levels})


def _dear() -> bytes:
    """A requisition that somebody has to approve; its requester can be written to."""
    asked = story(2)[0]
    assert isinstance(asked, Requisition)
    [line] = asked.lines
    dear = structs.replace(
        asked, lines=(structs.replace(line, quantity=Quantity(Decimal(500), "EA")),), requester="mo@north.example"
    )
    return arrivals((dear,))[0].raw.replace(b'"sequence":1,', b'"sequence":2,')


def _broken() -> bytes:
    """A requisition whose quantity is no number; the number of a telephone stands in it."""
    raw = arrivals((story(3)[0],))[0].raw.replace(b'"sequence":1,', b'"sequence":3,')
    return raw.replace(b'"value":"10"', b'"value":"ten"').replace(b'"nurse-1"', b'"nurse-1 2065550142"')


async def _directly(step: Callable[[], Any]) -> Any:
    return step()
