"""Running numbers as each standard has them: what is missing between them did not come."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from suture.formats import Profile, Running, Stamp
from suture.formats.hl7v2 import FORMAT as HL7
from suture.formats.iso20022 import FORMAT as ISO
from suture.formats.json import FORMAT as JSON
from suture.formats.x12 import FORMAT as X12
from suture.model import Item, Money, PaymentStatus, Quantity, Usage, encode
from tests.formats.x12.messages import PROFILE, message

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ITEM = Item(id="IT-1", name="Glove", unit="EA")
USAGE = Usage(
    id="U-1",
    kind="used",
    item="IT-1",
    quantity=Quantity(Decimal(1), "EA"),
    place="OR-1",
    used_at=AT,
    encounter="E1",
    patient="P1",
)
BANK = Profile(options={"debtor_account": "9000000001", "debtor_routing": "021000021"})


def charge(number: int, profile: Profile) -> bytes:
    """A charge of the EHR."""
    assert HL7.write is not None
    return HL7.write(USAGE, profile, Stamp(number=number, at=AT.isoformat()))


def booking(number: str) -> bytes:
    """A notification of the bank with this sequence number."""
    assert ISO.write is not None
    settled = PaymentStatus(payment="PAY-1", status="settled", at=AT, amount=Money(Decimal("40.00"), "USD"))
    raw = ISO.write(settled, BANK, Stamp(number=1, at=AT.isoformat()))
    return raw.replace(b"<CreDtTm>", b"<ElctrncSeqNb>" + number.encode() + b"</ElctrncSeqNb><CreDtTm>")


# -- our own JSON: sequence


def test_a_document_in_json_has_its_number_on_the_short_way_and_on_the_long_one() -> None:
    short = b'{"sequence":17,"documents":[' + encode(ITEM) + b"]}"
    long = b'{ "documents" : [' + encode(ITEM) + b'], "sequence" : 17 }'
    for raw in (short, long):
        reading = JSON.read(raw, Profile())
        assert (reading.documents, reading.numbers, reading.findings) == ((ITEM,), (Running(17),), ())


def test_a_numbered_message_may_hold_several_documents_or_none() -> None:
    two = b'{"sequence":3,"documents":[%s,%s]}' % (encode(ITEM), encode(structs.replace(ITEM, id="IT-2")))
    assert [document.id for document in JSON.read(two, Profile()).documents] == ["IT-1", "IT-2"]  # type: ignore[attr-defined]
    empty = JSON.read(b'{"sequence":4,"documents":[]}', Profile())
    assert (empty.documents, empty.findings, empty.numbers) == ((), (), (Running(4),))
    assert JSON.read(b'{"documents":[]}', Profile()).errors, "without a number it says nothing at all"


@pytest.mark.parametrize("number", [b"0", b"-1", b"1.5", b'"x"', b"true", b"10000000000000000000", b"[]"])
def test_what_is_no_running_number_is_refused(number: bytes) -> None:
    reading = JSON.read(b'{"sequence":%s,"documents":[%s]}' % (number, encode(ITEM)), Profile())
    assert [finding.path for finding in reading.errors] == ["$.sequence"]
    assert reading.documents == ()


# -- HL7 v2: MSH-13


def test_a_charge_has_its_number_in_msh_13_where_its_sender_counts() -> None:
    counts = Profile(us="EHR", options={"sequence": "yes"})
    assert HL7.read(charge(17, counts), Profile()).numbers == (Running(17, "EHR>PARTNER"),)
    assert HL7.read(charge(17, Profile(us="EHR")), Profile()).numbers == (), "MSH-10 is an id, and no count"


@pytest.mark.parametrize("number", ["0", "-1", "x", "1" * 16])
def test_the_special_values_of_msh_13_are_no_numbers(number: str) -> None:
    raw = charge(17, Profile(options={"sequence": "yes"})).replace(b"|2.8|17|", f"|2.8|{number}|".encode())
    assert number.encode() in raw
    assert HL7.read(raw, Profile()).numbers == ()


def test_the_number_survives_the_removal_of_the_patient() -> None:
    raw = charge(17, Profile(options={"sequence": "yes"}))
    assert HL7.minimise is not None
    assert HL7.read(HL7.minimise(raw, lambda identifier: "P"), Profile()).numbers == (Running(17, "SUTURE>PARTNER"),)


# -- X12: ISA13


def test_every_interchange_of_a_file_has_its_number() -> None:
    reading = X12.read(message("997", control="000000091") + message("997", control="000000092"), PROFILE)
    assert [number.number for number in reading.numbers] == [91, 92]
    assert len({number.series for number in reading.numbers}) == 1


def test_an_interchange_that_is_refused_has_come_all_the_same() -> None:
    reading = X12.read(message("997").replace(b"IEA*1*", b"IEA*7*"), PROFILE)
    assert reading.errors
    assert [number.number for number in reading.numbers] == [91]


# -- ISO 20022: ElctrncSeqNb


def test_a_report_of_the_bank_is_counted_per_account_and_names_none() -> None:
    (number,) = ISO.read(booking("9"), Profile()).numbers
    assert number.number == 9
    assert "9000000001" not in number.series


@pytest.mark.parametrize("number", ["", "0", "nine"])
def test_a_report_without_a_number_is_not_counted(number: str) -> None:
    assert ISO.read(booking(number), Profile()).numbers == ()
