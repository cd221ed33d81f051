"""What counterparts really hold is compared with what we believe: all is found, mended or asked once."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TypeVar

import pytest
from msgspec import structs

from suture.formats import Stamp
from suture.journal import OPEN, Delivery, Event, Fenced, Unit
from suture.model import (
    Case,
    Decision,
    Document,
    GoodsReceipt,
    MessageReceived,
    Money,
    OrderChange,
    Policy,
    PurchaseOrder,
    Quantity,
    Reconciled,
    Ref,
    Repaired,
)
from suture.processes.rehearsal import START
from suture.runtime.command import command
from suture.runtime.holdings import holdings
from suture.runtime.mending import CASES_MOST
from suture.runtime.reconcile import Reconciliation, Report, reconcile
from suture.runtime.units import delivery_of, owed_of
from suture.systems import Call
from suture.transports import Http, HttpReply, NoReply, Reply, Request
from suture.views import exceptions, history, ledger
from tests.runtime.counterparts import Counterparts, Straight, at_once
from tests.runtime.spoiling import Spoiled, restore, snapshot, spoil
from tests.small_network import MASTERS, arrivals, story
from verifier.books import Books
from verifier.findings import Findings

D = TypeVar("D", bound=Document)


def policy(**values: str) -> Policy:
    """What is done about differences, agreed by two people."""
    return Policy(
        id="reconciliation",
        version=1,
        effective=START.replace(year=START.year - 1),
        author="author",
        approver="controller",
        values=dict(values),
    )


def living(purchases: int = 3, **values: str) -> Counterparts:
    """A hospital that has bought something, and its policy."""
    house = Counterparts(masters=(*MASTERS, policy(**values)) if values else MASTERS)
    house.live(purchases)
    return house


def found(report: Report) -> set[tuple[str, str, str]]:
    return {(each.listing, each.kind, each.reference) for each in report.differences}


def done(report: Report) -> dict[str, str]:
    return {each.reference: each.done for each in report.differences}


# -- everything that is injected


def test_every_injected_difference_is_found_named_and_settled_once() -> None:
    """Two hundred sets of differences in one house that lives on: found to the last, no more, and a second run adds nothing."""
    house = living(4, resends="1000000")
    injected, repaired = 0, 0
    for seed in range(200):
        before = snapshot(house)
        spoiled = spoil(house, Random(seed))
        injected += len(spoiled)
        for name in house.twins:
            repaired += _one_run(house, name, [each for each in spoiled if each.twin == name])
        house.wait()
        for name in house.twins:
            mended = {each.reference for each in spoiled if each.twin == name and each.kind == "missing_there"}
            again = house.reconcile(name)
            left = [each for each in spoiled if each.twin == name and each.kind != "missing_there"]
            assert found(again) == {(each.listing, each.kind, each.reference) for each in left}, (seed, name)
            assert set(done(again).values()) <= {"open"}, (seed, name)
            assert not mended & {each.reference for each in again.differences if each.kind == "missing_there"}
        restore(house, before)
        ended = sum(house.reconcile(name).gone for name in house.twins)
        assert ended == sum(each.kind != "missing_there" for each in spoiled)
        assert not [row.case.id for row in exceptions(history(house.journal)) if "reconcile/" in row.case.id]
    assert injected > 800
    assert repaired > 200
    assert ledger(history(house.journal)).balanced
    assert_verified(house)


def assert_verified(house: Counterparts) -> None:
    """The independent reader of the books finds nothing wrong in them either."""
    findings = Findings()
    books = Books(findings)
    for position, body in house.journal.bodies(0, 1_000_000):
        books.enter(position, body)
    balance = books.close()
    assert not findings.counts, [str(each) for each in findings][:5]
    assert balance.open == sum(each.status in OPEN and each.status != "parked" for each in house.journal.open_deliveries())


def _one_run(house: Counterparts, name: str, spoiled: list[Spoiled]) -> int:
    report = house.reconcile(name)
    assert found(report) == {(each.listing, each.kind, each.reference) for each in spoiled}
    assert len(report.differences) == len(spoiled)
    for each in report.differences:
        assert each.done == ("resent" if each.kind == "missing_there" else "raised"), each
    return sum(each.done == "resent" for each in report.differences)


# -- what is put right


def test_what_was_lost_goes_again_in_order_and_a_second_run_does_nothing() -> None:
    house = living()
    house.erp.orders.pop(0)
    house.erp.receipts.pop(0)
    first = house.reconcile("erp")
    assert done(first) == {"PO-R-1": "resent", "GR-1": "resent"}
    at_once_again = house.reconcile("erp")
    assert not at_once_again.differences
    assert at_once_again.in_flight == 2, "what goes again is on its way"
    house.wait()
    assert [booked.reference for booked in house.erp.orders] == ["PO-R-2", "PO-R-3", "PO-R-1"]
    assert len(house.erp.receipts) == 3
    assert not house.reconcile("erp").differences
    assert ledger(history(house.journal)).balanced
    told = [data for data in facts(house, Repaired) if data.action == "resent"]
    assert {(str(data.document), data.found) for data in told} == {
        ("PurchaseOrder:PO-R-1", "missing_there"),
        ("GoodsReceipt:GR-1", "missing_there"),
    }


def test_what_can_be_looked_up_is_looked_up_before_it_goes_again() -> None:
    """The list was wrong: the receipt is there after all, and is not posted twice."""
    house = living()
    hidden = house.erp.receipts.pop(0)
    house.reconcile("erp")
    house.erp.receipts.append(hidden)
    house.wait()
    assert sorted(booked.reference for booked in house.erp.receipts) == ["GR-1", "GR-2", "GR-3"]
    assert not house.reconcile("erp").differences


def test_what_vanishes_again_and_again_is_asked_about() -> None:
    house = living()
    for expected in ("resent", "raised", "open"):
        house.erp.orders[:] = [booked for booked in house.erp.orders if booked.reference != "PO-R-2"]
        assert done(house.reconcile("erp")) == {"PO-R-2": expected}
        house.wait()
    (case,) = cases(house)
    assert (case.reason, case.money, case.owner) == ("missing_there", Money(Decimal("40.00"), "USD"), "operations")
    assert case.deadline is not None
    decide(house, case, "resend")
    assert done(house.reconcile("erp")) == {"PO-R-2": "resent"}
    house.wait()
    assert not cases(house)
    assert not house.reconcile("erp").differences


def test_an_order_goes_again_with_its_changes() -> None:
    house = living(1)
    order = next(each.document for each in deliveries(house, "erp") if isinstance(each.document, PurchaseOrder))
    assert isinstance(order, PurchaseOrder)
    line = structs.replace(order.lines[0], quantity=Quantity(Decimal(7), "EA"))
    change = OrderChange(order=order.id, version=1, supplier=order.supplier, at=START, lines=(line,))
    owe(house, "erp", change, key=order.id)
    house.wait()
    assert not house.reconcile("erp").differences, "the list shows the order as its change left it"
    house.erp.orders.clear()
    house.erp.changes.clear()
    house.erp.receipts.clear()
    house.reconcile("erp")
    house.wait()
    assert [row.reference for row in (*house.erp.orders, *house.erp.changes)] == ["PO-R-1", "PO-R-1/1"]
    assert not house.reconcile("erp").differences


def test_a_cancelled_order_that_was_cleared_away_is_not_missed() -> None:
    house = living(1)
    owe(house, "erp", OrderChange(order="PO-R-1", version=1, supplier="ALDER", at=START, kind="cancel"), key="PO-R-1")
    house.wait()
    assert not house.reconcile("erp").differences
    house.erp.orders.clear()
    assert not house.reconcile("erp").differences


def test_what_arrived_without_a_word_is_confirmed_with_its_number() -> None:
    """Every reply was lost until we gave up: the ERP has the order, its own list says so, and the purchase goes on."""
    house = Counterparts()
    healthy = house.still.links["erp"]

    def mute(request: Request) -> Reply:
        healthy(request)
        raise NoReply("the reply was lost")

    house.still.links = {**house.still.links, "erp": mute}
    house.still.accept(*arrivals(story(1)[:1]))
    house.wait(24 * 60)
    (parked,) = [each for each in deliveries(house, "erp") if each.status == "parked"]
    assert [case.id for case in cases(house)] == [f"delivery/{parked.id}"]
    house.still.links = {**house.still.links, "erp": healthy}
    assert done(house.reconcile("erp", dry=True)) == {"PO-R-1": "confirmed"}
    assert house.journal.delivery(parked.id) == parked
    assert done(house.reconcile("erp")) == {"PO-R-1": "confirmed"}
    after = house.journal.delivery(parked.id)
    assert after is not None
    assert (after.status, after.reference) == ("done", house.erp.orders[0].number)
    assert not cases(house)
    house.wait()
    assert [delivery.role for delivery in deliveries(house, "supplier")] == ["supplier"], "the process heard that it is done"
    assert len(house.erp.orders) == 1
    assert ledger(history(house.journal)).balanced


def test_what_was_refused_and_stands_there_all_the_same_is_asked_about() -> None:
    house = living(1)
    house.erp.vendors.clear()
    house.still.accept(*arrivals(story(2)[:1]))
    house.wait()
    house.erp.orders.append(structs.replace(house.erp.orders[0], number="4599999999", reference="PO-R-2"))
    report = house.reconcile("erp")
    assert found(report) == {("orders", "held_but_refused", "PO-R-2")}
    assert done(report) == {"PO-R-2": "raised"}


# -- what they should have told us


def test_what_they_never_told_us_is_missing_here_until_they_do() -> None:
    house = living(1)
    receipt = story(2)[1]
    assert isinstance(receipt, GoodsReceipt)
    house.inventory.receipts.append(structs.replace(receipt, received_at=house.clock.now()))
    assert not house.reconcile("inventory").differences, "it may still be on its way"
    house.wait()
    report = house.reconcile("inventory")
    assert found(report) == {("receipts", "missing_here", "GR-2")}
    house.still.accept(*arrivals(story(2)[:2]))
    house.wait()
    again = house.reconcile("inventory")
    assert (found(again), again.gone) == (set(), 1)


def test_what_waits_at_the_door_is_not_missing() -> None:
    house = living(1)
    strange = structs.replace(story(3)[1], id="GR-X", order="PO-unheard-of")
    assert isinstance(strange, GoodsReceipt)
    house.inventory.receipts.append(strange)
    house.still.accept(*arrivals([strange]))
    house.wait()
    assert not house.reconcile("inventory").differences


# -- people and policy


def test_a_person_may_accept_a_difference_until_it_changes() -> None:
    house = living()
    house.erp.invoices[0].body["gross"]["value"] = "45.00"
    house.reconcile("erp")
    (case,) = cases(house)
    assert case.money == Money(Decimal("5.00"), "USD")
    assert "40.00 USD" in case.context["ours"]
    assert "45.00 USD" in case.context["theirs"]
    decide(house, case, "accept")
    assert done(house.reconcile("erp")) == {"ALDER:71": "accepted"}
    assert done(house.reconcile("erp")) == {"ALDER:71": "accepted"}
    assert not cases(house)
    house.erp.invoices[0].body["gross"]["value"] = "46.00"
    assert done(house.reconcile("erp")) == {"ALDER:71": "raised"}
    house.erp.invoices[0].body["gross"]["value"] = "47.00"
    assert done(house.reconcile("erp")) == {"ALDER:71": "raised"}, "the exception shows what is there now"
    (case,) = cases(house)
    assert "47.00 USD" in case.context["theirs"]


def test_policy_may_forbid_repairs_and_let_things_be() -> None:
    house = living(2, missing_there="raise", missing_here="count")
    house.erp.orders.pop(0)
    house.erp.orders.append(structs.replace(house.erp.orders[0], number="4599999999", reference="THEIRS"))
    report = house.reconcile("erp")
    assert done(report) == {"PO-R-1": "raised", "THEIRS": "counted"}
    assert report.remaining == 1


def test_much_that_is_missing_at_once_waits_for_a_person() -> None:
    """The list of a test system, or of a restored one, does not post everything a second time."""
    house = living(4, resends_most="3")
    kept = list(house.erp.orders)
    house.erp.orders.clear()
    report = house.reconcile("erp")
    assert done(report) == {**{f"PO-R-{number}": "held_back" for number in range(1, 5)}, "-": "raised"}
    house.wait()
    assert not house.erp.orders
    assert house.reconcile("erp").remaining == 5
    (case,) = cases(house)
    decide(house, case, "resend")
    assert set(done(house.reconcile("erp")).values()) == {"resent"}
    house.wait()
    assert len(house.erp.orders) == len(kept)
    assert not cases(house)
    assert not house.reconcile("erp").differences


def test_the_exception_of_a_mass_ends_when_the_list_is_whole_again() -> None:
    house = living(4, resends_most="3")
    kept = list(house.erp.orders)
    house.erp.orders.clear()
    house.reconcile("erp")
    house.erp.orders.extend(kept)
    report = house.reconcile("erp")
    assert (found(report), report.gone) == (set(), 1)
    assert not cases(house)


# -- what nothing may be concluded from


def test_what_has_just_gone_is_in_flight() -> None:
    house = Counterparts()
    house.still.accept(*arrivals(story(1)))
    house.still.settle()
    house.erp.orders.clear()
    report = house.reconcile("erp")
    assert not report.differences
    assert report.in_flight
    house.wait(6)
    assert found(house.reconcile("erp")) == {("orders", "missing_there", "PO-R-1")}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (HttpReply(status=503), "HTTP 503"),
        (HttpReply(status=200, body=b"<html>"), "without a list"),
        (HttpReply(status=200, body=b'{"items": [{"externalRef": "PO-R-1", "lines": 7}]}'), "cannot be read"),
        (HttpReply(status=200, body=b'{"items": [], "next": "7"}'), "does not come to an end"),
        (NoReply("nothing came"), "nothing came"),
    ],
    ids=["down", "garbage", "a strange row", "an endless list", "no reply"],
)
def test_nothing_follows_from_a_list_that_was_not_told_to_its_end(broken: HttpReply | NoReply, why: str) -> None:
    house = living(2)
    house.erp.invoices[0].body["gross"]["value"] = "45.00"
    house.reconcile("erp")
    house.erp.orders.clear()
    report = house.reconcile("erp", answer=lambda request: broken if "orders" in request.path else None)
    assert why in report.unheard["orders"]
    assert list(report.unheard) == ["orders"]
    assert done(report) == {"ALDER:71": "open"}
    assert "orders" not in report.compared
    silent = house.reconcile("erp", answer=lambda request: broken)
    assert (silent.compared, silent.gone) == ({}, 0)
    assert len(cases(house)) == 1, "an exception stays open while nobody can say that it is over"


def test_a_list_of_many_pages_is_read_to_its_end() -> None:
    house = living(1)
    pattern = house.erp.payments[0]
    house.erp.payments.extend(structs.replace(pattern, number=f"2{n:08d}", reference=f"OWN-{n:04d}") for n in range(450))
    report = house.reconcile("erp")
    assert report.compared["payments"] == 451
    assert len(report.differences) == 450
    assert sum(each.done == "raised" for each in report.differences) == CASES_MOST
    assert sum(each.done == "left" for each in report.differences) == 450 - CASES_MOST
    assert sum(each.done == "raised" for each in house.reconcile("erp").differences) == CASES_MOST


def test_a_dry_run_changes_nothing() -> None:
    house = living(2)
    house.erp.orders.pop(0)
    house.erp.invoices[0].body["gross"]["value"] = "45.00"
    before = house.journal.counts()
    report = house.reconcile("erp", dry=True)
    assert done(report) == {"PO-R-1": "resent", "ALDER:71": "raised"}
    assert house.journal.counts() == before


def test_the_fact_counts_what_was_compared_found_and_done() -> None:
    house = living(3)
    house.erp.orders.pop(0)
    house.erp.invoices[0].body["gross"]["value"] = "45.00"
    house.reconcile("erp")
    (fact,) = facts(house, Reconciled)
    assert (fact.instance, fact.compared) == ("erp", {"orders": 3, "receipts": 3, "invoices": 3, "entries": 0, "payments": 3})
    assert fact.differences == {"missing_there": 1, "different_amount": 1}
    assert (fact.repaired, fact.raised, fact.gone, fact.unheard) == (1, 1, 0, ())


def test_two_runs_at_once_do_nothing_twice() -> None:
    """The second saw the same lists: it is fenced, looks again, and finds the first one's repairs on their way."""
    house = living(2)
    house.erp.orders.pop(0)
    house.erp.invoices[0].body["gross"]["value"] = "45.00"
    second: list[Report] = []

    def meanwhile(request: Http) -> None:
        if "payments" in request.path and not second:
            second.append(house.reconcile("erp", dry=False, answer=lambda request: None))

    first = house.reconcile("erp", answer=meanwhile)
    assert done(second[0]) == {"PO-R-1": "resent", "ALDER:71": "raised"}
    assert done(first) == {"ALDER:71": "open"}
    house.wait()
    assert sorted(booked.reference for booked in house.erp.orders) == ["PO-R-1", "PO-R-2"]
    assert len(cases(house)) == 1


