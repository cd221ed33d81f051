"""A turn of the river does what may have changed, and nothing is left undone for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suture.journal import Committed, Delivery, MemoryJournal, Unit
from suture.model import Decision, Document, Ref
from suture.runtime.command import command
from suture.runtime.deliver import Attempt
from suture.runtime.turn import turn
from suture.sandbox.still import Still
from suture.systems import Again, Done, Outcome
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


class Counting(MemoryJournal):
    """How often was written, and looked for what waits to be sent."""

    commits, looks = 0, 0

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        """Count."""
        self.commits += 1
        return super().commit(units)

    def deliveries(self, *asked: Any, **more: Any) -> list[Delivery]:
        """Count."""
        self.looks += 1
        return super().deliveries(*asked, **more)


def flowing(*documents: Document, outcomes: Sequence[tuple[Attempt, Outcome]] = (), still: Still) -> Sequence[Attempt]:
    """A turn of a river in which these arrive and nobody was told of anything else; the conversations that are to be held."""
    return turn(still.wiring, still.delivering, NOON, [arrival(*documents)], outcomes, timed=False, told=False).attempts


def one_at_a_time() -> Still:
    """A counterpart that takes one call at a time, at a moment when nobody has looked yet what waits."""
    still, _ = house()
    still.delivering.gates["peer"].concurrency = 1
    return still


def stands(still: Still) -> list[tuple[str, str]]:
    """What is owed, by key, and where it stands."""
    return [(delivery.key, delivery.status) for delivery in still.wiring.journal.open_deliveries()]


def test_what_may_go_goes_with_the_commit_that_owes_it() -> None:
    journal = Counting(b"k" * 32)
    still, _ = house(journal=journal)
    turn(still.wiring, still.delivering, NOON)
    journal.commits = journal.looks = 0
    (attempt,) = flowing(order("PO-1"), still=still)
    assert (journal.commits, journal.looks) == (2, 0), "what came, and what was decided: nothing else is written, nor looked for"
    assert stands(still) == [("PO-1", "sending")]
    assert (attempt.delivery.status, attempt.delivery.attempts, attempt.delivery.number) == ("sending", 1, 1)
    turn(still.wiring, still.delivering, NOON, (), [(attempt, Done())], timed=False, told=False)
    assert told(still, "PO-1").fates == ("done",)


def test_before_anybody_has_looked_what_waits_nothing_new_goes_before_it() -> None:
    still = one_at_a_time()
    still.accept(arrival(order("PO-1")))
    attempts = flowing(order("PO-2"), still=still)
    assert [attempt.delivery.key for attempt in attempts] == ["PO-1"], "the counterpart takes one at a time"
    assert stands(still) == [("PO-1", "sending"), ("PO-2", "queued")]


def test_what_stands_behind_another_under_its_key_does_not_go() -> None:
    still, _ = house()
    turn(still.wiring, still.delivering, NOON)
    (first,) = flowing(order("PO-1"), still=still)
    (other,) = flowing(order("PO-1", "shipped"), order("PO-2"), still=still)
    assert (first.delivery.key, other.delivery.key) == ("PO-1", "PO-2")
    (second,) = turn(still.wiring, still.delivering, NOON, (), [(first, Done())], timed=False, told=False).attempts
    assert second.delivery.key == "PO-1"


def test_who_has_waited_for_room_goes_before_what_is_new() -> None:
    still = one_at_a_time()
    turn(still.wiring, still.delivering, NOON)
    (first,) = flowing(order("PO-1"), order("PO-2"), still=still)
    (second,) = flowing(order("PO-3"), outcomes=[(first, Done())], still=still)
    assert (first.delivery.key, second.delivery.key) == ("PO-1", "PO-2")
    assert stands(still) == [("PO-2", "sending"), ("PO-3", "queued")]


def test_what_could_not_be_told_waits_for_its_time_and_holds_up_nothing_else() -> None:
    still, _ = house()
    turn(still.wiring, still.delivering, NOON)
    (first,) = flowing(order("PO-1"), still=still)
    (second,) = flowing(order("PO-2"), outcomes=[(first, Again(reason="busy", after_s=60.0))], still=still)
    assert second.delivery.key == "PO-2"
    assert stands(still) == [("PO-1", "queued"), ("PO-2", "sending")]


def test_a_service_that_is_stopping_begins_nothing_at_once() -> None:
    still, _ = house()
    turn(still.wiring, still.delivering, NOON)
    still.delivering.paused = {"peer"}
    assert not flowing(order("PO-1"), still=still)
    assert stands(still) == [("PO-1", "queued")]
