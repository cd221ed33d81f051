"""Flows and phases: what came in by each way, what became of it, and where every conversation stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from suture.journal import Event, Recorded
from suture.model import Decided, Decision, Delivered, Document, MessageReceived, Owed, PaymentStatus, Ref
from suture.views.flows import FIVE, Flow, FlowDay, Flows
from suture.views.phases import Phases

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Fate = Literal["done", "refused", "parked", "cancelled"]


def told(*facts: tuple[str, str, Document]) -> Flows:
    """Facts as (once, root, document), a minute apart, one accepted after another."""
    flows = Flows()
    for minute, (once, root, data) in enumerate(facts):
        at = NOON + timedelta(minutes=minute)
        flows.enter(Recorded(minute + 1, Event(once=once, kind="accepted", source="erp", at=at, data=data, root=root)))
    return flows


def message(id: str, outcome: Literal["accepted", "refused", "parked"] = "accepted") -> tuple[str, str, Document]:
    received = MessageReceived(
        id=id, instance="bank", channel="in", format="x", documents=1, outcome=outcome, kinds=("PaymentStatus",)
    )
    return id, id, received


def owing(once: str, root: str, *deliveries: str) -> tuple[str, str, Document]:
    owes = tuple(Owed(each, "erp", Ref("PaymentStatus", f"PAY-{each}")) for each in deliveries)
    return once, root, Decided(process="payment", version=1, key="P", event="e", phase="sent", owes=owes)


def end(delivery: str, outcome: Fate) -> tuple[str, str, Document]:
    document, at = Ref("PaymentStatus", f"PAY-{delivery}"), NOON + timedelta(hours=1)
    return (
        f"{delivery}!{outcome}",
        "M1#0",
        Delivered(delivery=delivery, role="erp", instance="erp", document=document, outcome=outcome, at=at),
    )


def only(flows: Flows) -> Flow:
    [flow] = flows.all()
    return flow


def test_the_five_numbers_of_one_way_in() -> None:
    flows = told(
        message("M1"), message("M2", "refused"), owing("d", "M1#0", "D1", "D2", "D3"), end("D1", "done"), end("D2", "parked")
    )
    flows.came_again({"M1": 2})
    five = only(flows)
    assert (five.received, five.filtered, five.queued, five.sent, five.errored) == (2, 2, 1, 1, 2)
    for which in FIVE:
        behind = flows.behind("bank", "in", which, limit=10)  # type: ignore[arg-type]  # the five
        assert sum(row.again if which == "filtered" else 1 for row in behind) == getattr(five, which)


def test_what_a_person_releases_is_queued_again() -> None:
    decision = Decision(id="1", subject=Ref("Delivery", "D1"), verb="release", actor="Nia", at=NOON, reason="x", position=1)
    flows = told(message("M1"), owing("d", "M1#0", "D1"), end("D1", "parked"), ("decision/1", "M1#0", decision))
    assert (only(flows).queued, only(flows).errored) == (1, 0)


def test_a_message_that_was_held_and_is_released_is_no_error_any_more() -> None:
    status = PaymentStatus(payment="PAY-1", status="settled", at=NOON)
    held = told(message("M1", "parked"))
    assert only(held).errored == 1
    assert only(told(message("M1", "parked"), ("M1#0/released/0", "M1#0", status))).errored == 0


def test_the_same_fact_twice_counts_once_and_a_smaller_count_changes_nothing() -> None:
    facts = (message("M1"), owing("d", "M1#0", "D1"), end("D1", "done"))
    once, twice = told(*facts), told(*facts, *facts)
    assert once.all() == twice.all()
    once.came_again({"M1": 3})
    once.came_again({"M1": 3})
    assert only(once).filtered == 3


def test_latency_is_from_owed_to_done() -> None:
    flows = told(message("M1"), owing("d", "M1#0", "D1", "D2"), end("D1", "done"), end("D2", "refused"))
    latency = flows.latency("erp")
    assert latency is not None
    assert (latency.number, latency.median) == (1, timedelta(minutes=59))
    assert flows.latency("nobody") is None


def test_every_key_stands_in_one_phase() -> None:
    phases = Phases()
    for position, (key, phase) in enumerate((("A", "new"), ("B", "new"), ("A", "paid"), ("A", "paid")), 1):
        data: Any = Decided(process="payment", version=1, key=key, event="e", phase=phase)
        at = NOON + timedelta(minutes=position)
        phases.enter(Recorded(position, Event(once=f"E{position}", kind="decided", source="payment", at=at, data=data)))
    assert phases.counts() == {"payment": {"new": 1, "paid": 1}}
    [standing] = phases.behind("payment", "paid", limit=5)
    assert (standing.key, standing.since) == ("A", NOON + timedelta(minutes=3)), "since it came there"


def test_days_count_what_came_and_what_failed_on_them_and_not_what_was_put_right_later() -> None:
    decision = Decision(id="1", subject=Ref("Delivery", "D1"), verb="release", actor="Nia", at=NOON, reason="x", position=1)
    status = PaymentStatus(payment="PAY-1", status="settled", at=NOON)
    flows = told(
        message("M1"),
        message("M2", "parked"),
        owing("d", "M1#0", "D1"),
        end("D1", "parked"),
        ("decision/1", "M1#0", decision),
        end("D1", "done"),
        ("M2#0/released/0", "M2#0", status),
    )
    day = NOON.replace(hour=0)
    for way in (None, ("bank", "in")):
        assert flows.days(day, day + timedelta(days=1), way) == [FlowDay(day, received=2, sent=1, errored=2)]
    assert flows.days(day, day + timedelta(days=1), ("bank", "out")) == flows.days(day - timedelta(days=1), day) == []
    assert flows.begun() == day
