"""The writing of one unit: events with their routes, blobs and deliveries, put together before the commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from suture.journal import Committed, Delivery, Event, Route, Settlement, State, Timer, Unit
from suture.model import Document, Owed, Ref
from suture.runtime.network import Instance
from suture.runtime.restored import born_in_doubt
from suture.runtime.wiring import Wiring

#: How a step of the river commits: as ``Journal.commit`` does, or so that what may go out at once goes with it.
Commit = Callable[[Sequence[Unit]], list[Committed]]


class UnitBuilder:
    """Collects writes; ``build`` gives the unit."""

    def __init__(self, wiring: Wiring, now: datetime) -> None:
        self.wiring, self.now = wiring, now
        self.events: list[Event] = []
        self.routes: list[Route] = []
        self.blobs: dict[str, bytes] = {}
        self.done: list[int] = []
        self.states: dict[tuple[str, str], State] = {}
        self.deliveries: list[Delivery] = []
        self.settlements: list[Settlement] = []
        self.timers: dict[tuple[str, str, str], Timer] = {}
        self.fired: list[tuple[str, str, str, datetime]] = []
        self.cursors: dict[str, int] = {}
        #: Where the bytes that are kept belong when nobody needs them any more.
        self.shelf = ""

    def event(self, event: Event, routes: Sequence[tuple[str, str]] = ()) -> None:
        """Record an event and who is to decide it."""
        self.routes += [Route(len(self.events), process, key) for process, key in routes]
        self.events.append(event)

    def keep(self, raw: bytes) -> str:
        """Keep bytes; returns their address."""
        address = hashlib.sha256(raw).hexdigest()
        self.blobs[address] = raw
        return address

    def deliver(self, delivery: Delivery) -> None:
        """Owe a delivery; for a while after a restore it begins in doubt."""
        if self.wiring.restored is not None and self.now < self.wiring.restored.until:
            delivery = born_in_doubt(delivery, self.wiring.operation(delivery))
        self.deliveries.append(delivery)

    def state(self, state: State) -> None:
        """Write a state; the last one per key counts."""
        self.states[state.process, state.key] = state

    def timer(self, timer: Timer) -> None:
        """Set or cancel a timer; the last word per name counts."""
        self.timers[timer.process, timer.key, timer.name] = timer

    def build(self, cursors: Sequence[tuple[str, int]] = ()) -> Unit:
        """The unit, which moves these cursors, too."""
        return Unit(
            events=self.events,
            routes=self.routes,
            blobs=list(self.blobs.items()),
            done=self.done,
            states=list(self.states.values()),
            deliveries=self.deliveries,
            settlements=self.settlements,
            timers=list(self.timers.values()),
            fired=self.fired,
            cursors=[*self.cursors.items(), *cursors],
            shelf=self.shelf,
        )


def delivery_of(wiring: Wiring, instance: Instance, document: Document, now: datetime, *, id: str, key: str) -> Delivery:
    """A delivery to an instance that nobody waits for; callers add role, cause, root, process and priority."""
    return Delivery(
        id=id,
        instance=instance.name,
        role=instance.role or wiring.system(instance).role,
        key=key,
        document=document,
        due=now,
        process="",
        process_key="",
        cause="",
        root="",
        created=now,
    )


def owed_of(delivery: Delivery) -> Owed:
    """The entry that says that this delivery is owed."""
    document = delivery.document
    return Owed(delivery.id, delivery.instance, Ref(type(document).__name__, str(getattr(document, "id", ""))))
