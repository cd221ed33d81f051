"""Which receipts may be posted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec import structs

from suture.model import GoodsReceipt, Item, OrderLine, Place, PurchaseOrder, ReceivedLine
from suture.processes.cast import DOCK, ELSEWHERE, GLOVE, MORNING, STENT, price, quantity
from suture.rules.receiving import counted, expected_lines, receipt_faults, same_goods

ITEMS: dict[str, Item] = {"GLOVE-M": GLOVE, "STENT-3": STENT}
LINE = OrderLine(number=1, item="GLOVE-M", quantity=quantity("10", "BX"), price=price("12.50"), cost_center="CC")
ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="E-1",
    facility="F-NORTH",
    ship_to="OR-1",
    supplier="S",
    currency="USD",
    ordered_at=MORNING,
    lines=(LINE, structs.replace(LINE, number=2, item="STENT-3", quantity=quantity("2"), price=price("9", "EA"))),
)


def got(value: str = "1", unit: str = "BX", **more: object) -> ReceivedLine:
    return structs.replace(ReceivedLine(line=1, item="GLOVE-M", quantity=quantity(value, unit)), **more)


def receipt(*lines: ReceivedLine, place: str = "OR-1") -> GoodsReceipt:
    return GoodsReceipt(id="GR-1", order="PO-1", place=place, received_at=MORNING, lines=lines)


def codes(
    lines: tuple[ReceivedLine, ...],
    *,
    before: str = "0",
    percent: str = "0",
    lots: tuple[str, ...] = (),
    items: dict[str, Item] = ITEMS,
) -> list[str]:
    found = receipt_faults(
        receipt(*lines),
        ORDER,
        items=items,
        place=None,
        received={1: Decimal(before)},
        announced={1: lots},
        policy={"over_percent": percent},
    )
    return [fault.code for fault in found]


@pytest.mark.parametrize(
    ("boxes", "before", "percent", "over"),
    [
        ("10", "0", "0", False),
        ("10.01", "0", "0", True),
        ("1", "9", "0", False),
        ("1", "9.5", "0", True),
        ("11", "0", "10", False),
        ("11.01", "0", "10", True),
        ("0.5", "10.5", "10", False),
    ],
)
def test_how_much_more_may_come_is_the_policys_word(boxes: str, before: str, percent: str, over: bool) -> None:
    assert codes((got(boxes),), before=before, percent=percent) == (["over_receipt"] if over else [])


@pytest.mark.parametrize(
    ("line", "lots", "found"),
    [
        (got(), (), []),
        (got(lot="L-1"), (), []),
        (got(lot="L-1"), ("L-1", "L-2"), []),
        (got(lot="L-3"), ("L-1", "L-2"), ["wrong_lot"]),
        (got(expires=date(2026, 3, 2)), (), []),
        (got(expires=date(2026, 3, 1)), (), ["expired"]),
        (got("33", "EA"), (), []),
        (got(item="STENT-3", unit="EA"), (), ["wrong_item", "bad_unit", "lot_missing", "serial_missing"]),
        (got(line=2), (), ["wrong_item", "over_receipt"]),
        (got(line=9), (), ["unknown_line"]),
        (got("-1"), (), ["bad_quantity"]),
    ],
)
def test_each_line_is_checked_for_all_that_can_be_wrong(line: ReceivedLine, lots: tuple[str, ...], found: list[str]) -> None:
    assert codes((line,), lots=lots) == found


def test_nobody_can_let_pass_what_cannot_be_counted() -> None:
    faults = receipt_faults(
        receipt(got("1", "PA"), got(line=9)), ORDER, items=ITEMS, place=None, received={}, announced={}, policy={}
    )
    assert [(fault.code, fault.passable) for fault in faults] == [("bad_unit", False), ("unknown_line", False)]
    assert codes((got(),), items={}) == ["unknown_item"]


@pytest.mark.parametrize(
    ("at", "place", "right"),
    [
        ("OR-1", None, True),
        ("DOCK-N", DOCK, True),
        ("DOCK-N", structs.replace(DOCK, status="retired"), False),
        ("DOCK-S", ELSEWHERE, False),
        ("NOWHERE", None, False),
    ],
)
def test_the_right_place_is_where_it_was_ordered_to_or_in_the_same_facility(at: str, place: Place | None, right: bool) -> None:
    faults = receipt_faults(receipt(got(), place=at), ORDER, items=ITEMS, place=place, received={}, announced={}, policy={})
    assert [fault.code for fault in faults] == ([] if right else ["wrong_place"])


def test_counts_add_up_in_the_orders_unit() -> None:
    assert counted(receipt(got("3"), got("50", "EA")), ORDER, ITEMS) == {1: Decimal("3.5")}


def test_a_reversal_names_the_same_goods_or_none() -> None:
    original = receipt(got("3", lot="A"), got("2", lot="B"))
    assert same_goods(receipt(), original)
    assert same_goods(receipt(got("-2", lot="B"), got("3", lot="A")), original)
    assert not same_goods(receipt(got("3", lot="A")), original)


def test_a_line_of_which_nothing_is_to_come_is_left_out() -> None:
    (line,) = expected_lines(ORDER, {1: Decimal(4)}, {2: Decimal(2)}, {1: ("L-1",)})
    assert (line.line, line.quantity, line.lots) == (1, quantity("6", "BX"), ("L-1",))
