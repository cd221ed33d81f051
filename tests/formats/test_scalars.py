"""Decimals, days, instants and shapes: exactly, or not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.formats.scalars import as_utc, day, decimal, instant, start_of, written
from suture.formats.shape import Misshapen, shaped
from suture.model import Item, Price


@given(st.decimals(-(10**18) + 1, 10**18 - 1, places=9))
def test_a_decimal_keeps_its_digits(number: Decimal) -> None:
    assert f"{decimal(f'{number:f}'):f}" == f"{number:f}"


@given(st.text(max_size=12))
def test_no_text_but_a_plain_decimal_is_one(text: str) -> None:
    try:
        number = decimal(text)
    except ValueError:
        return
    assert f"{number:f}" == text or text.lstrip("-").startswith("0")
    assert text.isascii()


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_is_written_as_it_is_read(moment: datetime) -> None:
    try:
        text = written(moment)
    except ValueError:
        return
    assert instant(text, "") == as_utc(moment)
    assert text.endswith("Z")


def test_a_local_time_that_occurs_twice_is_the_first_one() -> None:
    """When clocks go back, 02:30 comes twice; the partner did not say which."""
    assert instant("2026-10-25T02:30:00", "Europe/Zurich") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant("2026-03-29T02:30:00", "Europe/Zurich") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_day_begins_where_the_partner_is() -> None:
    assert day("2026-03-04Z") == day("2026-03-04-05:00") == date(2026, 3, 4)
    assert start_of(date(2026, 3, 4), "America/Chicago") == datetime(2026, 3, 4, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-3-4", "20260304", "2026-03-04T00:00:00", "2026-W10-3", "٢٠٢٦-03-04", " 2026-03-04", ""])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        day(text)


@pytest.mark.parametrize(
    ("plain", "path", "missing"),
    [
        ({"id": "I", "name": "x"}, ".unit", True),
        ({"id": "I", "name": "x", "unit": "EA", "packs": [{"unit": "BX"}]}, ".packs[0].factor", True),
        ({"id": "", "name": "x", "unit": "EA"}, ".id", False),
        ([], "", False),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(plain: object, path: str, missing: bool) -> None:
    with pytest.raises(Misshapen) as refused:
        shaped(plain, Item)
    assert (refused.value.path, refused.value.missing) == (path, missing)


def test_the_models_own_checks_are_told_too() -> None:
    with pytest.raises(Misshapen, match="positive"):
        shaped({"amount": Decimal(1), "currency": "CHF", "per": {"value": Decimal(0), "unit": "EA"}}, Price)
