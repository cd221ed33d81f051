"""JSON at the border: our own documents, read strictly, and every defect told with its path."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.formats import LARGEST_MESSAGE, Profile, Reading, Stamp, Unwritable, Verdict
from suture.formats.json import DEEPEST, FORMAT, MOST_DOCUMENTS
from suture.model import (
    ContractPrice,
    Document,
    Entity,
    Item,
    Money,
    Pack,
    Policy,
    Price,
    Quantity,
    RequisitionCancellation,
    encode,
)
from tests.strategies import documents

STAMP = Stamp(number=1, at="2026-03-02T09:30:00Z")
ITEM: dict[str, Any] = {"type": "Item", "id": "IT-1", "name": "Gauze", "unit": "EA"}
PRICE: dict[str, Any] = {
    "type": "ContractPrice",
    "id": "CP-1",
    "contract": "C-1",
    "supplier": "S-1",
    "item": "IT-1",
    "price": {"amount": "12.50", "currency": "CHF", "per": {"value": "1", "unit": "BX"}},
    "effective_from": "2026-01-01",
}


def read(message: object, zone: str = "UTC") -> Reading:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    return FORMAT.read(raw, Profile(timezone=zone))


def told(reading: Reading) -> list[tuple[str, str]]:
    return [(finding.code, finding.path) for finding in reading.findings]


def priced(amount: str) -> Reading:
    """A price list of one row whose amount is this JSON text."""
    return read(json.dumps(PRICE).replace('"12.50"', amount).encode())


# the same document again


@given(documents())
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_the_models_own_encoding_and_reads_back(document: Document) -> None:
    assert FORMAT.write is not None
    raw = FORMAT.write(document, Profile(), STAMP)
    assert raw == encode(document)
    assert FORMAT.read(raw, Profile()).documents == (document,)


@given(documents(), st.sampled_from([None, 2]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_another_layout_of_the_same_document_is_the_same_document(
    document: Document, indent: int | None, ascii_only: bool
) -> None:
    """The fast way for canonical bytes and the careful one for all others agree."""
    plain = dict(reversed(json.loads(encode(document)).items()))
    raw = json.dumps(plain, indent=indent, ensure_ascii=ascii_only).encode()
    assert raw != encode(document)
    reading = FORMAT.read(raw, Profile())
    assert reading.documents == (document,)
    assert reading.findings == ()


@given(st.lists(documents(), min_size=1, max_size=5))
@settings(deadline=None)
def test_batches_and_lines_hold_many_documents(many: list[Document]) -> None:
    batch = b'{"id":"B-7","documents":[' + b",".join(map(encode, many)) + b"]}"
    reading = read(batch)
    assert reading.documents == tuple(many)
    assert reading.message_id == "B-7"
    assert reading.kind == "documents"
    lines = b"\r\n".join(map(encode, many)) + b"\n\n"
    assert read(lines).documents == tuple(many)
    assert read(b"\xef\xbb\xbf" + lines).documents == tuple(many)


def test_a_line_may_hold_separators_that_are_no_line_ends() -> None:
    one = Entity(id="E1", name="a\u2028b\x85c", currency="CHF")
    assert read(encode(one) + b"\n" + encode(one)).documents == (one, one)


# numbers


@pytest.mark.parametrize(
    ("written", "scale"),
    [
        ('"12.50"', "12.50"),
        ("12.50", "12.50"),
        ("12.500000000", "12.500000000"),
        ("7", "7"),
        ('"-0.10"', "-0.10"),
        ("0.1", "0.1"),
    ],
)
def test_a_number_keeps_its_scale(written: str, scale: str) -> None:
    (price,) = priced(written).documents
    assert isinstance(price, ContractPrice)
    assert str(price.price.amount) == scale


@pytest.mark.parametrize(
    "written",
    [
        *(
            '"NaN"',
            '"Infinity"',
            '"-Infinity"',
            '"sNaN"',
            '" 12 "',
            '"12 "',
            '"1_000"',
            '"1,000"',
            '"1e3"',
            '"1E+3"',
            '"１２"',
            '"٣"',
        ),
        *('""', '"."', '"1."', '".5"', '"+1"', '"--1"', '"0x10"', '"1.0000000001"', '"1234567890123456789"', '"12.50\\n"'),
        *("NaN", "Infinity", "-Infinity", "1e3", "1E400", "1.0000000001", "1234567890123456789", "1" * 5000),
        *("true", "null", "[]", "{}", '["12.50"]'),
    ],
)
def test_what_is_no_plain_decimal_is_refused(written: str) -> None:
    """Python's Decimal, and msgspec with it, would take a dozen of these."""
    reading = priced(written)
    assert reading.documents == ()
    assert all(path.startswith("$.price.amount") for _, path in told(reading))
    assert {code for code, _ in told(reading)} == {"json.value"}


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_decimal_is_read_exactly_or_not_at_all(number: Decimal) -> None:
    for written in (f'"{number}"', f"{number}"):
        reading = priced(written)
        for price in reading.documents:
            assert isinstance(price, ContractPrice)
            assert str(price.price.amount) == str(number)


