"""An invoice on its way to one payment: touchless where everything agrees, stopped with reasons where it does not."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import suture.processes
from suture.model import (
    Approval,
    ApprovalRequest,
    Case,
    CreditNote,
    Document,
    Invoice,
    InvoiceStatus,
    PaymentInstruction,
    Ref,
    Remittance,
    RemittedInvoice,
)
from suture.processes.invoice_match import PROCESS as MATCH
from suture.processes.invoice_to_payment import PROCESS
from suture.processes.process import Send
from suture.processes.rehearsal import START

from .hospital import ACCOUNT, CONTRACT, MASTERS, SUPPLIER, TODAY, credit, invoice, line, order, policy, receipt, usd, without
from .river import River, assert_example

KEY = "ALDER:77"
PAYMENT = "PAY-ALDER:77-1"


def river(*documents: Document, masters: tuple[Document, ...] = MASTERS) -> River:
    made = River([MATCH, PROCESS], masters)
    made.say(*documents)
    return made


def dear(**more: Any) -> River:
    """An invoice over the price: 10 x 4.50 for 10 x 4.00."""
    return river(order(), receipt(), invoice(price="4.50"), **more)


def words(made: River, key: str = KEY) -> list[str]:
    return [status.state for status in made.all(InvoiceStatus) if status.invoice == key]


def phase(made: River, key: str = KEY) -> str:
    state: str = made.state(PROCESS.name, key).phase
    return state


def remittance(payment: str = PAYMENT, amount: str = "40.00") -> Remittance:
    lines = (RemittedInvoice(invoice=KEY, paid=usd(amount)),)
    return Remittance(payment=payment, supplier="ALDER", amount=usd(amount), paid_on=TODAY, lines=lines)


def came_back(payment: str = PAYMENT) -> InvoiceStatus:
    return InvoiceStatus(invoice=KEY, state="returned", at=START, reasons=("returned", "AC04"), payment=payment)


def approval(approver: str, made: River, decision: Any = "approve") -> Approval:
    request = made.asked[-1]
    return Approval(
        id=f"{request.id}/{approver}",
        request=request.id,
        subject=request.subject,
        approver=approver,
        decision=decision,
        at=made.now,
    )


def paid(made: River) -> list[str]:
    return [f"{instruction.id} {instruction.amount}" for instruction in made.all(PaymentInstruction)]


# -- without a person


def test_the_example_is_what_happens() -> None:
    assert_example(PROCESS)


def test_a_match_is_posted_and_paid_without_a_person() -> None:
    made = river(order(), receipt(), invoice())
    assert words(made) == ["received", "matched", "approved", "posted", "scheduled"]
    (posted,) = made.sent_to("erp", Invoice)
    assert posted == structs.replace(invoice(), entity="NORTH"), "the ledger learns whose it is from the order"
    (instruction,) = made.all(PaymentInstruction)
    assert instruction == PaymentInstruction(
        id=PAYMENT,
        entity="NORTH",
        supplier="ALDER",
        creditor=ACCOUNT,
        amount=usd("40.00"),
        execute_on=TODAY,
        invoices=(KEY,),
        text="Invoice 77",
    )
    made.say(remittance())
    assert (words(made)[-1], phase(made), made.reasons()) == ("paid", "paid", [])


def test_every_state_is_told_once_to_listeners_and_ap_and_what_matters_to_buyers() -> None:
    made = river(order(), receipt(), invoice())
    made.say(remittance(), remittance(), invoice(), receipt(), order())
    assert words(made) == ["received", "matched", "approved", "posted", "scheduled", "paid"]
    assert [status.state for status in made.sent_to("ap", InvoiceStatus)] == words(made)
    assert [status.state for status in made.sent_to("procurement", InvoiceStatus)] == ["posted", "paid"]


def test_a_send_says_where_it_belongs() -> None:
    made = river(order(), receipt(), invoice())
    send = next(send for _, send in made.sent if isinstance(send.document, Invoice))
    assert send == Send(role="erp", document=send.document, key=KEY, entity="NORTH", facility="NSH", supplier="ALDER")


def test_it_waits_for_goods_and_goes_on_when_they_come() -> None:
    made = river(order(), invoice())
    assert (phase(made), words(made)) == ("waiting", ["received", "waiting"])
    made.say(receipt())
    assert phase(made) == "scheduled"
    assert not made.timers


def test_goods_that_do_not_come_are_supply_chains_exception_until_they_come() -> None:
    made = river(order(), invoice())
    made.pass_time(timedelta(hours=24))
    assert made.case("receipt_overdue").owner == "supply_chain"
    made.say(receipt())
    assert (made.reasons(), phase(made)) == ([], "scheduled")


def test_all_orders_of_an_invoice_must_match() -> None:
    made = river(order("PO-1"), order("PO-2"), receipt(), invoice(orders=("PO-1", "PO-2")))
    assert phase(made) == "waiting"
    made.say(receipt("GR-2", order="PO-2"))
    assert paid(made) == ["PAY-ALDER:77-1 80.00 USD"]


@pytest.mark.parametrize(
    ("invoiced", "terms", "due"),
    [
        (invoice(due=TODAY + timedelta(days=3)), 10, START.date() + timedelta(days=3)),
        (invoice(due=None), 10, START.date() + timedelta(days=10)),
    ],
    ids=["as the invoice says", "on the supplier's terms"],
)
def test_it_is_paid_at_six_on_its_day(invoiced: Invoice, terms: int, due: Any) -> None:
    made = river(order(), receipt(), invoiced)
    assert phase(made) == "posted"
    assert set(made.timers.values()) == {datetime(due.year, due.month, due.day, 6, tzinfo=UTC)}
    made.pass_time(timedelta(days=terms))
    assert made.all(PaymentInstruction)[0].execute_on == due


def test_terms_that_changed_meanwhile_count() -> None:
    made = river(order(), receipt(), invoice(due=None))
    made.masters.append(structs.replace(SUPPLIER, terms_days=20))
    made.pass_time(timedelta(days=15))
    assert phase(made) == "posted"
    made.pass_time(timedelta(days=15))
    assert phase(made) == "scheduled"


# -- exceptions and who may accept them


def test_an_exception_shows_everything_a_clerk_wants_to_know() -> None:
    case = dear().case("match_exception")
    assert case.owner == "buyer"
    assert case.money == usd("5.00")
    assert case.actions == ("accept", "reject")
    assert case.deadline == START + timedelta(hours=24)
    assert {Ref("Invoice", KEY), Ref("PurchaseOrder", "PO-1"), Ref("Supplier", "ALDER")} <= set(case.objects)
    assert case.context == {
        "invoice": "77 of 2026-03-02, 45.00 USD, by edi",
        "orders": "PO-1",
        "line 1": "GLOVE on PO-1/1, ordered 10 EA, received 10 EA, invoiced 10 EA at 4.50 USD/EA, order price 4.00 USD/EA, "
        "contract GPO-7 4.00 USD/EA, variance 5.00 USD, price_over",
        "policy": "tolerances/1",
        "history": "2026-03-02 08:00 received; 2026-03-02 08:00 exception price_over",
    }
    assert case.suggestion == "confirm the price with the contract, or ask for a credit"


def test_two_people_accept_what_is_beyond_the_tolerances() -> None:
    made = dear()
    made.decide("match_exception", "accept", "head-1")
    assert (phase(made), paid(made)) == ("exception", [])
    made.decide("match_exception", "accept", "head-2")
    assert made.all(PaymentInstruction)[0].released_by == ("head-1", "head-2")
    approved = next(status for status in made.all(InvoiceStatus) if status.state == "approved")
    assert (approved.reasons, made.reasons()) == (("accepted",), [])


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        ("head-1", "second_person"),
        ("HEAD-1", "second_person"),
        ("nurse", "sod_violation"),
        ("vendor-desk", "sod_violation"),
        ("clerk", "limit_exceeded"),
        ("stranger", "limit_exceeded"),
    ],
)
def test_the_second_must_be_another_with_authority_and_no_part_in_it(actor: str, reason: str) -> None:
    made = dear()
    made.decide("match_exception", "accept", "head-1")
    made.decide("match_exception", "accept", actor)
    assert (phase(made), paid(made)) == ("exception", [])
    assert made.case(reason).owner == "treasury"
    made.decide("match_exception", "accept", "head-2")
    assert phase(made) == "scheduled"


def test_without_a_policy_nobody_may_accept() -> None:
    made = dear(masters=without("approval_limits"))
    for actor in ("head-1", "head-2", "head-3"):
        made.decide("match_exception", "accept", actor)
    assert phase(made) == "exception"


def test_an_acceptance_does_not_cover_what_comes_after_it() -> None:
    made = dear()
    made.decide("match_exception", "accept", "head-1")
    made.say(receipt("GR-2", reverses="GR-1"))
    made.decide("match_exception", "accept", "head-2")
    assert phase(made) == "exception", "head-1 has not accepted that the goods are gone"
    made.decide("match_exception", "accept", "head-3")
    assert phase(made) == "scheduled"


def test_an_acceptance_is_forgotten_when_the_difference_is() -> None:
    made = dear()
    made.decide("match_exception", "accept", "head-1")
    made.say(credit(count=10, price="0.50"))
    assert made.all(PaymentInstruction)[0].released_by == ()


def test_a_rejected_invoice_is_never_paid() -> None:
    made = dear()
    made.decide("match_exception", "reject", "head-1")
    assert (words(made)[-1], made.reasons()) == ("rejected", [])
    made.say(receipt("GR-2"), invoice(price="4.50"))
    made.pass_time(timedelta(days=90))
    assert (phase(made), paid(made)) == ("rejected", [])


def test_a_corrected_invoice_may_take_the_number_of_a_rejected_one() -> None:
    made = dear()
    made.decide("match_exception", "reject", "head-1")
    made.say(invoice())
    assert paid(made) == ["PAY-ALDER:77-1 40.00 USD"]


def test_an_invoice_without_an_order_is_an_exception() -> None:
    made = river(structs.replace(invoice(), lines=(line(1, 10, "4.00", ""),), entity="NORTH"))
    assert made.case("no_order").actions == ("accept", "reject")
    made.decide("no_order", "accept", "head-1")
    made.decide("no_order", "accept", "head-2")
    assert paid(made) == ["PAY-ALDER:77-1 40.00 USD"]


def test_nobody_pays_what_no_entity_owes() -> None:
    made = river(structs.replace(invoice(), lines=(line(1, 10, "4.00", ""),)))
    made.decide("no_order", "accept", "head-1")
    made.decide("no_order", "accept", "head-2")
    assert (phase(made), made.reasons()) == ("held", ["entity_unknown"])


def test_goods_that_never_came_can_be_paid_by_two_people_only() -> None:
    made = river(order(), invoice())
    made.pass_time(timedelta(hours=24))
    made.decide("receipt_overdue", "accept", "head-1")
    assert phase(made) == "waiting"
    made.decide("receipt_overdue", "accept", "head-2")
    assert phase(made) == "scheduled"


def test_a_match_that_is_lost_before_the_due_day_stops_the_payment() -> None:
    made = river(order(), receipt(), invoice(due=TODAY + timedelta(days=5)))
    made.say(receipt("GR-2", reverses="GR-1"))
    made.pass_time(timedelta(days=6))
    assert (phase(made), made.reasons(), paid(made)) == ("exception", ["match_exception"], [])
    made.say(receipt("GR-3"))
    assert phase(made) == "scheduled"
    assert len(made.sent_to("erp", Invoice)) == 1, "the ledger had it already"


def test_a_match_that_is_lost_after_the_payment_is_told() -> None:
    made = river(order(), receipt(), invoice())
    made.say(receipt("GR-2", reverses="GR-1"))
    assert (phase(made), made.reasons()) == ("scheduled", ["match_lost"])


# -- copies


def test_the_same_invoice_by_another_route_is_one_payable_and_one_exception() -> None:
    copy = structs.replace(invoice(), route="portal")
    made = river(order(), receipt(), invoice(), copy, copy, invoice(), structs.replace(invoice(), route="paper"))
    assert len(paid(made)) == 1
    assert made.case("duplicate_invoice").text.startswith("77 of ALDER came by edi and again by portal with the same content")
    made.decide("duplicate_invoice", "reject", "head-1")
    made.say(copy, remittance())
    assert (made.reasons(), phase(made)) == ([], "paid")


def test_other_content_under_the_same_number_is_no_second_payable() -> None:
    made = river(order(), receipt(), invoice(), invoice(count=5), invoice(price="9.00"))
    assert paid(made) == ["PAY-ALDER:77-1 40.00 USD"]
    assert made.reasons() == ["duplicate_invoice"]


def test_a_copy_holds_nothing_of_the_order_that_only_it_names() -> None:
    made = river(order("PO-1"), order("PO-2"), receipt(), receipt("GR-2", order="PO-2"), invoice(), invoice(orders=("PO-2",)))
    other = invoice("88", orders=("PO-2",))
    made.say(other)
    assert len(paid(made)) == 2
    assert made.reasons() == ["duplicate_invoice"]


# -- credit notes


def test_a_credit_before_the_payment_comes_off_it() -> None:
    made = river(order(), receipt("GR-1", 8), invoice(), credit())
    assert paid(made) == ["PAY-ALDER:77-1 32.00 USD"]
    assert made.all(PaymentInstruction)[0].text == "Invoice 77 less C1"
    assert words(made, "ALDER:C1")[-1] == "posted"
    assert len(made.sent_to("erp", CreditNote)) == 1


def test_a_credit_before_the_invoice_comes_off_it_too() -> None:
    made = river(credit(), credit(), order(), receipt("GR-1", 8), invoice())
    assert paid(made) == ["PAY-ALDER:77-1 32.00 USD"]
    assert words(made, "ALDER:C1")[-1] == "posted"


def test_a_credit_after_the_payment_is_a_refund() -> None:
    made = river(order(), receipt(), invoice(), remittance(), credit())
    assert (phase(made), made.case("refund_due").money) == ("paid", usd("8.00"))
    made.say(credit("C2", 1))
    assert made.case("refund_due").money == usd("12.00")


def test_a_credit_of_everything_leaves_nothing_to_pay() -> None:
    made = river(order(), receipt(), invoice(due=TODAY + timedelta(days=1)), credit(count=10))
    made.pass_time(timedelta(days=2))
    assert (phase(made), paid(made), made.reasons()) == ("paid", [], [])


def test_a_credit_in_another_currency_comes_off_nothing() -> None:
    euros = structs.replace(credit(), currency="EUR", total=structs.replace(usd("8.00"), currency="EUR"))
    made = river(order(), receipt(), euros, invoice())
    assert paid(made) == ["PAY-ALDER:77-1 40.00 USD"]
    assert made.case("match_exception").id.startswith("invoice_to_payment/ALDER:C1/")


def test_a_credit_that_does_not_match_is_accepted_by_one_person() -> None:
    made = river(order(), receipt(), invoice(due=TODAY + timedelta(days=1)), credit(count=20))
    assert made.case("match_exception").actions == ("accept",)
    made.decide("match_exception", "accept", "head-1")
    assert words(made, "ALDER:C1")[-1] == "posted"


def test_a_credit_without_an_invoice_stays_on_account() -> None:
    made = river(order(), receipt(), invoice(), credit(corrects=""))
    assert made.case("credit_on_account").money == usd("8.00")


def test_a_credit_whose_invoice_never_comes_is_an_exception_after_a_while() -> None:
    made = river(order(), receipt(), credit())
    made.pass_time(timedelta(hours=24))
    assert made.case("receipt_overdue").owner == "ap"


# -- the ledger


def test_what_the_erp_refuses_is_retried_by_a_person() -> None:
    made = River([MATCH, PROCESS], MASTERS)
    made.answers = False
    made.say(order(), receipt(), invoice())
    assert phase(made) == "approved"
    made.fate((PROCESS.name, KEY), "erp", invoice(), "refused", "period is closed")
    made.flow()
    assert (phase(made), paid(made)) == ("held", [])
    assert "period is closed" in made.case("erp_refused").text
    made.decide("erp_refused", "retry", "head-1")
    assert len(made.sent_to("erp", Invoice)) == 2
    made.fate((PROCESS.name, KEY), "erp", invoice(), "done")
    made.flow()
    assert (phase(made), made.reasons()) == ("scheduled", [])


def test_what_is_rejected_after_posting_is_reversed_by_a_person() -> None:
    made = river(order(), receipt(), invoice(due=TODAY + timedelta(days=5)), receipt("GR-2", reverses="GR-1"))
    made.decide("match_exception", "reject", "head-1")
    assert made.reasons() == ["reverse_posting"]


def test_a_status_that_ap_refuses_is_told_to_operations() -> None:
    made = river(order(), receipt(), invoice())
    told = made.sent_to("ap", InvoiceStatus)[0]
    made.fate((PROCESS.name, KEY), "ap", told, "refused", "no such invoice")
    made.flow()
    assert made.case("undelivered").owner == "operations"


# -- the release


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"status": "blocked"}, "supplier_blocked"), ({"status": "pending"}, "supplier_blocked"), ({"account": None}, "no_account")],
)
def test_a_payee_that_cannot_be_paid_stops_it_until_mended(change: dict[str, Any], reason: str) -> None:
    made = river(order(), receipt(), invoice(), masters=without("ALDER", also=(structs.replace(SUPPLIER, **change),)))
    assert (phase(made), made.reasons()) == ("held", [reason])
    made.decide(reason, "retry", "head-1")
    assert (phase(made), made.reasons()) == ("held", [reason]), "nothing was mended"
    made.masters.append(SUPPLIER)
    made.decide(reason, "retry", "head-1")
    assert (phase(made), made.reasons()) == ("scheduled", [])


def test_an_unknown_supplier_is_not_paid() -> None:
    made = river(order(), receipt(), invoice(), masters=without("ALDER"))
    made.pass_time(timedelta(days=40))
    assert made.reasons() == ["supplier_unknown"]


def big(count: int = 500) -> River:
    return river(order(count=count), receipt(count=count), invoice(count=count))


def test_a_payment_over_the_limit_is_released_by_treasury() -> None:
    made = big()
    (request,) = made.asked
    assert request == ApprovalRequest(
        id="ALDER:77/release/1",
        subject=Ref("Invoice", KEY),
        requester="nurse",
        role="treasury",
        amount=usd("2000.00"),
        reason="release the payment of 77 to ALDER: 1 of 1",
        at=START,
    )
    assert phase(made) == "releasing"
    made.say(approval("treasurer-1", made))
    assert made.all(PaymentInstruction)[0].released_by == ("treasurer-1",)
    made.say(approval("treasurer-2", made))
    assert len(paid(made)) == 1


@pytest.mark.parametrize(
    ("approver", "reason"),
    [
        ("vendor-desk", "sod_violation"),
        ("nurse", "sod_violation"),
        ("junior", "limit_exceeded"),
        ("head-1", "limit_exceeded"),
        ("stranger", "limit_exceeded"),
    ],
)
def test_a_release_without_authority_does_not_count_and_another_is_asked(approver: str, reason: str) -> None:
    made = big()
    made.say(approval(approver, made))
    assert (phase(made), paid(made), made.reasons()) == ("releasing", [], [reason])
    assert [request.id for request in made.asked] == ["ALDER:77/release/1", "ALDER:77/release/2"]
    made.say(approval("treasurer-1", made))
    assert phase(made) == "scheduled"


def test_a_release_that_comes_before_its_question_counts_when_that_is_put() -> None:
    """After a restore the AP platform sends again what the original was answered; the question is put again after it."""
    early = structs.replace(approval("treasurer-1", big()), at=START)
    made = river(early, order(count=500), receipt(count=500), invoice(count=500))
    assert phase(made) == "scheduled"
    assert [request.id for request in made.asked] == ["ALDER:77/release/1"]
    assert made.all(PaymentInstruction)[0].released_by == ("treasurer-1",)


def test_early_releases_without_authority_do_not_count_and_two_people_are_two() -> None:
    asked = big(2000)
    first, second = approval("treasurer-1", asked), approval("treasurer-2", asked)
    nurse, again = approval("nurse", asked), structs.replace(second, id="again", request="ALDER:77/release/2")
    made = river(nurse, first, again, order(count=2000), receipt(count=2000), invoice(count=2000))
    assert (phase(made), made.reasons()) == ("scheduled", ["sod_violation"])
    assert set(made.all(PaymentInstruction)[0].released_by) == {"treasurer-1", "treasurer-2"}


def test_a_large_payment_is_released_by_two_people() -> None:
    made = big(2000)
    made.say(approval("treasurer-1", made), approval("treasurer-1", made))
    assert phase(made) == "releasing"
    made.say(approval("treasurer-2", made))
    assert made.all(PaymentInstruction)[0].released_by == ("treasurer-1", "treasurer-2")


def test_who_accepted_the_difference_does_not_release_the_payment() -> None:
    both = structs.replace(
        next(person for person in MASTERS if getattr(person, "id", "") == "head-1"), roles=("department_head", "treasury")
    )
    masters = without("head-1", also=(both,))
    made = river(order(count=500), receipt(count=500), invoice(count=500, price="5.00"), masters=masters)
    made.decide("match_exception", "accept", "head-1")
    made.decide("match_exception", "accept", "head-2")
    made.say(approval("head-1", made))
    assert (phase(made), made.reasons()) == ("releasing", ["second_person"])


def test_a_refused_release_is_an_exception_and_asked_for_anew() -> None:
    made = big()
    made.say(approval("treasurer-1", made, "reject"))
    assert (phase(made), made.reasons()) == ("held", ["release_refused"])
    made.decide("release_refused", "retry", "head-1")
    made.say(approval("treasurer-2", made))
    assert (phase(made), made.reasons()) == ("scheduled", [])


def test_a_release_that_nobody_answers_is_treasurys_exception() -> None:
    made = big()
    made.pass_time(timedelta(hours=48))
    assert made.case("release_overdue").owner == "treasury"
    made.say(approval("treasurer-1", made))
    assert (phase(made), made.reasons()) == ("scheduled", [])


def test_without_a_payment_policy_every_payment_is_asked_for() -> None:
    made = river(order(), receipt(), invoice(), masters=without("payment"))
    assert phase(made) == "releasing"


def test_the_policy_names_who_releases() -> None:
    masters = without("payment", also=(policy("payment", release_role="department_head"),))
    made = river(order(), receipt(), invoice(), masters=masters)
    made.say(approval("head-1", made))
    assert phase(made) == "scheduled"


def test_who_created_the_supplier_since_has_not_accepted_its_invoice() -> None:
    made = river(order(), receipt(), invoice(price="4.50", due=TODAY + timedelta(days=5)))
    made.decide("match_exception", "accept", "head-1")
    made.decide("match_exception", "accept", "head-2")
    assert phase(made) == "posted"
    made.masters.append(structs.replace(SUPPLIER, created_by="head-2"))
    made.pass_time(timedelta(days=6))
    assert (phase(made), made.reasons(), paid(made)) == ("exception", ["match_exception", "sod_violation"], [])
    made.decide("match_exception", "accept", "head-3")
    assert made.all(PaymentInstruction)[0].released_by == ("head-1", "head-3")


def test_only_the_release_makes_payment_instructions() -> None:
    """No other code of a process or runtime builds one, so no path goes round the checks above."""
    makers = set()
    root = Path(suture.processes.__file__).parents[1]
    for source in (*root.glob("processes/*.py"), *root.glob("runtime/*.py"), *root.glob("rules/*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "PaymentInstruction":
                makers.add(source.name)
    assert makers == {"release.py", "payment.py"}, "payment.py has the one of its example"


# -- what became of the money


def test_a_returned_payment_reopens_the_invoice_and_a_person_pays_again() -> None:
    made = river(order(), receipt(), invoice(), remittance(), came_back())
    assert (phase(made), made.reasons(), len(paid(made))) == ("returned", ["payment_returned"], 1)
    assert made.sent_to("procurement", InvoiceStatus)[-1].state == "returned"
    made.say(came_back())
    made.pass_time(timedelta(days=30))
    assert len(paid(made)) == 1
    made.decide("payment_returned", "retry", "head-1")
    assert paid(made)[1:] == ["PAY-ALDER:77-2 40.00 USD"]
    made.say(came_back(), remittance("PAY-ALDER:77-2"))
    assert (phase(made), made.reasons()) == ("paid", [])


def test_a_second_payment_is_released_anew_and_less_what_was_credited_since() -> None:
    made = big()
    made.say(approval("treasurer-1", made), remittance(amount="2000.00"), credit(), came_back())
    assert made.reasons() == ["payment_returned"], "the credit is no refund any more"
    made.decide("payment_returned", "retry", "head-1")
    assert phase(made) == "releasing"
    made.say(approval("treasurer-1", made))
    assert paid(made)[1:] == ["PAY-ALDER:77-2 1,992.00 USD"]


def test_a_returned_payment_may_end_in_a_rejection() -> None:
    made = river(order(), receipt(), invoice(), remittance(), came_back())
    made.decide("payment_returned", "reject", "head-1")
    assert (phase(made), made.reasons()) == ("rejected", ["reverse_posting"])


def test_money_that_goes_to_and_fro_does_not_reopen_what_was_rejected() -> None:
    made = river(order(), receipt(), invoice(), came_back())
    made.decide("payment_returned", "reject", "head-1")
    made.say(remittance())
    assert (phase(made), made.reasons()) == ("rejected", ["refund_due", "reverse_posting"])
    made.say(came_back())
    assert (phase(made), made.reasons()) == ("rejected", ["reverse_posting"])


def test_money_that_arrives_after_a_second_payment_is_a_refund() -> None:
    made = river(order(), receipt(), invoice(), came_back())
    made.decide("payment_returned", "retry", "head-1")
    made.say(remittance(PAYMENT))
    assert made.case("refund_due").money == usd("40.00")


def test_a_payment_that_comes_back_twice_leaves_the_second_one_alone() -> None:
    made = river(order(), receipt(), invoice(), came_back())
    made.decide("payment_returned", "retry", "head-1")
    made.say(remittance(PAYMENT), came_back(PAYMENT))
    assert (phase(made), made.reasons()) == ("scheduled", [])
    made.say(remittance("PAY-ALDER:77-2"))
    assert (phase(made), made.reasons(), len(paid(made))) == ("paid", [], 2)


def test_a_remittance_that_nothing_here_ordered_is_an_exception_and_stops_ours() -> None:
    made = river(order(), invoice(), remittance("ELSEWHERE-9"))
    assert made.case("unmatched_remittance").owner == "treasury"
    made.say(receipt())
    assert (phase(made), paid(made)) == ("paid", [])


def test_a_remittance_of_another_amount_is_an_exception() -> None:
    made = river(order(), receipt(), invoice(), remittance(amount="39.00"))
    assert (phase(made), made.reasons()) == ("paid", ["unmatched_remittance"])


def test_an_exception_shows_the_contract_price_of_the_day() -> None:
    later = structs.replace(
        CONTRACT, id="CP-2", price=structs.replace(CONTRACT.price, amount=usd("4.50").amount), contract="GPO-8"
    )
    made = dear(masters=without("CP-1", also=(later,)))
    assert "contract GPO-8 4.50 USD/EA" in made.case("match_exception").context["line 1"]


def test_an_exception_has_the_one_form_of_id_and_no_account_numbers() -> None:
    case: Case = dear().case("match_exception")
    assert case.id == "invoice_to_payment/ALDER:77/match_exception"
    assert "9876543210" not in repr(case), "no account numbers in exceptions"
