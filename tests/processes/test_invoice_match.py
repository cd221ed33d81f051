"""One order's invoices: late, early, doubled and out-of-order events come to one answer, told once per change."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import Document, InvoiceStatus, MatchResult, OrderChange, OrderLine
from suture.processes.invoice_match import PROCESS
from suture.processes.rehearsal import START

from .hospital import MASTERS, credit, each, invoice, order, pieces, policy, receipt, usd, without
from .river import River, assert_example


def river(*documents: Document, masters: tuple[Document, ...] = MASTERS) -> River:
    made = River([PROCESS], masters)
    made.say(*documents)
    return made


def results(made: River, invoice: str = "ALDER:77") -> list[tuple[int, str, tuple[str, ...]]]:
    told = [result for result in made.all(MatchResult) if result.invoice == invoice]
    return [(result.version, result.outcome, result.lines[0].reasons) for result in told]


def last(made: River, invoice: str = "ALDER:77") -> tuple[str, tuple[str, ...]]:
    return results(made, invoice)[-1][1:]


def change(version: int, count: int, price: str = "4.00", kind: Any = "change") -> OrderChange:
    lines = (OrderLine(number=1, item="GLOVE", quantity=pieces(count), price=each(price), cost_center="CC-1"),)
    return OrderChange(order="PO-1", version=version, supplier="ALDER", at=START, kind=kind, lines=lines)


def test_the_example_is_what_happens() -> None:
    assert_example(PROCESS)


@pytest.mark.parametrize("documents", [*itertools.permutations([order(), receipt(), invoice()])])
def test_whatever_comes_first_the_end_is_a_match(documents: tuple[Document, ...]) -> None:
    assert last(river(*documents)) == ("matched", ())


def test_an_invoice_waits_for_order_and_goods_and_each_change_is_told_once() -> None:
    made = river(invoice(), order(), receipt("GR-1", 4), receipt("GR-2", 2), receipt("GR-3", 4))
    assert results(made) == [
        (1, "waiting", ("order_unknown",)),
        (2, "waiting", ("not_received",)),
        (3, "waiting", ("quantity_over_received",)),
        (4, "matched", ()),
    ]


def test_doubled_events_change_nothing() -> None:
    documents = (order(), receipt(), invoice(), change(1, 10))
    made = river(*documents)
    before = (len(made.emitted), made.states)
    made.say(*documents, *documents)
    assert (len(made.emitted), made.states) == before


def test_a_result_says_what_it_was_judged_by() -> None:
    (told,) = (result for result in river(order(), receipt("GR-1", 6), invoice()).all(MatchResult))
    (judged,) = told.lines
    assert (told.entity, told.facility, told.requester, told.policy) == ("NORTH", "NSH", "nurse", "tolerances/1")
    assert (judged.ordered, judged.received, judged.before, judged.price) == (pieces(10), pieces(6), pieces(0), each("4.00"))
    assert told.variance == usd("16.00")


def test_a_reversal_makes_an_exception_of_a_match_and_another_receipt_heals_it() -> None:
    made = river(order(), receipt(), invoice(), receipt("GR-2", reverses="GR-1"))
    assert last(made) == ("exception", ("receipt_reversed", "not_received"))
    made.say(receipt("GR-3", 6))
    assert last(made) == ("exception", ("receipt_reversed", "quantity_over_received"))
    made.say(receipt("GR-4", 4))
    assert last(made) == ("matched", ())


def test_a_reversal_may_come_before_what_it_reverses() -> None:
    assert last(river(order(), receipt("GR-2", reverses="GR-1"), receipt(), invoice())) == ("waiting", ("not_received",))


@pytest.mark.parametrize("changes", [*itertools.permutations([change(1, 5), change(2, 10, "4.50"), change(3, 10, "4.00")])])
def test_changes_count_by_version_not_by_arrival(changes: tuple[Document, ...]) -> None:
    assert last(river(order(), *changes, receipt(), invoice())) == ("matched", ())


def test_a_cancellation_before_the_order_is_remembered() -> None:
    gone = structs.replace(change(1, 0, kind="cancel"), lines=())
    assert last(river(gone, invoice(), order())) == ("exception", ("order_cancelled",))


def test_a_cancelled_line_named_in_the_cancellation_is_gone_too() -> None:
    assert last(river(order(), change(1, 0, kind="cancel"), invoice())) == ("exception", ("order_cancelled",))


def test_first_come_first_served_and_a_match_stays_a_match() -> None:
    made = river(order(count=15), receipt("GR-1", 5), invoice("A", 10), invoice("B", 5))
    assert last(made, "ALDER:A") == ("waiting", ("quantity_over_received",))
    assert last(made, "ALDER:B") == ("matched", ())
    made.say(receipt("GR-2", 5))
    assert last(made, "ALDER:A") == ("waiting", ("quantity_over_received",)), "5 are left of 10"
    made.say(receipt("GR-3", 5))
    assert (last(made, "ALDER:A"), last(made, "ALDER:B")) == (("matched", ()), ("matched", ()))


def test_a_rejected_invoice_gives_back_what_it_held() -> None:
    made = river(order(), receipt(), invoice("A", 7), invoice("B", 5))
    assert last(made, "ALDER:B") == ("exception", ("quantity_over_ordered",))
    made.say(InvoiceStatus(invoice="ALDER:A", state="rejected", at=START, orders=("PO-1",)))
    assert last(made, "ALDER:B") == ("matched", ())


def test_a_corrected_invoice_may_come_under_the_number_of_a_rejected_one() -> None:
    rejected = InvoiceStatus(invoice="ALDER:77", state="rejected", at=START, orders=("PO-1",))
    made = river(order(), receipt(), invoice(price="9.00"), rejected, invoice(price="9.00"))
    assert results(made) == [(1, "exception", ("price_over",))]
    made.say(invoice(price="4.00"))
    assert results(made)[-1] == (2, "matched", ())


def test_only_rejections_and_refused_copies_concern_an_order() -> None:
    told = InvoiceStatus(invoice="ALDER:77", state="approved", at=START, orders=("PO-1",))
    assert PROCESS.key(told) == ()
    assert PROCESS.key(structs.replace(told, reasons=("duplicate_invoice",))) == ("PO-1",)


def test_a_copy_with_other_content_does_not_count() -> None:
    made = river(order(), receipt(), invoice(), structs.replace(invoice(price="9.00"), route="portal"))
    assert results(made) == [(1, "matched", ())]


def test_an_invoice_over_two_orders_is_judged_on_each() -> None:
    made = river(order("PO-1"), order("PO-2"), receipt(), invoice(orders=("PO-1", "PO-2")))
    assert {result.order: result.outcome for result in made.all(MatchResult)} == {"PO-1": "matched", "PO-2": "waiting"}


def test_a_bill_that_cannot_be_measured_holds_nothing() -> None:
    strange = structs.replace(
        invoice("A"), lines=(structs.replace(invoice().lines[0], quantity=structs.replace(pieces(10), unit="PK")),)
    )
    made = river(order(), receipt(), strange, invoice("B"))
    assert last(made, "ALDER:A") == ("exception", ("unit_unknown",))
    assert last(made, "ALDER:B") == ("matched", ())


def test_a_credit_takes_goods_back_from_the_invoice_that_it_corrects() -> None:
    made = river(order(), receipt("GR-1", 8), invoice(), credit())
    assert results(made) == [(1, "waiting", ("quantity_over_received",)), (2, "matched", ())]
    assert last(made, "ALDER:C1") == ("matched", ())


def test_credits_together_cannot_take_more_than_was_billed() -> None:
    made = river(order(), receipt(), invoice(), credit("C1", 6), credit("C2", 6))
    assert last(made, "ALDER:C1") == ("matched", ())
    assert last(made, "ALDER:C2") == ("exception", ("credit_over_invoice",))


def test_a_credit_that_names_no_invoice_frees_nothing() -> None:
    made = river(order(), receipt("GR-1", 8), invoice(), credit(corrects=""))
    assert last(made) == ("waiting", ("quantity_over_received",)), "its money is not set against this invoice"
    assert last(made, "ALDER:C1") == ("matched", ())


def test_without_a_policy_nothing_is_tolerated() -> None:
    made = river(order(), receipt(), invoice(price="4.01"), masters=without("tolerances"))
    assert last(made) == ("exception", ("price_over",))
    assert made.all(MatchResult)[-1].policy == ""


def test_the_version_in_force_decides_and_is_recorded() -> None:
    made = river(order(), receipt(), masters=(*MASTERS, policy("tolerances", 2, price_percent="0")))
    made.say(invoice(price="4.01"))
    assert (made.all(MatchResult)[-1].outcome, made.all(MatchResult)[-1].policy) == ("exception", "tolerances/2")


STORY: tuple[Document, ...] = (
    order(),
    change(1, 8),
    change(2, 10),
    receipt("GR-1", 4),
    receipt("GR-2", 4),
    receipt("GR-3", reverses="GR-2"),
    receipt("GR-4", 4),
    invoice(),
    credit(),
)


@settings(max_examples=60, deadline=None)
@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=6))
def test_any_order_and_any_repeats_come_to_the_same_end(story: list[Document], again: list[Document]) -> None:
    made = river(*story, *again)
    assert last(made) == ("matched", ())
    assert last(made, "ALDER:C1") == ("matched", ())
    versions = [result.version for result in made.all(MatchResult) if result.invoice == "ALDER:77"]
    assert versions == list(range(1, len(versions) + 1))