def of_amount(amount: str) -> ContractPrice:
    price = Price(Decimal(amount), "CHF", Quantity(Decimal(1), "EA"))
    return ContractPrice(id="CP", contract="C", supplier="S", item="I", price=price, effective_from=date(2026, 1, 1))


@pytest.mark.parametrize("number", ["0.1234567891", "1E-20", "1E-10"])
def test_a_number_that_would_be_refused_is_not_written(number: str) -> None:
    assert FORMAT.write is not None
    with pytest.raises(Unwritable, match="decimal"):
        FORMAT.write(of_amount(number), Profile(), STAMP)
    assert not read(encode(of_amount(number))).documents


@pytest.mark.parametrize(
    ("number", "plain"), [("1E-9", "0.000000001"), ("0E-9", "0.000000000"), ("-1E-7", "-0.0000001"), ("1E+3", "1000")]
)
def test_a_number_is_written_without_exponent(number: str, plain: str) -> None:
    assert FORMAT.write is not None
    raw = FORMAT.write(of_amount(number), Profile(), STAMP)
    assert f'"amount":"{plain}"'.encode() in raw
    assert read(raw).documents == (of_amount(plain),)


@given(st.decimals(-(10**18) + 1, 10**18 - 1, places=9))
def test_every_decimal_within_the_law_comes_back(number: Decimal) -> None:
    assert FORMAT.write is not None
    assert read(FORMAT.write(of_amount(str(number)), Profile(), STAMP)).documents == (of_amount(str(number)),)


