"""What a counterpart holds otherwise of our suppliers is asked of the stewards: once, without a value, until both sides agree."""

from __future__ import annotations

from typing import Any

import pytest

from suture.model import Case, CaseResolved, Decision, Policy, Ref
from suture.processes.rehearsal import START
from suture.runtime.command import command
from suture.runtime.suppliers import SHOWN, compare_suppliers, tell
from suture.views import exceptions, history
from tests.runtime.counterparts import Counterparts
from tests.runtime.test_suppliers import OURS, SECRET, row, supplier
from tests.small_network import MASTERS

ALL = ("BIRCH", "CEDAR", "ELMWD")
OTHER_ACCOUNT = {"bank": {"routing": "021000021", "account": SECRET}}


class House(Counterparts):
    """The small network with three more suppliers, which its ERP knows as well as those of the house."""

    def __init__(self, *more: Any) -> None:
        super().__init__(masters=(*MASTERS, *OURS, *more))
        self.others = tuple(each.id for each in more if hasattr(each, "terms_days"))

    def compare(self, **changed: dict[str, Any] | None) -> list[Case]:
        """The exceptions that are open after a run in which these rows are told otherwise; None: not at all."""
        rows = {id: changed.get(id, {}) for id in (*ALL, *self.others)}
        house = [{**_as_it_is(each)} for each in MASTERS if type(each).__name__ == "Supplier"]
        self.erp.master = house + [row(id, **given) for id, given in rows.items() if given is not None]
        self.wait(1)
        self.reconcile("erp")
        return [each.case for each in exceptions(history(self.journal)) if each.case.id.startswith("suppliers/")]

    def accept(self, case: Case) -> None:
        """A steward accepts it."""
        position = self.journal.find(Ref("Case", case.id))[-1].position
        decision = Decision(
            id="d" * 32,
            subject=Ref("Case", case.id),
            verb="accept",
            actor="Nia Osei",
            at=self.clock.now(),
            reason="agreed",
            position=position,
        )
        command(self.still.wiring, decision, self.clock.now())

    def ended(self) -> list[tuple[str, str]]:
        """What was ended, and how."""
        facts = [each.event.data for each in history(self.journal)]
        return [(each.case, each.action) for each in facts if isinstance(each, CaseResolved)]


def _as_it_is(ours: Any) -> dict[str, Any]:
    told = {"vendor": ours.id, "name": ours.name, "blocked": ours.status == "blocked", "currency": ours.currency}
    bank = {"routing": ours.account.routing, "account": ours.account.number} if ours.account else None
    return {**told, "paymentTermsDays": ours.terms_days, "taxNumber": ours.tax_id, "bank": bank}


def test_a_supplier_with_another_account_is_one_exception_for_the_stewards() -> None:
    house = House()
    assert house.compare() == []
    [case] = house.compare(CEDAR=OTHER_ACCOUNT)
    assert (case.id, case.reason, case.owner) == ("suppliers/erp/supplier_differs/account", "supplier_differs", "steward")
    assert case.text == "erp, suppliers: bank account of CEDAR not as in the group's master data"
    assert case.objects == (Ref("Supplier", "CEDAR"),)
    assert case.deadline is not None
    assert not [secret for secret in (SECRET, "9998", "4440001112") if secret in repr(case)]
    assert len(case.context["fingerprint"]) == 32
    assert house.compare(CEDAR=OTHER_ACCOUNT) == [case], "a second run finds it open"
    assert house.compare() == []
    assert house.ended() == [(case.id, "gone")]


def test_each_field_is_an_exception_of_its_own_with_all_who_differ() -> None:
    house = House()
    found = house.compare(CEDAR={"paymentTermsDays": 45, "taxNumber": "9"}, ELMWD={"paymentTermsDays": 60}, BIRCH=None)
    assert {(each.context["field"], each.context["suppliers"], each.context["differences"]) for each in found} == {
        ("payment terms", "CEDAR, ELMWD", "2"),
        ("tax number", "CEDAR", "1"),
        ("supplier", "BIRCH", "1"),
    }
    [missing] = [each for each in found if each.reason == "supplier_missing"]
    assert missing.text == "erp, suppliers: supplier BIRCH not listed, though it should be known there"


def test_what_was_accepted_is_quiet_until_others_differ() -> None:
    house = House()
    [case] = house.compare(CEDAR=OTHER_ACCOUNT)
    house.accept(case)
    assert house.compare(CEDAR=OTHER_ACCOUNT) == []
    assert house.ended() == [(case.id, "accept")]
    assert house.compare(CEDAR=OTHER_ACCOUNT) == []
    [third] = house.compare(CEDAR={"bank": {"routing": "021000021", "account": "777"}})
    assert third.context["suppliers"] == "CEDAR", "another account than the one that was accepted"
    assert house.compare() == []
    [again] = house.compare(CEDAR=OTHER_ACCOUNT, ELMWD=OTHER_ACCOUNT)
    assert (again.id, again.context["suppliers"]) == (case.id, "CEDAR, ELMWD")


def test_a_policy_may_let_them_be() -> None:
    count = {"supplier_differs": "count", "supplier_missing": "count"}
    agreed = {"version": 1, "effective": START.replace(year=START.year - 1), "author": "author", "approver": "controller"}
    house = House(Policy(id="reconciliation", values=count, **agreed))  # type: ignore[arg-type]  # each field its own type
    assert house.compare(CEDAR=OTHER_ACCOUNT, BIRCH=None) == []


@pytest.mark.parametrize("number", [SHOWN, SHOWN + 5])
def test_of_many_the_first_are_named_and_the_rest_counted(number: int) -> None:
    house = House(*(supplier(f"S-{place:03}") for place in range(number)))
    [case] = house.compare(**{f"S-{place:03}": {"currency": "EUR"} for place in range(number)})
    assert len(case.objects) == SHOWN
    assert case.context["differences"] == str(number)
    assert case.context["suppliers"].endswith(" and 5 more" if number > SHOWN else f"S-{SHOWN - 1:03}")


def test_a_roster_that_was_not_told_ends_nothing() -> None:
    house = House()
    [case] = house.compare(CEDAR=OTHER_ACCOUNT)
    house.erp.master = None
    house.wait(1)
    house.reconcile("erp")
    assert case.id not in dict(house.ended())


def test_a_field_that_nobody_was_told_of_ends_nothing() -> None:
    house = House()
    [case] = house.compare(CEDAR=OTHER_ACCOUNT)
    held = compare_suppliers(house.still.wiring, house.still.wiring.instances["erp"], (), house.clock.now())
    assert held.fields == ()
    house.wait(1)
    tell(house.still.wiring, house.still.wiring.instances["erp"], (), house.clock.now())
    assert case.id not in dict(house.ended())
