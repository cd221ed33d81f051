"""Incidents: one for a cause, told once, again when it worsens or nobody acts, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from suture.model import Case, Ref
from suture.rules.incidents import CASES_HELD, Contact, Incident, acknowledged, closed, due, key_of, opened

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = Contact(name="first", escalates_to="second", escalates_after=timedelta(minutes=30))
SECOND = Contact(name="second", at_opening=False)


def case(id: str, reason: str = "price_over", care: Literal["none", "supply", "procedure"] = "none", **more: object) -> Case:
    objects = more.pop("objects", (Ref("Invoice", id),))
    return Case(id=id, reason=reason, text="x", objects=objects, owner="ap", at=NOON, care=care, **more)  # type: ignore[arg-type]


def notices(incident: Incident) -> list[tuple[str, str]]:
    return [(notice.alert, notice.what) for notice in incident.owing]


def test_whatever_goes_wrong_in_sending_to_one_counterpart_is_one() -> None:
    outage = case("instance/erp/out_of_reach", "out_of_reach", objects=(Ref("Instance", "erp"),))
    parked = case(
        "delivery/1", "unknown_outcome", objects=(Ref("Delivery", "1"), Ref("Invoice", "A")), context={"instance": "erp"}
    )
    assert key_of(outage) == key_of(parked) == ("counterpart/erp", "erp")
    assert key_of(case("1")) == ("work/price_over", "")


def test_five_hundred_cases_are_told_once() -> None:
    incident = Incident()
    for number in range(500):
        incident = due(opened(incident, case(str(number)), ""), (FIRST, SECOND), NOON)
    assert incident.count == 500
    assert notices(incident) == [("first", "opened")]


def test_it_is_over_with_its_last_case_and_begins_anew() -> None:
    incident = due(opened(opened(Incident(), case("1"), ""), case("2"), ""), (FIRST,), NOON)
    incident = due(closed(incident, "1"), (FIRST,), NOON)
    assert notices(incident) == [("first", "opened")]
    incident = due(closed(incident, "2"), (FIRST,), NOON)
    assert notices(incident) == [("first", "opened"), ("first", "over")]
    assert due(incident, (FIRST,), NOON + timedelta(days=1)) == incident
    again = due(opened(incident, case("3"), ""), (FIRST,), NOON)
    assert again.times == 2
    assert notices(again)[-1] == ("first", "opened")


def test_what_was_never_told_is_not_told_to_be_over() -> None:
    late = Contact(name="late", after=timedelta(minutes=5))
    incident = due(opened(Incident(), case("1"), ""), (late,), NOON)
    assert not notices(due(closed(incident, "1"), (late,), NOON + timedelta(minutes=1)))


def test_graver_harm_is_told_again() -> None:
    incident = due(opened(Incident(), case("1"), ""), (FIRST,), NOON)
    incident = due(opened(incident, case("2", care="procedure"), ""), (FIRST,), NOON)
    incident = due(opened(incident, case("3", care="supply"), ""), (FIRST,), NOON)
    assert notices(incident) == [("first", "opened"), ("first", "worse")]
    assert incident.care == "procedure"


def test_what_nobody_acknowledges_is_escalated_once() -> None:
    incident = due(opened(Incident(), case("1"), ""), (FIRST, SECOND), NOON)
    assert notices(due(incident, (FIRST, SECOND), NOON + timedelta(minutes=29))) == [("first", "opened")]
    escalated = due(due(incident, (FIRST, SECOND), NOON + timedelta(minutes=31)), (FIRST, SECOND), NOON + timedelta(minutes=32))
    assert notices(escalated) == [("first", "opened"), ("second", "escalated")]
    seen_to = due(acknowledged(incident, "Nia"), (FIRST, SECOND), NOON + timedelta(hours=9))
    assert notices(seen_to) == [("first", "opened")]
    assert notices(due(closed(escalated, "1"), (FIRST, SECOND), NOON))[2:] == [("first", "over"), ("second", "over")]


def test_contacts_hear_of_what_they_asked_for() -> None:
    incident = opened(Incident(), case("1", care="supply"), "")
    wanted = (Contact(name="a", reasons=("price_over",)), Contact(name="b", owners=("ap",)), Contact(name="c", care="supply"))
    others = (Contact(name="d", reasons=("x",)), Contact(name="e", owners=("x",)), Contact(name="f", care="procedure"))
    assert {alert for alert, _ in notices(due(incident, (*wanted, *others), NOON))} == {"a", "b", "c"}


def test_a_flood_holds_no_more_than_its_bound() -> None:
    incident = Incident()
    for number in range(CASES_HELD + 5):
        incident = opened(incident, case(str(number)), "")
    assert len(incident.cases) == CASES_HELD
    assert incident.count == CASES_HELD + 5
