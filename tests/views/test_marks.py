"""Marks: outages and pauses from their beginning to their end, and new versions of policies, processes and mappings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from suture.journal import Event, Recorded
from suture.model import Case, CaseResolved, Decided, Decision, Document, Policy, Ref
from suture.views.marks import Mark, Marks

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=30)
OUT = "instance/bank/out_of_reach"


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def told(*facts: Document | tuple[str, Document]) -> list[Mark]:
    """Facts, a minute apart, each alone or with the mapping that read it; what they leave marked, the first first."""
    marks = Marks()
    for minute, fact in enumerate(facts):
        mapping, data = fact if isinstance(fact, tuple) else ("", fact)
        event = Event(once=f"e{minute}", kind="emitted", source="bank", at=at(minute), data=data, mapping=mapping)
        marks.enter(Recorded(minute + 1, event))
    return marks.between(NOON - timedelta(days=1), LATER, 100)[::-1]


def out(minute: int) -> Case:
    text, about = "bank has taken nothing for a while", (Ref("Instance", "bank"),)
    return Case(id=OUT, reason="out_of_reach", text=text, objects=about, owner="operations", at=at(minute))


def back(minute: int) -> CaseResolved:
    return CaseResolved(case=OUT, action="back", actor="bank", at=at(minute))


def held(verb: str, id: str) -> Decision:
    return Decision(id=id, subject=Ref("Instance", "bank"), verb=verb, actor="Nia", at=NOON, reason="their works", position=1)


def policy(version: int, effective: datetime = NOON) -> Policy:
    return Policy(id="tolerances", version=version, effective=effective, author="ana", approver="ben")


def decided(version: int) -> Decided:
    return Decided(process="payment", version=version, key="P", event="e", phase="sent")


def test_an_outage_lasts_until_it_ends_and_may_come_again() -> None:
    assert told(out(0), out(1), back(2), out(3)) == [
        Mark(kind="outage", text="bank out of reach", at=at(0), until=at(2)),
        Mark(kind="outage", text="bank out of reach", at=at(3), until=None),
    ]


def test_another_way_to_hold_back_ends_the_one_before() -> None:
    assert told(held("pause", "1"), held("degrade", "2"), held("resume", "3")) == [
        Mark(kind="pause", text="sending to bank paused", at=at(0), until=at(1)),
        Mark(kind="pause", text="sending to bank degraded", at=at(1), until=at(2)),
    ]


def test_no_mark_tells_who_decided_or_why() -> None:
    assert all("Nia" not in mark.text and "works" not in mark.text for mark in told(held("pause", "1")))


def test_a_policy_changes_when_it_comes_into_force_and_once_however_often_it_is_said() -> None:
    ahead = NOON + timedelta(days=3)
    assert told(policy(1), policy(2, ahead), policy(2, ahead)) == [
        Mark(kind="change", text="policy tolerances version 1", at=NOON, until=None),
        Mark(kind="change", text="policy tolerances version 2", at=ahead, until=None),
    ]
    assert told(policy(3, LATER)) == []


def test_only_another_version_of_a_process_or_a_mapping_is_a_change() -> None:
    assert told(("x12@1", decided(1)), ("x12@1", decided(1)), ("x12@2", decided(2))) == [
        Mark(kind="change", text="process payment version 2", at=at(2), until=None),
        Mark(kind="change", text="mapping x12 of bank version 2", at=at(2), until=None),
    ]


def test_what_was_over_before_is_not_marked_and_what_began_before_and_lasts_is() -> None:
    marks = Marks()
    for position, data in enumerate((out(0), back(5), held("pause", "1"))):
        event = Event(once=f"{position}", kind="emitted", source="bank", at=at(5 * position), data=data)
        marks.enter(Recorded(position + 1, event))
    assert [mark.text for mark in marks.between(at(60), at(90), 10)] == ["sending to bank paused"]
    assert [mark.text for mark in marks.between(at(1), at(3), 10)] == ["bank out of reach"]
    assert len(marks.between(at(0), at(90), 1)) == 1
