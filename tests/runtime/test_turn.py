"""A turn of the river does what may have changed, and nothing is left undone for that."""

from __future__ import annotations

from suture.model import Decision, Ref
from suture.runtime.command import command
from suture.runtime.turn import turn
from suture.sandbox.still import Still
from suture.systems import Done
from tests.runtime.house import NOON, arrival, house, order, told


def pause(still: Still) -> None:
    """A person stops what goes to the counterpart."""
    subject = Ref("Instance", "peer")
    decision = Decision(id="D-1", subject=subject, verb="pause", actor="Nia Osei", at=NOON, reason="upgrade", position=10**6)
    command(still.wiring, decision, NOON)


def test_what_an_outcome_leads_to_is_decided_in_the_turn_that_concludes_it() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")))
    (attempt,) = turn(still.wiring, still.delivering, NOON).attempts
    turn(still.wiring, still.delivering, NOON, (), [(attempt, Done())], timed=False, told=False)
    assert told(still, "PO-1").fates == ("done",)


def test_what_another_process_took_in_waits_for_the_turn_that_is_told_of_it() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")))
    assert not turn(still.wiring, still.delivering, NOON, timed=False, told=False).attempts
    (attempt,) = turn(still.wiring, still.delivering, NOON, timed=False).attempts
    assert attempt.delivery.key == "PO-1"


def test_whoever_arrives_is_decided_at_once_though_nobody_was_told_of_anything() -> None:
    still, _ = house()
    (attempt,) = turn(still.wiring, still.delivering, NOON, (arrival(order("PO-1")),), timed=False, told=False).attempts
    assert attempt.delivery.key == "PO-1"


def test_the_next_of_a_key_goes_when_the_one_before_it_has_ended() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")), arrival(order("PO-1", "shipped")))
    (first,) = turn(still.wiring, still.delivering, NOON).attempts
    (second,) = turn(still.wiring, still.delivering, NOON, (), [(first, Done())], timed=False, told=False).attempts
    assert (first.delivery.key, second.delivery.key) == ("PO-1", "PO-1")
    assert first.delivery.id != second.delivery.id


def test_a_pause_is_noticed_though_nothing_is_owed() -> None:
    still, _ = house()
    turn(still.wiring, still.delivering, NOON)
    pause(still)
    turn(still.wiring, still.delivering, NOON)
    assert still.delivering.pauses.paused() == {"peer"}


def test_a_pause_is_noticed_before_anything_is_claimed() -> None:
    still, _ = house()
    turn(still.wiring, still.delivering, NOON)
    pause(still)
    assert not turn(still.wiring, still.delivering, NOON, (arrival(order("PO-1")),), timed=False, told=False).attempts
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries()] == ["queued"]
