"""Deliver: ``sending`` before the request, the five classes of doubt, order per key, retry with an end, breaker and quota."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.journal import MemoryJournal
from suture.model import Case, CaseResolved, Decision, Delivered, Document, FunctionalAcknowledgement, OrderStatus, encode
from suture.rules.retries import Retry
from suture.runtime.command import command
from suture.runtime.gate import Gate
from suture.runtime.policy import Breaker, Ceiling, Quota
from suture.runtime.restored import Restored
from suture.runtime.turn import turn
from suture.runtime.units import UnitBuilder, delivery_of
from suture.sandbox.still import Still
from suture.systems import OutcomeClass
from suture.transports import NotSent, Reply, Request
from tests.runtime.house import NOON, Peer, about, arrival, facts, house, look, order, told


def statuses(still: Still) -> list[str]:
    """Where open deliveries stand."""
    return [delivery.status for delivery in still.wiring.journal.open_deliveries()]


def reasons(still: Still) -> list[str]:
    """Why exceptions were raised."""
    return [case.reason for case in facts(still, Case)]


def outages(still: Still) -> list[str]:
    """What was said of the counterpart being out of reach: the exception, and how it was closed."""
    words = (row.event.data for row in still.wiring.journal.find(about("Case", "instance/peer/out_of_reach")))
    return [word.reason if isinstance(word, Case) else word.action for word in words if isinstance(word, Case | CaseResolved)]


def decided(still: Still, verb: str, id: str = "", raw: bytes = b"") -> str:
    """A person decides about the one open delivery, or the one with this id."""
    if not id:
        (id,) = [delivery.id for delivery in still.wiring.journal.open_deliveries()]
    subject, now = about("Delivery", id), still.clock.now()
    decision = Decision(id=f"{verb} {id}", subject=subject, verb=verb, actor="ops", at=now, reason="it is back", position=10**6)
    return command(still.wiring, decision, now, raw=raw)


def test_a_delivery_is_done_and_its_process_is_told() -> None:
    still, peer = house()
    still.accept(arrival(order("PO-1")))
    still.settle()
    assert peer.kept == ["PO-1"]
    assert told(still, "PO-1").fates == ("done",)
    assert [fate.reference for fate in facts(still, Delivered)] == ["R1"]


def test_sending_is_durable_before_the_request_leaves() -> None:
    still, peer = house()
    still.accept(arrival(order("PO-1")))
    seen: list[list[str]] = []
    handle = peer.handle

    def watching(request: object) -> object:
        seen.append(statuses(still))
        return handle(request)  # type: ignore[arg-type]  # passed through

    still.links = {"peer": watching}  # type: ignore[dict-item]  # passed through
    still.settle()
    assert seen == [["sending"]]


@pytest.mark.parametrize("outcome", ["key", "lookup", "readback"])
def test_a_lost_reply_is_settled_by_the_class(outcome: OutcomeClass) -> None:
    still, peer = house(outcome, peer=Peer(["lost"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(minutes=10))
    assert told(still, "PO-1").fates == ("done",)
    assert peer.kept.count("PO-1") == (2 if outcome == "key" else 1), "only a peer that knows keys may be sent the same twice"


@pytest.mark.parametrize("outcome", ["lookup", "readback"])
def test_a_lost_request_is_sent_again_after_looking(outcome: OutcomeClass) -> None:
    still, peer = house(outcome, peer=Peer(["silent"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(minutes=10))
    assert (peer.kept, peer.asked) == (["PO-1"], 1)


@pytest.mark.parametrize("outcome", ["lookup", "readback", "statement"])
@pytest.mark.parametrize("away", [1, 3, 60])
def test_a_doubt_outlives_a_look_that_could_not_be_had(outcome: OutcomeClass, away: int) -> None:
    still, peer = house(outcome, peer=Peer(["lost", *["down"] * away]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=2))
    if statuses(still) == ["parked"]:
        peer.script.clear()
        decided(still, "release")
        still.until(NOON + timedelta(days=3))
    assert peer.kept == ["PO-1"], "it got there the first time"


@pytest.mark.parametrize("outcome", ["lookup", "readback"])
def test_what_a_person_releases_is_looked_for_first(outcome: OutcomeClass) -> None:
    still, peer = house(outcome, peer=Peer(["lost", *["mute"] * 11]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=2))
    assert statuses(still) == ["parked"]
    decided(still, "release")
    still.until(NOON + timedelta(days=3))
    assert (peer.kept, told(still, "PO-1").fates) == (["PO-1"], ("parked", "done"))


@pytest.mark.parametrize("outcome", ["lookup", "readback"])
def test_what_was_cancelled_in_doubt_is_looked_for_when_it_comes_again(outcome: OutcomeClass) -> None:
    still, peer = house(outcome, peer=Peer(["lost", *["mute"] * 11]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=2))
    assert "may hold it all the same" in decided(still, "cancel")
    still.accept(arrival(order("PO-1"), order("PO-2")))
    still.until(NOON + timedelta(days=3))
    assert peer.kept == ["PO-1", "PO-2"], "it is looked for, though the process sends it as a new delivery"
    assert told(still, "PO-1").fates == ("parked", "cancelled", "done")


@pytest.mark.parametrize(("days", "probed"), [(0.5, 0), (3, 1)])
def test_a_key_is_relied_upon_as_long_as_the_counterpart_remembers_it(days: float, probed: int) -> None:
    still, peer = house(peer=Peer(["lost", *["mute"] * 11]))
    system = still.wiring.systems["peer"]
    operation = structs.replace(system.accepts[OrderStatus], probe=look, key_lives_s=2 * 86_400.0)
    still.wiring.systems["peer"] = structs.replace(system, accepts={OrderStatus: operation})
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=days))
    assert statuses(still) == ["parked"]
    decided(still, "release")
    still.settle()
    assert (peer.asked, len(peer.kept)) == (probed, 1 + (not probed))


def test_what_was_cancelled_in_doubt_keeps_its_key_when_it_comes_again() -> None:
    still, peer = house(peer=Peer(["silent"] * 12))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=2))
    decided(still, "cancel")
    still.accept(arrival(order("PO-1"), order("PO-2")))
    still.settle()
    assert len(set(peer.keys[:-1])) == 1, "a peer that knows keys sees the first delivery again"
    assert peer.keys[-1] not in peer.keys[:-1]


@pytest.mark.parametrize("outcome", ["none", "statement"])
def test_where_nobody_can_tell_a_person_is_asked_when_it_comes_again(outcome: OutcomeClass) -> None:
    still, peer = house(outcome, peer=Peer(["lost"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(hours=2))
    decided(still, "cancel")
    still.accept(arrival(order("PO-1"), order("PO-2")))
    still.until(NOON + timedelta(hours=2, minutes=10))
    assert (peer.kept, sorted(statuses(still))[-1]) == (["PO-1", "PO-2"], "parked")
    (parked,) = still.wiring.journal.open_deliveries(status="parked")
    decided(still, "release", parked.id)
    still.settle()
    assert peer.kept == ["PO-1", "PO-2", "PO-1"], "now a person has said so"


@pytest.mark.parametrize(("created", "asked", "sent"), [(0, 1, 0), (5, 0, 1)])
def test_after_a_restore_the_counterpart_is_asked_even_where_it_honours_keys(created: int, asked: int, sent: int) -> None:
    """The original may have come to the same document by another event, and brought it under the key of that one."""
    still, peer = house()
    accepts = {OrderStatus: structs.replace(still.wiring.systems["peer"].accepts[OrderStatus], probe=look)}
    still.wiring.systems["peer"] = structs.replace(still.wiring.systems["peer"], accepts=accepts)
    still.wiring.restored = Restored(at=NOON, position=7, until=NOON + timedelta(hours=4))
    still.clock.move_to(NOON + timedelta(hours=created))
    peer.kept.append("PO-1")
    still.accept(arrival(order("PO-1")))
    still.settle()
    assert (peer.asked, len(peer.keys), told(still, "PO-1").fates) == (asked, sent, ("done",))


def test_what_was_certainly_not_taken_leaves_no_doubt() -> None:
    still, peer = house("statement", peer=Peer())
    still.accept(arrival(order("PO-1")))
    still.settle()
    still.accept(arrival(FunctionalAcknowledgement(reference="PO-1", accepted=False)))
    still.settle()
    assert decided(still, "cancel") == "cancelled"
    still.accept(arrival(order("PO-1"), order("PO-2")))
    still.settle()
    assert peer.kept == ["PO-1", "PO-1", "PO-2"]


def test_class_none_asks_a_person_and_never_sends_again() -> None:
    still, peer = house("none", peer=Peer(["lost"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=3))
    assert peer.kept == ["PO-1"]
    assert statuses(still) == ["parked"]
    assert reasons(still) == ["unknown_outcome"]


def test_class_statement_waits_for_the_word_and_never_sends_again() -> None:
    still, peer = house("statement", peer=Peer(["lost"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(minutes=10))
    assert (peer.kept, statuses(still)) == (["PO-1"], ["awaiting"])
    still.accept(arrival(FunctionalAcknowledgement(reference="PO-1", accepted=True)))
    still.settle()
    assert told(still, "PO-1").fates == ("done",)


def test_a_word_that_comes_before_we_know_that_we_wait() -> None:
    still, _ = house("statement")
    still.accept(arrival(FunctionalAcknowledgement(reference="PO-1", accepted=True)))
    still.accept(arrival(order("PO-1")))
    still.settle()
    assert told(still, "PO-1").fates == ("done",)


def test_a_bad_word_parks_the_delivery_for_repair() -> None:
    still, _ = house("statement")
    still.accept(arrival(order("PO-1")))
    still.settle()
    still.accept(arrival(FunctionalAcknowledgement(reference="PO-1", accepted=False)))
    still.settle()
    assert (statuses(still), reasons(still)) == (["parked"], ["refused_by_partner"])


def test_a_missing_word_is_raised_once_a_day() -> None:
    still, _ = house("statement")
    still.accept(arrival(order("PO-1")))
    still.settle()
    still.clock.move_to(NOON + timedelta(hours=2))
    still.settle()
    still.settle()
    assert (statuses(still), reasons(still)) == (["awaiting"], ["no_word"])
    still.clock.move_to(NOON + timedelta(hours=27))
    still.settle()
    assert reasons(still) == ["no_word", "no_word"]


def test_how_long_a_word_may_take_is_the_instances_to_say() -> None:
    still, _ = house("statement")
    still.wiring.instances["peer"] = structs.replace(still.wiring.instances["peer"], answers_within_s=60)
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(minutes=2))
    assert (statuses(still), reasons(still)) == (["awaiting"], ["no_word"])


def test_the_missing_word_that_comes_after_all_ends_its_exception() -> None:
    still, _ = house("statement")
    still.accept(arrival(order("PO-1")))
    still.settle()
    still.clock.move_to(NOON + timedelta(hours=2))
    still.settle()
    still.accept(arrival(FunctionalAcknowledgement(reference="PO-1", accepted=True)))
    still.settle()
    (case,) = facts(still, Case)
    assert [(end.case, end.action, end.actor) for end in facts(still, CaseResolved)] == [(case.id, "word_came", "peer")]


def test_after_a_crash_sending_means_unknown() -> None:
    journal = MemoryJournal(b"k" * 32)
    still, peer = house("lookup", journal=journal)
    still.accept(arrival(order("PO-1")))
    turned = turn(still.wiring, still.delivering, NOON)
    attempts = turned.attempts or turn(still.wiring, still.delivering, NOON).attempts
    assert statuses(still) == ["sending"]
    assert attempts, "the process dies here, with the request perhaps on its way"
    peer.kept.append("PO-1")

    restarted, _ = house("lookup", journal=journal, peer=peer)
    restarted.until(NOON + timedelta(minutes=1))
    assert peer.kept == ["PO-1"]
    assert told(restarted, "PO-1").fates == ("done",)


def test_a_crash_at_the_attempt_that_would_have_told_somebody_tells_somebody() -> None:
    still, _ = house(peer=Peer(["503"] * 100))
    still.accept(arrival(order("PO-1")))
    still.settle()
    while still.wiring.journal.open_deliveries()[0].attempts < Retry().attempts - 1:
        still.until(still.clock.now() + timedelta(minutes=1))
    still.clock.move_to(still.clock.now() + timedelta(hours=1))
    (attempt,) = still.delivering.claim(still.clock.now())
    assert (attempt.delivery.attempts, reasons(still)) == (Retry().attempts, [])
    again, _ = house(journal=still.wiring.journal)
    assert (statuses(again), reasons(again)) == (["unknown"], ["out_of_reach"])


def test_order_is_kept_per_key_and_one_stuck_key_blocks_no_other() -> None:
    still, peer = house(peer=Peer(["503"]))
    still.accept(arrival(order("PO-1", "confirmed")), arrival(order("PO-1", "shipped")), arrival(order("PO-2")))
    still.settle()
    assert peer.kept == ["PO-2"]
    still.until(NOON + timedelta(minutes=10))
    assert peer.kept == ["PO-2", "PO-1", "PO-1"]
    assert told(still, "PO-1").fates == ("done", "done")


def test_a_permanent_refusal_is_not_retried() -> None:
    still, peer = house(peer=Peer(["422"]))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=1))
    assert (peer.kept, told(still, "PO-1").fates) == ([], ("refused",))


def test_doubtful_attempts_end_and_become_an_exception() -> None:
    still, peer = house(peer=Peer(["silent"] * 100))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=2))
    assert len(peer.script) == 100 - Retry().attempts
    assert (statuses(still), reasons(still)) == (["parked"], ["unknown_outcome"])
    assert told(still, "PO-1").fates == ("parked",)


def test_an_outage_of_days_is_one_exception_and_drains_in_order() -> None:
    still, peer = house()
    back = NOON + timedelta(hours=72)
    handle = peer.handle

    def dark(request: Request) -> Reply:
        if still.clock.now() < back:
            raise NotSent("refused")
        return handle(request)

    still.links = {"peer": dark}
    for number in range(20):
        still.accept(arrival(order(f"PO-{number}", "confirmed")), arrival(order(f"PO-{number}", "shipped")))
    still.until(back - timedelta(minutes=1))
    assert (peer.kept, reasons(still)) == ([], ["out_of_reach"])
    still.until(back + timedelta(hours=3))
    assert sorted(peer.kept) == sorted(2 * [f"PO-{number}" for number in range(20)])
    assert [told(still, f"PO-{number}").fates for number in range(20)] == 20 * [("done", "done")]
    assert [resolved.action for resolved in facts(still, CaseResolved)] == ["back"]
    assert statuses(still) == []


@pytest.mark.parametrize("verb", ["cancel", "confirm"])
def test_an_outage_lapses_when_a_person_ends_the_last_that_waited(verb: str) -> None:
    still, peer = house(peer=Peer(["mute"] * 24 + ["503"] * 10_000))
    still.accept(arrival(order("PO-1")), arrival(order("PO-2")))
    still.until(NOON + timedelta(days=1))
    first, second = (delivery.id for delivery in still.wiring.journal.open_deliveries())
    decided(still, "release", first)
    decided(still, "release", second)
    still.until(NOON + timedelta(days=2))
    decided(still, verb, first)
    still.settle()
    assert outages(still) == ["out_of_reach"], "another waits for it to come back"
    decided(still, verb, second)
    still.settle()
    assert outages(still) == ["out_of_reach", "lapsed"]
    peer.script.clear()
    still.accept(arrival(order("PO-3")))
    still.settle()
    assert (peer.kept, outages(still)) == (["PO-3"], ["out_of_reach", "lapsed"]), "it is closed once"


def test_what_is_behind_a_parked_document_waits_for_a_person_and_not_for_the_counterpart() -> None:
    still, _ = house("lookup", peer=Peer(["down"] * 13 + ["mute"] * 11))
    still.accept(arrival(order("PO-1", "confirmed")), arrival(order("PO-1", "shipped")))
    still.until(NOON + timedelta(days=1))
    assert sorted(statuses(still)) == ["parked", "queued"]
    assert outages(still) == ["out_of_reach", "lapsed"]


def test_a_backlog_of_one_instance_does_not_hide_what_waits_for_others() -> None:
    still, peer = house()
    other = structs.replace(still.wiring.instances["peer"], name="other")
    still.wiring.instances["other"] = other
    still.delivering.gates["other"] = Gate(8, 100.0)
    still.links = {**still.links, "other": peer.handle}
    unit = UnitBuilder(still.wiring, NOON)
    for number in range(300):
        unit.deliver(
            delivery_of(
                still.wiring, still.wiring.instances["peer"], order(f"PO-{number}"), NOON, id=f"D{number}", key=f"{number}"
            )
        )
    unit.deliver(delivery_of(still.wiring, other, order("PO-other"), NOON, id="D-other", key="other"))
    still.wiring.journal.commit([unit.build()])
    claimed = [attempt.instance.name for attempt in still.delivering.claim(NOON)]
    assert claimed.count("peer") == 8, "as many as it takes at once"
    assert claimed.count("other") == 1


def test_patience_with_an_outage_has_an_end() -> None:
    still, peer = house(peer=Peer(["503"] * 10_000))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + Retry().patience - timedelta(hours=1))
    assert statuses(still) == ["queued"]
    still.until(NOON + Retry().patience + timedelta(hours=6))
    assert statuses(still) == ["parked"]
    assert reasons(still) == ["out_of_reach", "retries_exhausted"]
    assert len(peer.script) > 9_000, "and it is not called all the time"


def test_patience_begins_with_the_first_attempt_and_not_while_it_waits_behind_another() -> None:
    still, peer = house(peer=Peer(["mute"] * 12))
    still.accept(arrival(order("PO-1", "confirmed")), arrival(order("PO-1", "shipped")))
    still.until(NOON + Retry().patience + timedelta(days=1))
    first, second = still.wiring.journal.open_deliveries()
    assert (first.status, second.status, second.attempts) == ("parked", "queued", 0)
    peer.script = ["503"] * 10_000
    decided(still, "cancel", first.id)
    still.until(NOON + 2 * Retry().patience)
    assert (statuses(still), outages(still)) == (["queued"], ["out_of_reach"])
    still.until(NOON + 2 * Retry().patience + timedelta(days=2))
    assert (statuses(still), reasons(still)[-1]) == (["parked"], "retries_exhausted")


def test_what_waited_long_for_a_word_has_all_patience_when_a_person_releases_it() -> None:
    still, peer = house("statement")
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=10))
    assert statuses(still) == ["awaiting"]
    peer.script = ["down"] * 10_000
    decided(still, "release")
    still.until(NOON + timedelta(days=16))
    assert (statuses(still), outages(still)) == (["queued"], ["out_of_reach"])


def test_a_release_begins_another_round_of_attempts_with_short_waits() -> None:
    still, peer = house(peer=Peer(["mute"] * 17))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=1))
    decided(still, "release")
    still.until(still.clock.now() + timedelta(minutes=3))
    assert (peer.kept, peer.script) == (["PO-1"], []), "five failures take a minute or two, not an hour"


def test_a_release_amid_a_round_leaves_a_whole_one() -> None:
    still, peer = house(peer=Peer(["mute"] * 12))
    still.accept(arrival(order("PO-1")))
    still.until(NOON + timedelta(days=1))
    peer.script = ["mute"] * 100
    decided(still, "release")
    still.until(still.clock.now() + timedelta(seconds=20))
    (delivery,) = still.wiring.journal.open_deliveries()
    begun = delivery.attempts
    assert Retry().attempts < begun < 2 * Retry().attempts
    decided(still, "repair", raw=encode(order("PO-1")))
    still.until(still.clock.now() + timedelta(days=1))
    (delivery,) = still.wiring.journal.open_deliveries()
    assert (delivery.status, delivery.attempts) == ("parked", begun + Retry().attempts)


def test_a_peer_that_is_down_is_left_alone_and_tried_again() -> None:
    still, peer = house(peer=Peer(["down"] * 8))
    still.accept(*(arrival(order(f"PO-{number}")) for number in range(6)))
    still.settle()
    gate = still.delivering.gates["peer"]
    assert gate.breaker.state(NOON) == "open"
    still.until(NOON + timedelta(hours=2))
    assert sorted(peer.kept) == [f"PO-{number}" for number in range(6)]


def test_breaker_opens_half_opens_and_closes() -> None:
    breaker = Breaker(trips=2, rest=timedelta(seconds=30))
    for _ in range(2):
        breaker.begin(NOON)
        breaker.end(NOON, reached=False)
    assert (breaker.state(NOON), breaker.room(NOON)) == ("open", 0)
    later = NOON + timedelta(seconds=30)
    assert (breaker.state(later), breaker.room(later)) == ("half-open", 1)
    breaker.begin(later)
    assert breaker.room(later) == 0
    breaker.end(later, reached=True)
    assert breaker.state(later) == "closed"


def test_a_bucket_refills_with_time() -> None:
    quota = Quota(rate=2.0, burst=2.0)
    assert quota.room(NOON) == 2
    quota.spend()
    quota.spend()
    assert (quota.room(NOON), quota.wakes(NOON)) == (0, NOON + timedelta(seconds=0.5))
    assert quota.room(NOON + timedelta(seconds=0.5)) == 1


def test_a_call_counts_from_its_beginning_until_a_second_after_its_end() -> None:
    quota, half, second = Ceiling(rate=2.0), NOON + timedelta(seconds=0.5), NOON + timedelta(seconds=1)
    assert [quota.room(NOON, under_way) for under_way in (0, 1, 2)] == [2, 1, 0]
    assert quota.wakes() is None
    quota.end(NOON)
    quota.end(half)
    assert (quota.room(half, 0), quota.wakes()) == (0, second)
    assert [quota.room(second, 0), quota.room(second, 1), quota.room(half + timedelta(seconds=1), 0)] == [1, 0, 2]


def test_a_quota_below_one_a_second_is_one_call_in_so_many_seconds() -> None:
    quota = Ceiling(rate=0.1)
    quota.end(NOON)
    assert [quota.room(NOON + timedelta(seconds=seconds), 0) for seconds in (0, 9, 10)] == [0, 0, 1]


@given(st.lists(st.tuples(st.floats(0.0, 0.4), st.floats(0.0, 2.0), st.floats(0.0, 1.0)), max_size=60))
def test_however_late_calls_leave_no_second_sees_more_than_the_quota(steps: list[tuple[float, float, float]]) -> None:
    """Time passes, one more call begins if there is room, and it arrives somewhere within the time that it takes."""
    quota, now, under_way, arrived = Ceiling(rate=3.0), 0.0, list[float](), list[float]()
    for passes, takes, place in steps:
        now += passes
        for end in sorted(end for end in under_way if end <= now):
            quota.end(NOON + timedelta(seconds=end))
            under_way.remove(end)
        if quota.room(NOON + timedelta(seconds=now), len(under_way)) > 0:
            under_way.append(now + takes)
            arrived.append(now + place * takes)
    assert all(sum(first <= moment < first + 0.999 for moment in arrived) <= 3 for first in arrived)


def test_a_clock_that_was_set_back_holds_nothing_up_until_it_is_there_again() -> None:
    quota, breaker, back = Ceiling(rate=2.0), Breaker(trips=1), NOON - timedelta(hours=3)
    quota.end(NOON)
    quota.end(NOON)
    breaker.begin(NOON)
    breaker.end(NOON, reached=False)
    assert (quota.room(back, 0), quota.room(back + timedelta(seconds=1), 0)) == (0, 2)
    assert breaker.room(back) == 1


def test_backoff_grows_has_a_ceiling_and_repeats_exactly() -> None:
    retry = Retry(first_s=2, longest_s=60)
    waits = [retry.after(attempt, "D1").total_seconds() for attempt in range(1, 12)]
    assert waits == [retry.after(attempt, "D1").total_seconds() for attempt in range(1, 12)]
    assert waits[0] < 3
    assert max(waits) <= 75
    assert retry.after(1, "D1", wish_s=120).total_seconds() == 120


def test_an_instance_without_code_for_an_item_parks_with_the_reason() -> None:
    from decimal import Decimal

    from suture.model import Crosswalk, Quantity, StockLow
    from suture.processes import Send
    from suture.runtime.units import UnitBuilder, delivery_of

    still, _ = house()
    still.wiring.learn([Crosswalk(system="peer", kind="item", local="T1", golden="O1")])
    low: Document = StockLow(
        item="O2", place="OR", balance=Quantity(Decimal(1), "EA"), reorder_point=Quantity(Decimal(2), "EA"), at=NOON
    )
    assert Send(role="peer", document=low, key="k")
    unit = UnitBuilder(still.wiring, NOON)
    unit.deliver(delivery_of(still.wiring, still.wiring.instances["peer"], low, NOON, id="D1", key="k"))
    still.wiring.journal.commit([unit.build()])
    still.settle()
    assert statuses(still) == ["parked"]
    assert "item O2" in next(case.text for case in facts(still, Case) if isinstance(case, Case))
