"""A very small hospital for tests: one counterpart with a scripted temper, and one process that sends it what it hears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from suture.formats import Format
from suture.formats.json import FORMAT as JSON
from suture.journal import Event, Journal, MemoryJournal
from suture.model import Case, Delivered, Document, OrderStatus, Ref, StockLow, TimerFired, encode
from suture.processes import Effect, Emit, Process, Raise, Seen, Send, Wait
from suture.runtime.clock import ManualClock
from suture.runtime.network import Instance, Network
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from suture.systems import Again, Awaiting, Call, Channel, Done, Operation, Outcome, OutcomeClass, Refused, Steps, System
from suture.transports import Arrival, Http, HttpReply, NoReply, NotSent, Reply, Request

D = TypeVar("D", bound=Document)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Told(Struct, frozen=True):
    """What the process remembers: fates of what it sent, in order."""

    phase: str = "listening"
    fates: tuple[str, ...] = ()
    woken: int = 0


def heard(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
    """An order's state goes to the counterpart; "rejected" raises, "closed" waits, "cancelled" cannot be decided."""
    status = event.data
    assert isinstance(status, OrderStatus)
    if status.state == "cancelled":
        raise ValueError("a poisoned event")
    if status.state == "rejected":
        case = Case(
            id=f"teller/{status.order}/no",
            reason="no",
            text="no",
            objects=status.refs(),
            owner="buyer",
            at=seen.now,
            actions=("accept",),
        )
        return state, (Raise(case=case),)
    if status.state == "closed":
        return state, (Wait(name="later", until=NOON.replace(hour=13)),)
    return state, (Send(role="peer", document=status, key=status.order),)


def fate(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
    """What became of a delivery."""
    assert isinstance(event.data, Delivered)
    return Told(fates=(*state.fates, event.data.outcome), woken=state.woken), ()


def woken(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
    """A timer says something to everybody."""
    return Told(fates=state.fates, woken=state.woken + 1), (Emit(document=order("PO-woken", "shipped")),)


def key_of(document: Document) -> tuple[str, ...]:
    """By order."""
    return (str(getattr(document, "order", "")),)


TELLER = Process(
    name="teller",
    title="Teller",
    version=1,
    owner="tests",
    key=key_of,
    state=Told,
    on={OrderStatus: heard, Delivered: fate, TimerFired: woken},
    needs=lambda state, event: (),
    phases=("listening",),
)


def order(id: str, state: str = "confirmed") -> OrderStatus:
    """An order's state."""
    return OrderStatus(order=id, state=state, at=NOON)  # type: ignore[arg-type]  # tests name real states


@dataclass
class Peer:
    """A counterpart that keeps what it takes, by key, and behaves as the next line of its script says."""

    script: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: int = 0

    def handle(self, request: Request) -> Reply:
        """One request; "lost" acts and then loses the reply, "mute" does nothing and says nothing, "down" never gets it."""
        assert isinstance(request, Http)
        mood = self.script.pop(0) if self.script else "ok"
        if mood == "down":
            raise NotSent("refused")
        if mood == "mute":
            raise NoReply("nothing came")
        if request.method == "GET":
            self.asked += 1
            there = request.path.rpartition("/")[2] in self.kept
            return HttpReply(status=200 if there else 404)
        self.keys.append(request.headers.get("idempotency-key", ""))
        if mood == "silent":
            raise NoReply("nothing came")
        if mood in ("503", "422"):
            return HttpReply(status=int(mood))
        self.kept.append(request.path.rpartition("/")[2])
        if mood == "lost":
            raise NoReply("the reply was lost")
        return HttpReply(status=201)


def post(document: Document, call: Call) -> Steps:
    """Post it under its id."""
    reply = yield Http(method="POST", path=f"/{call.id}", headers={"idempotency-key": call.key})
    return _outcome(reply)


def _outcome(reply: Reply) -> Outcome:
    assert isinstance(reply, HttpReply)
    if reply.status == 503:
        return Again(reason="busy")
    return Refused(reason="no") if reply.status == 422 else Done(reference="R1")


def look(document: Document, call: Call) -> Steps:
    """Is it there?"""
    reply = yield Http(method="GET", path=f"/{call.id}")
    assert isinstance(reply, HttpReply)
    return Done(reference="R1") if reply.status == 200 else Again(reason="not there")


def wait_for_word(document: Document, call: Call) -> Steps:
    """Hand it over and wait for word."""
    yield Http(method="POST", path=f"/{call.id}")
    return Awaiting(reference=call.id, within_s=3600)


def only_wait(document: Document, call: Call) -> Steps:
    """Nothing but waiting."""
    yield from ()
    return Awaiting(reference=call.id, within_s=3600)


def peer_system(outcome: OutcomeClass) -> System:
    """The counterpart's system, with an outcome class of the test's choice."""
    send: Callable[[Document, Call], Steps] = wait_for_word if outcome == "statement" else post
    probe = {"lookup": look, "readback": look, "statement": only_wait}.get(outcome)
    return System(
        name="peer",
        title="Peer",
        role="peer",
        accepts={OrderStatus: Operation(send=send, outcome=outcome, probe=probe), StockLow: Operation(send=send, outcome="key")},
        channels=(Channel(name="in", transport="memory", format="json"),),
        codes=("item",),
    )


def house(
    outcome: OutcomeClass = "key",
    *,
    journal: Journal | None = None,
    peer: Peer | None = None,
    formats: dict[str, Format] | None = None,
) -> tuple[Still, Peer]:
    """The runtime at noon with one counterpart."""
    peer = peer or Peer()
    network = Network(name="small", instances=(Instance(name="peer", system="peer", role="peer", address="http://127.0.0.1:1"),))
    wiring = Wiring(
        journal or MemoryJournal(b"k" * 32),
        network,
        privacy_key=b"p" * 32,
        formats=formats or {"json": JSON},
        systems={"peer": peer_system(outcome)},
        processes={"teller": TELLER},
    )
    return Still(wiring, ManualClock(NOON), {"peer": peer.handle}), peer


def arrival(*documents: Document) -> Arrival:
    """Documents as the peer sends them."""
    lines = b"\n".join(encode(document) for document in documents)
    return Arrival(instance="peer", channel="in", raw=lines)


def told(still: Still, order: str) -> Told:
    """What the process knows about an order."""
    stored = still.wiring.journal.states([("teller", order)])[("teller", order)]
    state = still.wiring.state_decoders["teller"].decode(stored.data)
    assert isinstance(state, Told)
    return state


def facts(still: Still, kind: type[D]) -> list[D]:
    """All documents of a type in the journal, in order."""
    rows = still.wiring.journal.read(0, 100_000)
    return [row.event.data for row in rows if isinstance(row.event.data, kind)]


def about(kind: str, id: str) -> Ref:
    """A reference."""
    return Ref(kind, id)
