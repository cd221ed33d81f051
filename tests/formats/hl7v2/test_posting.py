"""What is written reads back as it was, or is not written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from msgspec import structs

from suture.formats import Profile, Stamp, Unwritable
from suture.formats.hl7v2 import lex, minimise, read, write
from suture.model import Place, Quantity, Usage
from tests.formats.hl7v2.theatre import PROFILE, STAMP, pseudonym
from tests.strategies import documents

USAGE = Usage(
    id="T-1",
    kind="used",
    item="STENT-35",
    quantity=Quantity(Decimal("1.50"), "EA"),
    place="NORTH/OR1",
    used_at=datetime(2026, 3, 2, 14, 45, 0, 250_000, tzinfo=UTC),
    encounter="V-9001",
    patient="M-4711",
    procedure="92928",
    procedure_category="cardiology & more",
    cost_center="CARD",
    lot="LOT-A7",
    serial="SN-0001",
)


def test_a_usage_as_bytes() -> None:
    profile = Profile(
        us="OR", partner="SUTURE", options={"facility": "NORTH", "PID-5.1": "TESTPATIENT", "PID-5.2": "ALEX", "PID-7": "19700229"}
    )
    assert write(USAGE, profile, STAMP).decode().split("\r") == [
        "MSH|^~\\&|OR|NORTH|SUTURE||20260302151501+0000||DFT^P03^DFT_P03|7|P|2.8||||||UNICODE UTF-8",
        "EVN|P03|20260302151501+0000",
        "PID|1||M-4711^^^^MR||TESTPATIENT^ALEX||19700229",
        "PV1|1|I|||||||||||||||||V-9001^^^^VN",
        "FT1|1|T-1||20260302144500.2500+0000||CG|STENT-35|||1.50|||CARD|||OR1^^^NORTH|||||||||92928",
        "PR1|1||92928|||cardiology \\T\\ more",
        "PRT|1|AD||EQUIP^Equipment^HL70912|||||||||||||||LOT-A7|SN-0001",
        "",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "wasted"},
        {"kind": "cancelled", "reverses": "T-0"},
        {"kind": "cancelled", "id": "T-1/cancelled", "reverses": "T-1"},
        {"kind": "corrected", "reverses": "T-0", "quantity": Quantity(Decimal(0), "EA")},
        {"quantity": Quantity(Decimal(3), "BX")},
        {"place": "OR1"},
        {"place": "A/B/C"},
        {"lot": "", "serial": "", "procedure": "", "procedure_category": "", "cost_center": ""},
        {"item": "A|B^C&D~E\\F", "encounter": "Zoë 山田"},
    ],
)
def test_written_and_read_it_is_the_same(changes: dict[str, object]) -> None:
    usage = structs.replace(USAGE, **changes)
    raw = write(usage, PROFILE, STAMP)
    assert read(raw, PROFILE).documents == (usage,)
    assert read(raw, PROFILE).findings == ()
    assert write(usage, PROFILE, STAMP) == raw
    assert lex(raw).to_bytes() == raw


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"used_at": datetime(2026, 3, 2, 14, 45, 0, 1, tzinfo=UTC)}, "no microseconds"),
        ({"quantity": Quantity(Decimal(1), "XYZ")}, "103"),
        ({"quantity": Quantity(Decimal(0), "EA")}, "zero"),
        ({"quantity": Quantity(Decimal(-1), "EA")}, "no place"),
        ({"id": "x" * 101}, "104"),
        ({"item": " STENT"}, "no place"),
        ({"lot": '""'}, "no place"),
        ({"reverses": "T-0"}, "no place"),
        ({"kind": "cancelled"}, "no place"),
        ({"procedure": "", "procedure_category": "x", "kind": "cancelled", "reverses": "T-1"}, "no place"),
    ],
)
def test_what_would_not_come_back_is_not_written(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Unwritable, match=reason):
        write(structs.replace(USAGE, **changes), PROFILE, STAMP)


def test_only_usages_are_written() -> None:
    place = Place(id="P", name="P", kind="dock", entity="E", facility="F")
    with pytest.raises(Unwritable, match="not Place"):
        write(place, PROFILE, STAMP)


def test_a_wrong_profile_writes_nothing() -> None:
    for options in ({"PID-0": "x"}, {"item": "ZIM-2"}, {"version": "9.9"}):
        with pytest.raises(Unwritable):
            write(USAGE, Profile(options=options), STAMP)
    with pytest.raises(Unwritable):
        write(USAGE, PROFILE, Stamp(number=1, at="today"))


def test_the_agreed_types_and_units_are_used() -> None:
    profile = Profile(
        options={"patient_type": "PI", "patient_assigner": "NORTH", "unit": "BX", "waste_modifiers": "W1 W2", "version": "2.5.1"}
    )
    usage = structs.replace(USAGE, kind="wasted", quantity=Quantity(Decimal(2), "BX"))
    raw = write(usage, profile, STAMP)
    assert b"M-4711^^^NORTH^PI" in raw
    assert b"|W1" in raw
    assert b"ZFT" not in raw
    assert read(raw, profile).documents == (usage,)


def test_a_twins_message_reads_as_a_usage_of_pseudonyms_once_minimised() -> None:
    profile = Profile(options={"PID-5.1": "TESTPATIENT", "PID-5.2": "ALEX"})
    clean = minimise(write(USAGE, profile, STAMP), pseudonym)
    assert b"TESTPATIENT" not in clean
    expected = structs.replace(USAGE, patient=pseudonym("M-4711"), encounter=pseudonym("V-9001"))
    assert read(clean, profile).documents == (expected,)


@given(documents(Usage))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])
def test_any_usage_comes_back_the_same_or_not_at_all(usage: Usage) -> None:
    try:
        raw = write(usage, PROFILE, STAMP)
    except Unwritable:
        assume(False)
    assert read(raw, PROFILE).documents == (usage,)
    assert lex(raw).to_bytes() == raw
