"""Goods that nobody bills: awaited as long as agreed, told with their worth, and over when the invoice comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from suture.model import Document, InvoiceStatus
from suture.processes.invoice_match import PROCESS
from suture.processes.rehearsal import START

from .hospital import MASTERS, credit, invoice, order, policy, receipt, usd, without
from .river import River

DAYS = timedelta(days=10)


def river(*documents: Document, masters: tuple[Document, ...] = MASTERS) -> River:
    made = River([PROCESS], masters)
    made.say(*documents)
    return made


def test_goods_without_an_invoice_are_an_exception_with_their_worth() -> None:
    made = river(order(), receipt("GR-1", 4))
    made.pass_time(START + DAYS - timedelta(minutes=1))
    assert made.reasons() == []
    made.pass_time(START + DAYS)
    (case,) = made.cases.values()
    assert (case.reason, case.owner, case.money) == ("invoice_overdue", "ap", usd("16.00"))
    assert case.objects[0].id == "PO-1"
    made.say(invoice(count=4))
    assert made.reasons() == []


@pytest.mark.parametrize(
    "documents",
    [
        (order(), receipt(), invoice()),
        (invoice(), order(), receipt()),
        (order(), receipt("GR-1", 4), invoice("1", 4), receipt("GR-2", 6), invoice("2", 6)),
        (order(), receipt(), receipt("GR-2", reverses="GR-1")),
        (order(), receipt(), invoice(price="9.99")),
        (order(), receipt(), invoice(), invoice(), receipt()),
    ],
    ids=["in order", "billed early", "in parts", "undone", "billed too dear", "doubled"],
)
def test_nothing_is_awaited_when_all_is_billed(documents: tuple[Document, ...]) -> None:
    made = river(*documents)
    made.pass_time(START + 5 * DAYS)
    assert made.reasons() == []
    assert made.timers == {}


def test_what_is_billed_in_part_is_awaited_for_the_rest() -> None:
    made = river(order(), receipt())
    made.pass_time(START + DAYS / 2)
    made.say(invoice("1", 7))
    made.pass_time(START + DAYS)
    assert made.reasons() == [], "the wait began anew with what the supplier billed"
    made.pass_time(START + 2 * DAYS)
    assert [case.money for case in made.cases.values()] == [usd("12.00")]


def test_a_rejected_invoice_leaves_its_goods_to_be_billed() -> None:
    made = river(order(), receipt(), invoice())
    made.say(InvoiceStatus(invoice="ALDER:77", state="rejected", at=START, orders=("PO-1",)))
    made.pass_time(START + 2 * DAYS)
    assert made.reasons() == ["invoice_overdue"]


def test_a_credit_note_awaits_no_invoice() -> None:
    made = river(order(), receipt(), invoice(), credit())
    made.pass_time(START + 5 * DAYS)
    assert made.reasons() == []


def test_a_person_accepts_that_none_comes() -> None:
    made = river(order(), receipt())
    made.pass_time(START + DAYS)
    made.decide("invoice_overdue", "accept", "clerk")
    made.pass_time(START + 5 * DAYS)
    assert made.reasons() == []


def test_the_days_are_the_policys() -> None:
    made = river(order(), receipt(), masters=without("waits", also=(policy("waits", invoice_hours=24),)))
    made.pass_time(START + timedelta(hours=24))
    assert made.reasons() == ["invoice_overdue"]
