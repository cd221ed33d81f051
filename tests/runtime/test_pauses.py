"""Pauses: what is held back stays owed and goes out in order, and who decides on what has changed since is told so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from suture.journal import Delivery
from suture.model import Decision, Ref
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.deliver import Delivering
from suture.runtime.pauses import Pause, Pauses, allowed, batch_of, pauses
from suture.runtime.units import UnitBuilder, delivery_of
from suture.sandbox.still import Still
from tests.runtime.house import NOON, Peer, arrival, facts, house, order

HOUR = timedelta(hours=1)


def decide(still: Still, verb: str, *, name: str = "peer", position: int = 10**6) -> str:
    """A person decides how a counterpart is sent to."""
    now = still.clock.now()
    id = f"{verb}-{now.timestamp()}"
    decision = Decision(
        id=id, subject=Ref("Instance", name), verb=verb, actor="Nia Osei", at=now, reason="upgrade", position=position
    )
    return command(still.wiring, decision, now)


def say(still: Still, *orders: str) -> None:
    still.accept(*(arrival(order(each)) for each in orders))
    still.settle()


def owe(still: Still, id: str, priority: int) -> None:
    """A delivery of its own, under its own key."""
    now = still.clock.now()
    unit = UnitBuilder(still.wiring, now)
    plain = delivery_of(still.wiring, still.wiring.instances["peer"], order(id), now, id=f"D-{id}", key=id)
    unit.deliver(Delivery(**{**{name: getattr(plain, name) for name in plain.__struct_fields__}, "priority": priority}))
    still.wiring.journal.commit([unit.build()])


def test_nothing_is_sent_to_who_is_paused_and_all_of_it_is_when_resumed() -> None:
    still, peer = house()
    assert decide(still, "pause").startswith("peer is paused")
    say(still, "PO-1", "PO-2")
    still.until(NOON + 3 * HOUR)
    assert peer.kept == []
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries()] == ["queued", "queued"]
    decide(still, "resume")
    still.settle()
    assert peer.kept == ["PO-1", "PO-2"]


def test_who_is_drained_gets_what_was_owed_and_no_more() -> None:
    still, peer = house(peer=Peer(["503"]))
    say(still, "PO-1")
    decide(still, "drain")
    still.clock.move_to(NOON + timedelta(seconds=1))
    say(still, "PO-2")
    still.until(NOON + HOUR)
    assert peer.kept == ["PO-1"]
    decide(still, "resume")
    still.settle()
    assert peer.kept == ["PO-1", "PO-2"]


def test_what_a_drain_brings_is_found_behind_a_page_of_what_has_to_wait() -> None:
    still, peer = house()
    decide(still, "pause")
    owe(still, "PO-1", priority=5)
    still.clock.move_to(NOON + timedelta(seconds=1))
    decide(still, "drain")
    still.clock.move_to(NOON + timedelta(seconds=2))
    for number in range(still.wiring.limits.deliver_batch):
        owe(still, f"PO-NEW-{number}", priority=0)
    still.settle()
    assert peer.kept == ["PO-1"]


def test_who_is_degraded_gets_the_critical_at_once_and_the_rest_by_the_hour() -> None:
    still, peer = house()
    still.clock.move_to(NOON + timedelta(minutes=10))
    decide(still, "degrade")
    owe(still, "PO-1", 5)
    owe(still, "PO-2", 0)
    still.settle()
    assert peer.kept == ["PO-2"]
    still.clock.move_to(NOON + timedelta(minutes=59))
    still.settle()
    assert peer.kept == ["PO-2"]
    still.clock.move_to(NOON + HOUR)
    still.settle()
    assert peer.kept == ["PO-2", "PO-1"]


def test_the_order_under_a_key_is_kept_while_it_is_held_back() -> None:
    still, peer = house()
    decide(still, "degrade")
    say(still, "PO-1")
    still.accept(arrival(order("PO-1", "acknowledged")))
    still.settle()
    assert peer.kept == []
    decide(still, "resume")
    still.settle()
    assert peer.keys == sorted(peer.keys, key=peer.keys.index)
    assert len(peer.kept) == 2


def test_a_restart_forgets_nothing() -> None:
    still, peer = house()
    decide(still, "pause")
    still.delivering = Delivering(still.wiring)
    say(still, "PO-1")
    assert peer.kept == []


def test_a_decision_is_journaled_with_actor_reason_and_position() -> None:
    still, _ = house()
    decide(still, "pause", position=7)
    [made] = facts(still, Decision)
    assert (made.actor, made.verb, made.reason, made.position) == ("Nia Osei", "pause", "upgrade", 7)
    pause = pauses(still.wiring, ["peer"])["peer"]
    assert (pause.phase, pause.actor, pause.reason, pause.since) == ("paused", "Nia Osei", "upgrade", NOON)


def test_who_has_not_seen_the_last_decision_is_refused() -> None:
    still, _ = house()
    decide(still, "pause", position=0)
    still.clock.move_to(NOON + HOUR)
    with pytest.raises(Stale):
        decide(still, "drain", position=0)
    with pytest.raises(ValueError, match="is paused and takes drain, degrade, resume, not 'pause'"):
        decide(still, "pause")
    with pytest.raises(ValueError, match="not 'explode'"):
        decide(still, "explode")
    with pytest.raises(NoSuchThing):
        decide(still, "pause", name="nobody")
    assert len(facts(still, Decision)) == 1


def test_the_same_form_sent_twice_decides_once() -> None:
    still, _ = house()
    decide(still, "pause")
    assert decide(still, "pause").startswith("decided before")


def test_whoever_is_resumed_is_told_once_for_its_books() -> None:
    still, _ = house()
    watch = Pauses(still.wiring)
    watch.refresh()
    decide(still, "pause")
    watch.refresh()
    assert watch.paused() == {"peer"}
    assert watch.any
    decide(still, "resume")
    watch.refresh()
    assert not watch.any
    assert watch.resumed() == {"peer"}
    assert watch.resumed() == set()


@pytest.mark.parametrize("phase", ["running", "paused", "draining", "degraded"])
def test_every_phase_can_be_left(phase: str) -> None:
    assert Pause(phase=phase).phase == phase  # type: ignore[arg-type]  # the four phases
    assert len(allowed(phase)) == 3  # type: ignore[arg-type]  # the four phases


def test_the_hours_of_batches_begin_on_the_hour() -> None:
    assert batch_of(NOON + timedelta(minutes=59)) == NOON
    assert batch_of(datetime(2026, 3, 2, 13, tzinfo=NOON.tzinfo)) == NOON + HOUR
