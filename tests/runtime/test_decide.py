"""Decide: one transaction per batch, a poison event alone, timers, and decisions that can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec import structs

from suture.journal import Event
from suture.model import Case, Decided, Decision, OrderStatus, Ref
from suture.processes import Effect, Emit, Seen, Send
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.replay import replay
from suture.sandbox.still import Still
from tests.runtime.house import NOON, TELLER, Told, arrival, facts, house, order, told


def test_every_decision_is_a_fact_that_says_what_it_owes() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")))
    still.settle()
    first = facts(still, Decided)[0]
    assert (first.process, first.key, first.effects) == ("teller", "PO-1", ("Send peer OrderStatus",))
    assert [owed.instance for owed in first.owes] == ["peer"]


def test_the_key_of_a_document_does_not_depend_on_what_was_said_before_it() -> None:
    """After a restore the same event may find other facts. Its keys must not stand for other documents than before."""

    def keys(*orders: OrderStatus) -> dict[str, str]:
        still, _ = house()

        def heard(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
            return state, [Send(role="peer", document=each, key="all") for each in orders]

        still.wiring.processes["teller"] = structs.replace(TELLER, on={**TELLER.on, OrderStatus: heard})
        still.accept(arrival(order("PO-0")))
        still.settle()
        owed = [owes for decided in facts(still, Decided) for owes in decided.owes]
        return dict(zip((each.order + each.state for each in orders), (owes.delivery for owes in owed), strict=False))

    later = structs.replace(order("PO-2"), at=NOON.replace(hour=13))
    both, alone = keys(order("PO-1"), order("PO-2")), keys(later)
    assert both["PO-2confirmed"] == alone["PO-2confirmed"], "the same document, said an hour later"
    others = keys(order("PO-1", "shipped"), order("PO-1"))
    assert others["PO-1shipped"] != both["PO-1confirmed"] == others["PO-1confirmed"]


def test_what_is_said_twice_in_one_decision_has_two_keys() -> None:
    still, peer = house()

    def twice(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
        return state, [Send(role="peer", document=order("PO-1"), key="all")] * 2

    still.wiring.processes["teller"] = structs.replace(TELLER, on={**TELLER.on, OrderStatus: twice})
    still.accept(arrival(order("PO-0")))
    still.settle()
    assert len(set(peer.keys)) == 2


def test_a_poison_event_is_parked_alone_with_its_cause() -> None:
    still, peer = house()
    still.accept(arrival(order("PO-1", "cancelled")), arrival(order("PO-1")), arrival(order("PO-2")))
    still.settle()
    (case,) = facts(still, Case)
    assert case.reason == "handler_failed"
    assert "a poisoned event" in case.text
    assert sorted(peer.kept) == ["PO-1", "PO-2"]


def test_what_the_journal_cannot_hold_is_parked_alone() -> None:
    still, peer = house()

    def wordy(state: Told, event: Event, seen: Seen) -> tuple[Told, Sequence[Effect]]:
        if seen.key == "PO-1":
            return state, (Emit(document=structs.replace(order("PO-9"), reason="x" * 5000)),)
        return TELLER.on[OrderStatus](state, event, seen)

    still.wiring.processes["teller"] = structs.replace(TELLER, on={**TELLER.on, OrderStatus: wordy})
    still.accept(*(arrival(order(f"PO-{number}")) for number in range(4)))
    still.settle()
    assert sorted(peer.kept) == ["PO-0", "PO-2", "PO-3"]
    assert [case.reason for case in facts(still, Case)] == ["handler_failed"]


def test_an_open_exception_is_not_opened_again() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1", "rejected")))
    still.settle()
    still.accept(arrival(structs.replace(order("PO-1", "rejected"), reason="again")))
    still.settle()
    assert len(facts(still, Case)) == 1


def test_a_timer_fires_once_at_its_time() -> None:
    still, peer = house()
    still.accept(arrival(order("PO-1", "closed")))
    still.until(NOON + timedelta(minutes=59))
    assert "PO-woken" not in peer.kept
    still.until(NOON + timedelta(hours=5))
    assert told(still, "PO-1").woken == 1
    assert peer.kept == ["PO-woken"]


def test_a_timer_for_a_moment_that_has_passed_fires_at_once() -> None:
    still, _ = house()
    still.clock.move_to(NOON + timedelta(hours=3))
    still.accept(arrival(order("PO-1", "closed")))
    still.settle()
    assert told(still, "PO-1").woken == 1


def test_a_document_that_nobody_takes_waits_for_an_instance() -> None:
    still, peer = house()
    whole = still.wiring.network
    still.wiring.network = structs.replace(whole, instances=())
    still.accept(arrival(order("PO-1")))
    still.settle()
    (case,) = facts(still, Case)
    assert (case.reason, case.actions) == ("no_route", ("retry", "reject"))
    assert "nobody plays 'peer'" in case.text

    still.wiring.network = whole
    command(still.wiring, decision(still, Ref("Case", case.id), "retry"), NOON)
    still.settle()
    assert peer.kept == ["PO-1"]


def test_replay_makes_every_decision_again() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")), arrival(order("PO-1", "closed")), arrival(order("PO-2", "rejected")))
    still.until(NOON + timedelta(hours=2))
    result = replay(still.wiring.journal, still.wiring.processes)
    assert (result.decisions, result.differences) == (len(facts(still, Decided)), ())


def test_replay_with_a_changed_process_shows_what_the_change_would_do() -> None:
    still, _ = house()
    still.accept(arrival(order("PO-1")), arrival(order("PO-2")))
    still.settle()
    mute = structs.replace(TELLER, on={**TELLER.on, OrderStatus: lambda state, event, seen: (state, ())})
    result = replay(still.wiring.journal, {"teller": mute})
    assert {difference.key for difference in result.differences} == {"PO-1", "PO-2"}
    assert all(difference.now == ("listening",) for difference in result.differences)


def decision(still: Still, subject: Ref, verb: str, position: int | None = None) -> Decision:
    rows = still.wiring.journal.find(subject)
    at = rows[-1].position if position is None else position
    return Decision(id=f"D-{verb}", subject=subject, verb=verb, actor="ops-1", at=NOON, reason="checked", position=at)


def test_a_failed_event_can_be_decided_again_after_mending() -> None:
    still, peer = house()
    still.accept(arrival(order("PO-1", "cancelled")))
    still.settle()
    case = facts(still, Case)[0]

    def mended(state: object, event: object, seen: object) -> object:
        return TELLER.on[OrderStatus](state, structs.replace(event, data=order("PO-1")), seen)  # type: ignore[arg-type,type-var]

    still.wiring.processes["teller"] = structs.replace(TELLER, on={**TELLER.on, OrderStatus: mended})
    command(still.wiring, decision(still, Ref("Case", case.id), "retry"), NOON)
    still.settle()
    assert peer.kept == ["PO-1"]


def test_a_stale_decision_is_refused_and_nothing_is_written() -> None:
    still, _ = house(peer=None)
    still.accept(arrival(order("PO-1", "cancelled")))
    still.settle()
    case = facts(still, Case)[0]
    before = still.wiring.journal.counts()["events"]
    with pytest.raises(Stale, match="changed at position"):
        command(still.wiring, decision(still, Ref("Case", case.id), "retry", position=0), NOON)
    assert still.wiring.journal.counts()["events"] == before


def test_a_closed_exception_takes_no_second_decision() -> None:
    still, peer = house()
    whole = still.wiring.network
    still.wiring.network = structs.replace(whole, instances=())
    still.accept(arrival(order("PO-1")))
    still.settle()
    still.wiring.network = whole
    case = Ref("Case", facts(still, Case)[0].id)
    command(still.wiring, decision(still, case, "retry"), NOON)
    second = structs.replace(decision(still, case, "retry"), id="D-again")
    with pytest.raises(Stale, match="settled before"):
        command(still.wiring, second, NOON)
    assert "repeat" in command(still.wiring, decision(still, case, "retry"), NOON)
    still.settle()
    assert peer.kept == ["PO-1"]


def test_a_decision_about_nothing() -> None:
    still, _ = house()
    nothing = Decision(id="D", subject=Ref("Case", "x"), verb="retry", actor="a", at=NOON, reason="r", position=9)
    with pytest.raises(NoSuchThing, match="there is no Case x"):
        command(still.wiring, nothing, NOON)