def test_an_instant_is_written_in_utc_and_a_text_without_nul() -> None:
    assert FORMAT.write is not None
    at = datetime(2026, 7, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    made = RequisitionCancellation(requisition="R", reason="", at=at)
    assert b'"at":"2026-07-01T08:00:00Z"' in FORMAT.write(made, Profile(), STAMP)
    with pytest.raises(Unwritable, match="NUL"):
        FORMAT.write(Entity(id="E", name="a\x00b", currency="CHF"), Profile(), STAMP)
    with pytest.raises(Unwritable):
        FORMAT.write(Entity(id="E", name="\ud800", currency="CHF"), Profile(), STAMP)


def test_a_fraction_in_a_policy_is_written_as_a_text() -> None:
    """Open values have no type that would make a fraction exact, so they must not hold one."""
    policy = {"type": "Policy", "id": "match", "version": 1, "effective": "2026-01-01T00:00:00Z", "author": "a", "approver": "b"}
    assert told(read({**policy, "values": {"percent": 0.5}})) == [("json.value", "$.values.percent")]
    (taken,) = read({**policy, "values": {"percent": "0.5", "amount": "free text", "at": "noon", "limit": 3}}).documents
    assert isinstance(taken, Policy)
    assert taken.values == {"percent": "0.5", "amount": "free text", "at": "noon", "limit": 3}


def test_whole_numbers_stay_whole() -> None:
    assert told(read({**ITEM, "lot_tracked": 1})) == [("json.value", "$.lot_tracked")]
    assert told(read(json.dumps({"type": "Supplier", "id": "S", "name": "A", "terms_days": 30.5}).encode())) == [
        ("json.value", "$.terms_days")
    ]
    assert told(read(b'{"type":"Supplier","id":"S","name":"A","terms_days":30.0}')) == [("json.value", "$.terms_days")]


# times


def cancelled(at: str, zone: str = "UTC") -> Reading:
    return read({"type": "RequisitionCancellation", "requisition": "R", "reason": "", "at": at}, zone)


@pytest.mark.parametrize(
    ("at", "zone", "moment"),
    [
        ("2026-07-01T10:00:00Z", "", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01T10:00:00+02:00", "", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-07-01T10:00:00.123456Z", "", datetime(2026, 7, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-07-01T10:00:00", "Europe/Zurich", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-01-01T10:00:00", "Europe/Zurich", datetime(2026, 1, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_kept_in_utc(at: str, zone: str, moment: datetime) -> None:
    """Pitfall, everywhere: dates without zone need the partner's zone."""
    (cancellation,) = cancelled(at, zone).documents
    assert isinstance(cancellation, RequisitionCancellation)
    assert cancellation.at == moment
    assert cancellation.at.tzinfo is UTC


@pytest.mark.parametrize(
    ("at", "zone"),
    [
        ("2026-07-01T10:00:00", ""),
        ("2026-07-01T10:00:00", "Mars/Olympus"),
        ("2026-07-01T10:00:00", "../../etc/passwd"),
        ("2026-07-01", "UTC"),
        ("2026-13-01T10:00:00Z", "UTC"),
        ("2026-W01-1T10:00:00Z", "UTC"),
        ("0001-01-01T00:00:00+14:00", "UTC"),
        ("", "UTC"),
        ("now", "UTC"),
    ],
)
def test_what_is_no_timestamp_is_refused(at: str, zone: str) -> None:
    assert told(cancelled(at, zone)) == [("json.value", "$.at")]


# defects


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"type": "Itme"}, "json.type", "$.type"),
        ({"type": 3}, "json.type", "$.type"),
        ({"type": None}, "json.type", "$.type"),
        ({"name": 3}, "json.value", "$.name"),
        ({"id": ""}, "json.value", "$.id"),
        ({"id": "x" * 65}, "json.value", "$.id"),
        ({"status": "sold"}, "json.value", "$.status"),
        ({"packs": [{"unit": "BX", "factor": "12"}, {"unit": "CS"}]}, "json.missing", "$.packs[1].factor"),
        ({"packs": [{"unit": "BX", "factor": "0"}]}, "json.value", "$.packs[0]"),
        ({"packs": [{"unit": "BX", "factor": "x"}]}, "json.value", "$.packs[0].factor"),
        ({"packs": {}}, "json.value", "$.packs"),
        ({"substitutes": ["IT-2", ""]}, "json.value", "$.substitutes[1]"),
        ({"name": "a\x00b"}, "json.character", "$.name"),
        ({"name": "\ud800"}, "json.character", "$.name"),
        ({"\ud800": 1}, "json.character", "$.?"),
    ],
)
def test_a_defect_is_told_with_its_path(change: dict[str, object], code: str, path: str) -> None:
    reading = read({**ITEM, **change})
    assert reading.documents == ()
    assert (code, path) in told(reading)


def test_a_missing_field_is_named() -> None:
    assert told(read({"type": "Item", "id": "IT-1", "name": "Gauze"})) == [("json.missing", "$.unit")]
    assert told(read({"documents": [ITEM, {"id": "IT-2"}]})) == [("json.type", "$.documents[1].type")]


def test_a_repeated_name_is_refused_wherever_it_is() -> None:
    """Two readers of one message must not see two different values."""
    assert told(read(b'{"type":"Item","id":"A","id":"B","name":"x","unit":"EA"}')) == [("json.repeated_field", "$.id")]
    nested = json.dumps(PRICE).replace('"amount"', '"amount": "1", "amount"').encode()
    assert told(read(nested)) == [("json.repeated_field", "$.price.amount")]


def test_an_unknown_field_is_left_out_with_a_word() -> None:
    reading = read({**PRICE, "colour": "red", "price": {**PRICE["price"], "vat": "7.7"}})
    assert len(reading.documents) == 1
    assert sorted(told(reading)) == [("json.unknown_field", "$.colour"), ("json.unknown_field", "$.price.vat")]
    assert not reading.errors


def test_one_bad_document_does_not_stop_the_others() -> None:
    reading = read({"documents": [ITEM, {**ITEM, "unit": ""}, 5, {**ITEM, "id": "IT-4"}]})
    assert [getattr(each, "id", "") for each in reading.documents] == ["IT-1", "IT-4"]
    assert told(reading) == [("json.value", "$.documents[1].unit"), ("json.shape", "$.documents[2]")]
    lines = json.dumps(ITEM).encode() + b'\n{"type": "Item", \n' + json.dumps({**ITEM, "id": "IT-3"}).encode()
    reading = read(lines)
    assert [getattr(each, "id", "") for each in reading.documents] == ["IT-1", "IT-3"]
    assert told(reading) == [("json.syntax", "line 2")]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "json.syntax"),
        (b"{", "json.syntax"),
        (b'{"type": "Item",}', "json.syntax"),
        (b"{'type': 'Item'}", "json.syntax"),
        (b"\xff\xfe{}", "json.charset"),
        (b'{"type":"Entity","id":"E1","name":"Z\xfcrich","currency":"CHF"}', "json.charset"),
        (b"[]", "json.shape"),
        (b"3", "json.shape"),
        (b"null", "json.shape"),
        (b"{}", "json.type"),
        (b'{"documents": {}}', "json.shape"),
        (b'{"documents": []}', "json.empty"),
        (b'{"documents": [], "id": 5}', "json.value"),
        (b'{"type":"Entity"}{"type":"Entity"}', "json.syntax"),
    ],
)
def test_what_is_no_message_is_refused(raw: bytes, code: str) -> None:
    reading = read(raw)
    assert reading.documents == ()
    assert {finding.code for finding in reading.findings} == {code}


