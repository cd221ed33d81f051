"""Which contract price holds on which day, and in which unit a line is ordered."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.model import ContractPrice, UnitMismatch
from suture.processes.cast import GLOVE, GLOVE_PRICE, price, quantity
from suture.rules.sourcing import contract_price, order_id

GROUP = GLOVE_PRICE
JUNE = date(2026, 6, 1)


def priced(id: str, **changes: object) -> ContractPrice:
    return structs.replace(GROUP, id=id, **changes)


NORTH = priced("NORTH", facility="F-NORTH", price=price("11"))
EXPIRED = priced("EXPIRED", effective_to=date(2026, 5, 31))
LAST_DAY = priced("LAST", effective_from=date(2026, 3, 1), effective_to=JUNE)
FUTURE = priced("FUTURE", effective_from=date(2026, 6, 2))
NEWER = priced("NEWER", effective_from=date(2026, 5, 1))
TIER = priced("TIER", minimum=quantity("5", "CS"), price=price("9"))
BIG_TIER = priced("BIG", minimum=quantity("100", "BX"), price=price("8"))


@pytest.mark.parametrize(
    ("prices", "boxes", "chosen"),
    [
        ([], "1", None),
        ([EXPIRED], "1", None),
        ([FUTURE], "1", None),
        ([LAST_DAY], "1", "LAST"),
        ([GROUP, EXPIRED, FUTURE], "1", "CP-1"),
        ([GROUP, NEWER], "1", "NEWER"),
        ([NEWER, NORTH], "1", "NORTH"),
        ([NORTH, TIER], "60", "NORTH"),
        ([GROUP, TIER], "49", "CP-1"),
        ([GROUP, TIER], "50", "TIER"),
        ([GROUP, TIER, BIG_TIER], "99", "TIER"),
        ([GROUP, TIER, BIG_TIER], "100", "BIG"),
        ([priced("OTHER", item="STENT-3")], "1", None),
        ([priced("SOUTH", facility="F-SOUTH")], "1", None),
    ],
)
def test_the_price_of_the_day_for_facility_and_quantity(prices: list[ContractPrice], boxes: str, chosen: str | None) -> None:
    for listed in (prices, prices[::-1]):
        found = contract_price(listed, GLOVE, quantity(boxes, "BX"), "F-NORTH", JUNE)
        assert (found.id if found else None) == chosen


@given(st.permutations([GROUP, NORTH, EXPIRED, LAST_DAY, FUTURE, NEWER, TIER, BIG_TIER, priced("TWIN"), priced("TWIN-2")]))
def test_the_answer_does_not_depend_on_the_order_of_the_file(prices: list[ContractPrice]) -> None:
    found = contract_price(prices, GLOVE, quantity("1", "BX"), "F-EAST", date(2026, 2, 1))
    assert found is not None
    assert found.id == "TWIN-2"


def test_a_tier_in_an_unknown_unit_is_told() -> None:
    with pytest.raises(UnitMismatch, match="PA"):
        contract_price([priced("ODD", minimum=quantity("1", "PA"))], GLOVE, quantity("1"), "F-NORTH", JUNE)


def test_orders_are_numbered_by_requisition_and_supplier() -> None:
    assert [order_id("R-1", index) for index in range(3)] == ["PO-R-1", "PO-R-1-2", "PO-R-1-3"]


@given(st.integers(1, 10**6))
def test_what_is_ordered_in_boxes_is_what_was_asked_for_in_pieces(boxes: int) -> None:
    assert GLOVE.convert(quantity(str(boxes * 100)), "BX").value == Decimal(boxes)


def test_an_order_number_fits_into_every_partners_field() -> None:
    numbers = [order_id("RQ-CATHETER-GUIDING-05@LAKELAND-CATH-12", index) for index in range(3)]
    assert len(set(numbers)) == 3
    assert all(len(number) <= 22 for number in numbers)
    assert numbers[0] == order_id("RQ-CATHETER-GUIDING-05@LAKELAND-CATH-12"), "the same requisition gives the same number"
