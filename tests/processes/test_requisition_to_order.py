"""From a request to committed orders: every check, every answer, every order of events."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import (
    Approval,
    ApprovalRequest,
    Document,
    Item,
    OrderChange,
    OrderStatus,
    Person,
    PurchaseOrder,
    Ref,
    Requisition,
    RequisitionCancellation,
    RequisitionLine,
    RequisitionStatus,
    Supplier,
)
from suture.processes import Ask, Send
from suture.processes.cast import (
    ACME,
    GLOVE,
    GLOVE_PRICE,
    LIMITS,
    MORNING,
    SURGERY,
    decision,
    delivered,
    price,
    quantity,
)
from suture.processes.early import MOST
from suture.processes.rehearsal import Turn
from suture.processes.requisition_to_order import PROCESS
from suture.rules.ordering import CANCELLATION
from tests.processes.stories import business, but, fired, opened, phases, reasons, run, sent, stated, without, words

CASE = "requisition_to_order/R-1"
CANCELLED = RequisitionCancellation(requisition="R-1", reason="no longer needed", at=MORNING)


def line(number: int = 1, pieces: str = "1000", item: str = "GLOVE-M", supplier: str = "S-ACME") -> RequisitionLine:
    return RequisitionLine(number=number, item=item, supplier=supplier, quantity=quantity(pieces), cost_center="CC-SURG")


STENT_LINE = line(2, "1", "STENT-3", "S-HEART")
#: 1,000 gloves at 12.50 the hundred are 125 USD: nobody is asked. A stent is 1,450 USD: somebody is.
SMALL = Requisition(
    id="R-1",
    entity="E-1",
    facility="F-NORTH",
    ship_to="DOCK-N",
    requester="P-NURSE",
    requested_at=MORNING,
    lines=(line(),),
)
LARGE = structs.replace(SMALL, lines=(line(), STENT_LINE))
EMERGENCY = structs.replace(LARGE, urgency="emergency")
DONE = delivered("erp", "PurchaseOrder", "PO-R-1")
DONE_2 = delivered("erp", "PurchaseOrder", "PO-R-1-2")
REFUSED = delivered("erp", "PurchaseOrder", "PO-R-1", "refused", "vendor blocked")


def approval(approver: str = "P-HEAD", decision: str = "approve", request: str = "AR-R-1-1", id: str = "A-1") -> Approval:
    subject = Ref("Requisition", "R-1")
    return Approval(id=id, request=request, subject=subject, approver=approver, decision=decision, at=MORNING)  # type: ignore[arg-type]


def tell(*documents: Document, masters: tuple[Document, ...] | None = None) -> list[Turn]:
    return run(PROCESS, *documents, key="R-1") if masters is None else run(PROCESS, *documents, masters=masters, key="R-1")


def states(turns: list[Turn]) -> list[str]:
    return [status.state for status in stated(turns, RequisitionStatus)]


# -- the way through


def test_a_small_requisition_is_ordered_without_a_question() -> None:
    turns = tell(SMALL, DONE)
    assert states(turns) == ["approved", "ordered"]
    (order,) = sent(turns, "erp", PurchaseOrder)
    assert order.id == "PO-R-1"
    assert order.total().amount == Decimal("125.00")
    (ordered,) = order.lines
    assert (ordered.quantity, ordered.price, ordered.contract) == (quantity("10", "BX"), price("12.50"), "C-7")


def test_nothing_is_published_before_the_erp_has_committed_it() -> None:
    before, after = tell(SMALL, DONE)
    assert stated([before], PurchaseOrder) == stated([before], OrderStatus) == []
    assert [order.id for order in stated([after], PurchaseOrder)] == ["PO-R-1"]
    assert [status.state for status in stated([after], OrderStatus)] == ["confirmed"]


def test_one_order_per_supplier_in_the_order_of_the_lines() -> None:
    turns = tell(LARGE, approval(), DONE, DONE_2)
    orders = sent(turns, "erp", PurchaseOrder)
    assert [(order.id, order.supplier, [line.number for line in order.lines]) for order in orders] == [
        ("PO-R-1", "S-ACME", [1]),
        ("PO-R-1-2", "S-HEART", [2]),
    ]
    assert stated(turns, RequisitionStatus)[-1].orders == ("PO-R-1", "PO-R-1-2")
    assert states(turns) == ["awaiting_approval", "approved", "ordered"]


def test_what_is_sent_says_whither() -> None:
    (send,) = [effect for effect in tell(SMALL)[0].effects if isinstance(effect, Send) and effect.role == "erp"]
    assert (send.key, send.entity, send.facility, send.supplier, send.priority) == ("PO-R-1", "E-1", "F-NORTH", "S-ACME", 5)


@pytest.mark.parametrize(("requisition", "priority"), [(SMALL, 5), (LARGE, 0), (EMERGENCY, 0)])
def test_implants_and_emergencies_go_first(requisition: Requisition, priority: int) -> None:
    turns = tell(requisition, approval())
    assert {effect.priority for turn in turns for effect in turn.effects if isinstance(effect, Send)} == {priority}


# -- what is checked

BLOCKED_GLOVE: Item = structs.replace(GLOVE, status="blocked")
BLOCKED_ACME: Supplier = structs.replace(ACME, status="blocked")


@pytest.mark.parametrize(
    ("masters", "reason"),
    [
        (without("S-ACME"), "line 1: supplier S-ACME is unknown"),
        (but(BLOCKED_ACME), "line 1: supplier S-ACME is blocked"),
        (without("GLOVE-M"), "line 1: item GLOVE-M is unknown"),
        (but(BLOCKED_GLOVE), "line 1: item GLOVE-M is blocked"),
        (without("CC-SURG"), "line 1: cost centre CC-SURG is unknown"),
        (but(structs.replace(SURGERY, status="retired")), "line 1: cost centre CC-SURG is retired"),
        (but(structs.replace(SURGERY, entity="E-2")), "line 1: cost centre CC-SURG belongs to E-2, not to E-1"),
        (without("CP-1"), "line 1: no contract price of S-ACME for GLOVE-M at F-NORTH on 2026-03-02, and no catalogue price"),
        (but(structs.replace(GLOVE_PRICE, price=price("1", "PA"))), "line 1: item GLOVE-M does not come in PA"),
    ],
)
def test_what_fails_a_check_is_returned_with_the_reason_and_nothing_else(masters: tuple[Document, ...], reason: str) -> None:
    (turn,) = tell(SMALL, masters=masters)
    assert words(turn) == ["Emit RequisitionStatus", "Send procurement RequisitionStatus"]
    (status,) = stated([turn], RequisitionStatus)
    assert (status.state, status.reasons) == ("returned", (reason,))
    assert phases([turn]) == ["returned"]


def test_all_reasons_are_told_at_once() -> None:
    bad = structs.replace(SMALL, lines=(line(1, "-3"), line(2, "150"), line(2, "1", "STENT-3", "S-HEART")))
    (status,) = stated(tell(bad, masters=(*but(BLOCKED_ACME, structs.replace(SURGERY, entity="E-2")),)), RequisitionStatus)
    assert len(status.reasons) == 7
    assert "line 2 occurs more than once" in status.reasons
    assert "line 1: a quantity must be positive, got -3 EA" in status.reasons


def test_a_quantity_without_an_exact_count_in_the_contracts_unit_is_returned() -> None:
    thirds = structs.replace(GLOVE, packs=(structs.replace(GLOVE.packs[0], factor=Decimal(3)), GLOVE.packs[1]))
    (status,) = stated(tell(SMALL, masters=but(thirds)), RequisitionStatus)
    assert status.state == "returned"
    assert "no finite" in status.reasons[0]


@pytest.mark.parametrize(("amount", "state"), [("12", "approved"), ("120", "returned")])
def test_a_catalogue_price_counts_up_to_the_policys_limit(amount: str, state: str) -> None:
    catalogue = structs.replace(SMALL, lines=(structs.replace(line(), price=price(amount)),))
    turns = tell(catalogue, masters=without("CP-1"))
    assert states(turns) == [state]


def test_a_requisition_without_lines_or_in_two_currencies_is_returned() -> None:
    euros = structs.replace(GLOVE_PRICE, price=structs.replace(price("12.50"), currency="EUR"))
    assert "no lines" in stated(tell(structs.replace(SMALL, lines=())), RequisitionStatus)[0].reasons[0]
    assert "EUR, USD" in stated(tell(LARGE, masters=but(euros)), RequisitionStatus)[0].reasons[0]


def test_without_approval_limits_nothing_is_ordered() -> None:
    with pytest.raises(LookupError, match="approval_limits"):
        tell(SMALL, masters=without("approval_limits"))


# -- who approves


@pytest.mark.parametrize(
    ("stents", "role"), [("1", "department_head"), ("6", "department_head"), ("7", "supply_director"), ("172", "supply_director")]
)
def test_the_first_role_whose_limit_covers_the_total_is_asked(stents: str, role: str) -> None:
    turns = tell(structs.replace(SMALL, lines=(line(1, stents, "STENT-3", "S-HEART"),)))
    (request,) = [effect.request for effect in turns[0].effects if isinstance(effect, Ask)]
    assert isinstance(request, ApprovalRequest)
    assert (request.role, request.requester, request.subject) == (role, "P-NURSE", Ref("Requisition", "R-1"))
    assert request.amount.amount == Decimal("1450.00") * int(stents)


def test_what_nobody_may_approve_is_returned() -> None:
    turns = tell(structs.replace(SMALL, lines=(line(1, "173", "STENT-3", "S-HEART"),)))
    assert states(turns) == ["returned"]


@pytest.mark.parametrize(
    ("approver", "people", "reason"),
    [
        ("P-NURSE", (), "sod_violation"),
        ("p-nurse ", (), "sod_violation"),
        ("P-NOBODY", (), "limit_exceeded"),
        ("P-CLERK", (Person(id="P-CLERK", roles=("clerk",)),), "limit_exceeded"),
        ("P-OTHER", (Person(id="P-OTHER", roles=("department_head",), entity="E-2"),), "limit_exceeded"),
        (
            "P-NEW",
            (Person(id="P-NEW", roles=("department_head",), limit=price("100").of(quantity("1", "BX"))),),
            "limit_exceeded",
        ),
    ],
)
def test_an_approval_without_authority_is_refused_and_the_question_stays(
    approver: str, people: tuple[Person, ...], reason: str
) -> None:
    nurse_with_a_role = Person(id="P-NURSE", roles=("charge_nurse", "supply_director"))
    turns = tell(LARGE, approval(approver), approval("P-DIRECTOR", id="A-2"), masters=but(nurse_with_a_role, *people))
    assert phases(turns) == ["awaiting_approval", "awaiting_approval", "committing"]
    assert reasons(turns[:2]) == [reason]
    assert reasons(turns) == [], "somebody with the authority has answered: nobody is waited for any more"
    assert sent(turns[:2], "erp", PurchaseOrder) == []


def test_a_stock_may_not_approve_what_it_requested() -> None:
    stock = structs.replace(LARGE, requester="replenishment", origin="replenishment")
    turns = tell(stock, approval("replenishment"), masters=but(Person(id="replenishment", roles=("supply_director",))))
    assert reasons(turns) == ["sod_violation"]


def test_a_rejection_ends_it_and_a_later_approval_changes_nothing() -> None:
    turns = tell(LARGE, approval(decision="reject"), approval("P-DIRECTOR", id="A-2"))
    assert phases(turns) == ["awaiting_approval", "rejected", "rejected"]
    assert turns[2].effects == ()
    assert "Wait approval off" in words(turns[1])


def test_a_doubled_approval_changes_nothing() -> None:
    turns = tell(LARGE, approval(), approval(), approval("P-DIRECTOR", id="A-2"))
    assert turns[2].effects == turns[3].effects == ()
    assert len(sent(turns, "erp", PurchaseOrder)) == 2


def test_an_approval_that_comes_before_its_question_counts_when_that_is_put() -> None:
    """After a restore a partner sends again what the original was answered; the question is put again after it."""
    turns = tell(approval(), LARGE)
    assert phases(turns) == ["new", "committing"]
    assert "Ask department_head" in words(turns[1]), "it is put all the same: who answered knows it already"
    assert len(sent(turns, "erp", PurchaseOrder)) == 2
    assert len(sent(tell(LARGE, approval()), "erp", PurchaseOrder)) == 2


def test_an_early_approval_without_authority_does_not_count_and_the_next_one_does() -> None:
    refused = tell(approval("P-NURSE"), LARGE)
    assert (phases(refused)[-1], reasons(refused)) == ("awaiting_approval", ["sod_violation"])
    turns = tell(approval("P-NURSE"), approval("P-DIRECTOR", id="A-2"), LARGE)
    assert (phases(turns)[-1], reasons(turns)) == ("committing", [])


def test_an_early_rejection_ends_it() -> None:
    assert phases(tell(approval(decision="reject"), LARGE))[-1] == "rejected"


@pytest.mark.parametrize("request_id", ["AR-R-1-0", "AR-R-1-x", "AR-R-1-", "AR-R-2-1", "AR-R-1-10000", "AR-R-1-2"])
def test_an_early_approval_of_another_question_is_none_of_this_one(request_id: str) -> None:
    assert phases(tell(approval(request=request_id), LARGE))[-1] == "awaiting_approval"


def test_early_approvals_are_kept_up_to_a_limit() -> None:
    turns = tell(*(approval(f"P-{number}", id=f"A-{number}") for number in range(MOST + 5)))
    assert len(turns[-1].state.early) == MOST


@pytest.mark.parametrize("stray", [fired("approval"), DONE, decision(f"{CASE}/approval_overdue", "retry")])
def test_answers_before_the_requisition_change_nothing(stray: Document) -> None:
    (turn,) = tell(stray)
    assert turn.effects == ()
    assert turn.state == PROCESS.state()


def test_an_unanswered_question_becomes_an_exception_that_can_ask_again() -> None:
    turns = tell(
        LARGE,
        fired("approval"),
        decision(f"{CASE}/approval_overdue", "retry"),
        approval(),
        approval(request="AR-R-1-2", id="A-2"),
    )
    assert [case.reason for case in opened(turns)] == ["approval_overdue"]
    assert words(turns[2])[:2] == ["Resolve retry", "Ask department_head"]
    assert turns[3].effects == (), "the answer to an older question does not count"
    assert phases(turns)[-1] == "committing"
    assert reasons(turns) == []


def test_an_unanswered_question_can_end_in_cancellation() -> None:
    turns = tell(LARGE, fired("approval"), decision(f"{CASE}/approval_overdue", "cancel"))
    assert states(turns)[-1] == "cancelled"
    assert reasons(turns) == []


# -- emergencies


def test_an_emergency_goes_out_on_the_requesters_authority_and_is_reviewed_by_another() -> None:
    review = f"{CASE}/later_review"
    turns = tell(
        EMERGENCY, DONE, DONE_2, decision(review, "accept", "P-NURSE", "DC-1"), decision(review, "accept", "P-HEAD", "DC-2")
    )
    assert [request for request in turns[0].effects if isinstance(request, Ask)] == []
    assert stated(turns, RequisitionStatus)[0].reasons == ("emergency: ordered on the authority of P-NURSE, to be reviewed",)
    (case, violation) = opened(turns)
    assert (case.reason, case.care, case.money and case.money.amount) == ("later_review", "procedure", Decimal("1575.00"))
    assert violation.reason == "sod_violation"
    assert words(turns[4]) == ["Resolve accept"]


@pytest.mark.parametrize("requester", ["P-STRANGER", "P-HEAD"])
def test_an_emergency_of_somebody_without_that_authority_is_asked_as_any_other(requester: str) -> None:
    turns = tell(structs.replace(EMERGENCY, requester=requester))
    assert phases(turns) == ["awaiting_approval"]


def test_what_is_critical_does_not_wait_behind_its_own_question() -> None:
    (turn,) = tell(LARGE)
    words_of = [effect for effect in turn.effects if isinstance(effect, Ask | Send)]
    assert {type(effect) for effect in words_of} == {Ask, Send}
    assert {effect.priority for effect in words_of} == {0}


def test_an_emergency_beyond_its_limit_is_asked_as_any_other() -> None:
    turns = tell(structs.replace(EMERGENCY, lines=(line(1, "40", "STENT-3", "S-HEART"),)))
    assert phases(turns) == ["awaiting_approval"]


# -- the ERP's word


def test_a_refused_order_is_an_exception_and_can_be_retried() -> None:
    case = f"{CASE}/erp_refused/PO-R-1"
    turns = tell(SMALL, REFUSED, REFUSED, decision(case, "retry"), decision(case, "retry"), DONE, DONE)
    assert phases(turns) == ["committing", "returned", "returned", "committing", "committing", "ordered", "ordered"]
    assert turns[2].effects == turns[4].effects == turns[6].effects == ()
    assert stated(turns[:2], RequisitionStatus)[-1].reasons == ("the ERP refused PO-R-1: vendor blocked",)
    assert len(stated(turns, PurchaseOrder)) == 1
    assert len(sent(turns, "erp", PurchaseOrder)) == 2


@pytest.mark.parametrize("fates", [(REFUSED, DONE_2), (DONE_2, REFUSED)])
def test_one_refused_order_leaves_the_others_standing(fates: tuple[Document, Document]) -> None:
    turns = tell(LARGE, approval(), *fates)
    assert phases(turns)[-1] == "ordered"
    assert [order.id for order in stated(turns, PurchaseOrder)] == ["PO-R-1-2"]
    last = stated(turns, RequisitionStatus)[-1]
    assert (last.state, last.orders) == ("ordered", ("PO-R-1-2",))
    assert last.reasons == ("the ERP refused PO-R-1: vendor blocked",)
    assert reasons(turns) == ["erp_refused"]


def test_a_refused_delivery_that_is_released_after_all_is_published() -> None:
    turns = tell(SMALL, REFUSED, DONE)
    assert phases(turns)[-1] == "ordered"
    assert reasons(turns) == []


def test_a_parked_order_waits() -> None:
    turns = tell(SMALL, delivered("erp", "PurchaseOrder", "PO-R-1", "parked"), DONE)
    assert turns[1].effects == ()
    assert phases(turns)[-1] == "ordered"


def test_a_status_that_procurement_refuses_is_an_exception_until_it_is_delivered() -> None:
    refused, done = (delivered("procurement", "RequisitionStatus", "R-1", outcome) for outcome in ("refused", "done"))
    turns = tell(SMALL, refused, refused, done)
    assert [case.reason for case in opened(turns)] == ["undelivered"]
    assert reasons(turns) == []


# -- cancelled, repeated, changed


def test_a_cancellation_before_the_requisition_stops_it() -> None:
    turns = tell(CANCELLED, SMALL, SMALL, CANCELLED)
    assert states(turns) == ["cancelled"]
    assert sent(turns, "erp", PurchaseOrder) == []


def test_a_cancellation_while_somebody_is_asked_sends_nothing() -> None:
    turns = tell(LARGE, CANCELLED, approval())
    assert states(turns) == ["awaiting_approval", "cancelled"]
    assert sent(turns, "erp", PurchaseOrder) == []
    assert turns[2].effects == ()


def test_a_cancellation_while_the_erp_decides_takes_the_order_back_there_and_publishes_nothing() -> None:
    turns = tell(SMALL, CANCELLED, DONE)
    assert turns[1].effects == ()
    (change,) = sent(turns, "erp", OrderChange)
    assert (change.kind, change.order) == ("cancel", "PO-R-1")
    assert stated(turns, PurchaseOrder) == stated(turns, OrderChange) == []
    assert states(turns) == ["approved", "cancelled"]


def test_a_cancellation_and_a_refusal_end_quietly() -> None:
    turns = tell(SMALL, CANCELLED, REFUSED)
    assert states(turns)[-1] == "cancelled"
    assert reasons(turns) == []


def test_a_cancellation_after_the_order_is_a_wish_to_change_it() -> None:
    turns = tell(LARGE, approval(), DONE, DONE_2, CANCELLED, CANCELLED)
    changes = stated(turns, OrderChange)
    assert [(change.order, change.kind, change.version) for change in changes] == [
        ("PO-R-1", "cancel", CANCELLATION),
        ("PO-R-1-2", "cancel", CANCELLATION),
    ]
    assert turns[5].effects == ()


def test_a_repeated_requisition_changes_nothing() -> None:
    for story in ([SMALL, SMALL], [LARGE, LARGE], [SMALL, DONE, SMALL]):
        turns = tell(*story)
        assert turns[-1].effects == ()
        assert turns[-1].state == turns[-2].state


def test_a_returned_requisition_comes_again_corrected() -> None:
    wrong = structs.replace(SMALL, lines=(line(item="NO-SUCH"),))
    turns = tell(wrong, wrong, SMALL, DONE)
    assert states(turns) == ["returned", "approved", "ordered"]


def test_a_change_while_somebody_is_asked_is_checked_and_asked_anew_if_a_person_accepts_it() -> None:
    changed = structs.replace(LARGE, lines=(STENT_LINE,))
    case = f"{CASE}/changed_after_submission"
    turns = tell(LARGE, changed, changed, decision(case, "accept"), approval(), approval(request="AR-R-1-2", id="A-2"))
    assert turns[2].effects == ()
    assert turns[4].effects == (), "the old question was about something else"
    assert [order.supplier for order in sent(turns, "erp", PurchaseOrder)] == ["S-HEART"]


def test_a_change_that_is_rejected_leaves_the_first_content() -> None:
    changed = structs.replace(LARGE, lines=(STENT_LINE,))
    turns = tell(LARGE, changed, decision(f"{CASE}/changed_after_submission", "reject"), approval())
    assert len(sent(turns, "erp", PurchaseOrder)) == 2


def test_a_change_after_the_order_can_only_be_rejected() -> None:
    turns = tell(SMALL, DONE, structs.replace(SMALL, lines=(STENT_LINE,)))
    (case,) = opened(turns)
    assert (case.reason, case.actions) == ("changed_after_submission", ("reject",))
    assert phases(turns)[-1] == "ordered"


# -- any order, any number of times

EVENTS = (LARGE, approval(), approval("P-NURSE", id="A-2"), DONE, DONE_2, fired("approval"), CANCELLED)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(EVENTS), max_size=14))
def test_whatever_comes_in_whatever_order_each_order_is_placed_at_most_once(events: list[Document]) -> None:
    turns = tell(*events)
    assert max(Counter(business(turns)).values(), default=0) <= 1
    confirmed = {order.id for order in stated(turns, PurchaseOrder)}
    assert confirmed <= {order.id for order in sent(turns, "erp", PurchaseOrder)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from((DONE, DONE_2, approval(), LARGE)), max_size=8), st.permutations((DONE, DONE_2)))
def test_in_the_end_both_orders_stand(noise: list[Document], fates: list[Document]) -> None:
    turns = tell(LARGE, approval(), *noise, *fates)
    assert phases(turns)[-1] == "ordered"
    assert sorted(order.id for order in stated(turns, PurchaseOrder)) == ["PO-R-1", "PO-R-1-2"]


def test_limits_are_read_from_the_version_in_force() -> None:
    generous = structs.replace(LIMITS, version=2, values={**LIMITS.values, "auto": {"USD": "5000"}})
    later = structs.replace(generous, version=3, effective=MORNING.replace(year=2030), values={})
    assert phases(tell(LARGE, masters=(*without(), generous, later))) == ["committing"]
