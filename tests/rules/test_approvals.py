"""Limits, authority and segregation of duties."""

from __future__ import annotations

from decimal import Decimal

import pytest

from suture.model import Money, Person
from suture.rules.approvals import authority, automatic, may_bypass, objection, role_for, same_person

POLICY = {
    "auto": {"USD": "500"},
    "levels": [
        {"role": "head", "limit": {"USD": "10000", "EUR": "9000"}},
        {"role": "director", "limit": {"USD": "250000"}},
    ],
    "emergency": {"roles": ["nurse"], "limit": {"USD": "50000"}},
}


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.parametrize(("total", "asked"), [(usd("500"), False), (usd("500.01"), True), (usd("0"), False), (eur("1"), True)])
def test_up_to_the_limit_of_its_currency_nobody_is_asked(total: Money, asked: bool) -> None:
    assert automatic(POLICY, total) is not asked
    assert not automatic({}, total)


@pytest.mark.parametrize(
    ("total", "role"),
    [
        (usd("500.01"), "head"),
        (usd("10000"), "head"),
        (usd("10000.01"), "director"),
        (usd("250000.01"), ""),
        (eur("9000"), "head"),
        (eur("9000.01"), ""),
        (Money(Decimal(1), "CHF"), ""),
    ],
)
def test_the_first_level_that_covers_is_asked(total: Money, role: str) -> None:
    assert role_for(POLICY, total) == role


@pytest.mark.parametrize(
    ("person", "limit"),
    [
        (Person(id="P", roles=("head",)), usd("10000")),
        (Person(id="P", roles=("head", "director")), usd("250000")),
        (Person(id="P", roles=("director",), limit=usd("300")), usd("300")),
        (Person(id="P", roles=("head",), limit=usd("99999")), usd("10000")),
        (Person(id="P", roles=("head",), limit=eur("300")), None),
        (Person(id="P", roles=("nurse",), limit=usd("99999")), None),
        (Person(id="P"), None),
    ],
)
def test_authority_is_the_best_role_and_never_more_than_the_persons_own_limit(person: Person, limit: Money | None) -> None:
    assert authority(POLICY, person, "USD") == limit


@pytest.mark.parametrize(
    ("approver", "person", "code"),
    [
        ("P-1", Person(id="P-1", roles=("director",)), "sod_violation"),
        (" p-1", Person(id="p-1", roles=("director",)), "sod_violation"),
        ("P-1", None, "sod_violation"),
        ("P-2", None, "limit_exceeded"),
        ("P-2", Person(id="P-2", roles=("nurse",)), "limit_exceeded"),
        ("P-2", Person(id="P-2", roles=("head",)), "limit_exceeded"),
        ("P-2", Person(id="P-2", roles=("director",), entity="E-2"), "limit_exceeded"),
        ("P-2", Person(id="P-2", roles=("director",), entity="E-1"), None),
        ("P-2", Person(id="P-2", roles=("director",)), None),
    ],
)
def test_an_approval_counts_only_from_another_person_with_the_authority(
    approver: str, person: Person | None, code: str | None
) -> None:
    found = objection(POLICY, usd("20000"), approver=approver, person=person, requester="P-1", entity="E-1")
    assert (found[0] if found else None) == code


@pytest.mark.parametrize(
    ("person", "total", "allowed"),
    [
        (Person(id="P", roles=("nurse",)), usd("50000"), True),
        (Person(id="P", roles=("nurse",)), usd("50000.01"), False),
        (Person(id="P", roles=("nurse",)), eur("1"), False),
        (Person(id="P", roles=("nurse",), entity="E-2"), usd("1"), False),
        (Person(id="P", roles=("head",)), usd("1"), False),
        (None, usd("1"), False),
    ],
)
def test_only_named_roles_bypass_approval_in_an_emergency(person: Person | None, total: Money, allowed: bool) -> None:
    assert may_bypass(POLICY, total, person=person, entity="E-1") is allowed
    assert not may_bypass({}, total, person=person, entity="E-1")


def test_an_emergency_without_a_limit_has_none() -> None:
    policy = {"emergency": {"roles": ["nurse"]}}
    assert may_bypass(policy, usd("9999999"), person=Person(id="P", roles=("nurse",)), entity="E-1")


def test_people_are_the_same_whatever_the_letter_case() -> None:
    assert same_person("J.Doe", " j.doe ")
    assert not same_person("J.Doe", "J.Dow")