def test_a_person_who_confirms_meanwhile_wins() -> None:
    """What was settled between the look and the commit is fenced, and looked at again."""
    house = Counterparts()
    healthy = house.still.links["erp"]

    def mute(request: Request) -> Reply:
        healthy(request)
        raise NoReply("the reply was lost")

    house.still.links = {**house.still.links, "erp": mute}
    house.still.accept(*arrivals(story(1)[:1]))
    house.wait(24 * 60)
    (parked,) = [each for each in deliveries(house, "erp") if each.status == "parked"]
    run = prepared(house, "erp")
    position = house.journal.find(Ref("Delivery", parked.id))[-1].position
    decision = Decision(
        id="D-1", subject=Ref("Delivery", parked.id), verb="confirm", actor="ana", at=START, reason="seen", position=position
    )
    command(house.still.wiring, decision, house.clock.now())
    with pytest.raises(Fenced):
        run.commit(house.clock.now(), dry=False)
    assert not house.reconcile("erp").differences


def test_a_system_without_lists_cannot_be_compared() -> None:
    house = Counterparts()
    instance = house.still.wiring.instances["bank"]
    with pytest.raises(LookupError, match="tells no lists"):
        at_once(reconcile(house.still.wiring, instance, Straight(house.erp), house.clock.now))


