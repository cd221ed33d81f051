"""The small network with real twins for ERP, inventory, AP and procurement, and hands that spoil what they hold."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar

from suture.journal import Journal, MemoryJournal
from suture.model import Document
from suture.processes.rehearsal import START
from suture.runtime.clock import ManualClock
from suture.runtime.publish import publish
from suture.runtime.reconcile import Report, reconcile
from suture.sandbox.twins.ap import ApTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.inventory import InventoryTwin
from suture.sandbox.twins.procurement import ProcurementTwin
from suture.sandbox.twins.twin import Agenda, RestTwin
from suture.transports import Http, HttpReply, NoReply, Reply, Request
from tests.small_network import MASTERS, Peers, arrivals, started, story

T = TypeVar("T")
Answering = Callable[[Http], HttpReply | NoReply | None]


class Straight:
    """A link to a twin without a socket."""

    def __init__(self, twin: RestTwin, answer: Answering | None = None) -> None:
        self.twin, self.answer = twin, answer

    async def perform(self, request: Request) -> Reply:
        assert isinstance(request, Http)
        instead = self.answer(request) if self.answer else None
        if isinstance(instead, NoReply):
            raise instead
        return instead or self.twin.handle(request)

    async def close(self) -> None:
        """Nothing is open."""


class Counterparts:
    """A hospital in the morning whose purchases have all gone well."""

    def __init__(self, journal: Journal | None = None, masters: tuple[Document, ...] = MASTERS) -> None:
        agenda = Agenda(START)
        self.erp = ErpTwin("erp", agenda, {"ALDER"})
        self.inventory = InventoryTwin("inventory", agenda, Random(1), "ELSEWHERE")
        self.ap = ApTwin("ap", agenda, Random(1), ())
        self.procurement = ProcurementTwin("procurement", agenda, Random(1), ())
        self.twins: dict[str, RestTwin] = {twin.name: twin for twin in (self.erp, self.inventory, self.ap, self.procurement)}
        self.clock = ManualClock(START)
        self.still = started(journal or MemoryJournal(b"k" * 32), Peers(), self.clock)
        self.still.links = {**self.still.links, **{name: _performing(twin) for name, twin in self.twins.items()}}
        publish(self.still.wiring, masters, START)
        self.still.settle()

    @property
    def journal(self) -> Journal:
        """Where its facts live."""
        return self.still.wiring.journal

    def live(self, purchases: int) -> None:
        """So many purchases from requisition to payment, and an hour in which everything arrives."""
        for number in range(1, purchases + 1):
            for arrival in arrivals(story(number)):
                self.still.accept(arrival)
                self.still.settle()
        self.wait()

    def wait(self, minutes: int = 60) -> None:
        """Time passes; whatever is due goes."""
        self.still.until(self.clock.now() + timedelta(minutes=minutes))

    def reconcile(self, name: str, *, dry: bool = False, answer: Answering | None = None) -> Report:
        """One run for one of them; ``answer`` may answer a request in its place, with a reply or a failure."""
        link = Straight(self.twins[name], answer)
        instance = self.still.wiring.instances[name]
        return at_once(reconcile(self.still.wiring, instance, link, self.clock.now, dry=dry))


def _performing(twin: RestTwin) -> Callable[[Request], Reply]:
    def perform(request: Request) -> Reply:
        assert isinstance(request, Http)
        return twin.handle(request)

    return perform


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("it waits for something")


def later(moment: datetime, minutes: int) -> datetime:
    """Minutes after a moment."""
    return moment + timedelta(minutes=minutes)
