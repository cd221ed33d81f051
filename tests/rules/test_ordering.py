"""What becomes of an order, line by line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.model import AcknowledgedLine, OrderChange, OrderLine, PurchaseOrder, UnitMismatch
from suture.processes.cast import GLOVE, MORNING, price, quantity
from suture.rules.ordering import as_answered, changed, count, in_units_of, outstanding, reduced, rejected, same_price, standing

LINE = OrderLine(number=1, item="GLOVE-M", quantity=quantity("10", "BX"), price=price("12.50"), cost_center="CC")
ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="E-1",
    facility="F",
    ship_to="D",
    supplier="S",
    currency="USD",
    ordered_at=MORNING,
    lines=(LINE, structs.replace(LINE, number=2, quantity=quantity("4", "BX"))),
)


def amounts(**by_line: str) -> dict[int, Decimal]:
    return {int(name[1:]): Decimal(value) for name, value in by_line.items()}


def says(status: str, value: str = "10", unit: str = "BX", **more: object) -> AcknowledgedLine:
    return AcknowledgedLine(number=1, status=status, quantity=quantity(value, unit), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("received", "refused", "words", "state"),
    [
        ({}, {}, (), "confirmed"),
        ({}, {}, ("acknowledged",), "acknowledged"),
        ({}, {}, ("acknowledged", "backordered"), "backordered"),
        ({}, {}, ("acknowledged", "backordered", "shipped"), "shipped"),
        (amounts(l1="1"), {}, ("shipped",), "partially_received"),
        (amounts(l1="10"), {}, (), "partially_received"),
        (amounts(l1="10", l2="4"), {}, (), "received"),
        (amounts(l1="11", l2="4"), {}, (), "received"),
        (amounts(l1="10"), amounts(l2="4"), (), "received"),
        ({}, amounts(l1="10", l2="4"), ("acknowledged",), "rejected"),
        ({}, amounts(l1="3"), ("acknowledged",), "acknowledged"),
        (amounts(l1="0"), {}, (), "confirmed"),
    ],
)
def test_where_an_order_stands_is_drawn_from_what_is_known(
    received: dict[int, Decimal], refused: dict[int, Decimal], words: tuple[str, ...], state: str
) -> None:
    flags = {word: word in words for word in ("acknowledged", "backordered", "shipped")}
    assert standing(ORDER, received, refused, **flags) == state


def test_an_order_without_any_quantity_is_cancelled() -> None:
    empty = structs.replace(ORDER, lines=reduced(ORDER, {}))
    assert standing(empty, {}, {}, acknowledged=True, backordered=False, shipped=False) == "cancelled"


@given(
    st.dictionaries(st.integers(1, 2), st.decimals(0, 20, places=2)),
    st.dictionaries(st.integers(1, 2), st.decimals(0, 20, places=2)),
)
def test_what_is_outstanding_is_never_less_than_nothing(received: dict[int, Decimal], refused: dict[int, Decimal]) -> None:
    left = outstanding(ORDER, received, refused)
    assert left.keys() == {1, 2}
    assert all(value >= 0 for value in left.values())


def test_a_change_is_absolute_and_may_add_a_line() -> None:
    lines = (structs.replace(LINE, quantity=quantity("0", "BX")), structs.replace(LINE, number=3))
    after = changed(ORDER, OrderChange(order="PO-1", version=1, supplier="S", at=MORNING, lines=lines))
    assert [(line.number, str(line.quantity)) for line in after.lines] == [(1, "0 BX"), (2, "4 BX"), (3, "10 BX")]


def test_a_short_close_keeps_what_came_and_never_raises_a_line() -> None:
    assert [str(line.quantity) for line in reduced(ORDER, amounts(l1="12"))] == ["10 BX", "0 BX"]


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (says("accepted"), LINE),
        (says("backordered"), LINE),
        (says("date_changed"), LINE),
        (says("rejected", "4"), structs.replace(LINE, quantity=quantity("6", "BX"))),
        (says("rejected", "40"), structs.replace(LINE, quantity=quantity("0", "BX"))),
        (says("quantity_changed", "8"), structs.replace(LINE, quantity=quantity("8", "BX"))),
        (says("price_changed", price=price("13")), structs.replace(LINE, price=price("13"))),
        (says("price_changed", price=price("12.5")), LINE),
        (says("price_changed"), LINE),
        (says("substituted", substitute="GLOVE-V"), structs.replace(LINE, item="GLOVE-V")),
        (says("substituted"), LINE),
    ],
)
def test_what_the_supplier_would_make_of_a_line(said: AcknowledgedLine, becomes: OrderLine) -> None:
    assert as_answered(LINE, said) == becomes


def test_words_are_restated_in_the_lines_unit() -> None:
    restated = in_units_of(LINE, says("rejected", "400", "EA", price=price("0.125", "EA")), GLOVE)
    assert (restated.quantity, rejected([restated])) == (quantity("4", "BX"), Decimal(4))
    assert restated.price is not None
    assert same_price(restated.price, LINE.price)
    with pytest.raises(UnitMismatch):
        in_units_of(LINE, says("rejected", "400", "EA"), None)


def test_the_same_unit_needs_no_item() -> None:
    assert count(quantity("3", "BX"), "BX", None) == 3
    assert not same_price(price("12.50"), structs.replace(price("12.50"), currency="EUR"))
