"""When, how much, under which number, and who: the rules of paying, one by one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model import BankAccount, Invoice, Money, Person, Supplier
from suture.rules.payments import (
    LONGEST_ID,
    due_at,
    duty_conflict,
    payable,
    payee_fault,
    payment_id,
    release_fault,
    releases_needed,
)

POLICY = {"release_limit": {"USD": "1000"}, "two_approvers_over": {"USD": "5000"}}


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def bill(due: date | None = None) -> Invoice:
    issued = date(2026, 2, 20)
    return Invoice(number="7", supplier="S", issued_on=issued, due_on=due, currency="USD", lines=(), total=usd("1"))


@pytest.mark.parametrize(
    ("due", "terms", "day"),
    [
        (date(2026, 3, 5), 10, date(2026, 3, 5)),
        (None, 10, date(2026, 3, 2)),
        (None, 0, date(2026, 2, 20)),
        (None, None, date(2026, 3, 22)),
    ],
)
def test_due(due: date | None, terms: int | None, day: date) -> None:
    supplier = None if terms is None else Supplier(id="S", name="S", terms_days=terms)
    assert due_at(bill(due), supplier) == datetime(day.year, day.month, day.day, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("invoice", "attempt", "id"),
    [
        ("ALDER:77", 1, "PAY-ALDER:77-1"),
        ("ALDER:77", 2, "PAY-ALDER:77-2"),
        ("ALDER:INV-2026.004", 1, "PAY-ALDER:INV-2026.004-1"),
    ],
)
def test_a_payment_is_called_after_its_invoice(invoice: str, attempt: int, id: str) -> None:
    assert payment_id(invoice, attempt) == id


@pytest.mark.parametrize("invoice", ["ALDER:" + "9" * 60, "ALDER:no spaces", "ALDER:ä", "ALDER://7"])
def test_an_invoice_id_that_banks_do_not_take_is_replaced_by_a_digest(invoice: str) -> None:
    assert re.fullmatch(r"PAY-[0-9A-F]{24}-1", payment_id(invoice, 1))


ids = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=60)
sources = st.tuples(ids | st.from_regex(r"[A-Z]{1,5}:[0-9-]{1,12}", fullmatch=True), st.integers(1, 99))


@given(sources, sources)
def test_no_two_payments_are_called_the_same(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert len(payment_id(*one)) <= LONGEST_ID
    assert (payment_id(*one) == payment_id(*other)) == (one == other)


def test_payable_is_what_credits_leave_and_never_less_than_nothing() -> None:
    euros = Money(Decimal("5"), "EUR")
    assert payable(usd("40.00"), []) == usd("40.00")
    assert payable(usd("40.00"), [usd("8.00"), euros, usd("0.50")]) == usd("31.50")
    assert payable(usd("40.00"), [usd("41.00")]).amount == 0


@pytest.mark.parametrize(
    ("policy", "amount", "people"),
    [
        (POLICY, usd("1000"), 0),
        (POLICY, usd("1000.01"), 1),
        (POLICY, usd("5000"), 1),
        (POLICY, usd("5000.01"), 2),
        (POLICY, Money(Decimal("1"), "EUR"), 1),
        ({}, usd("0.01"), 1),
        ({"release_limit": {"USD": "1000"}, "two_approvers_over": {"USD": "100"}}, usd("500"), 0),
    ],
)
def test_how_many_people_release(policy: dict[str, object], amount: Money, people: int) -> None:
    assert releases_needed(policy, amount) == people


@pytest.mark.parametrize(
    ("person", "amount", "text"),
    [
        (None, "1", "not known as treasury"),
        (Person(id="p", roles=("ap",)), "1", "not known as treasury"),
        (Person(id="p", roles=("treasury",), entity="LAKE"), "1", "has authority in LAKE, not in NORTH"),
        (Person(id="p", roles=("treasury",), limit=usd("10")), "10.01", "may release up to 10 USD"),
        (Person(id="p", roles=("treasury",), limit=Money(Decimal(10), "EUR")), "1", "may release up to 10 EUR"),
        (Person(id="p", roles=("treasury",), limit=usd("10")), "10", ""),
        (Person(id="p", roles=("treasury",), entity="NORTH"), "1000000", ""),
    ],
)
def test_who_may_release(person: Person | None, amount: str, text: str) -> None:
    fault = release_fault(POLICY, usd(amount), "p", person, "NORTH")
    assert (text in fault.text) if fault and text else fault is None and not text


def test_who_has_a_part_in_it_has_no_second_one() -> None:
    assert duty_conflict("Ann", "ann", (), ()) is not None
    assert duty_conflict("ann", "bob", ("ANN ",), ()) is not None
    assert duty_conflict("ann", "bob", ("",), ("ann",)) is not None
    assert duty_conflict("ann", "", ("",), ("bob",)) is None


@pytest.mark.parametrize(
    ("supplier", "entity", "code"),
    [
        (None, "NORTH", "supplier_unknown"),
        (Supplier(id="S", name="S", status="retired"), "NORTH", "supplier_blocked"),
        (Supplier(id="S", name="S"), "NORTH", "no_account"),
        (Supplier(id="S", name="S", account=BankAccount("S", "1")), "", "entity_unknown"),
        (Supplier(id="S", name="S", account=BankAccount("S", "1")), "NORTH", None),
    ],
)
def test_whom_nobody_pays(supplier: Supplier | None, entity: str, code: str | None) -> None:
    fault = payee_fault(supplier, entity)
    assert (fault.code if fault else None) == code
