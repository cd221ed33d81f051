"""Duties that stay apart and emergency rights: static checks, alarms, time limits, and a review by somebody else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from suture.gateway import ROLES, Access, Caller
from suture.gateway.identity import Grant, Identity, Issuer, Settings, emergency, segregation
from suture.gateway.identity.segregation import Way
from suture.gateway.identity.settings import Certificate, Client
from suture.journal.memory import MemoryJournal
from suture.model import Approval, Case, CaseResolved, Decision, Invoice, Ref, Supplier
from suture.runtime.clock import ManualClock
from suture.runtime.command import command
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
POLICY = Access(version="2", author="ana", approver="ben", emergency={"operator": ("buyer",)})
NOOR = Caller(subject="noor", roles=("operator",))


def issuer(**roles: tuple[str, ...]) -> Settings:
    return Settings(issuers=(Issuer(issuer="https://login.example", audience="a", roles=roles),))


def test_the_standard_policy_keeps_duties_apart() -> None:
    assert segregation.check(Access(), Settings()) == ()


@pytest.mark.parametrize("one", ROLES)
def test_no_role_can_make_a_supplier_approve_its_invoice_and_pay_it(one: str) -> None:
    chain = ("masters.write", "invoices.approve", "payments.release")
    held = [duty for duty in chain if Access().allows(Caller(subject="x", roles=(one,)), duty)]
    assert len(held) <= 1


def test_no_set_of_roles_can_do_two_steps_of_the_chain() -> None:
    everything = Caller(subject="x", roles=tuple(role for role in ROLES if role not in ("supplier", "logistics")))
    for duty in ("masters.write", "invoices.approve", "payments.release"):
        assert not Access().allows(everything, duty)


def test_a_claim_worth_two_duties_is_an_error_and_a_pair_of_claims_a_warning() -> None:
    (error, *_) = segregation.check(Access(), issuer(Finance=("clerk", "treasurer")))
    assert (error.code, error.severity) == ("duties_not_apart", "error")
    (warning,) = segregation.check(Access(), issuer(AP=("clerk",), Treasury=("treasurer",)))
    assert (warning.code, warning.severity) == ("duties_meet", "warning")
    assert segregation.check(Access(), issuer(AP=("clerk",), Night=("operator",))) == ()


@pytest.mark.parametrize("role", ["clerk", "treasurer", "administrator", "auditor"])
def test_a_machine_has_no_persons_duty(role: str) -> None:
    by_token = Settings(issuers=(Issuer(issuer="https://i.example", audience="a", clients=(Client(id="erp", roles=(role,)),)),))
    by_certificate = Settings(certificates=(Certificate(name="erp", subject="CN=erp", roles=(role,)),))
    for settings in (by_token, by_certificate):
        assert "personal_duty" in {finding.code for finding in segregation.check(Access(), settings)}
    assert segregation.of_machine(Access(), "erp", Grant(roles=("machine",))) == ()


def test_a_way_in_for_a_duty_asks_for_that_duty() -> None:
    ways = [
        Way("create_supplier", "masters.write", (Supplier,)),
        Way("approve", "approvals.decide", (Approval,)),
        Way("submit_invoice", "invoices.submit", (Invoice,)),
    ]
    assert segregation.check(Access(), Settings(), ways) == ()
    (finding,) = segregation.check(Access(), Settings(), [Way("import_anything", "documents.submit", (Invoice, Supplier))])
    assert (finding.code, finding.path) == ("duty_unasked", "import_anything")


# -- emergencies


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


def takes(journal: MemoryJournal, caller: Caller = NOOR, role: str = "buyer", reason: str = "the order desk burns") -> None:
    emergency.take(journal, POLICY, caller, role, reason=reason, now=NOW)


def as_seen(journal: MemoryJournal, at: datetime, caller: Caller = NOOR, access: Access = POLICY) -> Caller:
    door = Identity(Settings(), journal, ManualClock(at), access=access)
    return asyncio.run(door.with_rights(caller))


def test_emergency_rights_hold_for_an_hour_and_say_why(journal: MemoryJournal) -> None:
    takes(journal)
    inside = as_seen(journal, NOW + timedelta(minutes=59))
    assert POLICY.allows(inside, "orders.create")
    assert (inside.emergency, inside.until) == ("the order desk burns", NOW + timedelta(hours=1))
    after = as_seen(journal, NOW + timedelta(hours=1))
    assert after == NOOR
    assert not POLICY.allows(after, "orders.create")


def test_nobody_takes_what_the_policy_does_not_offer(journal: MemoryJournal) -> None:
    with pytest.raises(emergency.NotYours):
        takes(journal, role="treasurer")
    with pytest.raises(emergency.NotYours):
        takes(journal, Caller(subject="eve", roles=("viewer",)))
    with pytest.raises(ValueError, match="reason"):
        takes(journal, reason=" ")
    assert not journal.read(0, 10)


def test_rights_end_when_they_are_given_back_or_the_policy_changes(journal: MemoryJournal) -> None:
    takes(journal)
    assert as_seen(journal, NOW, access=Access()) == NOOR
    emergency.give_back(journal, "noor", actor="noor", reason="the desk is back", now=NOW)
    assert as_seen(journal, NOW) == NOOR


def test_taking_rights_raises_an_alarm_that_only_somebody_else_can_close(journal: MemoryJournal) -> None:
    takes(journal)
    decided, alarm = (row.event.data for row in journal.read(0, 10))
    assert isinstance(decided, Decision)
    assert (decided.actor, decided.verb, decided.values["roles"]) == ("noor", "take", "buyer")
    assert isinstance(alarm, Case)
    assert alarm.deadline == NOW + timedelta(days=1)
    assert journal.count_states("cases", b'{"phase":"open"') == 1

    wiring = Wiring(journal, Network(name="n"), privacy_key=b"k" * 32)

    def reviews(actor: str, id: str) -> str:
        about = Ref("Case", alarm.id)
        said = Decision(id=id, subject=about, verb="reviewed", actor=actor, at=NOW, reason="looked at all", position=2)
        return command(wiring, said, NOW)

    with pytest.raises(ValueError, match="somebody else"):
        reviews("Noor", "1")
    assert reviews("omar", "2") == "the review is noted"
    assert isinstance(journal.find(Ref("Case", alarm.id))[-1].event.data, CaseResolved)
    assert journal.count_states("cases", b'{"phase":"open"') == 0