# limits


def test_depth_is_limited() -> None:
    for deep in (DEEPEST + 1, 500, 200_000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            raw = b'{"type":"Item","id":' + (opening * deep + "1" + closing * deep).encode() + b"}"
            assert {finding.code for finding in read(raw).findings} & {"json.depth", "json.syntax"}
    policy = (
        b'{"type":"Policy","id":"p","version":1,"effective":"2026-01-01T00:00:00Z","author":"a","approver":"b","values":{"a":%s}}'
    )
    assert read(policy % (b"[" * 20 + b"]" * 20)).documents
    assert not read(policy % (b"[" * 40 + b"]" * 40)).documents
    assert not read(policy % (b"[" * 90_000 + b"]" * 90_000)).documents


def test_size_and_number_are_limited() -> None:
    assert told(read(b" " * (LARGEST_MESSAGE + 1))) == [("json.size", "")]
    assert told(read(b'{"documents":[' + b"1," * MOST_DOCUMENTS + b"1]}")) == [("json.limit", "$.documents")]
    assert told(read(b'{"a":{}}\n' * (MOST_DOCUMENTS + 1))) == [("json.limit", "")]


def test_a_long_number_costs_no_more_than_its_length() -> None:
    started = time.perf_counter()
    assert priced("9" * 2_000_000).errors
    assert priced("0." + "9" * 2_000_000).errors
    assert time.perf_counter() - started < 2


# answers


def answer(reading: Reading, outcome: str) -> Any:
    assert FORMAT.acknowledge is not None
    raw = FORMAT.acknowledge(reading, Verdict(outcome=outcome, findings=reading.errors, stamp=STAMP), Profile())
    assert raw is not None
    return json.loads(raw)


def test_an_accepted_message_is_answered_with_its_documents() -> None:
    assert answer(read({"documents": [ITEM, PRICE]}), "accepted") == {
        "outcome": "accepted",
        "documents": ["IT-1", "CP-1"],
        "findings": [],
    }


def test_a_refused_message_is_answered_with_the_problem() -> None:
    """RFC 9457: title and status, and what is wrong where."""
    problem = answer(read({**ITEM, "unit": 5}), "refused")
    assert (problem["status"], problem["outcome"]) == (422, "refused")
    assert [(error["code"], error["path"]) for error in problem["errors"]] == [("json.value", "$.unit")]
    assert answer(read(ITEM), "busy")["status"] == 503


def test_money_is_never_a_float() -> None:
    (price,) = priced("0.1").documents
    assert isinstance(price, ContractPrice)
    assert price.price.of(Quantity(Decimal(3), "BX")) == Money(Decimal("0.3"), "CHF")
    assert isinstance(read(ITEM).documents[0], Item)


def test_a_document_that_is_too_large_for_a_message_is_unwritable() -> None:
    pack = Pack(unit="BX", factor=Decimal(36))
    item = Item(id="IT-1", name="Gauze", unit="EA", packs=(pack,) * 1_300_000)
    with pytest.raises(Unwritable, match="more than"):
        FORMAT.write(item, Profile(), STAMP)
