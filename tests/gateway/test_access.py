"""Who may do what: default deny, scopes that narrow, attributes, limits, and duties that stay apart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from suture.gateway import ROLES, About, Access, BadAccess, Caller, read_access
from suture.model import Money

ACCESS = Access()


def person(*roles: str, **narrowed: Any) -> Caller:
    return Caller(subject="ana", roles=roles, **narrowed)


def test_what_no_role_grants_is_denied() -> None:
    verdict = ACCESS.allows(person(), "orders.read")
    assert not verdict
    assert "orders.read" in verdict.reason
    assert not ACCESS.allows(person("nobody-declared-this"), "orders.read")


def test_a_role_grants_what_it_names_and_what_the_roles_within_it_name() -> None:
    assert ACCESS.allows(person("clerk"), "invoices.approve")
    assert ACCESS.allows(person("clerk"), "documents.read")
    assert not ACCESS.allows(person("clerk"), "payments.release")


def test_scopes_narrow_and_never_widen() -> None:
    assert not ACCESS.allows(person("clerk", scopes=("documents.read",)), "invoices.approve")
    assert not ACCESS.allows(person("viewer", scopes=("payments.release",)), "payments.release")


def test_a_partner_sees_its_own_and_nothing_else() -> None:
    partner = person("supplier", supplier="SUP-1")
    assert ACCESS.allows(partner, "orders.read", About(supplier="SUP-1"))
    assert not ACCESS.allows(partner, "orders.read", About(supplier="SUP-2"))
    assert not ACCESS.allows(partner, "orders.read")
    assert not ACCESS.allows(person("supplier"), "orders.read", About(supplier=""))


def test_a_limit_holds_per_currency() -> None:
    buyer = person("buyer", limits=(Money(Decimal(500), "USD"),))
    assert ACCESS.allows(buyer, "approvals.decide", About(amount=Money(Decimal(500), "USD")))
    assert not ACCESS.allows(buyer, "approvals.decide", About(amount=Money(Decimal("500.01"), "USD")))
    assert "EUR" in ACCESS.allows(buyer, "approvals.decide", About(amount=Money(Decimal(1), "EUR"))).reason


@pytest.mark.parametrize("role", ROLES)
def test_no_standard_role_holds_duties_that_belong_apart(role: str) -> None:
    assert ACCESS.apart(person(role)) == ()


def test_two_roles_together_may_hold_too_much() -> None:
    assert "who approves an invoice never releases its payment" in ACCESS.apart(person("clerk", "treasurer"))


@pytest.mark.parametrize("permission", ["invoices.approve", "payments.release"])
def test_whoever_holds_both_duties_may_do_neither(permission: str) -> None:
    both = person("clerk", "treasurer")
    verdict = ACCESS.allows(both, permission)
    assert not verdict
    assert "two people" in verdict.reason
    assert ACCESS.allows(both, "payments.read")
    assert ACCESS.allows(person("clerk", "treasurer", scopes=(permission, "*.read")), permission)  # a narrower proof holds one


def test_a_limit_of_the_role_holds_unless_another_role_has_none() -> None:
    access = Access(
        limits={"buyer": (Money(Decimal(100), "USD"),), "chief": (Money(Decimal(900), "USD"),)}, roles={"chief": ("@buyer",)}
    )
    about = About(amount=Money(Decimal(500), "USD"))
    assert not access.allows(person("buyer"), "approvals.decide", about)
    assert access.allows(person("buyer", "chief"), "approvals.decide", about)
    assert access.allows(person("buyer", "treasurer"), "approvals.decide", about)


def test_nobody_takes_emergency_rights_unless_the_policy_says_so() -> None:
    assert ACCESS.takes(person("operator")) == ()
    access = Access(emergency={"operator": ("buyer",), "clerk": ("treasurer", "operator")})
    assert access.takes(person("operator")) == ("buyer",)
    assert access.takes(person("clerk")) == ("operator",)  # never what belongs apart
    assert access.takes(person("operator", kind="machine")) == ()


def test_a_policy_without_a_version_needs_its_approver_too(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    file.write_text('[roles]\nnight = ["@clerk", "systems.read"]\n')
    with pytest.raises(BadAccess, match="approver"):
        read_access(file)
    file.write_text('author = "Ana"\napprover = "ana "\n')
    with pytest.raises(BadAccess, match="approver"):
        read_access(file)
    file.write_text('author = "ana"\napprover = "ben"\n[emergency]\nclerk = ["treasurer"]\n')
    with pytest.raises(BadAccess, match="never releases"):
        read_access(file)


def test_a_policy_names_author_and_another_approver(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    assert read_access(file) == Access()
    file.write_text('version = "2"\nauthor = "ana"\napprover = "ana"\n')
    with pytest.raises(BadAccess, match="approver"):
        read_access(file)
    file.write_text('version = "2"\nauthor = "ana"\napprover = "ben"\n[roles]\nall = ["*.*"]\n')
    with pytest.raises(BadAccess, match="never pays"):
        read_access(file)
    file.write_text('version = "2"\nauthor = "ana"\napprover = "ben"\n[roles]\nnight = ["@clerk", "systems.read"]\n')
    assert read_access(file).allows(person("night"), "systems.read")
