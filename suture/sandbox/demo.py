"""The main job: a day of the group against its twins over real sockets, and the balance at its end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import load_or_create_signing_key, seal
from suture.model import Case, Crosswalk, Delivered, Document, Parked, RequisitionStatus
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.publish import publish
from suture.runtime.reconcile import reconcile_suppliers
from suture.runtime.service import Service
from suture.runtime.wiring import Limits, Wiring
from suture.sandbox.audit import Audit, audit
from suture.sandbox.day import requisitions, usages
from suture.sandbox.group import MORNING, Group, invent
from suture.sandbox.sockets import Losses, Sockets
from suture.sandbox.stage import Stage
from suture.views import Ledger, OpenException, exceptions, history, ledger
from suture.views.purchasing import Purchasing, purchasing

#: The day is walked in steps of this much time; whatever falls into one step happens together.
STEP = timedelta(minutes=30)
#: In a day of minutes nobody waits for milliseconds: what is under way together is committed together.
GATHER_S = 0.02
#: How often it is looked after the day what has been decided about it, in seconds.
LOOK_S = 0.3
#: After this long the day is over, whatever still waits.
HORIZON = timedelta(days=40)


class Progress(Struct):
    """Where a run stands, for whoever shows it."""

    now: datetime
    messages: int = 0
    files: int = 0
    decided: int = 0


class Result(Struct, frozen=True, kw_only=True):
    """What a run leaves behind."""

    ledger: Ledger
    audit: Audit
    open: tuple[OpenException, ...]
    purchasing: Purchasing
    received: dict[str, int]
    sent: dict[str, int]
    faults: dict[str, int]
    seconds: float
    ended: datetime
    stage: Stage
    network: Network
    journal: Path

    @property
    def ok(self) -> bool:
        """Whether the ledger balances, nothing is lost and nothing doubled."""
        return self.ledger.balanced and not self.audit.lost and not self.audit.doubled


class Demo:
    """One run in one folder; ``tell`` is called at every step."""

    def __init__(
        self, folder: Path, *, seed: int, requisitions: int, usages: int, tell: Callable[[Progress], None] = lambda _: None
    ) -> None:
        self.folder, self.seed, self.tell = folder, seed, tell
        self.group: Group = invent(seed)
        self.stage = Stage(self.group, seed)
        self.needs = requisitions, usages
        self.clock = ManualClock(MORNING)
        self.progress = Progress(MORNING)

    async def run(self) -> Result:
        """Set the stage, walk the day, count."""
        began = time.perf_counter()
        sockets = Sockets(self.stage, self.folder / "exchange", self.clock, Losses(self.seed))
        network = await sockets.open()
        wiring = self._wiring(network)
        journal = wiring.journal
        publish(wiring, (*self.group.crosswalk, *self.group.masters), MORNING)
        service = Service(wiring, self.clock, sockets.links(), inboxes=sockets.inboxes())
        await service.start(driven=True)
        await sockets.listen(service.accept)
        self.stage.plan([*requisitions(self.group, self.seed, self.needs[0]), *usages(self.group, self.seed, self.needs[1])])
        self.stage.plan_counts(nights=1 if any(self.needs) else 0)
        try:
            await self._walk(service, sockets)
        finally:
            await sockets.close()
            await service.stop()
        while seal(journal, load_or_create_signing_key(self.folder / "seal.key"), self.clock.now()):
            pass
        result = self._result(wiring, sockets, time.perf_counter() - began)
        journal.close()
        return result

    async def go_on(self, stopped: threading.Event) -> None:
        """Carry out what is decided about the day once it is over, until told to stop; time stands still meanwhile."""
        sockets = Sockets(self.stage, self.folder / "exchange-after", self.clock, Losses(self.seed, 0.0, 0.0))
        wiring = self._wiring(await sockets.open())
        service = Service(wiring, self.clock, sockets.links(), inboxes=sockets.inboxes())
        await service.start(driven=True)
        await sockets.listen(service.accept)
        try:
            while not stopped.is_set():
                await self._step(service, sockets)
                await asyncio.sleep(LOOK_S)
        finally:
            await sockets.close()
            await service.stop()
            wiring.journal.close()

    def _wiring(self, network: Network) -> Wiring:
        journal = open_journal(str(self.folder / "suture.db"), load_or_create_key(self.folder / "blobs.key"))
        privacy = load_or_create_key(self.folder / "privacy.key")
        return Wiring(journal, network, privacy_key=privacy, limits=Limits(gather_s=GATHER_S))

    # -- walking

    async def _walk(self, service: Service, sockets: Sockets) -> None:
        await service.settle()
        while (moment := self._next(service, sockets)) is not None and moment < MORNING + HORIZON:
            self.clock.move_to(_rounded(moment))
            await self._step(service, sockets)
            self.progress.now = self.clock.now()
            self.tell(self.progress)
        for name in (*self.stage.erps, self.stage.ap.name):
            instance, link = service.wiring.instances[name], service.links[name]
            await reconcile_suppliers(service.wiring, instance, link, self.clock.now(), in_thread=service.in_thread)

    def _next(self, service: Service, sockets: Sockets) -> datetime | None:
        moments = (service.next_due(), self.stage.agenda.next(), sockets.due())
        return min((moment for moment in moments if moment is not None), default=None)

    async def _step(self, service: Service, sockets: Sockets) -> None:
        """Everything that happens at this time: acts, messages, files, and what follows from them at once."""
        now = self.clock.now()
        self.stage.agenda.run(now)
        for _ in range(20):
            moved = await sockets.speak(now)
            self.progress.messages += moved
            service.wake()
            await service.settle()
            files = sockets.collect(now) + await service.pick_up(sockets.dropped())
            self.progress.files += files
            await service.settle()
            if not moved and not files:
                return

    # -- counting

    def _result(self, wiring: Wiring, sockets: Sockets, seconds: float) -> Result:
        rows = list(history(wiring.journal))
        documents = [row.event.data for row in rows]
        received = Counter(
            type(row.event.data).__name__ for row in rows if row.event.kind == "accepted" and "#" in row.event.once
        )
        sent = Counter(data.document.type for data in documents if isinstance(data, Delivered) and data.outcome == "done")
        repeats = sum(wiring.journal.repeats().values())
        open_cases = exceptions(rows)
        throttled = sum(twin.throttled for twin in self.stage.rest_twins().values())
        faults = dict(sockets.losses.counts)
        faults |= {"supplier outage, files that waited": sockets.waited, "calls over a quota": throttled}
        return Result(
            ledger=ledger(rows, repeats),
            audit=audit(self.stage, explained(documents)),
            open=tuple(open_cases),
            purchasing=purchasing(rows),
            received=dict(sorted(received.items())),
            sent=dict(sorted(sent.items())),
            faults=faults,
            seconds=seconds,
            ended=self.clock.now(),
            stage=self.stage,
            network=wiring.network,
            journal=self.folder / "suture.db",
        )


def _rounded(moment: datetime) -> datetime:
    """The end of the step into which a moment falls."""
    beyond = (moment - MORNING) % STEP
    return moment if not beyond else moment + STEP - beyond


def explained(documents: list[Document]) -> set[str]:
    """Business numbers that an exception, a parked message or a returned requisition names."""
    named: set[str] = set()
    for document in documents:
        match document:
            case Case(objects=objects):
                named.update(ref.id for ref in objects)
            case Parked(about=about):
                named.update(ref.id for ref in about)
            case RequisitionStatus(state="returned" | "rejected" | "cancelled", requisition=requisition):
                named.add(requisition)
            case Crosswalk():
                continue
    return named