# -- hands


def cases(house: Counterparts) -> list[Case]:
    return [row.case for row in exceptions(history(house.journal))]


def facts(house: Counterparts, kind: type[D]) -> list[D]:
    return [row.event.data for row in history(house.journal) if isinstance(row.event.data, kind)]


def deliveries(house: Counterparts, name: str) -> list[Delivery]:
    return house.journal.scan_deliveries(name)


def decide(house: Counterparts, case: Case, verb: str) -> None:
    """A person's word on an exception, as ``suture resolve`` says it."""
    now = house.clock.now()
    position = house.journal.find(Ref("Case", case.id))[-1].position
    id = f"{case.id}/{verb}/{position}"
    decision = Decision(id=id, subject=Ref("Case", case.id), verb=verb, actor="ana", at=now, reason="seen", position=position)
    command(house.still.wiring, decision, now)


def owe(house: Counterparts, name: str, document: Document, *, key: str) -> None:
    """A delivery that nobody waits for."""
    wiring, now = house.still.wiring, house.clock.now()
    delivery = delivery_of(wiring, wiring.instances[name], document, now, id=f"owed/{document.refs()[-1].id}", key=key)
    fact = MessageReceived(
        id=delivery.id, instance=name, format="json", documents=0, outcome="accepted", owes=(owed_of(delivery),)
    )
    event = Event(once=delivery.id, kind="accepted", source=name, at=now, data=fact)
    house.journal.commit([Unit(events=[event], deliveries=[delivery])])


def prepared(house: Counterparts, name: str) -> Reconciliation:
    """A run that has compared, but not committed."""
    wiring, now = house.still.wiring, house.clock.now()
    instance = wiring.instances[name]
    call = Call(key="look", stamp=Stamp(number=0, at=now.isoformat()), profile=instance.profile)
    sheets = at_once(holdings(wiring.system(instance).lists, call, Straight(house.twins[name])))
    run = Reconciliation(wiring, instance, sheets, now)
    while run.beliefs.gather():
        pass
    assert all(run.judging())
    return run
