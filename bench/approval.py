"""Waiting for a person: an order waits, with a timer, until its approval comes, and then goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct, structs

from suture.journal import Event
from suture.model import Approval, Document, OrderStatus, PurchaseOrder, Ref, TimerFired
from suture.processes import Effect, Emit, Process, Seen, Wait
from suture.processes.cast import MORNING


class Waiting(Struct, frozen=True):
    """Whether one order waits, or was approved."""

    phase: str = "new"


def asked(state: Waiting, event: Event, seen: Seen) -> tuple[Waiting, Sequence[Effect]]:
    """The order waits for two days at most."""
    return structs.replace(state, phase="waiting"), (Wait(name="approval", until=seen.now + timedelta(days=2)),)


def approved(state: Waiting, event: Event, seen: Seen) -> tuple[Waiting, Sequence[Effect]]:
    """Somebody said yes: it goes on."""
    assert isinstance(event.data, Approval)
    confirmed = OrderStatus(order=event.data.subject.id, state="confirmed", at=seen.now)
    return structs.replace(state, phase="approved"), (Wait(name="approval", until=None), Emit(document=confirmed))


def overdue(state: Waiting, event: Event, seen: Seen) -> tuple[Waiting, Sequence[Effect]]:
    """Nobody answered."""
    return structs.replace(state, phase="overdue"), ()


def key_of(document: Document) -> tuple[str, ...]:
    """The order."""
    match document:
        case PurchaseOrder(id=id):
            return (id,)
        case Approval(subject=subject):
            return (subject.id,)
    return ()


PROCESS = Process(
    name="waiting",
    title="Waiting for approval",
    version=1,
    owner="bench",
    key=key_of,
    state=Waiting,
    on={PurchaseOrder: asked, Approval: approved, TimerFired: overdue},
    needs=lambda state, event: [],
    phases=("new", "waiting", "approved", "overdue"),
)


def approval(order: str) -> Approval:
    """A yes to an order."""
    return Approval(
        id=f"A-{order}",
        request=f"Q-{order}",
        subject=Ref("PurchaseOrder", order),
        approver="P-HEAD",
        decision="approve",
        at=MORNING,
    )
