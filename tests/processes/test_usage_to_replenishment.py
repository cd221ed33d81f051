"""From a usage to stock, cost and replenishment: each once, and undone exactly; in any order and any number of times."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import (
    Document,
    GoodsReceipt,
    OrderStatus,
    Posting,
    ReceiptPosted,
    ReceivedLine,
    Requisition,
    RequisitionCancellation,
    RequisitionStatus,
    StockLow,
    StockMovement,
    StockPolicy,
    Usage,
)
from suture.processes import Send
from suture.processes.cast import (
    GLOVE,
    GLOVE_PRICE,
    GLOVE_STOCK,
    MORNING,
    SURGERY,
    decision,
    delivered,
    price,
    quantity,
)
from suture.processes.rehearsal import Turn
from suture.processes.shelf import REMEMBERED, WAITING, Shelf, stock_of
from suture.processes.usage_to_replenishment import PROCESS
from tests.processes.stories import business, but, fired, opened, phases, reasons, run, sent, stated, without, words

KEY = "GLOVE-M@OR-1"
CASE = f"usage_to_replenishment/{KEY}"
FIRST = f"RQ-{KEY}-1"
#: Three stents on the shelf, ordered again at one.
STENT_STOCK = StockPolicy(
    item="STENT-3",
    place="OR-1",
    reorder_point=quantity("1"),
    reorder_quantity=quantity("2"),
    supplier="S-HEART",
    cost_center="CC-SURG",
    opening=quantity("3"),
)


def used(id: str, value: str = "100", kind: str = "used", reverses: str = "", **more: Any) -> Usage:
    given = {
        "item": "GLOVE-M",
        "quantity": quantity(value, more.pop("unit", "EA")),
        "place": "OR-1",
        "used_at": MORNING,
        "encounter": "E4711",
        "patient": "P0815",
        "procedure_category": "cardiac",
    }
    return Usage(**{**given, "id": id, "kind": kind, "reverses": reverses, **more})


def stent(id: str, serial: str = "N1", lot: str = "L-9", kind: str = "used", reverses: str = "") -> Usage:
    return used(id, "1", kind, reverses, item="STENT-3", serial=serial, lot=lot)


def came(id: str, value: str, *, unit: str = "BX", order: str = f"PO-{FIRST}", reverses: str = "") -> ReceiptPosted:
    line = ReceivedLine(line=1, item="GLOVE-M", quantity=quantity(value, unit))
    receipt = GoodsReceipt(id=id, order=order, place="OR-1", received_at=MORNING, lines=(line,), reverses=reverses)
    return ReceiptPosted(receipt=receipt, entity="E-1")


def counted(id: str, value: str, reason: str = "adjustment", cause: str = "COUNT-7", unit: str = "EA") -> StockMovement:
    return StockMovement(
        id=id,
        item="GLOVE-M",
        place="OR-1",
        quantity=quantity(value, unit),
        reason=reason,  # type: ignore[arg-type]  # the tests name the reasons that a movement can have
        at=MORNING,
        cause=cause,
    )


def status(state: str, requisition: str = FIRST) -> RequisitionStatus:
    return RequisitionStatus(requisition=requisition, state=state, at=MORNING, reasons=("because",))  # type: ignore[arg-type]


def order_status(state: str, order: str = f"PO-{FIRST}") -> OrderStatus:
    return OrderStatus(order=order, state=state, at=MORNING, requisition=order.removeprefix("PO-"))  # type: ignore[arg-type]


def tell(*documents: Document, masters: tuple[Document, ...] | None = None, key: str = KEY) -> list[Turn]:
    return run(PROCESS, *documents, key=key) if masters is None else run(PROCESS, *documents, masters=masters, key=key)


def shelf(turns: list[Turn]) -> Shelf:
    state = turns[-1].state
    assert isinstance(state, Shelf)
    return state


def posted(turns: list[Turn]) -> Decimal:
    """What stands on the cost centre in the end; every posting balances."""
    total = Decimal(0)
    for posting in sent(turns, "erp", Posting):
        assert sum(line.amount.amount for line in posting.lines) == 0
        total += posting.lines[0].amount.amount
    return total


# -- one usage


def test_one_usage_moves_stock_and_cost_once_with_everything_that_allocates_it() -> None:
    turns = tell(GLOVE_STOCK, used("U-1"), used("U-1"))
    (movement,) = sent(turns, "inventory", StockMovement)
    assert (movement.id, movement.quantity, movement.reason, movement.cause) == ("MV-U-1", quantity("-100"), "usage", "U-1")
    (posting,) = sent(turns, "erp", Posting)
    assert (posting.id, posting.kind, posting.facility, posting.entity) == ("CP-U-1", "usage", "F-NORTH", "E-1")
    assert posting.procedure_category == "cardiac"
    debit, credit = posting.lines
    assert (debit.account, debit.cost_center, debit.amount.amount) == ("6100", "CC-SURG", Decimal("12.50"))
    assert (credit.account, credit.amount.amount) == ("1400", Decimal("-12.50"))
    assert shelf(turns).balance == 400
    assert turns[2].effects == ()


def test_the_opening_balance_is_counted_once() -> None:
    again = structs.replace(GLOVE_STOCK, reorder_point=quantity("100"))
    assert shelf(tell(GLOVE_STOCK, GLOVE_STOCK, again, used("U-1"))).balance == 400


@pytest.mark.parametrize(
    ("value", "unit", "amount"), [("1", "EA", "0.13"), ("3", "EA", "0.38"), ("2", "BX", "25.00"), ("7", "EA", "0.88")]
)
def test_cost_is_exact_in_the_base_unit_and_rounded_at_the_end(value: str, unit: str, amount: str) -> None:
    assert posted(tell(GLOVE_STOCK, used("U-1", value, unit=unit))) == Decimal(amount)


def test_the_price_of_the_day_of_use_counts() -> None:
    old = structs.replace(GLOVE_PRICE, effective_to=date(2026, 2, 28))
    new = structs.replace(GLOVE_PRICE, id="CP-9", price=price("20"), effective_from=date(2026, 3, 1))
    turns = tell(GLOVE_STOCK, used("U-1"), used("U-2", used_at=MORNING - timedelta(days=5)), masters=(*but(old), new))
    assert [posting.lines[0].amount.amount for posting in sent(turns, "erp", Posting)] == [Decimal("20.00"), Decimal("12.50")]


def test_a_usage_may_name_its_own_cost_centre_and_waste_is_waste() -> None:
    cath = structs.replace(SURGERY, id="CC-CATH", account="6200")
    turns = tell(GLOVE_STOCK, used("U-1", "10", "wasted", cost_center="CC-CATH"), masters=(*but(), cath))
    assert sent(turns, "erp", Posting)[0].lines[0].cost_center == "CC-CATH"
    assert sent(turns, "inventory", StockMovement)[0].reason == "waste"


def test_an_implant_goes_first_with_its_lot_and_serial() -> None:
    turns = tell(STENT_STOCK, stent("U-1"), key="STENT-3@OR-1")
    (movement,) = sent(turns, "inventory", StockMovement)
    assert (movement.lot, movement.serial) == ("L-9", "N1")
    assert {effect.priority for effect in turns[1].effects if isinstance(effect, Send)} == {0}


def test_nothing_about_the_patient_is_said() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "300"), used("U-2", "-1"), used("U-3", "5", "cancelled", "U-9"), fired("usage"))
    said = msgspec.json.encode([effect for turn in turns for effect in turn.effects])
    assert b"P0815" not in said
    assert b"E4711" not in said


# -- what is checked


@pytest.mark.parametrize(
    ("usage", "masters", "reason"),
    [
        (used("U-1"), without("GLOVE-M"), "unknown_item"),
        (used("U-1"), but(structs.replace(GLOVE, status="blocked")), "item_blocked"),
        (used("U-1", "0"), but(), "bad_quantity"),
        (used("U-1", unit="PA"), but(), "bad_unit"),
        (used("U-1"), without("OR-1"), "unknown_place"),
        (used("U-1"), without("CC-SURG"), "unknown_cost_center"),
        (used("U-1"), but(structs.replace(SURGERY, status="retired")), "cost_center_blocked"),
        (used("U-1"), but(structs.replace(SURGERY, entity="E-2")), "foreign_cost_center"),
        (used("U-1"), but(structs.replace(SURGERY, account="")), "no_account"),
        (used("U-1"), but(structs.replace(GLOVE, account="")), "no_account"),
        (used("U-1"), without("CP-1"), "no_price"),
        (used("U-1"), but(structs.replace(GLOVE_PRICE, effective_to=date(2026, 1, 31))), "no_price"),
        (used("U-1", kind="corrected"), but(), "no_original"),
    ],
)
def test_what_fails_a_check_is_held_and_nothing_moves(usage: Usage, masters: tuple[Document, ...], reason: str) -> None:
    turns = tell(GLOVE_STOCK, usage, usage, masters=masters)
    assert words(turns[1]) == [f"Raise {reason}"]
    assert turns[2].effects == ()
    assert shelf(turns).held.keys() == {"U-1"}
    assert opened(turns)[0].actions == ("release", "reject")


@pytest.mark.parametrize(
    ("usages", "reason"),
    [
        ([stent("U-1", lot="")], "lot_missing"),
        ([stent("U-1", serial="")], "serial_missing"),
        ([stent("U-1"), stent("U-2")], "serial_twice"),
    ],
)
def test_an_implant_is_checked_by_lot_and_serial(usages: list[Document], reason: str) -> None:
    turns = tell(STENT_STOCK, *usages, key="STENT-3@OR-1")
    assert reasons(turns) == [reason]
    assert opened(turns)[0].care == "procedure"


def test_a_serial_is_free_again_when_its_usage_is_undone_or_corrected() -> None:
    undone = tell(STENT_STOCK, stent("U-1"), stent("X", kind="cancelled", reverses="U-1"), stent("U-2"), key="STENT-3@OR-1")
    corrected = tell(STENT_STOCK, stent("U-1"), stent("U-2", kind="corrected", reverses="U-1", lot="L-8"), key="STENT-3@OR-1")
    assert reasons(undone) == reasons(corrected) == []
    assert shelf(undone).balance == shelf(corrected).balance == 2


def test_a_person_lets_pass_what_can_pass() -> None:
    case = "usage_to_replenishment/STENT-3@OR-1/lot_missing/U-1"
    turns = tell(STENT_STOCK, stent("U-1", lot=""), decision(case, "release"), decision(case, "release"), key="STENT-3@OR-1")
    assert shelf(turns).balance == 2
    assert reasons(turns) == []
    assert turns[3].effects == ()


def test_what_nobody_can_let_pass_stays_held_until_it_is_mended() -> None:
    case = f"{CASE}/no_price/U-1"
    held = tell(GLOVE_STOCK, used("U-1"), decision(case, "release"), masters=without("CP-1"))
    assert words(held[2]) == ["Resolve release", "Raise no_price"]
    (mended,) = run_on(held[-1].state, decision(case, "release"))
    assert words(mended) == ["Resolve release", "Send inventory StockMovement", "Send erp Posting"]


def run_on(state: msgspec.Struct, *documents: Document) -> list[Turn]:
    """The turns of these documents from a given state on, with the whole cast."""
    resumed = msgspec.structs.replace(PROCESS, state=lambda: state)
    return run(resumed, *documents, key=KEY)


def test_a_rejected_usage_does_not_come_again() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "0"), decision(f"{CASE}/bad_quantity/U-1", "reject"), used("U-1", "0"))
    assert turns[3].effects == ()
    assert shelf(turns).balance == 500


def test_the_same_number_with_another_content_is_told_and_not_counted() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "10"), used("U-1", "20"))
    assert reasons(turns) == ["usage_changed"]
    assert shelf(turns).balance == 490


def test_a_usage_before_the_stock_policy_waits_for_it() -> None:
    turns = tell(used("U-1"), used("U-2"), GLOVE_STOCK)
    assert [case.reason for case in opened(turns)] == ["no_stock_policy", "no_stock_policy"]
    assert reasons(turns) == []
    assert shelf(turns).balance == 300
    assert phases(turns) == ["new", "new", "low"]


def test_a_policy_that_cannot_be_followed_is_told_until_another_comes() -> None:
    turns = tell(structs.replace(GLOVE_STOCK, reorder_quantity=quantity("0")), GLOVE_STOCK)
    assert words(turns[0]) == ["Raise bad_stock_policy"]
    assert reasons(turns) == []


# -- undone


@pytest.mark.parametrize(
    ("usages", "balance", "cost"),
    [
        ([used("U-1"), used("X", kind="cancelled", reverses="U-1")], 500, "0"),
        ([used("U-1"), used("U-1", kind="cancelled")], 500, "0"),
        ([used("U-1"), used("U-2", "40", "corrected", "U-1")], 460, "5.00"),
        ([used("U-1"), used("U-2", "40", "corrected", "U-1"), used("U-3", "8", "corrected", "U-2")], 492, "1.00"),
        ([used("U-1"), used("U-2", "40", "corrected", "U-1"), used("X", kind="cancelled", reverses="U-2")], 500, "0"),
        ([used("U-1"), used("U-2", "0", "corrected", "U-1")], 400, "12.50"),
        ([used("U-1"), used("U-2", "0", "corrected", "U-1"), used("X", kind="cancelled", reverses="U-2")], 500, "0"),
    ],
)
def test_what_is_undone_is_undone_exactly_in_any_order(usages: list[Usage], balance: int, cost: str) -> None:
    for order in (usages, [*usages, *usages], [usage for usage in usages for _ in range(2)]):
        turns = tell(GLOVE_STOCK, *order)
        assert (shelf(turns).balance, posted(turns)) == (balance, Decimal(cost))
    backwards = tell(GLOVE_STOCK, *reversed(usages))
    assert (shelf(backwards).balance, posted(backwards)) == (balance, Decimal(cost))


def test_a_reversal_takes_back_what_was_posted_then_not_what_it_would_cost_now() -> None:
    turns = tell(GLOVE_STOCK, used("U-1"))
    dearer = but(structs.replace(GLOVE_PRICE, price=price("99")))
    resumed = msgspec.structs.replace(PROCESS, state=lambda: turns[-1].state)
    back = run(resumed, used("X", kind="cancelled", reverses="U-1"), masters=dearer, key=KEY)
    (posting,) = sent(back, "erp", Posting)
    assert (posting.kind, posting.id, posting.lines[0].amount.amount) == ("usage_reversal", "CP-U-1-R", Decimal("-12.50"))


def test_a_cancellation_whose_usage_never_comes_becomes_an_exception() -> None:
    cancel = used("X", kind="cancelled", reverses="U-1")
    turns = tell(GLOVE_STOCK, cancel, cancel, fired("usage"))
    assert words(turns[1]) == ["Wait usage"]
    assert turns[2].effects == ()
    assert reasons(turns) == ["unknown_usage"]
    assert reasons(tell(GLOVE_STOCK, cancel, fired("usage"), used("U-1"))) == []
    case = f"{CASE}/unknown_usage/U-1"
    assert shelf(tell(GLOVE_STOCK, cancel, fired("usage"), decision(case, "reject"), used("U-1"))).balance == 400
    assert words(tell(GLOVE_STOCK, cancel, fired("usage"), decision(case, "accept"))[3]) == ["Resolve accept", "Wait usage"]


def test_the_cancellation_of_a_held_usage_settles_it() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "0"), used("X", kind="cancelled", reverses="U-1"), used("U-1", "0"))
    assert reasons(turns) == []
    assert turns[3].effects == ()


# -- the reorder point


def test_a_crossing_is_told_and_ordered_once() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "199"), used("U-2", "1"), used("U-3", "50"))
    assert phases(turns) == ["stocked", "stocked", "low", "low"]
    (low,) = stated(turns, StockLow)
    assert (low.balance, low.reorder_point, low.requisition) == (quantity("300"), quantity("300"), FIRST)
    (requisition,) = stated(turns, Requisition)
    assert (requisition.id, requisition.origin, requisition.requester, requisition.cause) == (
        FIRST,
        "replenishment",
        "replenishment",
        "U-2",
    )
    (line,) = requisition.lines
    assert (line.item, line.supplier, line.quantity, line.cost_center) == ("GLOVE-M", "S-ACME", quantity("10", "BX"), "CC-SURG")
    assert (requisition.ship_to, requisition.facility, requisition.entity) == ("OR-1", "F-NORTH", "E-1")


@pytest.mark.parametrize(
    ("pieces", "boxes", "urgency"), [("200", "10", "routine"), ("500", "10", "urgent"), ("1300", "20", "urgent")]
)
def test_as_much_is_ordered_as_brings_the_stock_above_its_point(pieces: str, boxes: str, urgency: str) -> None:
    (requisition,) = stated(tell(GLOVE_STOCK, used("U-1", pieces)), Requisition)
    assert (str(requisition.lines[0].quantity), requisition.urgency) == (f"{boxes} BX", urgency)


def test_goods_end_the_shortage_and_the_next_crossing_orders_again() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "250"), came("GR-1", "10"), came("GR-1", "10"), used("U-2", "1000"))
    assert phases(turns) == ["stocked", "low", "stocked", "stocked", "low"]
    assert shelf(turns[:4]).balance == 1250
    assert turns[3].effects == ()
    assert [requisition.id for requisition in stated(turns, Requisition)] == [FIRST, f"RQ-{KEY}-2"]


def test_goods_that_are_not_enough_are_followed_by_another_order_without_telling_the_crossing_again() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "250"), used("U-2", "1200"), came("GR-1", "10"))
    assert [requisition.id for requisition in stated(turns, Requisition)] == [FIRST, f"RQ-{KEY}-2"]
    assert len(stated(turns, StockLow)) == 1
    assert shelf(turns).balance == 50


def test_a_part_of_the_order_leaves_the_rest_awaited() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "500"), came("GR-1", "1"), came("GR-2", "9"))
    assert [str(shelf(turns[:n]).awaiting) for n in (2, 3, 4)] == ["1000", "900", "0"]
    assert len(stated(turns, Requisition)) == 1


def test_a_reversed_receipt_is_taken_off_and_awaited_again() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "250"), came("GR-1", "10"), came("X-1", "10", reverses="GR-1"))
    assert (shelf(turns).balance, shelf(turns).awaiting) == (250, 1000)
    assert len(stated(turns, Requisition)) == 1


def test_goods_of_another_order_count_but_do_not_end_ours() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "250"), came("GR-1", "2", order="PO-R-77"))
    assert (shelf(turns).balance, shelf(turns).awaiting) == (450, 1000)


def test_a_second_crossing_while_goods_are_awaited_orders_nothing_more() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "250"), counted("M-1", "100"), used("U-2", "100"))
    assert phases(turns) == ["stocked", "low", "stocked", "low"]
    assert len(stated(turns, StockLow)) == 2
    assert len(stated(turns, Requisition)) == 1


def test_an_undone_usage_calls_back_the_order_that_it_caused() -> None:
    cancel = used("X", kind="cancelled", reverses="U-1")
    turns = tell(GLOVE_STOCK, used("U-1", "250"), cancel, cancel, used("U-2", "250"))
    (back,) = stated(turns, RequisitionCancellation)
    assert back.requisition == FIRST
    assert [requisition.id for requisition in stated(turns, Requisition)] == [FIRST, f"RQ-{KEY}-2"]
    assert phases(turns) == ["stocked", "low", "stocked", "stocked", "low"]


@pytest.mark.parametrize(
    "story",
    [
        [used("U-1", "250"), used("U-2", "100"), used("X", kind="cancelled", reverses="U-2")],
        [used("U-1", "250"), counted("M-1", "500")],
        [used("U-1", "250"), came("GR-1", "3"), used("X", kind="cancelled", reverses="U-1")],
    ],
    ids=["still low", "more was found", "goods came already"],
)
def test_an_order_is_not_called_back_without_need(story: list[Document]) -> None:
    assert stated(tell(GLOVE_STOCK, *story), RequisitionCancellation) == []


@pytest.mark.parametrize("word", [status("returned"), status("rejected"), order_status("rejected"), order_status("closed")])
def test_an_order_that_comes_to_nothing_is_put_to_a_person(word: Document) -> None:
    stopped = f"{CASE}/replenishment_stopped"
    turns = tell(GLOVE_STOCK, used("U-1", "250"), word, word, used("U-2", "10"), decision(stopped, "retry"))
    assert PROCESS.key(word) == (KEY,)
    assert [case.reason for case in opened(turns)] == ["replenishment_stopped"]
    assert [requisition.id for requisition in stated(turns, Requisition)] == [FIRST, f"RQ-{KEY}-2"]
    assert stated(turns[:5], Requisition) == stated(turns[:2], Requisition), "nobody asks for ever"
    assert reasons(tell(GLOVE_STOCK, used("U-1", "250"), word, counted("M-1", "500"))) == []
    assert shelf(tell(GLOVE_STOCK, used("U-1", "250"), word, decision(stopped, "accept"))).requisitions == 1


@pytest.mark.parametrize("word", [status("approved"), status("returned", f"RQ-{KEY}-7"), order_status("confirmed")])
def test_other_news_of_orders_change_nothing(word: Document) -> None:
    assert tell(GLOVE_STOCK, used("U-1", "250"), word)[2].effects == ()


@pytest.mark.parametrize(
    ("number", "stock"),
    [(FIRST, KEY), ("R-1", ""), ("PO-R-1-2", ""), ("RQ-1", ""), ("RQ-A-B@C-D-12", "A-B@C-D")],
)
def test_the_stock_can_be_read_from_its_requisition(number: str, stock: str) -> None:
    assert stock_of(number) == stock


# -- other movements


@pytest.mark.parametrize(
    ("movement", "balance"),
    [
        (counted("M-1", "-30"), 370),
        (counted("M-1", "2", unit="BX"), 600),
        (counted("M-1", "-30", "waste"), 370),
        (counted("MV-U-1", "-100", "waste", cause="U-1"), 400),
        (counted("MV-U-1", "-100", "usage", cause="U-1"), 400),
        (counted("M-1", "1000", "receipt", cause="GR-1"), 400),
    ],
)
def test_counts_and_scrap_move_the_stock_and_echoes_do_not(movement: StockMovement, balance: int) -> None:
    assert shelf(tell(GLOVE_STOCK, used("U-1"), movement, movement)).balance == balance


def test_what_cannot_be_counted_is_told() -> None:
    turns = tell(GLOVE_STOCK, counted("M-1", "1", unit="PA"), came("GR-1", "1", unit="PA"))
    assert reasons(turns) == ["not_counted", "not_counted"]
    assert shelf(turns).balance == 500


def test_a_stock_below_nothing_is_told_until_it_is_counted() -> None:
    turns = tell(GLOVE_STOCK, used("U-1", "501"))
    assert reasons(turns) == ["negative_stock"]
    assert reasons([*turns, *run_on(turns[-1].state, counted("M-1", "50"))]) == []


def test_a_receipt_of_several_items_is_decided_under_each_stock() -> None:
    both = came("GR-1", "1")
    lines = (*both.receipt.lines, ReceivedLine(line=2, item="STENT-3", quantity=quantity("2")))
    both = structs.replace(both, receipt=structs.replace(both.receipt, lines=lines))
    assert PROCESS.key(both) == (KEY, "STENT-3@OR-1")
    assert shelf(tell(GLOVE_STOCK, both)).balance == 600
    assert shelf(tell(STENT_STOCK, both, key="STENT-3@OR-1")).balance == 5


def test_a_refused_posting_is_an_exception_until_it_is_delivered() -> None:
    refused, done = (delivered("erp", "Posting", "CP-U-1", outcome) for outcome in ("refused", "done"))
    assert reasons(tell(GLOVE_STOCK, used("U-1"), refused)) == ["undelivered"]
    assert reasons(tell(GLOVE_STOCK, used("U-1"), refused, done)) == []


# -- limits


def test_old_usages_are_forgotten_and_what_is_older_goes_to_a_person() -> None:
    usages = [used(f"U-{n}", "0.01", used_at=MORNING + timedelta(minutes=n)) for n in range(REMEMBERED + 2)]
    turns = tell(GLOVE_STOCK, *usages, usages[0])
    assert len(shelf(turns).usages) == REMEMBERED
    assert reasons(turns) == ["too_old"]


def test_there_is_a_limit_to_what_waits() -> None:
    with pytest.raises(OverflowError, match=f"{WAITING} usages"):
        tell(GLOVE_STOCK, *[used(f"U-{n}", "0") for n in range(WAITING + 1)])


# -- any order, any number of times

EVENTS: tuple[Document, ...] = (
    GLOVE_STOCK,
    used("U-1", "150"),
    used("U-2", "100"),
    used("U-3", "40", "corrected", "U-1"),
    used("X-2", kind="cancelled", reverses="U-2"),
    used("U-4", "60", "wasted"),
    counted("M-1", "-20"),
    came("GR-1", "2", order="PO-R-9"),
    came("GR-2", "1", order="PO-R-9"),
    came("X-9", "1", order="PO-R-9", reverses="GR-2"),
)


@settings(max_examples=120, deadline=None)
@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=6))
def test_any_sequence_and_any_repeats_come_to_the_same(events: list[Document], repeats: list[Document]) -> None:
    turns = tell(*events, *repeats)
    assert shelf(turns).balance == 500 - 40 - 60 - 20 + 200
    assert posted(turns) == Decimal("5.00") + Decimal("7.50")
    assert sum((move.quantity.value for move in sent(turns, "inventory", StockMovement)), Decimal(0)) == -100
    assert max(Counter(entry for entry in business(turns) if entry[1] != "StockLow").values()) == 1
    assert reasons(turns) == []


NOISE = (*EVENTS, used("U-5", "400"), used("X-5", kind="cancelled", reverses="U-5"), came("GR-3", "10"), status("returned"))


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(NOISE), max_size=16))
def test_whatever_comes_each_document_goes_out_once_and_an_order_is_awaited_at_most_once(events: list[Document]) -> None:
    turns = tell(GLOVE_STOCK, *events)
    assert max(Counter(entry for entry in business(turns) if entry[1] != "StockLow").values(), default=0) <= 1
    state = shelf(turns)
    assert len(stated(turns, Requisition)) == state.requisitions
    assert (state.phase == "low") == (state.balance <= 300)
    assert state.phase != "low" or state.awaiting or state.stopped
