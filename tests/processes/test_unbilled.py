"""Goods that nobody bills: awaited as long as agreed, told with their worth, and over when the invoice comes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model import Document, InvoiceStatus, Item, Money, Pack, Price, Quantity
from suture.processes.course import Course
from suture.processes.invoice_match import PROCESS
from suture.processes.order_account import Account
from suture.processes.process import Seen
from suture.processes.rehearsal import START
from suture.processes.unbilled import await_invoice
from suture.rules.matching import LineAccount

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


GLOVE = Item(id="GLOVE", name="Glove", unit="EA", packs=(Pack("BX", Decimal(12)), Pack("DR", Decimal("0.5"))))
QUANTITIES = st.builds(Quantity, st.decimals("0.001", 900, places=3), st.sampled_from(("EA", "BX", "DR", "unknown")))
PRICES = st.builds(Price, st.decimals(0, 99, places=4), st.just("USD"), QUANTITIES)
LINES = st.tuples(PRICES, st.lists(QUANTITIES, max_size=3), st.lists(QUANTITIES, max_size=2))


@given(st.lists(LINES, min_size=1, max_size=4))
def test_its_worth_is_exact_in_any_packs(lines: list[tuple[Price, list[Quantity], list[Quantity]]]) -> None:
    """No line rounds by itself, whatever its prices are per; what cannot be counted is left out."""

    def pieces(quantities: list[Quantity]) -> Fraction:
        return sum((Fraction(each.value) * Fraction(GLOVE.factor(each.unit)) for each in quantities), Fraction(0))

    accounts, worth = {}, Fraction(0)
    for number, (price, came, billed) in enumerate(lines):
        accounts[number] = LineAccount(
            number=number,
            item="GLOVE",
            ordered=Quantity(Decimal(1), "EA"),
            price=price,
            received=tuple(came),
            billed=tuple(billed),
        )
        if all(each.unit != "unknown" for each in (price.per, *came, *billed)):
            worth += max(Fraction(0), pieces(came) - pieces(billed)) * Fraction(price.amount) / pieces([price.per])
    course = Course(Account(), Seen(START, {("Item", "GLOVE"): (GLOVE,)}, "PO-1"))
    await_invoice(course, accounts)
    exact = Money(Decimal(worth.numerator) / Decimal(worth.denominator), "USD")
    assert course.state.unbilled == (exact.rounded() if worth > 0 else None)
