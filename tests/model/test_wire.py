"""What is encoded is decoded to the same document, digit for digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model import DOCUMENTS, Document, Entity, Money, Policy, StockMovement, decode, encode
from tests.strategies import document, documents


@pytest.mark.parametrize("kind", DOCUMENTS.values(), ids=DOCUMENTS)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_every_document_survives_its_encoding(kind: type[Document], data: st.DataObject) -> None:
    made = data.draw(document(kind))
    raw = encode(made)
    back = decode(raw)
    assert back == made
    assert type(back) is kind
    assert encode(back) == raw


@given(documents())
def test_the_encoding_says_its_type(made: Document) -> None:
    assert msgspec.json.decode(encode(made))["type"] == type(made).__name__


@given(st.decimals(-(10**17), 10**17, places=9))
def test_decimals_keep_their_scale(amount: Decimal) -> None:
    raw = msgspec.json.encode(Money(amount, "USD"))
    assert str(msgspec.json.decode(raw, type=Money).amount) == str(amount)


def test_the_names_of_types_are_as_stable_as_the_data_that_carries_them() -> None:
    assert all(name == kind.__name__ == kind.__struct_config__.tag for name, kind in DOCUMENTS.items())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"type":"Nothing"}',
        b'{"type":"Entity","id":"","name":"x","currency":"USD"}',
        b'{"type":"Entity","id":"E1","name":"x","currency":"usd"}',
        b'{"type":"TimerFired","name":"x","due":"2026-01-01T00:00:00"}',
    ],
)
def test_what_was_never_encoded_is_refused(raw: bytes) -> None:
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        decode(raw)


def test_defaults_are_left_out() -> None:
    assert (
        encode(Entity(id="E1", name="Alpine", currency="CHF")) == b'{"type":"Entity","id":"E1","name":"Alpine","currency":"CHF"}'
    )


def test_open_values_keep_their_kinds() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"price": {"percent": "2.0"}, "roles": ["buyer"], "limit": 3, "strict": True, "none": None}
    policy = Policy(id="match", version=1, effective=at, author="ana", approver="bo", values=values)
    assert decode(encode(policy)) == policy


@given(documents(StockMovement), st.integers(0, 400))
def test_a_cut_encoding_is_no_document(made: Document, cut: int) -> None:
    raw = encode(made)
    with pytest.raises(msgspec.DecodeError):
        decode(raw[: cut % len(raw)])
