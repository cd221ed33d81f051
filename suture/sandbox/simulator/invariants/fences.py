"""Promises about workers that come back late: tried on the run's own journal, which must refuse them and stay as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from msgspec import structs

from suture.journal import Event, Fenced, Settlement, State, Unit
from suture.model import Delivered, OrderStatus
from suture.runtime.deliver import Delivering
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.invariants.facts import Check, Facts
from suture.systems import Done


def latecomers_are_refused(facts: Facts) -> Iterator[str]:
    """A worker that was away while another took over writes nothing, not even the part that nobody contradicts."""
    disk = facts.world.disk
    facts.world.weather.ends = MORNING  # no fault strikes any more
    for what, unit in _late(facts):
        note = Unit(events=[_note(facts, what)])
        before = disk.counts()
        try:
            disk.commit([note, unit])
        except Fenced:
            if disk.counts() != before or disk.by_once([note.events[0].once]):
                yield f"a worker that came back late and {what} was refused, and left something behind"
        else:
            yield f"a worker that came back late and {what} was not refused"
            return


def _late(facts: Facts) -> Iterator[tuple[str, Unit]]:
    disk, now = facts.world.disk, facts.world.clock.now()
    ended = next((row.event.data.delivery for row in facts.rows if isinstance(row.event.data, Delivered)), "")
    delivery = disk.delivery(ended)
    if delivery is not None:
        again = Settlement(
            id=ended, was="sending", status="done", attempts_was=delivery.attempts, attempts=delivery.attempts, due=now
        )
        yield "concluded what another had concluded", Unit(settlements=[again])
        behind = structs.replace(again, was=delivery.status, attempts_was=delivery.attempts + 7)
        yield "concluded an attempt that was not the last", Unit(settlements=[behind])
        yield "owed what was owed already", Unit(deliveries=[delivery])
    state = next(iter(disk.scan_states("order_to_receipt", "", 1)), None)
    if state is not None:
        yield "wrote a state that had moved on", Unit(states=[State(state.process, state.key, state.version, state.data)])
    yield "finished what was finished", Unit(done=[1])
    gone = ("payment", "nobody", "status_overdue", now - timedelta(days=1))
    yield "fired a timer that was gone", Unit(fired=[gone])


def losers_stop(facts: Facts) -> Iterator[str]:
    """A worker whose claim another has taken over is told so when it concludes, and what it says changes nothing."""
    world, base = facts.world, facts.world.base
    world.weather.ends = MORNING
    ended = next((row.event.data.delivery for row in facts.rows if isinstance(row.event.data, Delivered)), "")
    known = world.disk.delivery(ended)
    if known is None or world.disk.open_deliveries():
        return
    now, id = world.clock.now(), "late/claim"
    again = structs.replace(known, id=id, key=id, due=now, created=now, status="queued", attempts=0, reference="", process="")
    world.disk.commit([Unit(deliveries=[again])])
    wiring = Wiring(
        world.disk,
        base.network,
        privacy_key=b"p" * 32,
        formats=base.wiring.formats,
        systems=base.wiring.systems,
        processes=base.wiring.processes,
    )
    slow, quick = Delivering(wiring), Delivering(wiring)
    claimed = slow.claim(now)
    quick.recover(now)
    held = world.disk.delivery(id)
    try:
        slow.conclude([(attempt, Done()) for attempt in claimed], now)
    except Fenced:
        if world.disk.delivery(id) != held:
            yield "a worker that had lost its claim concluded it all the same"
    else:
        yield "a worker that had lost its claim was not told so"


def _note(facts: Facts, what: str) -> Event:
    now = facts.world.clock.now()
    note = OrderStatus(order="LATE", state="confirmed", at=now)
    return Event(once=f"late/{what}", kind="emitted", source="late", at=now, data=note)


PROMISES: dict[str, Check] = {
    "who comes back late is refused": latecomers_are_refused,
    "who has lost a claim stops": losers_stop,
}
