"""The ledger: debits, credits, what a person puts back in flight, breakdowns, ages, and currencies that are never added."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from suture.journal import Event, MemoryJournal, Recorded, Unit
from suture.model import (
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    Document,
    Money,
    OrderStatus,
    Owed,
    Parked,
    Ref,
    RequisitionStatus,
)
from suture.views import exceptions, history, ledger
from suture.views.books import Books
from suture.views.exceptions import OpenException, at_stake, grouped
from suture.views.ledger import AGES, UNSETTLED, Ledger, balance, next_due
from tests.journal.units import KEY, NOON, delivery, later, settled
from tests.verifier.exports import day

ORDER = Ref("PurchaseOrder", "PO-1")


def story(*documents: Document, at: datetime = NOON, root: str = "m#0") -> list[Recorded]:
    """An accepted order status, and facts that it led to."""
    first = Event(once=root, kind="accepted", source="erp", at=at, data=status(), root=root)
    rest = [
        Event(once=f"{root}/{number}", kind="decided", source="p", at=at, data=each, cause=root, root=root)
        for number, each in enumerate(documents)
    ]
    return [Recorded(number, event) for number, event in enumerate([first, *rest], 1)]


def status() -> OrderStatus:
    return OrderStatus(order="PO-1", state="confirmed", at=NOON)


def owes(*deliveries: str, instance: str = "erp") -> Decided:
    debts = tuple(Owed(each, instance, ORDER) for each in deliveries)
    return Decided(process="p", version=1, key="k", event="m#0", phase="", owes=debts)


def ended(delivery: str, outcome: Any = "done", instance: str = "erp") -> Delivered:
    return Delivered(delivery=delivery, role="erp", instance=instance, document=ORDER, outcome=outcome, at=NOON)


def case(*objects: Ref, id: str = "c", money: Money | None = None, reason: str = "undeliverable") -> Case:
    return Case(id=id, reason=reason, text="it waits", objects=objects or (ORDER,), owner="ops", at=NOON, money=money)


def resolved(action: str) -> CaseResolved:
    return CaseResolved(case="c", action=action, actor="dana", at=NOON)


def decision(verb: str, subject: Ref) -> Decision:
    return Decision(id="x", subject=subject, verb=verb, actor="dana", at=NOON, reason="looked", position=1)


def state(told: Ledger) -> str:
    """The state of the only document."""
    assert told.balanced, told.strays
    [counts] = told.by_name.values()
    [(name, number)] = counts.items()
    assert number == 1
    return name


DEBT = Ref("Delivery", "d")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], "delivered"),
        ([owes("d")], "in_flight"),
        ([owes("d"), ended("d")], "delivered"),
        ([owes("d"), ended("d", "refused")], "refused"),
        ([owes("d"), ended("d", "cancelled")], "compensated"),
        ([owes("d"), ended("d", "parked")], "parked"),
        ([owes("d", "e"), ended("d")], "in_flight"),
        ([case()], "parked"),
        ([case(), case(), resolved("accept")], "delivered"),
        ([case(), resolved("reject")], "refused"),
    ],
)
def test_a_document_is_in_one_state(facts: list[Document], expected: str) -> None:
    assert state(ledger(story(*facts))) == expected


@pytest.mark.parametrize("verb", ["release", "repair"])
@pytest.mark.parametrize("fate", ["parked", "refused"])
def test_what_a_person_sends_again_is_in_flight_until_it_ends(fate: str, verb: str) -> None:
    by_case = [owes("d"), ended("d", fate), case(DEBT, ORDER), resolved(verb)]
    directly = [owes("d"), ended("d", fate), decision(verb, DEBT)]
    for facts in (by_case, directly):
        told = ledger(story(*facts))
        assert (state(told), told.open, told.credits) == ("in_flight", 1, 0)
        told = ledger(story(*facts, ended("d")))
        assert (state(told), told.open, told.credits) == ("delivered", 0, 1)


def test_other_decisions_leave_a_credit_as_it_is() -> None:
    parked = [owes("d"), ended("d", "parked")]
    assert state(ledger(story(*parked, decision("cancel", DEBT)))) == "parked"
    assert state(ledger(story(*parked, case(DEBT), resolved("accept")))) == "parked"
    assert state(ledger(story(owes("d"), ended("d"), decision("release", DEBT)))) == "delivered"


def test_a_credit_without_debit_and_a_debit_twice_are_strays() -> None:
    told = ledger(story(ended("d")))
    assert (told.balanced, told.strays) == (False, ("d",))
    told = ledger(story(owes("d"), owes("d")))
    assert (told.balanced, told.strays, told.debits) == (False, ("d is owed twice",), 1)


def test_what_a_partner_says_of_a_requisition_is_a_document_too() -> None:
    cancelled = RequisitionStatus(requisition="R-1", state="cancelled", at=NOON)
    event = Event(once="m#1", kind="accepted", source="p", at=NOON, data=cancelled, root="m#1")
    assert ledger([Recorded(1, event)]).by_name == {"RequisitionStatus": {"delivered": 1}}


def test_a_parked_document_stands_under_its_reason_until_it_goes_on() -> None:
    parked = Parked(id="m#0", instance="erp", format="json", reason="unknown_item")
    first = Event(once="m#0", kind="accepted", source="erp", at=NOON, data=parked, root="m#0")
    again = Event(once="m#0/released/0", kind="accepted", source="erp", at=NOON, data=status(), root="m#0")
    assert ledger([Recorded(1, first)]).by_name == {"unknown_item": {"parked": 1}}
    whole = ledger([Recorded(1, first), Recorded(2, again)])
    assert whole.by_name == {"OrderStatus": {"delivered": 1}, "unknown_item": {"delivered": 1}}


# -- breakdowns


def test_the_balance_by_system_and_kind_adds_up_to_the_whole() -> None:
    told = ledger(story(owes("a", "b"), owes("c", instance="ap"), ended("a"), ended("c", "parked", "ap")))
    assert told.by_kind == {
        "ap": {"PurchaseOrder": {"owed": 1, "parked": 1}},
        "erp": {"PurchaseOrder": {"owed": 2, "done": 1}},
    }
    assert told.by_instance == {"ap": {"owed": 1, "parked": 1}, "erp": {"owed": 2, "done": 1}}
    assert (told.debits, told.credits, told.open) == (3, 2, 1)


@pytest.mark.parametrize(
    ("hours", "bucket"),
    [(-1, 0), (0, 0), (0.99, 0), (1, 1), (3.99, 1), (4, 2), (23.9, 2), (24, 3), (24 * 7 - 0.1, 3), (24 * 7, 4), (9999, 4)],
)
def test_open_items_are_aged(hours: float, bucket: int) -> None:
    [item] = ledger(story(owes("a", "b", "c"), ended("a"), ended("b", "parked")), now=NOON + timedelta(hours=hours)).open_items
    assert (item.instance, item.kind, item.oldest) == ("erp", "PurchaseOrder", NOON)
    assert item.ages == tuple(2 if number == bucket else 0 for number in range(len(AGES)))


def test_the_next_due_of_a_system_is_that_of_what_waits_for_time() -> None:
    journal = MemoryJournal(KEY)
    due = {"a": ("erp", 50), "b": ("erp", 20), "c": ("erp", 1), "d": ("bank", 1)}
    journal.commit([Unit(deliveries=[delivery(id, instance=to, due=later(at)) for id, (to, at) in due.items()])])
    journal.commit([Unit(settlements=[settled("c", "parked"), settled("d", "parked")])])
    assert next_due(journal, ["erp", "bank", "ap"]) == {"erp": later(20)}


# -- exceptions


def money(amount: str, currency: str) -> Money:
    return Money(Decimal(amount), currency)


def test_amounts_of_two_currencies_are_never_added() -> None:
    sums = (money("10.50", "EUR"), money("-3", "USD"), None, money("4", "USD"), money("1.50", "EUR"))
    rows = [OpenException(number, case(id=str(number), money=each)) for number, each in enumerate(sums)]
    [group] = grouped(rows)
    assert (group.count, group.money) == (5, (money("12.00", "EUR"), money("7", "USD")))
    assert at_stake(rows) == group.money
    assert at_stake(rows[2:3]) == ()


def test_groups_come_by_their_largest_amount() -> None:
    rows = [
        OpenException(1, case(id="1", reason="small", money=money("10", "USD"))),
        OpenException(2, case(id="2", reason="none")),
        OpenException(3, case(id="3", reason="large", money=money("20", "EUR"))),
        OpenException(4, case(id="4", reason="large", money=money("1", "USD"))),
    ]
    assert [group.reason for group in grouped(rows)] == ["large", "small", "none"]


def test_a_case_is_open_until_it_is_resolved() -> None:
    assert [row.case.id for row in exceptions(story(case()))] == ["c"]
    assert exceptions(story(case(), resolved("accept"))) == []


def test_what_is_delivered_is_never_counted_one_by_one() -> None:
    """The pages that show the balance must not become slow with the years: only what is not delivered is looked at."""
    books = Books()
    for row in history(day()):
        books.enter(row)
    told = balance(books)
    counted: dict[str, dict[str, int]] = {}
    for name, state, number in books.rows("select name, state, count(*) from documents group by 1, 2"):
        counted.setdefault(name, {})[state] = number
    assert told.by_name == counted
    assert told.accepted == sum(sum(states.values()) for states in counted.values())
    assert told.delivered > 0
    [*plan] = books.rows(f"explain query plan {UNSETTLED}")
    assert "documents_unsettled" in str(plan)
