"""From a committed order to goods on the shelf: every word of the supplier, every count of the dock, in any order."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import (
    AcknowledgedLine,
    Document,
    ExpectedReceipt,
    GoodsReceipt,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    OrderStatus,
    PurchaseOrder,
    Quantity,
    ReceiptPosted,
    ReceivedLine,
    ShipNotice,
    ShippedLine,
)
from suture.processes import Send, Wait
from suture.processes.cast import GLOVE, MORNING, decision, delivered, policy, price, quantity
from suture.processes.order_to_receipt import PROCESS
from suture.processes.rehearsal import Turn
from suture.rules.ordering import CANCELLATION
from tests.processes.stories import business, but, fired, opened, phases, reasons, run, sent, stated, words

CASE = "order_to_receipt/PO-1"
ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="E-1",
    facility="F-NORTH",
    ship_to="DOCK-N",
    supplier="S-ACME",
    currency="USD",
    ordered_at=MORNING,
    requester="P-NURSE",
    lines=(
        OrderLine(
            number=1,
            item="GLOVE-M",
            quantity=quantity("10", "BX"),
            price=price("12.50"),
            cost_center="CC-SURG",
            contract="C-7",
        ),
        OrderLine(
            number=2,
            item="STENT-3",
            quantity=quantity("2"),
            price=price("1450", "EA"),
            cost_center="CC-SURG",
            contract="C-8",
        ),
    ),
)


def gloves(value: str, unit: str = "BX", **more: Any) -> ReceivedLine:
    return ReceivedLine(**{"line": 1, "item": "GLOVE-M", "quantity": quantity(value, unit), **more})


def stents(*serials: str, **more: Any) -> ReceivedLine:
    given = {"line": 2, "item": "STENT-3", "quantity": quantity(str(len(serials))), "lot": "L-9", "serials": serials}
    return ReceivedLine(**{**given, **more})


def receipt(id: str, *lines: ReceivedLine, **more: Any) -> GoodsReceipt:
    given = {"order": "PO-1", "place": "DOCK-N", "received_at": MORNING, "receiver": "P-DOCK"}
    return GoodsReceipt(**{**given, "id": id, "lines": lines, **more})


def undo(id: str, original: str, *lines: ReceivedLine) -> GoodsReceipt:
    return receipt(id, *lines, reverses=original)


def answer(number: str, *lines: AcknowledgedLine, status: str = "changed", hours: int = 0, **more: Any) -> OrderAcknowledgement:
    given = {"order": "PO-1", "supplier": "S-ACME", "at": MORNING + timedelta(hours=hours)}
    return OrderAcknowledgement(**{**given, "number": number, "status": status, "lines": lines, **more})


def says(status: str, value: str = "10", unit: str = "BX", number: int = 1, **more: Any) -> AcknowledgedLine:
    return AcknowledgedLine(number=number, status=status, quantity=quantity(value, unit), **more)  # type: ignore[arg-type]


def notice(number: str, *lots: str, **more: Any) -> ShipNotice:
    lines = tuple(
        ShippedLine(order="PO-1", line=2, item="STENT-3", quantity=quantity("1"), lot=lot) for lot in (lots or ("L-9",))
    )
    return ShipNotice(**{"number": number, "supplier": "S-ACME", "shipped_at": MORNING, "lines": lines, **more})


def change(version: int, *lines: OrderLine, kind: str = "change") -> OrderChange:
    return OrderChange(order="PO-1", version=version, supplier="S-ACME", at=MORNING, kind=kind, lines=lines, reason="x")  # type: ignore[arg-type]


def with_quantity(value: str, number: int = 1) -> OrderLine:
    line = ORDER.lines[number - 1]
    return structs.replace(line, quantity=quantity(value, line.quantity.unit))


ACCEPTED = answer("1", status="accepted")
CANCEL = change(CANCELLATION, kind="cancel")
ALL = receipt("GR-1", gloves("10"), stents("N1", "N2"))
HALF = receipt("GR-2", gloves("4"))
REST = receipt("GR-3", gloves("6"), stents("N1", "N2"))


def tell(*documents: Document, masters: tuple[Document, ...] | None = None) -> list[Turn]:
    return run(PROCESS, *documents, key="PO-1") if masters is None else run(PROCESS, *documents, masters=masters, key="PO-1")


def states(turns: list[Turn]) -> list[str]:
    return [status.state for status in stated(turns, OrderStatus)]


def expected(turns: list[Turn]) -> dict[int, str]:
    """What the dock was last told to expect."""
    return {line.line: str(line.quantity) for line in sent(turns, "inventory", ExpectedReceipt)[-1].lines}


def received(turns: list[Turn]) -> dict[int, Decimal]:
    """What counts as received at the end."""
    return {number: value for number, value in turns[-1].state.received().items() if value}  # type: ignore[attr-defined]


# -- the order goes out


def test_a_committed_order_is_told_to_everyone_once() -> None:
    turns = tell(ORDER, ORDER)
    assert Counter(business(turns)) == {
        ("supplier", "PurchaseOrder", "PO-1"): 1,
        ("ap", "PurchaseOrder", "PO-1"): 1,
        ("inventory", "ExpectedReceipt", "PO-1/1"): 1,
    }
    assert expected(turns) == {1: "10 BX", 2: "2 EA"}
    assert turns[1].effects == ()


def test_an_implant_order_goes_first_and_everything_says_whither() -> None:
    sends = [effect for effect in tell(ORDER)[0].effects if isinstance(effect, Send)]
    assert {(send.key, send.supplier, send.facility, send.entity, send.priority) for send in sends} == {
        ("PO-1", "S-ACME", "F-NORTH", "E-1", 0)
    }


def test_a_refused_document_is_an_exception_until_it_is_delivered_or_accepted() -> None:
    refused, done = (delivered("supplier", "PurchaseOrder", "PO-1", outcome) for outcome in ("refused", "done"))
    assert reasons(tell(ORDER, refused, refused)) == ["undelivered"]
    assert reasons(tell(ORDER, refused, done)) == []
    assert reasons(tell(ORDER, refused, decision(f"{CASE}/undelivered/supplier/PurchaseOrder:PO-1", "accept"))) == []


# -- receipts


@pytest.mark.parametrize(
    ("receipts", "states_told", "left"),
    [
        ([ALL], ["received"], {}),
        ([HALF], ["partially_received"], {1: "6 BX", 2: "2 EA"}),
        ([HALF, REST], ["partially_received", "received"], {}),
        ([REST, HALF], ["partially_received", "received"], {}),
        ([HALF, HALF, REST, HALF], ["partially_received", "received"], {}),
        ([HALF, undo("X", "GR-2")], ["partially_received", "confirmed"], {1: "10 BX", 2: "2 EA"}),
        ([HALF, REST, undo("X", "GR-3")], ["partially_received", "received", "partially_received"], {1: "6 BX", 2: "2 EA"}),
        ([undo("X", "GR-2"), HALF, REST], ["partially_received"], {1: "4 BX"}),
    ],
)
def test_each_change_of_state_is_told_once(receipts: list[Document], states_told: list[str], left: dict[int, str]) -> None:
    turns = tell(ORDER, *receipts)
    assert states(turns) == states_told
    assert expected(turns) == left
    assert len(stated(turns, OrderStatus)) == len(sent(turns, "procurement", OrderStatus)) - 1, "confirmed is stated elsewhere"


def test_a_receipt_is_told_to_stock_erp_and_ap_once() -> None:
    turns = tell(ORDER, HALF, HALF)
    assert [posted.receipt.id for posted in stated(turns, ReceiptPosted)] == ["GR-2"]
    assert sent(turns, "erp", GoodsReceipt) == sent(turns, "ap", GoodsReceipt) == [HALF]
    assert turns[2].effects == ()


def test_a_count_in_pieces_is_compared_in_the_orders_unit() -> None:
    turns = tell(ORDER, receipt("GR-1", gloves("950", "EA")), receipt("GR-2", gloves("50", "EA")))
    assert received(turns) == {1: Decimal(10)}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (receipt("GR-9", gloves("11")), "over_receipt"),
        (receipt("GR-9", gloves("6"), gloves("5")), "over_receipt"),
        (receipt("GR-9", gloves("1"), place="DOCK-S"), "wrong_place"),
        (receipt("GR-9", gloves("1"), place="NOWHERE"), "wrong_place"),
        (receipt("GR-9", gloves("1", line=7)), "unknown_line"),
        (receipt("GR-9", gloves("1", item="STENT-3", unit="EA")), "wrong_item"),
        (receipt("GR-9", gloves("1", item="NO-SUCH")), "wrong_item"),
        (receipt("GR-9", gloves("1", "PA")), "bad_unit"),
        (receipt("GR-9", gloves("0")), "bad_quantity"),
        (receipt("GR-9"), "no_lines"),
        (receipt("GR-9", gloves("1", expires=date(2026, 3, 1), lot="OLD")), "expired"),
        (receipt("GR-9", stents("N1", lot="")), "lot_missing"),
        (receipt("GR-9", stents("N1", lot="L-1")), "wrong_lot"),
        (receipt("GR-9", stents("N1", "N1")), "serial_twice"),
        (receipt("GR-9", stents("N1", quantity=quantity("2"))), "serial_missing"),
    ],
)
def test_what_fails_a_check_is_parked_and_nothing_moves(bad: GoodsReceipt, reason: str) -> None:
    before, turn, again = tell(ORDER, notice("A-1"), bad, bad)[1:]
    assert words(turn) == [f"Raise {reason}"]
    assert turn.state.parked.keys() == {"GR-9"}  # type: ignore[attr-defined]
    assert phases([before, turn]) == ["shipped", "shipped"]
    assert again.effects == ()
    (case,) = opened([turn])
    assert case.actions == ("release", "reject")
    assert "GR-9" in [ref.id for ref in case.objects]


@pytest.mark.parametrize("place", ["DOCK-N", "OR-1", "F-NORTH"])
def test_any_place_of_the_facility_is_a_right_place(place: str) -> None:
    assert states(tell(ORDER, structs.replace(ALL, place=place))) == ["received"]


@pytest.mark.parametrize(("boxes", "state"), [("11", "partially_received"), ("11.01", "confirmed")])
def test_the_policy_tolerates_so_much_more(boxes: str, state: str) -> None:
    turns = tell(ORDER, receipt("GR-1", gloves(boxes)), masters=but(policy("receiving", over_percent="10")))
    assert phases(turns)[-1] == state


def test_an_announced_lot_of_another_notice_is_right_too() -> None:
    turns = tell(ORDER, notice("A-1", "L-1"), notice("A-2", "L-2"), receipt("GR-1", stents("N1", lot="L-2")))
    assert reasons(turns) == []
    assert sent(turns, "inventory", ExpectedReceipt)[-2].lines[1].lots == ("L-1", "L-2")


# -- a person decides about a parked receipt

WRONG = receipt("GR-9", gloves("11"))
PARKED = f"{CASE}/over_receipt/GR-9"


def test_released_as_it_is() -> None:
    turns = tell(ORDER, WRONG, decision(PARKED, "release"), decision(PARKED, "release"), WRONG)
    assert received(turns) == {1: Decimal(11)}
    assert [posted.id for posted in stated(turns, ReceiptPosted)] == ["GR-9"]
    assert reasons(turns) == []


def test_rejected_and_not_decided_again() -> None:
    turns = tell(ORDER, WRONG, decision(PARKED, "reject"), WRONG)
    assert received(turns) == {}
    assert turns[3].effects == ()
    assert reasons(turns) == []


def test_nobody_releases_what_they_received() -> None:
    turns = tell(ORDER, WRONG, decision(PARKED, "release", "p-dock"), decision(PARKED, "release", "P-CLERK", "DC-2"))
    assert [case.reason for case in opened(turns)] == ["over_receipt", "sod_violation"]
    assert received(turns) == {1: Decimal(11)}


def test_what_nobody_can_let_pass_stays_parked_until_it_is_mended() -> None:
    odd = receipt("GR-9", gloves("1", "PA"))
    case = f"{CASE}/bad_unit/GR-9"
    turns = tell(ORDER, odd, decision(case, "release"))
    assert words(turns[2]) == ["Resolve release", "Raise bad_unit"]
    pairs = structs.replace(GLOVE, packs=(*GLOVE.packs, structs.replace(GLOVE.packs[0], unit="PA", factor=Decimal(200))))
    assert received(tell(ORDER, odd, decision(case, "release"), masters=but(pairs))) == {1: Decimal(2)}


def test_a_release_covers_only_the_faults_that_were_told() -> None:
    elsewhere = receipt("GR-9", gloves("6"), place="DOCK-S")
    turns = tell(ORDER, elsewhere, REST, decision(f"{CASE}/wrong_place/GR-9", "release"))
    assert words(turns[3]) == ["Resolve release", "Raise over_receipt"]
    assert received(turns) == {1: Decimal(6), 2: Decimal(2)}
    assert reasons(turns) == ["over_receipt"]


# -- reversals


def test_a_reversal_undoes_the_whole_receipt_once() -> None:
    turns = tell(ORDER, HALF, undo("X-1", "GR-2"), undo("X-1", "GR-2"), undo("X-2", "GR-2"), HALF)
    assert received(turns) == {}
    first, second = stated(turns, ReceiptPosted)
    assert (second.receipt.reverses, second.receipt.lines) == (first.receipt.id, HALF.lines)
    assert all(turn.effects == () for turn in turns[3:])


def test_a_reversal_of_a_parked_receipt_settles_it() -> None:
    turns = tell(ORDER, WRONG, undo("X-1", "GR-9"), WRONG)
    assert reasons(turns) == []
    assert stated(turns, ReceiptPosted) == []


def test_a_reversal_that_names_other_goods_is_parked() -> None:
    turns = tell(ORDER, HALF, undo("X-1", "GR-2", gloves("3")))
    assert reasons(turns) == ["reversal_differs"]
    assert received(turns) == {1: Decimal(4)}
    case = f"{CASE}/reversal_differs/X-1"
    assert received([*tell(ORDER, HALF, undo("X-1", "GR-2", gloves("3")), decision(case, "release"))]) == {}
    assert reasons(tell(ORDER, HALF, undo("X-1", "GR-2", gloves("-4")))) == []


def test_a_reversal_before_its_receipt_waits_and_then_both_are_nothing() -> None:
    turns = tell(ORDER, undo("X-1", "GR-2"), fired("receipt"), HALF, HALF)
    assert words(turns[1]) == ["Wait receipt"]
    assert [case.reason for case in opened(turns)] == ["unknown_receipt"]
    assert reasons(turns) == []
    assert stated(turns, ReceiptPosted) == []


@pytest.mark.parametrize(("verb", "boxes"), [("reject", Decimal(4)), ("accept", None)])
def test_a_reversal_whose_receipt_never_came_can_be_dropped(verb: str, boxes: Decimal | None) -> None:
    turns = tell(ORDER, undo("X-1", "GR-2"), fired("receipt"), decision(f"{CASE}/unknown_receipt/GR-2", verb), HALF)
    assert received(turns).get(1) == boxes


def test_another_content_under_the_same_number_is_told() -> None:
    turns = tell(ORDER, HALF, receipt("GR-2", gloves("5")))
    assert reasons(turns) == ["receipt_changed"]
    assert received(turns) == {1: Decimal(4)}


# -- the supplier's answer


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (ACCEPTED, "acknowledged"),
        (answer("1", says("accepted"), says("accepted", "2", "EA", 2)), "acknowledged"),
        (answer("1", says("accepted", "6"), says("backordered", "4")), "backordered"),
        (answer("1", says("date_changed", ships_on=date(2026, 3, 20))), "acknowledged"),
        (answer("1", status="rejected"), "rejected"),
        (answer("1", says("rejected"), says("rejected", "2", "EA", 2)), "rejected"),
    ],
)
def test_an_answer_moves_the_order_once(said: Document, state: str) -> None:
    turns = tell(ORDER, said, said)
    assert states(turns) == [state]
    assert turns[2].effects == ()


def test_a_backorder_is_still_expected() -> None:
    turns = tell(ORDER, answer("1", says("accepted", "6"), says("backordered", "4")))
    assert expected(turns) == {1: "10 BX", 2: "2 EA"}


def test_a_rejected_line_is_no_longer_expected_and_the_buyer_decides() -> None:
    said = answer("1", says("rejected", "400", "EA"), says("accepted", "6"))
    turns = tell(ORDER, said)
    assert expected(turns) == {1: "6 BX", 2: "2 EA"}
    (case,) = opened(turns)
    assert (case.reason, case.money and case.money.amount) == ("line_rejected", Decimal("50.00"))
    accepted = tell(ORDER, said, decision(f"{CASE}/line_rejected/1", "accept"))
    assert [str(change.lines[0].quantity) for change in sent(accepted, "erp", OrderChange)] == ["6 BX"]
    assert expected(accepted) == {1: "6 BX", 2: "2 EA"}
    insisted = tell(ORDER, said, decision(f"{CASE}/line_rejected/1", "reject"))
    assert expected(insisted) == {1: "10 BX", 2: "2 EA"}
    assert sent(insisted, "erp", OrderChange) == []


def test_an_accepted_full_rejection_takes_the_commitment_back() -> None:
    turns = tell(
        ORDER,
        answer("1", status="rejected"),
        decision(f"{CASE}/line_rejected/1", "accept", id="DC-1"),
        decision(f"{CASE}/line_rejected/2", "accept", id="DC-2"),
    )
    assert states(turns) == ["rejected", "cancelled"]
    assert turns[-1].state.order.total().amount == 0  # type: ignore[attr-defined]


DEARER = answer("1", says("price_changed", price=price("13.75")))


def test_a_price_is_changed_only_by_the_buyer() -> None:
    assert sent(tell(ORDER, DEARER), "erp", OrderChange) == []
    turns = tell(ORDER, DEARER, decision(f"{CASE}/price_changed/1", "accept"))
    (fact,) = stated(turns, OrderChange)
    assert (fact.version, fact.lines[0].price, fact.lines[0].contract) == (1, price("13.75"), "C-7")
    assert sent(turns, "erp", OrderChange) == sent(turns, "supplier", OrderChange) == [fact]
    assert opened(turns)[0].money == price("12.50").of(Quantity(Decimal(1), "BX")).rounded()


def test_the_echo_of_our_own_change_changes_nothing() -> None:
    turns = tell(ORDER, DEARER, decision(f"{CASE}/price_changed/1", "accept"))
    (echo,) = stated(turns, OrderChange)
    again = tell(ORDER, DEARER, decision(f"{CASE}/price_changed/1", "accept"), echo, echo)
    assert again[3].effects == again[4].effects == ()


def test_a_rejected_price_is_told_to_the_supplier_alone() -> None:
    turns = tell(ORDER, DEARER, decision(f"{CASE}/price_changed/1", "reject"))
    (insisted,) = sent(turns, "supplier", OrderChange)
    assert insisted.lines == (ORDER.lines[0],)
    assert stated(turns, OrderChange) == sent(turns, "erp", OrderChange) == []


def test_nobody_accepts_a_price_for_what_they_requested() -> None:
    turns = tell(ORDER, DEARER, decision(f"{CASE}/price_changed/1", "accept", "P-NURSE"))
    assert reasons(turns) == ["price_changed", "sod_violation"]
    assert stated(turns, OrderChange) == []


def test_a_price_in_another_unit_is_restated() -> None:
    turns = tell(ORDER, answer("1", says("price_changed", price=price("0.125", "EA"))))
    assert reasons(turns) == [], "12.50 a box is 0.125 a piece"


def test_an_accepted_substitute_keeps_contract_and_cost_centre_and_is_what_the_dock_expects() -> None:
    other = structs.replace(GLOVE, id="GLOVE-V", name="Glove, vinyl, medium")
    masters = (*but(structs.replace(GLOVE, substitutes=("GLOVE-V",))), other)
    said = answer("1", says("substituted", substitute="GLOVE-V"))
    goods = receipt("GR-1", gloves("10", item="GLOVE-V"))
    turns = tell(ORDER, said, decision(f"{CASE}/substituted/1", "accept"), goods, masters=masters)
    (line,) = stated(turns, OrderChange)[0].lines
    assert (line.item, line.contract, line.cost_center, line.price) == ("GLOVE-V", "C-7", "CC-SURG", price("12.50"))
    assert "a known substitute" in opened(turns)[0].text
    assert received(turns) == {1: Decimal(10)}
    assert reasons(tell(ORDER, said, goods, masters=masters)) == ["substituted", "wrong_item"]


def test_the_latest_word_on_a_line_counts() -> None:
    late, early = answer("2", says("accepted"), hours=2), answer("1", says("rejected"), hours=1)
    for words_heard in ([early, late], [late, early]):
        turns = tell(ORDER, *words_heard)
        assert expected(turns) == {1: "10 BX", 2: "2 EA"}
        assert reasons(turns) == []


def test_words_about_lines_units_or_orders_that_are_not_ours() -> None:
    assert reasons(tell(ORDER, answer("1", says("accepted", number=7)))) == ["unknown_line"]
    assert reasons(tell(ORDER, answer("1", says("rejected", "1", "PA")))) == ["bad_unit"]
    foreign = tell(ORDER, answer("1", says("rejected"), supplier="S-HEART"), notice("A-1", supplier="S-HEART"))
    assert reasons(foreign) == ["wrong_supplier", "wrong_supplier"]
    assert phases(foreign)[-1] == "confirmed"


# -- silence


def test_a_silent_supplier_becomes_an_exception() -> None:
    assert reasons(tell(ORDER, fired("acknowledgement"))) == ["acknowledgement_overdue"]
    assert reasons(tell(ORDER, ACCEPTED, fired("acknowledgement"))) == []
    assert reasons(tell(ORDER, fired("acknowledgement"), ACCEPTED)) == []


def test_a_shipment_that_does_not_come_becomes_an_exception() -> None:
    assert reasons(tell(ORDER, ACCEPTED, fired("shipment"))) == ["shipment_overdue"]
    assert reasons(tell(ORDER, ALL, fired("shipment"))) == []
    assert reasons(tell(ORDER, fired("shipment"), ALL)) == []
    again = tell(ORDER, fired("shipment"), decision(f"{CASE}/shipment_overdue", "accept"))
    assert words(again[2]) == ["Resolve accept", "Wait shipment"]


def test_patience_reaches_beyond_the_promised_day() -> None:
    promised = answer("1", says("date_changed", ships_on=date(2026, 3, 20)))
    (wait,) = [effect for effect in tell(ORDER, promised)[1].effects if isinstance(effect, Wait) and effect.name == "shipment"]
    assert wait.until is not None
    assert wait.until.date() == date(2026, 3, 26)


def test_a_short_close_ends_the_order_with_what_came() -> None:
    closing = decision(f"{CASE}/shipment_overdue", "close")
    turns = tell(ORDER, HALF, fired("shipment"), closing, closing)
    (fact,) = stated(turns, OrderChange)
    assert [str(line.quantity) for line in fact.lines] == ["4 BX", "0 EA"]
    assert sent(turns, "erp", OrderChange) == sent(turns, "supplier", OrderChange) == [fact]
    assert states(turns) == ["partially_received", "closed"]
    assert expected(turns) == {}
    assert "order_closed" in reasons(tell(ORDER, HALF, fired("shipment"), closing, REST))


def test_a_silent_order_can_be_cancelled_or_closed() -> None:
    assert states(tell(ORDER, fired("acknowledgement"), decision(f"{CASE}/acknowledgement_overdue", "cancel"))) == ["cancelled"]
    assert states(tell(ORDER, HALF, fired("shipment"), decision(f"{CASE}/shipment_overdue", "cancel")))[-1] == "closed"


# -- changed and cancelled


def test_a_change_is_carried_to_supplier_erp_and_dock_once() -> None:
    wish = change(1, with_quantity("12"))
    turns = tell(ORDER, wish, wish)
    assert sent(turns, "supplier", OrderChange) == sent(turns, "erp", OrderChange) == [wish]
    assert expected(turns) == {1: "12 BX", 2: "2 EA"}
    assert stated(turns, OrderChange) == []
    assert turns[2].effects == ()


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        ([change(2, with_quantity("12")), change(1, with_quantity("5"))], "stale_change"),
        ([CANCEL, change(CANCELLATION + 1, with_quantity("5"))], "change_after_end"),
        ([change(1, structs.replace(ORDER.lines[0], quantity=quantity("5", "EA")))], "bad_unit"),
    ],
)
def test_a_change_that_cannot_be_carried_out_is_told(story: list[Document], reason: str) -> None:
    assert reasons(tell(ORDER, *story)) == [reason]


def test_a_cancellation_before_anything_moves_ends_the_order_everywhere() -> None:
    turns = tell(ORDER, ACCEPTED, CANCEL, CANCEL)
    assert sent(turns, "supplier", OrderChange) == sent(turns, "erp", OrderChange) == [CANCEL]
    assert sent(turns, "inventory", ExpectedReceipt)[-1].lines == ()
    assert states(turns) == ["acknowledged", "cancelled"]
    assert turns[3].effects == ()
    assert reasons(tell(ORDER, CANCEL, ALL)) == ["order_cancelled"]
    assert reasons(tell(ORDER, CANCEL, notice("A-1"))) == ["shipped_after_end"]


@pytest.mark.parametrize("moving", [notice("A-1"), HALF, WRONG])
def test_a_cancellation_of_goods_that_move_is_put_to_the_buyer(moving: Document) -> None:
    case = f"{CASE}/cancel_too_late/PO-1/1000"
    turns = tell(ORDER, moving, CANCEL)
    assert "cancel_too_late" in reasons(turns)
    assert sent(turns, "supplier", OrderChange) == []
    assert states(tell(ORDER, moving, CANCEL, decision(case, "accept")))[-1] == "closed"
    (restored,) = stated(tell(ORDER, moving, CANCEL, decision(case, "reject")), OrderChange)
    assert (restored.version, restored.kind, restored.lines) == (CANCELLATION + 1, "change", ORDER.lines)


# -- out of order


def test_what_comes_before_the_order_is_kept_and_decided_then() -> None:
    turns = tell(ACCEPTED, notice("A-1"), ALL, ORDER)
    assert [words(turn) for turn in turns[:3]] == [["Wait order"], [], []]
    assert phases(turns) == ["unknown", "unknown", "unknown", "received"]
    assert states(turns) == ["received"]
    assert len(stated(turns, ReceiptPosted)) == 1
    assert expected(turns) == {}


@pytest.mark.parametrize(("verb", "state"), [("accept", "received"), ("reject", "confirmed")])
def test_what_comes_for_an_unknown_order_becomes_an_exception(verb: str, state: str) -> None:
    turns = tell(ALL, fired("order"))
    assert reasons(turns) == ["unknown_order"]
    assert reasons(tell(ALL, fired("order"), ORDER)) == []
    assert phases(tell(ALL, fired("order"), decision(f"{CASE}/unknown_order", verb), ORDER))[-1] == state


def test_a_notice_of_two_orders_is_decided_under_each() -> None:
    both = notice("A-1", "L-9", "L-8")
    both = structs.replace(both, lines=(both.lines[0], structs.replace(both.lines[1], order="PO-2")))
    assert PROCESS.key(both) == ("PO-1", "PO-2")
    turns = tell(ORDER, both)
    assert sent(turns, "inventory", ExpectedReceipt)[-1].lines[1].lots == ("L-9",)


def test_there_is_a_limit_to_what_one_order_remembers() -> None:
    flood = [receipt(f"GR-{number}", gloves("0.001")) for number in range(1001)]
    with pytest.raises(OverflowError, match="1000 documents"):
        tell(*flood)


# -- any order, any number of times

EVENTS: tuple[Document, ...] = (
    ORDER,
    ACCEPTED,
    notice("A-1", "L-9"),
    HALF,
    receipt("GR-4", gloves("3")),
    undo("X-4", "GR-4"),
    receipt("GR-5", stents("N1", "N2")),
    change(1, with_quantity("8")),
)


@settings(max_examples=120, deadline=None)
@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=6))
def test_any_sequence_and_any_repeats_come_to_the_same(events: list[Document], repeats: list[Document]) -> None:
    turns = tell(*events, *repeats)
    assert received(turns) == {1: Decimal(4), 2: Decimal(2)}
    assert phases(turns)[-1] == "partially_received"
    assert expected(turns) == {1: "4 BX"}
    assert max(Counter(business(turns)).values()) == 1
    assert reasons(turns) == []


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from((*EVENTS, ALL, WRONG, REST, DEARER, CANCEL, fired("shipment"), fired("order"))), max_size=14))
def test_whatever_comes_each_document_goes_out_once_and_the_dock_is_never_told_less_than_nothing(events: list[Document]) -> None:
    turns = tell(*events)
    assert max(Counter(business(turns)).values(), default=0) <= 1
    assert all(line.quantity.value > 0 for told in sent(turns, "inventory", ExpectedReceipt) for line in told.lines)
    posted = [fact.receipt for fact in stated(turns, ReceiptPosted)]
    assert {one.reverses for one in posted if one.reverses} <= {one.id for one in posted}
