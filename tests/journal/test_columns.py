"""A packed column is, byte for byte, the array that the driver makes of the same values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.numeric import Int4, Int8

from suture.journal.columns import column

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def driven(values: Sequence[Any]) -> bytes:
    """What the driver sends for a list."""
    found = Transformer().get_dumper(values, PyFormat.BINARY).dump(values)
    assert found is not None
    return bytes(found)


@given(st.lists(texts, min_size=1, max_size=20))
def test_texts_go_as_the_driver_packs_them(values: list[str]) -> None:
    assert column("text", values) == driven(values)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_bytes_go_as_the_driver_packs_them(values: list[bytes]) -> None:
    assert column("bytea", values) == driven(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_large_numbers_go_as_the_driver_packs_them(values: list[int]) -> None:
    assert column("bigint", values) == driven(list(map(Int8, values)))


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20))
def test_small_numbers_go_as_the_driver_packs_them(values: list[int]) -> None:
    assert column("integer", values) == driven(list(map(Int4, values)))


def test_nothing_is_an_array_without_a_dimension() -> None:
    assert column("text", []) == b"\0\0\0\0\0\0\0\0\0\0\0\x19"


def test_a_type_that_no_column_has_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        column("numeric", [1])
