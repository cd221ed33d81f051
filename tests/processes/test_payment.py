"""One payment with the bank, and the whole money side together: never twice, never more than was approved."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import (
    Approval,
    Document,
    Invoice,
    InvoiceStatus,
    PaymentInstruction,
    PaymentStatus,
    Ref,
    Remittance,
    RemittedInvoice,
)
from suture.processes.invoice_match import PROCESS as MATCH
from suture.processes.invoice_to_payment import PROCESS as INVOICE
from suture.processes.payment import PROCESS
from suture.processes.rehearsal import START

from .hospital import ACCOUNT, MASTERS, TODAY, credit, invoice, order, receipt, usd
from .river import River, assert_example

PAYMENT = "PAY-ALDER:77-1"
INSTRUCTION = PaymentInstruction(
    id=PAYMENT,
    entity="NORTH",
    supplier="ALDER",
    creditor=ACCOUNT,
    amount=usd("40.00"),
    execute_on=TODAY,
    invoices=("ALDER:77",),
)


def status(word: Any, payment: str = PAYMENT, **more: Any) -> PaymentStatus:
    return PaymentStatus(payment=payment, status=word, at=START + timedelta(days=1), **more)


def river(*documents: Document) -> River:
    made = River([PROCESS], MASTERS)
    made.say(*documents)
    return made


def phase(made: River) -> str:
    state: str = made.state(PROCESS.name, PAYMENT).phase
    return state


def told(made: River) -> tuple[int, int]:
    """How many remittances and how many returns were stated."""
    return len(made.all(Remittance)), len(made.all(InvoiceStatus))


def test_the_example_is_what_happens() -> None:
    assert_example(PROCESS)


def test_it_is_sent_once_however_often_it_is_ordered() -> None:
    made = river(INSTRUCTION, INSTRUCTION, status("accepted"), INSTRUCTION, status("settled"), INSTRUCTION)
    assert made.sent_to("bank", PaymentInstruction) == [INSTRUCTION]


def test_a_settlement_is_told_once_to_everyone() -> None:
    made = river(INSTRUCTION, status("settled", bank_reference="B-1"), status("settled", bank_reference="B-1"))
    remittance = Remittance(
        payment=PAYMENT,
        supplier="ALDER",
        amount=usd("40.00"),
        paid_on=TODAY + timedelta(days=1),
        lines=(RemittedInvoice(invoice="ALDER:77", paid=usd("40.00")),),
        bank_reference="B-1",
    )
    assert made.all(Remittance) == [remittance]
    for role in ("erp", "ap", "procurement", "supplier"):
        assert made.sent_to(role, Remittance) == [remittance]
    assert not made.timers


@pytest.mark.parametrize("words", [*itertools.permutations(["accepted", "pending", "settled"])])
def test_whatever_the_order_of_good_news_it_is_settled(words: tuple[str, ...]) -> None:
    made = river(INSTRUCTION, *(status(word) for word in (*words, *words)))
    assert (phase(made), told(made), made.reasons()) == ("settled", (1, 0), [])


@pytest.mark.parametrize("word", ["rejected", "returned"])
def test_bad_news_reopens_the_invoice_once(word: str) -> None:
    made = river(INSTRUCTION, status("accepted"), status(word, code="AC04"), status(word, code="AC04"), status("accepted"))
    assert phase(made) == word
    (back,) = made.all(InvoiceStatus)
    assert (back.invoice, back.state, back.reasons, back.payment) == ("ALDER:77", "returned", (word, "AC04"), PAYMENT)
    assert [each.status for each in made.sent_to("erp", PaymentStatus)] == [word]


def test_a_late_return_after_the_settlement_reopens_the_invoice() -> None:
    made = river(INSTRUCTION, status("settled"), status("returned"), status("returned"), status("settled"))
    assert (phase(made), told(made)) == ("returned", (1, 1))


def test_a_settlement_that_is_heard_after_its_return_changes_nothing() -> None:
    made = river(INSTRUCTION, status("returned"), status("settled"))
    assert (phase(made), told(made)) == ("returned", (0, 1))


@pytest.mark.parametrize("words", [("rejected", "settled"), ("settled", "rejected")])
def test_a_bank_that_contradicts_itself_is_asked_and_the_money_counts_as_gone(words: tuple[str, ...]) -> None:
    made = river(INSTRUCTION, *(status(word) for word in words))
    assert (phase(made), len(made.all(Remittance))) == ("settled", 1)
    assert made.case("contradiction").owner == "treasury"


def test_a_payment_that_the_bank_refuses_to_take_was_not_made() -> None:
    made = River([PROCESS], MASTERS)
    made.answers = False
    made.say(INSTRUCTION)
    made.fate((PROCESS.name, PAYMENT), "bank", INSTRUCTION, "refused", "cut-off passed")
    made.flow()
    assert (phase(made), made.all(InvoiceStatus)[0].reasons) == ("rejected", ("refused",))


def test_a_refusal_after_the_bank_has_accepted_is_no_news() -> None:
    made = river(INSTRUCTION, status("accepted"))
    made.fate((PROCESS.name, PAYMENT), "bank", INSTRUCTION, "refused")
    made.flow()
    assert (phase(made), told(made)) == ("accepted", (0, 0))


def silent() -> River:
    made = river(INSTRUCTION)
    made.pass_time(timedelta(hours=72))
    return made


def test_silence_is_treasurys_exception_and_never_a_second_instruction() -> None:
    made = silent()
    case = made.case("payment_unknown")
    assert (case.owner, case.money, case.actions) == ("treasury", usd("40.00"), ("accept", "reject"))
    made.pass_time(timedelta(days=30))
    assert len(made.sent_to("bank", PaymentInstruction)) == 1
    made.say(status("settled"))
    assert (phase(made), made.reasons()) == ("settled", [])


def test_each_word_of_the_bank_begins_the_wait_anew() -> None:
    made = river(INSTRUCTION)
    made.pass_time(timedelta(hours=60))
    made.say(status("accepted"))
    made.pass_time(timedelta(hours=60))
    assert made.reasons() == []
    made.pass_time(timedelta(hours=12))
    assert made.reasons() == ["payment_unknown"]


@pytest.mark.parametrize(("verb", "end", "facts"), [("accept", "settled", (1, 0)), ("reject", "rejected", (0, 1))])
def test_treasury_says_what_the_bank_did_not(verb: str, end: str, facts: tuple[int, int]) -> None:
    made = silent()
    made.decide("payment_unknown", verb, "treasurer-1")
    assert (phase(made), told(made), made.reasons()) == (end, facts, [])
    made.say(status("settled"))
    assert (phase(made), len(made.all(Remittance))) == ("settled", 1)


def test_another_amount_than_ordered_is_treasurys_to_clear() -> None:
    made = river(INSTRUCTION, status("settled", amount=usd("39.50")))
    assert (phase(made), told(made)) == ("unclear", (0, 0))
    made.decide("amount_differs", "accept", "treasurer-1")
    assert (phase(made), told(made)) == ("settled", (1, 0))


@pytest.mark.parametrize(("verb", "end", "facts"), [("accept", "settled", (1, 0)), ("reject", "rejected", (1, 1))])
def test_a_partial_return_is_treasurys_to_clear(verb: str, end: str, facts: tuple[int, int]) -> None:
    made = river(INSTRUCTION, status("settled"), status("returned", amount=usd("10.00")))
    made.decide("amount_differs", verb, "treasurer-1")
    assert (phase(made), told(made)) == (end, facts)


def test_a_payment_that_nobody_here_ordered_is_an_exception() -> None:
    made = river(status("settled"), status("settled"))
    assert (phase(made), made.reasons(), told(made)) == ("new", ["not_ours"], (0, 0))


def test_a_word_before_the_order_is_heeded_and_nothing_is_sent() -> None:
    made = river(status("settled"), INSTRUCTION)
    assert (phase(made), made.reasons(), told(made)) == ("settled", [], (1, 0))
    assert made.sent_to("bank", PaymentInstruction) == []


def test_a_payment_that_rests_on_no_invoice_is_not_sent() -> None:
    made = river(structs.replace(INSTRUCTION, invoices=()))
    assert (phase(made), made.reasons(), made.sent) == ("untraceable", ["untraceable"], [])


WORDS = [status(word) for word in ("accepted", "pending", "settled", "rejected", "returned")]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=10))
def test_whatever_the_bank_says_however_often_each_side_is_told_at_most_once_per_turn(words: list[PaymentStatus]) -> None:
    made = river(INSTRUCTION, *words)
    remitted, back = told(made)
    assert remitted <= 1
    assert back <= 1 + remitted, "a rejection and, after a settlement, a return"
    assert len(made.sent_to("bank", PaymentInstruction)) == 1


# -- the whole money side


def bank(made: River, word: Any) -> None:
    """The bank says something of the latest payment."""
    made.say(status(word, made.all(PaymentInstruction)[-1].id))


def money_side(pick: Any = None) -> River:
    return River([MATCH, INVOICE, PROCESS], MASTERS, pick)


def test_from_order_to_remittance_every_system_ends_in_the_same_state() -> None:
    made = money_side()
    made.say(order(), receipt(), invoice())
    bank(made, "accepted")
    bank(made, "settled")
    assert made.sent_to("ap", InvoiceStatus)[-1].state == made.sent_to("procurement", InvoiceStatus)[-1].state == "paid"
    for role in ("erp", "ap", "procurement", "supplier"):
        assert [each.amount for each in made.sent_to(role, Remittance)] == [usd("40.00")]
    assert made.reasons() == []


def test_a_return_goes_all_the_way_back_and_only_a_person_pays_again() -> None:
    made = money_side()
    made.say(order(), receipt(), invoice())
    bank(made, "settled")
    bank(made, "returned")
    assert made.reasons() == ["payment_returned"]
    made.decide("payment_returned", "retry", "head-1")
    bank(made, "settled")
    assert [each.payment for each in made.all(Remittance)] == ["PAY-ALDER:77-1", "PAY-ALDER:77-2"]
    assert (made.state(INVOICE.name, "ALDER:77").phase, made.reasons()) == ("paid", [])


APPROVALS = [
    Approval(
        id=f"A-{approver}",
        request="ALDER:88/release/1",
        subject=Ref("Invoice", "ALDER:88"),
        approver=approver,
        decision="approve",
        at=START,
    )
    for approver in ("vendor-desk", "treasurer-1", "treasurer-2")
]
LARGE = invoice("88", 300, orders=("PO-2",))
BOUNDED: list[Document] = [
    order(),
    receipt("GR-1", 6),
    receipt("GR-2", 4),
    receipt("GR-3", reverses="GR-2"),
    receipt("GR-4", 4),
    invoice(),
    structs.replace(invoice(), route="portal"),
    invoice(price="9.00"),
    credit(),
    order("PO-2", 300),
    receipt("GR-5", 300, order="PO-2"),
    LARGE,
    *APPROVALS,
    *(status(word, f"PAY-ALDER:{number}-1") for number in ("77", "88") for word in ("accepted", "settled", "returned")),
]
VERBS = ("accept", "reject", "retry")


@st.composite
def storms(draw: st.DrawFn) -> tuple[list[Document | str], list[int]]:
    """Every document at least once, some again, in any order, with hours passing and people deciding in between."""
    doubled = draw(st.lists(st.sampled_from(BOUNDED), max_size=8))
    turns = draw(st.lists(st.sampled_from(("hours", "days", "person")), max_size=8))
    steps: list[Document | str] = draw(st.permutations([*BOUNDED, *doubled, *turns]))
    return steps, draw(st.lists(st.integers(0, 1000), min_size=1, max_size=40))


def weather(made: River, steps: list[Document | str], chances: list[int]) -> None:
    """Let a storm pass over the money side; every now and then queued documents of different keys overtake each other."""
    draws = itertools.cycle(chances)
    for step in steps:
        if isinstance(step, Document):
            made.hear(step)
            if next(draws) % 3:
                made.flow()
        elif step == "person":
            made.flow()
            decide_something(made, next(draws))
        else:
            made.flow()
            made.pass_time(timedelta(hours=30) if step == "hours" else timedelta(days=4))
    made.flow()
    made.pass_time(timedelta(days=20))


def decide_something(made: River, chance: int) -> None:
    """Somebody, with or without authority, takes one of the actions of one of the open exceptions."""
    open_cases = [case for case in made.cases.values() if case.actions]
    people = ("head-1", "head-2", "nurse", "vendor-desk", "treasurer-1")
    if open_cases:
        case = open_cases[chance % len(open_cases)]
        made.decide_on(case, case.actions[chance % len(case.actions)], people[chance % len(people)])


@settings(max_examples=80, deadline=None)
@given(storms())
def test_no_storm_pays_an_invoice_twice_or_more_than_was_approved(storm: tuple[list[Document | str], list[int]]) -> None:
    steps, chances = storm
    draws = itertools.cycle(chances)
    made = money_side(lambda count: next(draws) % count)
    weather(made, steps, chances)
    ordered, sent = made.all(PaymentInstruction), made.sent_to("bank", PaymentInstruction)
    back = {status.payment for status in made.all(InvoiceStatus) if status.state == "returned"}
    assert len({each.id for each in ordered}) == len(ordered)
    assert len({each.id for each in sent}) == len(sent)
    for bill in ("ALDER:77", "ALDER:88"):
        approved = [each.total.amount for each in made.sent_to("erp", Invoice) if each.id == bill]
        unreturned = [each.amount.amount for each in ordered if bill in each.invoices and each.id not in back]
        assert len(unreturned) <= 1
        assert sum(unreturned) <= max(approved, default=Decimal(0))
    for instruction, claim in zip(made.emitted, made.behind, strict=True):
        if not isinstance(instruction, PaymentInstruction):
            continue
        matched = all(result.outcome == "matched" for result in claim.results)
        assert matched or len(set(claim.accepted_by)) >= 2, "no payment without a match within tolerance or two approvers"
        assert not {"vendor-desk", "nurse"} & set(instruction.released_by), "nobody pays what they created or requested"
        assert instruction.amount.amount <= 1000 or set(instruction.released_by) & {"treasurer-1", "treasurer-2"}


def test_the_storm_without_people_ends_as_the_calm() -> None:
    """J01: in order and once, or each document five times: the same payments, statuses and exceptions."""
    calm, again = money_side(), money_side()
    story: list[Document] = [order(), receipt(), invoice(), credit()]
    calm.say(*story)
    for document in story:
        again.say(*[document] * 5)
    for made in (calm, again):
        bank(made, "settled")
    assert again.states == calm.states
    assert (again.emitted, again.log) == (calm.emitted, calm.log)
