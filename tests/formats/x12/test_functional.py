"""997 and TA1: a partner's word as we read it, and ours as we write it."""

from __future__ import annotations

import pytest
from msgspec import structs

from suture.formats import Profile
from suture.model import FunctionalAcknowledgement
from tests.formats.x12.messages import (
    ANSWER,
    INVOICE,
    NOTICE,
    PROFILE,
    acknowledge,
    acknowledged,
    body,
    group,
    interchange,
    isa,
    message,
    one,
    read,
    replaced,
    segments,
    told,
)


def word(*lines: str) -> FunctionalAcknowledgement:
    found = one(message("997", list(lines)))
    assert isinstance(found, FunctionalAcknowledgement)
    return found


# -- read


@pytest.mark.parametrize(
    ("code", "accepted", "partial"), [("A", True, False), ("E", True, False), ("P", False, True), ("R", False, False)]
)
def test_the_verdict_on_a_group(code: str, accepted: bool, partial: bool) -> None:
    found = word("AK1*PO*17", f"AK9*{code}*2*2*1")
    assert (found.reference, found.accepted, found.partial) == ("17", accepted, partial)


def test_the_reasons_name_set_segment_and_element() -> None:
    found = word(
        *("AK1*PO*000000017", "AK2*850*0001", "AK5*A", "AK2*850*0002"),
        *("AK3*PO1*12**8", "AK4*3*355*7*QQ", "AK3*N1*5**3", "AK5*R*5*4", "AK9*P*2*2*1*5"),
    )
    assert [(finding.code, finding.path) for finding in found.findings] == [
        ("x12.997.element", "ST[2]/PO1@12-3"),
        ("x12.997.segment", "ST[2]/N1@5"),
        ("x12.997.set", "ST[2]"),
        ("x12.997.set", "ST[2]"),
        ("x12.997.group", "AK9"),
    ]
    assert "code not valid" in found.findings[0].text


def test_a_copy_of_bad_data_is_not_carried_on() -> None:
    found = word("AK1*RA*17", "AK2*820*0001", "AK3*BPR*2**8", "AK4*9*508*6*ACCT-SECRET", "AK5*R*5", "AK9*R*1*1*0")
    assert "SECRET" not in str(found)


def test_a_ta1_that_rejects_is_a_refusal() -> None:
    found = one(interchange(["TA1*000000017*260302*0930*R*006"], groups=0))
    assert isinstance(found, FunctionalAcknowledgement)
    assert (found.reference, found.accepted, found.findings[0].code) == ("17", False, "x12.ta1.006")


@pytest.mark.parametrize("code", ["A", "E"])
def test_a_ta1_that_accepts_leaves_the_word_to_the_997(code: str) -> None:
    reading = read(interchange([f"TA1*000000017*260302*0930*{code}*000"], groups=0))
    assert (reading.kind, reading.documents, reading.errors) == ("TA1", (), ())
    assert told(reading) == {"x12.ta1": "TA1[1]-04"}


@pytest.mark.parametrize("line", ["TA1", "TA1*X*260302*0930*R*006", "TA1*000000017*260302*0930*Q*006", "TA1*1*260302*0930*R"])
def test_a_malformed_ta1_is_refused(line: str) -> None:
    reading = read(interchange([line], groups=0))
    assert reading.errors
    assert reading.documents == ()


def test_a_ta1_and_a_997_in_one_interchange() -> None:
    reading = read(interchange(["TA1*000000017*260302*0930*R*006", *group("997", ["AK1*PO*18", "AK9*A*1*1*1"])]))
    assert reading.kind == "TA1+997"
    assert [found.reference for found in reading.documents] == ["17", "18"]


# -- written


def test_a_good_message_is_accepted_under_its_numbers() -> None:
    raw = acknowledged(read(message("810", INVOICE, INVOICE)))
    rows = segments(raw)
    assert rows[0][6:9] == ["STORKVALE      ", "ZZ", "GOODHAND       "]
    assert rows[1][:4] == ["GS", "FA", "STORKVALE", "GOODHAND"]
    assert rows[1][6] == "42"
    assert body(raw) == [
        *("AK1*IN*91", "AK2*810*0001", "AK5*A", "AK2*810*0002", "AK5*A", "AK9*A*2*2*2"),
    ]
    assert len(raw[:106].split(b"*")) == 17


def test_each_group_gets_its_own_997() -> None:
    lines = [*group("855", ANSWER), *group("856", NOTICE, control="92")]
    raw = acknowledged(read(interchange(lines, groups=2)))
    assert [row[1:] for row in segments(raw) if row[0] == "AK1"] == [["PR", "91"], ["SH", "92"]]
    assert [row[1] for row in segments(raw) if row[0] == "GE"] == ["2"]


