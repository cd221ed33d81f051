"""Money, quantities, prices and packs are exact to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suture.model import InexactConversion, Item, Money, Pack, Price, Quantity, UnitMismatch
from tests.strategies import CURRENCIES

amounts = st.decimals(-(10**12), 10**12, places=4, allow_nan=False, allow_infinity=False)
positive = st.decimals(Decimal("0.001"), 10**8, places=3)
#: As many digits as our own border lets in: 18 before the point, 9 after it.
longest = st.integers(1, 10**27 - 1).map(lambda digits: Decimal(digits).scaleb(-9))


def usd(amount: Decimal) -> Money:
    return Money(amount, "USD")


@given(amounts, amounts, amounts)
def test_money_adds_like_numbers(a: Decimal, b: Decimal, c: Decimal) -> None:
    assert usd(a) + usd(b) == usd(b) + usd(a) == usd(a + b)
    assert (usd(a) + usd(b)) + usd(c) == usd(a) + (usd(b) + usd(c))
    assert usd(a) + usd(b) - usd(b) == usd(a)
    assert usd(a) + -usd(a) == usd(Decimal(0))
    assert abs(usd(a)) == abs(-usd(a))


@given(amounts, st.integers(0, 50))
def test_multiplying_is_adding_again_and_again(a: Decimal, times: int) -> None:
    assert usd(a) * times == sum((usd(a) for _ in range(times)), usd(Decimal(0)))


@given(amounts, amounts)
def test_money_is_ordered_like_its_amount(a: Decimal, b: Decimal) -> None:
    assert (usd(a) < usd(b)) == (a < b)
    assert (usd(a) <= usd(b)) == (a <= b)
    assert (usd(a) > usd(b)) == (a > b)


@given(amounts, st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES))
def test_two_currencies_never_mix(a: Decimal, one: str, other: str) -> None:
    assume(one != other)
    for combine in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(UnitMismatch):
            combine(Money(a, one), Money(a, other))


@given(positive, positive)
def test_quantities_add_within_a_unit_only(a: Decimal, b: Decimal) -> None:
    assert Quantity(a, "EA") + Quantity(b, "EA") - Quantity(b, "EA") == Quantity(a, "EA")
    assert -Quantity(a, "EA") + Quantity(a, "EA") == Quantity(Decimal(0), "EA")
    with pytest.raises(UnitMismatch):
        Quantity(a, "EA") + Quantity(b, "BX")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "sNaN", "1E18", "-1000000000000000000", "1E999999", "9" * 5000]
)
def test_what_is_no_amount_cannot_be_made(number: str) -> None:
    with pytest.raises(ValueError, match="finite decimal"):
        usd(Decimal(number))
    with pytest.raises(ValueError, match="finite decimal"):
        Quantity(Decimal(number), "EA")


def test_the_received_scale_is_kept() -> None:
    assert str(usd(Decimal("1.10")).amount) == "1.10"
    assert str((usd(Decimal("1.10")) + usd(Decimal("2.2"))).amount) == "3.30"
    assert str(usd(Decimal("1234567.5"))) == "1,234,567.5 USD"


@pytest.mark.parametrize(
    ("currency", "amount", "rounded"),
    [
        ("USD", "2.345", "2.35"),
        ("USD", "-2.345", "-2.35"),
        ("USD", "2.344999", "2.34"),
        ("EUR", "7", "7.00"),
        ("JPY", "100.5", "101"),
        ("KRW", "0.4", "0"),
        ("VND", "1999.5", "2000"),
        ("XOF", "12.5", "13"),
        ("KWD", "1.2345", "1.235"),
        ("BHD", "1.2344", "1.234"),
        ("LYD", "0.0005", "0.001"),
        ("CLF", "1.23455", "1.2346"),
    ],
)
def test_rounding_is_half_up_to_the_minor_unit_of_the_currency(currency: str, amount: str, rounded: str) -> None:
    assert str(Money(Decimal(amount), currency).rounded().amount) == rounded


@given(amounts, st.sampled_from(CURRENCIES))
def test_rounding_moves_by_half_a_minor_unit_at_most_and_only_once(amount: Decimal, currency: str) -> None:
    money = Money(amount, currency)
    rounded = money.rounded()
    unit = Decimal(1).scaleb(rounded.amount.as_tuple().exponent)
    assert abs(rounded.amount - amount) * 2 <= unit
    assert rounded.rounded() == rounded
    assert (-money).rounded() == -rounded


@given(positive, st.sampled_from([1, 10, 100, 1000]), positive)
def test_a_price_of_many_is_exact_where_decimals_can_be(amount: Decimal, basis: int, count: Decimal) -> None:
    price = Price(amount, "USD", Quantity(Decimal(basis), "EA"))
    assert Fraction(price.of(Quantity(count, "EA")).amount) == Fraction(amount) * Fraction(count) / basis


def test_a_price_per_hundred_is_not_a_price_per_piece() -> None:
    price = Price(Decimal("80.00"), "USD", Quantity(Decimal(100), "EA"))
    assert price.of(Quantity(Decimal(250), "EA")) == usd(Decimal(200))
    assert str(price) == "80.00 USD/100 EA"
    with pytest.raises(UnitMismatch):
        price.of(Quantity(Decimal(1), "BX"))


@pytest.mark.parametrize("basis", ["0", "-1"])
def test_a_price_needs_a_positive_basis(basis: str) -> None:
    with pytest.raises(ValueError, match="positive"):
        Price(Decimal(1), "USD", Quantity(Decimal(basis), "EA"))
    with pytest.raises(ValueError, match="positive"):
        Pack("BX", Decimal(basis))


BOX, CASE = Decimal(12), Decimal(144)
GLOVES = Item(id="IT-1", name="Gloves", unit="EA", packs=(Pack("BX", BOX), Pack("CS", CASE)))


def test_boxes_cases_and_pieces_convert_exactly() -> None:
    assert GLOVES.convert(Quantity(Decimal(2), "CS"), "BX") == Quantity(Decimal(24), "BX")
    assert GLOVES.convert(Quantity(Decimal(2), "CS"), "EA") == Quantity(Decimal(288), "EA")
    assert GLOVES.convert(Quantity(Decimal(6), "BX"), "CS") == Quantity(Decimal("0.5"), "CS")
    assert GLOVES.convert(Quantity(Decimal("1.50"), "EA"), "EA") == Quantity(Decimal("1.50"), "EA")


def test_a_third_of_a_box_is_refused_instead_of_rounded() -> None:
    with pytest.raises(InexactConversion):
        GLOVES.convert(Quantity(Decimal(1), "EA"), "BX")
    with pytest.raises(UnitMismatch):
        GLOVES.convert(Quantity(Decimal(1), "PK"), "EA")
    with pytest.raises(UnitMismatch):
        GLOVES.convert(Quantity(Decimal(1), "EA"), "PK")


@given(longest, st.integers(1, 10**6).map(Decimal), st.integers(1, 10**6).map(Decimal))
def test_a_conversion_is_exact_or_refused_for_any_number_of_digits(value: Decimal, source: Decimal, target: Decimal) -> None:
    item = Item(id="IT-1", name="Gloves", unit="EA", packs=(Pack("BX", source), Pack("CS", target)))
    truth = Fraction(value) * Fraction(source) / Fraction(target)
    assume(truth < 10**18)
    try:
        assert Fraction(item.convert(Quantity(value, "BX"), "CS").value) == truth
    except InexactConversion:
        assert _places(truth) is None or _digits(truth) > 50


def _places(number: Fraction) -> int | None:
    """Decimal places of a finite decimal, or None."""
    rest, places = number.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    for prime in (2, 5):
        while rest % prime == 0:
            rest, places = rest // prime, places + 1
    return places if rest == 1 else None


def _digits(number: Fraction) -> int:
    return len(str(int(number))) + (_places(number) or 0)


@given(longest, st.integers(1, 10**6).map(Decimal))
def test_converting_down_and_up_again_changes_nothing(value: Decimal, factor: Decimal) -> None:
    item = Item(id="IT-1", name="Gloves", unit="EA", packs=(Pack("BX", factor),))
    boxes = Quantity(value, "BX")
    assume(value * factor < 10**17)
    assert item.convert(item.convert(boxes, "EA"), "BX") == boxes


@given(positive, positive, st.integers(1, 1000).map(Decimal))
def test_a_price_restated_for_another_pack_costs_the_same(amount: Decimal, count: Decimal, factor: Decimal) -> None:
    item = Item(id="IT-1", name="Gloves", unit="EA", packs=(Pack("BX", factor),))
    per_box = Price(amount, "USD", Quantity(Decimal(1), "BX"))
    per_piece = item.price(per_box, "EA")
    pieces = item.convert(Quantity(count, "BX"), "EA")
    assert abs(per_piece.of(pieces).amount - per_box.of(Quantity(count, "BX")).amount) < Decimal("0.0000001")
