"""The ledger recomputed: an honest day agrees with Suture's own books, and each rule is broken once by a day written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.run import KEY, simulate
from suture.views import history, ledger
from tests.verifier.exports import (
    PUBLIC,
    answered,
    asked,
    by_hand,
    codes,
    day,
    decided,
    ended,
    exported,
    fact,
    judged,
    owed,
    said,
)
from verifier import verdict

PARKED = fact("m#1", "Parked", cause="m", id="m#1")


def about_parked(event: dict[str, Any]) -> dict[str, Any]:
    """The same event, led to by the parked document."""
    return {**event, "cause": "m#1", "root": "m#1"}


def states(*events: dict[str, Any]) -> dict[str, int]:
    """How many documents are in which state, of an export that must be sound."""
    report = judged(by_hand(*events))
    assert report.sound, report.findings
    return {state: count for state, count in report.balance.states.items() if count}


def test_the_verifier_and_suture_come_to_the_same_balance(tmp_path: Path) -> None:
    journal = day()
    ours, theirs = ledger(history(journal)), judged(exported(journal, tmp_path / "day.jsonl"), key=PUBLIC)
    assert theirs.sound, theirs.findings
    assert theirs.balance.accepted == ours.accepted
    assert theirs.balance.states == {state: getattr(ours, state) for state in theirs.balance.states}
    assert (theirs.balance.owed, theirs.balance.open) == (ours.debits, ours.open)
    assert {state for state, count in theirs.balance.states.items() if count} >= {"delivered", "refused", "parked"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weeks_full_of_faults_and_decisions_are_sound(seed: int, tmp_path: Path) -> None:
    """Crashes, lost replies, outages, operators at random: the rules hold, and the two books agree."""
    _, world = simulate(plan_of(seed))
    ours, theirs = ledger(history(world.disk)), judged(exported(world.disk, tmp_path / "week.jsonl", KEY))
    assert theirs.sound, theirs.findings
    assert theirs.balance.states == {state: getattr(ours, state) for state in theirs.balance.states}
    assert (theirs.balance.owed, theirs.balance.accepted) == (ours.debits, ours.accepted)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "delivered"),
        ((decided(owed("d")),), "in_flight"),
        ((decided(owed("d")), ended("d")), "delivered"),
        ((decided(owed("d")), ended("d", "refused")), "refused"),
        ((decided(owed("d")), ended("d", "cancelled")), "compensated"),
        ((decided(owed("d"), owed("e")), ended("d")), "in_flight"),
        ((decided(), asked("c")), "parked"),
        ((decided(), asked("c"), answered("c", "accept")), "delivered"),
        ((decided(), asked("c"), answered("c", "reject")), "refused"),
        ((decided(owed("d")), ended("d", "parked"), asked("delivery/d", ("Delivery", "d"))), "parked"),
        (
            (decided(owed("d")), ended("d", "parked"), asked("delivery/d", ("Delivery", "d")), answered("delivery/d", "release")),
            "in_flight",
        ),
        (
            (decided(owed("d")), ended("d", "parked"), asked("delivery/d", ("Delivery", "d")), said("d", "release")),
            "in_flight",
        ),
        (
            (decided(owed("d")), ended("d", "parked"), asked("delivery/d", ("Delivery", "d")), said("d", "retry")),
            "parked",
        ),
    ],
)
def test_a_document_is_in_one_state(events: tuple[dict[str, Any], ...], state: str) -> None:
    assert states(*events) == {state: 1}


def test_what_was_parked_goes_on_or_is_rejected() -> None:
    question = about_parked(asked("c"))
    released = fact("m#1/released/0", "OrderStatus", root="m#1", order="PO-2", state="confirmed")
    assert states(PARKED, question) == {"delivered": 1, "parked": 1}
    assert states(PARKED, question, answered("c", "release"), released) == {"delivered": 3}
    assert states(PARKED, question, answered("c", "reject")) == {"delivered": 1, "refused": 1}


def test_what_is_taken_back_is_compensated() -> None:
    receipt, reversal = (
        fact("m#1", "GoodsReceipt", cause="m", id="GR-1"),
        fact("m#2", "GoodsReceipt", cause="m", id="GR-2", reverses="GR-1"),
    )
    assert states(receipt, reversal) == {"delivered": 2, "compensated": 1}


@pytest.mark.parametrize(
    ("events", "code", "position"),
    [
        ((decided(owed("d"), owed("d")),), "delivery.owed_twice", 3),
        ((decided(owed("d")), decided(owed("d"), event="m", cause="m", once="2/p/k")), "delivery.owed_twice", 4),
        ((ended("d"),), "delivery.not_owed", 3),
        ((ended("d"), decided(owed("d"))), "delivery.not_owed", 3),
        ((decided(owed("d")), ended("d"), ended("d", number=2)), "delivery.ended_twice", 5),
        ((decided(owed("d")), ended("d", "cancelled"), ended("d")), "delivery.ended_twice", 5),
        ((decided(owed("d")), ended("d", instance="wms")), "delivery.elsewhere", 4),
        ((decided(owed("d")), ended("d", "parked")), "delivery.no_reason", 3),
        (
            (decided(owed("d")), ended("d", "parked"), asked("c", ("Delivery", "d")), answered("c", "cancel")),
            "delivery.no_reason",
            3,
        ),
        ((PARKED,), "document.no_reason", 3),
        ((PARKED, about_parked(asked("c")), answered("c", "release")), "document.no_reason", 3),
        ((answered("c", "accept"),), "case.not_open", 3),
        ((asked("c"), answered("c", "accept"), {**answered("c", "close")}), "case.not_open", 5),
        ((decided(event="m#7", cause="m#7"),), "cause.missing", 3),
        ((decided(once="1/p/k"), decided(once="2/p/k")), "decision.repeated", 4),
        ((decided(event="m"),), "decision.cause", 3),
        ((decided(event="1/p/k", cause="1/p/k"),), "cause.missing", 3),
        ((fact("m", "MessageReceived", id="m"),), "once.repeated", 3),
        ((fact("x", "OrderStatus", root="y"),), "root.missing", 3),
        ((fact("", "OrderStatus"),), "event.unreadable", 3),
        (({"once": "x", "kind": "accepted"},), "event.unreadable", 3),
        ((fact("x", "Delivered", delivery="d", outcome="lost"),), "event.unreadable", 3),
        ((fact("x", "Decided", process="p", key="k", event="", owes=7),), "event.unreadable", 3),
    ],
)
def test_each_broken_rule_is_found_at_its_position(events: tuple[dict[str, Any], ...], code: str, position: int) -> None:
    """The seal is in order here: whoever holds the key wrote a day that cannot have been."""
    report = judged(by_hand(*events), key=PUBLIC)
    assert [(finding.code, finding.position) for finding in report.findings] == [(code, position)]


def test_a_document_that_was_accepted_twice_unbalances_the_ledger() -> None:
    again = fact("m#0", "OrderStatus", order="PO-1", state="confirmed")
    assert codes(by_hand(again), key=PUBLIC) == {"once.repeated", "ledger.unbalanced"}


def test_an_event_that_says_a_name_twice_is_not_believed() -> None:
    raw = by_hand(fact("x", "OrderStatus", order="1"))
    assert codes(raw.replace(b'"once": "x"', b'"once": "x","once":"x"')) >= {"event.unreadable", "seal.head"}


def test_findings_are_bounded_and_all_are_counted() -> None:
    report = judged(by_hand(*(ended("d", number=number) for number in range(1500))))
    assert (len(report.findings), report.counts) == (1000, {"delivery.not_owed": 1500})
    said = verdict(report, "day.jsonl")
    assert "NOT SOUND: 1,500 findings (delivery.not_owed 1,500)" in said
    assert "and 1,480 more" in said


def test_the_verdict_is_for_people() -> None:
    said = verdict(judged(by_hand(decided(owed("d")), ended("d")), key=PUBLIC), "day.jsonl")
    assert "1 accepted = 1 delivered + 0 refused + 0 compensated + 0 parked + 0 in flight" in said
    assert "SOUND: nothing was changed" in said
    assert "--anchor 4:" in said
    assert "The key came from the file itself" not in said