def test_errors_name_segment_position_and_element() -> None:
    lines = replaced(INVOICE, "IT1", "IT1*1*1E1*QQQ*42.50**IN*4711", "IT1*2**BX*1**IN")
    raw = acknowledged(read(message("810", lines)), "refused")
    assert body(raw) == [
        *("AK1*IN*91", "AK2*810*0001"),
        *("AK3*IT1*3**8", "AK4*2**6", "AK4*3**5"),
        *("AK3*IT1*4**8", "AK4*2**1"),
        *("AK5*R*5", "AK9*R*1*1*0"),
    ]


def test_a_missing_segment_is_named_where_it_is_missed() -> None:
    raw = acknowledged(read(message("810", replaced(INVOICE, "TDS"))), "refused")
    assert "AK3*TDS*4**3" in body(raw)


def test_what_is_noted_but_taken_is_accepted_with_errors() -> None:
    raw = acknowledged(read(message("810", replaced(INVOICE, "TDS", "TDS*99999"))))
    assert body(raw) == [
        *("AK1*IN*91", "AK2*810*0001", "AK3*TDS*4**8", "AK4*1**7", "AK5*E*5", "AK9*E*1*1*1"),
    ]


def test_a_default_is_no_error_of_the_senders() -> None:
    reading = read(message("850", ["BEG*00*SA*PO-1**20260302", "N1*ST**92*DOCK", "PO1*1*1*EA*1**IN*A"]))
    assert told(reading) == {"x12.defaulted": "PO1[1]"}
    assert "AK5*A" in body(acknowledged(reading))


def test_a_refusal_of_the_content_rejects_all_sets() -> None:
    raw = acknowledged(read(message("810", INVOICE)), "refused")
    assert body(raw) == [*("AK1*IN*91", "AK2*810*0001", "AK5*R*5", "AK9*R*1*1*0")]


def test_a_ta1_comes_when_it_is_asked_for() -> None:
    raw = acknowledged(read(interchange(group("810", INVOICE), header=isa(wants_ta1="1"))))
    assert segments(raw)[1] == ["TA1", "000000091", "260302", "0930", "A", "000"]
    assert "AK5*A" in body(raw)
    assert not any(row[0] == "TA1" for row in segments(acknowledged(read(message("810", INVOICE)))))


def test_a_bad_time_on_the_envelope_is_accepted_with_a_note() -> None:
    raw = interchange(group("810", INVOICE), header=isa(wants_ta1="1").replace("*0930*", "*2560*"))
    assert segments(acknowledged(read(raw)))[1][-2:] == ["E", "015"]


def test_while_busy_we_are_silent() -> None:
    assert acknowledge(read(message("810", INVOICE)), "busy") is None


def test_what_is_no_interchange_has_nobody_to_answer_to() -> None:
    for raw in (b"", b"hello", b"ISA*00*"):
        assert acknowledge(read(raw), "refused") is None


def test_nothing_accepted_is_not_accepted() -> None:
    assert acknowledge(read(message("810", replaced(INVOICE, "TDS"))), "accepted") is None


def test_the_bad_data_is_not_repeated() -> None:
    lines = replaced(INVOICE, "IT1", "IT1*1*10*SECRET*42.50**IN*4711")
    reading = read(message("810", lines))
    assert "SECRET" not in str(reading.findings)
    assert b"SECRET" not in acknowledged(reading, "refused")


def test_names_that_cannot_be_written_get_no_answer() -> None:
    raw = message("810", INVOICE).replace(b"*GOODHAND*STORKVALE*", b"**STORKVALE*")
    assert acknowledge(read(raw)) is None
    assert acknowledge(read(message("810", INVOICE)), profile=structs.replace(PROFILE, timezone="No/Where")) is None


def test_checked_names_refuse_what_is_for_others() -> None:
    profile = Profile(us="STORKVALE", partner="GOODHAND", options={"names": "checked", "usage": "P"})
    assert not read(message("810", INVOICE), profile).findings
    stray = read(interchange(group("810", INVOICE), header=isa(receiver="SOUTHVALE")), profile)
    assert told(stray) == {"x12.name": "ISA-08"}
    assert segments(acknowledged(stray, "refused"))[1][-2:] == ["R", "008"]
    test = read(message("810", INVOICE).replace(b"*0*P*>", b"*0*T*>"), profile)
    assert told(test) == {"x12.usage": "ISA-15"}
