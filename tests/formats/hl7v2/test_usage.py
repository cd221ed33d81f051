"""Usages from DFT^P03, context from ADT, batches. Numbers in names are the HL7 v2 pitfalls that they cover."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from suture.formats import Profile
from suture.formats.hl7v2 import Detail, Merge, read
from suture.formats.hl7v2.charges import CHARGES_MAX, DEVICES_MAX, PLACES
from suture.model import Quantity, Usage
from tests.formats.hl7v2.theatre import EVN, FT1, MSH, PID, PRT, PV1, dft, ft1, lines, reading, refused, usages

EACH = Quantity(Decimal(1), "EA")


def only_usage(raw: bytes, **options: str) -> Usage:
    (usage,) = usages(raw, **options)
    return usage


def test_a_charge_is_a_usage() -> None:
    assert only_usage(dft(ft1(f13="CARD^Cardiology", f25="92928^Stenting"), "PR1|1||92928||20260302|I", PRT)) == Usage(
        id="T-1",
        kind="used",
        item="00812345678903",
        quantity=EACH,
        place="NORTH/OR1",
        used_at=datetime(2026, 3, 2, 14, 45, tzinfo=UTC),
        encounter="V-9001",
        patient="M-4711",
        procedure="92928",
        procedure_category="I",
        cost_center="CARD",
        lot="LOT-A7",
        serial="SN-0001",
    )


def test_what_the_reading_says_about_the_message() -> None:
    found = reading(dft(FT1))
    assert (found.message_id, found.kind, found.findings) == ("C1001", "DFT^P03", ())
    assert dict(found.envelope) == {
        "sender": "OR",
        "sender_facility": "NORTH",
        "receiver": "SUTURE",
        "receiver_facility": "GROUP",
        "control_id": "C1001",
        "version": "2.8",
        "processing": "P",
    }


def test_each_charge_of_a_message_is_its_own_usage_9() -> None:
    found = usages(dft(FT1, ft1(f2="T-2", f7="GLOVE", f10="4"), ft1(f2="T-3", f7="DRAPE")))
    assert [(usage.id, usage.item, usage.quantity.value) for usage in found] == [
        ("T-1", "STENT-35", 1),
        ("T-2", "GLOVE", 4),
        ("T-3", "DRAPE", 1),
    ]


def test_a_charge_has_the_segments_that_follow_it_8() -> None:
    first, second = usages(dft(FT1, "PR1|1||A|||D", "NTE|1", PRT, ft1(f2="T-2"), "PR1|1||B|||P"))
    assert (first.procedure, first.procedure_category, first.lot) == ("A", "D", "LOT-A7")
    assert (second.procedure, second.procedure_category, second.lot) == ("B", "P", "")


def test_a_device_in_the_head_of_the_message_is_no_charge() -> None:
    assert only_usage(lines(MSH, EVN, PID, PRT, PV1, FT1)).lot == ""


# Kinds


@pytest.mark.parametrize(
    ("transaction", "quantity"), [("CD", "1"), ("CR", "1"), ("CG", "-1"), ("CR", "-1"), ("CD", ""), ("AJ", "-1")]
)
def test_a_credit_or_a_negative_quantity_reverses_9(transaction: str, quantity: str) -> None:
    usage = only_usage(dft(ft1(f6=transaction, f10=quantity)))
    assert (usage.kind, usage.quantity, usage.id, usage.reverses) == ("cancelled", EACH, "T-1/cancelled", "T-1")


def test_an_adjustment_replaces_9() -> None:
    usage = only_usage(dft(ft1(f2="T-9", f6="AJ", f10="3"), "ZFT|T-1"))
    assert (usage.kind, usage.quantity.value, usage.id, usage.reverses) == ("corrected", 3, "T-9", "T-1")
    same = only_usage(dft(ft1(f6="AJ", f10="0")))
    assert (same.kind, same.quantity.value, same.id, same.reverses) == ("corrected", 0, "T-1/corrected", "T-1")


def test_where_the_reversed_usage_is_named_9() -> None:
    assert only_usage(dft(ft1(f2="T-9", f6="CD"), "ZFT|T-1")).reverses == "T-1"
    assert only_usage(dft(ft1(f2="T-9", f6="CD"), "ZXX|1|T-1"), reverses="ZXX-2").reverses == "T-1"
    charge, credit = usages(dft(FT1, ft1(f1="2", f2="T-9", f6="CD", f31="1")))
    assert (credit.id, credit.reverses) == ("T-9", charge.id)
    assert refused(dft(ft1(f2="", f6="CD"))) == [("101", "FT1-2")]


@pytest.mark.parametrize("transaction", ["PY", "CO"])
def test_a_payment_moves_no_goods_9(transaction: str) -> None:
    found = reading(dft(FT1, ft1(f2="T-2", f6=transaction, f7="PAY", f10="abc")))
    assert len(found.documents) == 1
    assert ("not-usage", "FT1[2]-6", "info") in [(finding.code, finding.path, finding.severity) for finding in found.findings]


@pytest.mark.parametrize(
    ("modifiers", "options", "kind"),
    [("JW", {}, "wasted"), ("RT~JW", {}, "wasted"), ("RT", {}, "used"), ("XX", {"waste_modifiers": "XX YY"}, "wasted")],
)
def test_a_modifier_says_wasted(modifiers: str, options: dict[str, str], kind: str) -> None:
    assert only_usage(dft(ft1(f26=modifiers)), **options).kind == kind


# Ids


def test_the_transaction_id_is_the_key_of_a_usage_9() -> None:
    first = only_usage(dft(FT1))
    again = only_usage(dft(FT1, msh=MSH.replace("C1001", "C2002")))
    assert first == again, "a resend under a new control number is the same usage"


def test_without_a_transaction_id_the_message_and_set_id_are_9() -> None:
    found = usages(dft(ft1(f2=""), ft1(f1="", f2="")))
    assert [usage.id for usage in found] == ["C1001/1", "C1001/2"]


# Quantity and unit


@pytest.mark.parametrize(
    ("quantity", "expected"), [("", "1"), ("2.50", "2.50"), ("+3", "3"), ("007", "7"), (".5", "0.5"), ("2.", "2")]
)
def test_quantities_are_exact_and_one_by_default_9(quantity: str, expected: str) -> None:
    found = only_usage(dft(ft1(f10=quantity))).quantity.value
    assert found == Decimal(expected)
    assert found.as_tuple() == Decimal(expected).as_tuple()


@pytest.mark.parametrize(
    "quantity", ["two", "1,000", "1e3", "NaN", "Infinity", "1 0", "--1", ".", "1_000", "٣", "9" * 17, "0", "0.00"]
)
def test_a_quantity_that_is_none_9(quantity: str) -> None:
    assert refused(dft(ft1(f10=quantity))) == [("102", "FT1-10")]


def test_amounts_of_money_are_not_read_9() -> None:
    assert only_usage(dft(ft1(f11="100&USD", f12="50&USD", f22="abc"))).quantity == EACH


@pytest.mark.parametrize(
    ("stated", "options", "unit"),
    [
        ("", {}, "EA"),
        ("", {"unit": "BX"}, "BX"),
        ("BX", {}, "BX"),
        ("mL", {}, "MLT"),
        ("{each}", {}, "EA"),
        ("CTN", {"unit.CTN": "CT"}, "CT"),
    ],
)
def test_units_are_agreed_or_stated(stated: str, options: dict[str, str], unit: str) -> None:
    assert only_usage(dft(FT1, f"ZFT||{stated}"), **options).quantity.unit == unit


def test_an_unknown_unit() -> None:
    assert refused(dft(FT1, "ZFT||FURLONG")) == [("103", "ZFT-2")]


# Devices


def test_several_devices_in_one_charge_are_several_usages_9() -> None:
    found = usages(dft(ft1(f10="2"), PRT, PRT.replace("SN-0001", "SN-0002")))
    assert [(usage.id, usage.serial, usage.lot, usage.quantity) for usage in found] == [
        ("T-1#1", "SN-0001", "LOT-A7", EACH),
        ("T-1#2", "SN-0002", "LOT-A7", EACH),
    ]
    back = usages(dft(ft1(f6="CD", f10="2"), PRT, PRT.replace("SN-0001", "SN-0002")))
    assert [usage.reverses for usage in back] == [usage.id for usage in found]
    assert len({usage.id for usage in (*found, *back)}) == 4


def test_devices_that_do_not_match_the_quantity_are_not_guessed() -> None:
    assert refused(dft(ft1(f10="5"), PRT, PRT.replace("LOT-A7", "LOT-B8"))) == [("102", "FT1-10")]
    assert refused(dft(ft1(f10=str(DEVICES_MAX + 1)), *[PRT] * (DEVICES_MAX + 1))) == [("102", "FT1-10")]


def test_a_participant_without_lot_is_no_device() -> None:
    surgeon = "PRT|2|AD||SB^Send by^HL70912|77^TESTSURGEON"
    assert only_usage(dft(ft1(f10="5"), surgeon, PRT)).quantity.value == 5


def test_implants_in_a_local_segment_9() -> None:
    options = {"item": "ZIM-2", "lot": "ZIM-3", "serial": "ZIM-4"}
    found = usages(dft(ft1(f10="2"), "ZIM|1|HIP-01|L1|S1", "ZIM|2|HIP-02|L2|S2"), **options)
    assert [(usage.item, usage.lot, usage.serial) for usage in found] == [("HIP-01", "L1", "S1"), ("HIP-02", "L2", "S2")]


# Item, place, cost centre


@pytest.mark.parametrize(
    ("fields", "more", "item"),
    [
        ({}, [], "STENT-35"),
        ({"f29": "0182-1061-05^^NDC"}, [], "0182-1061-05"),
        ({"f29": "0182-1061-05"}, [PRT], "00812345678903"),
        ({"f29": "0182-1061-05", "f34": "ITEM-9^^L"}, [PRT], "ITEM-9"),
    ],
)
def test_the_most_specific_code_names_the_item_9(fields: dict[str, str], more: list[str], item: str) -> None:
    assert only_usage(dft(ft1(**fields), *more)).item == item


@pytest.mark.parametrize(
    ("charged", "stay", "place"),
    [
        ("OR2^B1^^SOUTH", "OR1^^^NORTH", "SOUTH/OR2"),
        ("OR2", "OR1^^^NORTH", "OR2"),
        ("", "OR1^^^NORTH&2.16.1&ISO", "NORTH/OR1"),
        ("", "OR1", "OR1"),
        ("^^^SOUTH", "OR1", "OR1"),
    ],
)
def test_the_place_is_facility_and_point_of_care_6(charged: str, stay: str, place: str) -> None:
    assert only_usage(dft(ft1(f16=charged), pv1=PV1.replace("OR1^^^NORTH", stay, 1))).place == place


def test_a_profile_says_where_things_stand() -> None:
    assert only_usage(dft(ft1(f16="OR2^^^SOUTH")), place="FT1-16.1").place == "OR2"
    assert only_usage(dft(FT1, "ZCC|K-77"), cost_center="ZCC-1").cost_center == "K-77"
    assert only_usage(dft(ft1(f25="92928")), **{"category.92928": "cardiology"}).procedure_category == "cardiology"


@pytest.mark.parametrize("wrong", ["nowhere", "FT1", "", "FT1-0"])
@pytest.mark.parametrize("part", sorted(PLACES))
def test_a_profile_that_makes_no_sense_is_a_finding(part: str, wrong: str) -> None:
    assert refused(dft(FT1), **{part: wrong}) == [("207", "")]


def test_an_unknown_time_zone_in_the_profile_is_a_finding() -> None:
    found = read(dft(ft1(f4="20260302")), Profile(timezone="Mars/Olympus"))
    assert [finding.code for finding in found.errors] == ["207"]


def test_moments_without_zone_are_in_the_partners_7() -> None:
    (usage,) = read(dft(ft1(f4="202603020930")), Profile(timezone="Europe/Zurich")).documents
    assert isinstance(usage, Usage)
    assert usage.used_at == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


# Patient and encounter


@pytest.mark.parametrize(
    ("identifiers", "options", "patient"),
    [
        ("1^^^USA^SS~2^^^NORTH^MR", {}, "2"),
        ("1^^^NORTH^PI~2^^^NORTH&2.16.1&ISO^MR", {"patient_type": "PI"}, "1"),
        ("1^^^SOUTH^MR~2^^^NORTH^MR", {"patient_assigner": "NORTH"}, "2"),
        ("1^^^SOUTH^MR~2^^^&2.16.1&ISO^MR", {"patient_assigner": "2.16.1"}, "2"),
        ("2^^^NORTH^MR~2^^^NORTH^MR", {}, "2"),
        ("2", {}, "2"),
    ],
)
def test_the_patient_is_picked_by_type_and_assigner_6(identifiers: str, options: dict[str, str], patient: str) -> None:
    assert only_usage(dft(FT1, pid=f"PID|1||{identifiers}"), **options).patient == patient


@pytest.mark.parametrize(
    ("identifiers", "options", "code"),
    [
        ("1^^^USA^SS", {}, "204"),
        ("1~2", {}, "204"),
        ("1^^^SOUTH^MR", {"patient_assigner": "NORTH"}, "204"),
        ("1", {"patient_assigner": "NORTH"}, "204"),
        ("1^^^SOUTH^MR~2^^^NORTH^MR", {}, "205"),
        ("", {}, "101"),
    ],
)
def test_a_patient_is_never_the_first_that_comes_6(identifiers: str, options: dict[str, str], code: str) -> None:
    assert refused(dft(FT1, pid=f"PID|1||{identifiers}"), **options) == [(code, "PID-3")]


def test_the_encounter_is_the_visit_or_else_the_account() -> None:
    account = "PID|1||M-4711^^^NORTH^MR" + "|" * 15 + "ACC-5"
    assert only_usage(dft(FT1, pid=account)).encounter == "V-9001"
    assert only_usage(dft(FT1, pid=account, pv1="PV1|1|I|OR1")).encounter == "ACC-5"
    assert refused(dft(FT1, pv1="PV1|1|I|OR1")) == [("101", "PV1-19")]


def test_findings_say_no_content_of_the_message() -> None:
    raw = dft(ft1(f4="TESTPATIENT", f6="TESTPATIENT", f10="TESTPATIENT"), "ZFT||TESTPATIENT", pid=PID.replace("^MR", "^XX"))
    found = reading(raw)
    assert len(found.errors) >= 4
    assert not any("TESTPATIENT" in str(finding) or "4711" in str(finding) for finding in found.findings)


# What is wrong


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"f4": ""}, ("101", "FT1-4")),
        ({"f4": "2026"}, ("102", "FT1-4")),
        ({"f4": "20260230"}, ("102", "FT1-4")),
        ({"f6": ""}, ("101", "FT1-6")),
        ({"f6": "ZZ"}, ("103", "FT1-6")),
        ({"f7": ""}, ("101", "FT1-7")),
        ({"f7": '""'}, ("101", "FT1-7")),
        ({"f7": "x" * 65}, ("104", "FT1-7")),
        ({"f2": "x" * 101}, ("104", "FT1-2")),
        ({"f16": "x" * 65}, ("104", "FT1-16")),
    ],
)
def test_each_error_names_code_and_field(fields: dict[str, str], error: tuple[str, str]) -> None:
    assert refused(dft(ft1(**fields))) == [error]


def test_a_bad_charge_does_not_cost_the_good_ones() -> None:
    found = reading(dft(FT1, ft1(f2="T-2", f10="x"), ft1(f2="T-3", f4="x", f6="x"), ft1(f2="T-4")))
    assert [document.id for document in found.documents if isinstance(document, Usage)] == ["T-1", "T-4"]
    assert [(finding.code, finding.path) for finding in found.errors] == [
        ("102", "FT1[2]-10"),
        ("103", "FT1[3]-6"),
        ("102", "FT1[3]-4"),
    ]


def test_a_charge_broken_over_lines_is_not_trusted_2() -> None:
    assert refused(dft(FT1.replace("Stent 3.5", "Stent\n3.5"))) == [("102", "FT1")]
    assert refused(dft(FT1, PRT.replace("Equipment", "Equip\nment"))) == [("102", "PRT")]
    assert refused(dft(FT1, pv1=PV1.replace("NORTH^VN", "NORTH\n^VN"))) == [("102", "PV1")]
    assert len(usages(dft(FT1, "NTE|1||first line\nsecond line|x"))) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("|C1001|", "||"), ("101", "MSH-10")),
        (("|P|2.8", "|P|"), ("203", "MSH-12")),
        (("|P|2.8", "|P|3.0"), ("203", "MSH-12")),
        (("|P|2.8", "|T|2.8"), ("202", "MSH-11")),
        (("DFT^P03^DFT_P03", "ORU^R01"), ("200", "MSH-9")),
        (("DFT^P03^DFT_P03", "DFT^P11"), ("201", "MSH-9")),
        (("DFT^P03^DFT_P03", "ADT^A99"), ("201", "MSH-9")),
        (("DFT^P03^DFT_P03", ""), ("101", "MSH-9")),
        (("|^~\\&|", "|^^\\&|"), ("102", "MSH-2")),
    ],
)
def test_a_header_that_is_not_for_us(change: tuple[str, str], error: tuple[str, str]) -> None:
    assert refused(dft(FT1, msh=MSH.replace(*change))) == [error]


@pytest.mark.parametrize(
    "version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.2", "2.9"]
)
def test_every_version_is_read(version: str) -> None:
    assert len(usages(dft(FT1, msh=MSH.replace("2.8", version)))) == 1


def test_an_old_message_names_its_event_in_evn() -> None:
    assert len(usages(dft(FT1, msh=MSH.replace("DFT^P03^DFT_P03", "DFT").replace("2.8", "2.1")))) == 1


def test_a_processing_id_is_accepted_where_the_profile_says_so() -> None:
    test = dft(FT1, msh=MSH.replace("|P|", "|T^I|"))
    assert refused(test) == [("202", "MSH-11")]
    assert len(usages(test, processing="P T")) == 1
    found = reading(dft(FT1, msh=MSH.replace("|P|", "||")))
    assert [(finding.code, finding.severity) for finding in found.findings] == [("101", "warning")]
    assert len(found.documents) == 1


def test_the_segments_that_a_charge_needs() -> None:
    assert refused(lines(MSH, EVN, PV1, FT1)) == [("100", "PID")]
    assert refused(lines(MSH, EVN, PID, PV1)) == [("100", "FT1")]
    assert refused(lines(MSH, EVN, PID, FT1)) == [("101", "PV1-19"), ("101", "FT1-16")]
    assert refused(b"") == [("100", "MSH")]
    assert refused(lines(PID, FT1)) == [("100", "MSH")]


def test_a_message_without_end_is_bounded() -> None:
    assert refused(dft(*[FT1] * (CHARGES_MAX + 1))) == [("100", "FT1")]
    found = reading(dft(*[ft1(f2="", f10="x", f31="9")] * CHARGES_MAX))
    assert len(found.errors) == CHARGES_MAX


# Context


@pytest.mark.parametrize("event", ["A01", "A03", "A04", "A08", "A11"])
def test_an_adt_message_is_context(event: str) -> None:
    found = reading(lines(MSH.replace("DFT^P03^DFT_P03", f"ADT^{event}"), EVN, PID, PV1))
    assert (found.documents, [finding.code for finding in found.findings]) == ((), ["context-only"])
    assert found.errors == ()


def test_a_merge_is_noted() -> None:
    raw = lines(MSH.replace("DFT^P03^DFT_P03", "ADT^A40"), EVN, PID, "MRG|M-4712^^^NORTH^MR", PID.replace("4711", "5"), "MRG|6")
    found = reading(raw)
    assert [finding.code for finding in found.findings] == ["context-only", "merged"]
    assert isinstance(found.detail, Detail)
    assert found.detail.heads[0].merges == (Merge("M-4711", "M-4712"), Merge("M-5", "6"))


def test_an_adt_message_without_its_patient() -> None:
    admit, merge = (MSH.replace("DFT^P03^DFT_P03", f"ADT^{event}") for event in ("A01", "A40"))
    assert refused(lines(admit, EVN, PV1)) == [("100", "PID")]
    assert refused(lines(admit, EVN, "PID|1", PV1)) == [("101", "PID[1]-3")]
    assert refused(lines(merge, EVN, PID)) == [("100", "MRG")]
    assert refused(lines(merge, EVN, PID, "MRG|")) == [("101", "MRG[1]-1")]


# Batches

FHS, BHS = "FHS|^~\\&|OR|NORTH|SUTURE|GROUP|20260302|||||F-1", "BHS|^~\\&|OR|NORTH|SUTURE|GROUP|20260302||||B-1"


def batch(*trailers: str, second: str = FT1.replace("T-1", "T-2")) -> bytes:
    message = [MSH, EVN, PID, PV1]
    return lines(FHS, BHS, *message, FT1, *[segment.replace("C1001", "C1002") for segment in message], second, *trailers)


def test_a_batch_of_messages_14() -> None:
    found = reading(batch("BTS|2", "FTS|1"))
    assert [document.id for document in found.documents if isinstance(document, Usage)] == ["T-1", "T-2"]
    assert (found.message_id, found.findings) == ("B-1", ())


@pytest.mark.parametrize(
    ("trailers", "error"),
    [
        (("BTS|3", "FTS|1"), ("102", "BTS-1")),
        (("BTS|x", "FTS|1"), ("102", "BTS-1")),
        (("BTS|2", "FTS|2"), ("102", "FTS-1")),
        (("BTS|2",), ("100", "FTS")),
        (("FTS|1",), ("100", "BTS")),
        ((), ("100", "BTS")),
    ],
)
def test_batch_counts_and_trailers_14(trailers: tuple[str, ...], error: tuple[str, str]) -> None:
    found = reading(batch(*trailers))
    assert error in [(finding.code, finding.path) for finding in found.errors]
    assert len(found.documents) == 2, "what came whole goes on; its transaction ids make the resend harmless"


def test_messages_of_a_file_without_batch_headers_are_one_batch_14() -> None:
    assert reading(lines(FHS, MSH, EVN, PID, PV1, FT1, "FTS|1")).findings == ()
    assert reading(lines(MSH, EVN, PID, PV1, FT1, "BTS|1", "FTS|1")).findings == ()


def test_a_bad_message_in_a_batch_is_named_14() -> None:
    found = reading(batch("BTS|2", "FTS|1", second=ft1(f10="x")))
    assert [finding.text for finding in found.errors] == ["message 2: FT1-10 (transaction quantity) is not a number"]
    assert len(found.documents) == 1


def test_several_messages_in_a_file_without_batch_headers_14() -> None:
    found = reading(dft(FT1) + dft(ft1(f2="T-2"), msh=MSH.replace("C1001", "C1002")))
    assert len(found.documents) == 2
    assert found.message_id == "C1001"
