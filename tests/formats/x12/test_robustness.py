"""Damaged, hostile and enormous messages: always findings, never an exception, never a wait out of proportion."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.formats import Profile
from suture.formats.x12 import FORMAT, reader
from suture.formats.x12.faults import MOST_FAULTS
from suture.model import decode, encode
from tests.formats.x12.messages import (
    INVOICE,
    ORDER,
    PROFILE,
    acknowledge,
    group,
    interchange,
    isa,
    message,
    read,
    replaced,
    told,
)

SAMPLES = [sample.raw for sample in FORMAT.samples]
MEGABYTE = 1024 * 1024
#: Far more than any of the hostile messages takes here, far less than one whose time grows with the square of its size.
PATIENCE_S = 20.0


def survives(raw: bytes, profile: Profile = PROFILE) -> None:
    reading = FORMAT.read(raw, profile)
    for document in reading.documents:
        assert decode(encode(document)) == document
    for finding in reading.findings:
        assert finding.code.startswith("x12.")
        assert finding.path
        assert finding.text
        assert -1 <= finding.offset <= len(raw)
    if not reading.documents:
        assert reading.findings or not reading.kind or reading.kind == "TA1"
    for outcome in ("accepted", "refused", "busy"):
        acknowledge(reading, outcome, profile)


@pytest.mark.parametrize("raw", SAMPLES, ids=[sample.name for sample in FORMAT.samples])
def test_every_truncation(raw: bytes) -> None:
    for end in range(len(raw)):
        survives(raw[:end])


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_changed_bytes(raw: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(raw)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    survives(bytes(damaged))
    survives(bytes(damaged), Profile(charset="latin-1"))


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=200, deadline=None)
def test_segments_moved_doubled_and_lost(raw: bytes, data: st.DataObject) -> None:
    lines = raw.split(b"\n")
    chosen = data.draw(st.lists(st.integers(1, len(lines) - 1), max_size=2 * len(lines)))
    survives(b"\n".join([lines[0], *(lines[place] for place in chosen)]))


@given(st.lists(st.text("AB019*>^~ .-+:ZX\x1c\u00e9", max_size=12), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_elements_in_a_line(elements: list[str]) -> None:
    survives(message("850", replaced(ORDER, "PO1", "*".join(["PO1", *elements]))))
    survives(message("810", replaced(INVOICE, "IT1", "*".join(["IT1", *elements]))))


def _heading(code: str) -> str:
    return isa() + "~" + group(code, [])[0] + "~"


HOSTILE = {
    "terminators": isa() + "~" * MEGABYTE,
    "separators": isa() + "~PO1" + "*" * MEGABYTE,
    "blanks": isa() + "~" + " \n" * MEGABYTE,
    "line ends": isa() + "\n" + "\n\t" * MEGABYTE,
    "headers": "ISA*" * (MEGABYTE // 4),
    "broken headers": "ISA*00*" * (MEGABYTE // 8),
    "groups": isa() + "~" + "GS*PO~" * 15_000,
    "sets": _heading("850") + "ST*850*0001~" * 10_000,
    "lines": _heading("850") + "ST*850*0001~" + "PO1*1*1*EA*1**IN*X~" * 10_000,
    "bad lines": _heading("850") + "ST*850*0001~" + "PO1*A*B*C*D*E*F~" * 10_000,
    "marks above many items": _heading("856")
    + "ST*856*0001~BSN*00*S1*20260101*1200~HL*1**S~"
    + "MAN*GM*1~" * 20_000
    + "".join(f"HL*{number}*1*I~LIN*1*IN*X~SN1**1*EA~" for number in range(2, 12_000)),
    "deep levels": _heading("856")
    + "ST*856*0001~BSN*00*S1*20260101*1200~HL*1**S~"
    + "".join(f"HL*{number}*{number - 1}*P~" for number in range(2, 20_000)),
    "release characters": isa() + "~ISX*?~" + "?" * MEGABYTE,
    "released terminators": isa() + "~ISX*?~" + "?~" * MEGABYTE,
    "another script": isa() + "~" + "\u00e9\u4e00" * (MEGABYTE // 4),
    "digits": message("810", replaced(INVOICE, "TDS", "TDS*" + "9" * MEGABYTE)).decode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_refused_in_time(name: str) -> None:
    raw = HOSTILE[name].encode()
    start = time.perf_counter()
    survives(raw)
    assert time.perf_counter() - start < PATIENCE_S
    assert read(raw).documents == ()
    assert read(raw).errors


def test_limits_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(read(b"A" * (reader.LARGEST_MESSAGE + 1))) == {"x12.size": "ISA"}
    monkeypatch.setattr("suture.formats.x12.lexer.MOST_SEGMENTS", 3)
    assert told(read(message("850", ORDER))) == {"x12.limit": "ISA"}


def test_elements_of_one_segment_are_limited() -> None:
    lines = replaced(ORDER, "REF", "REF" + "*1" * 300)
    assert "x12.limit" in told(read(message("850", lines)), "error")


def test_faults_of_one_set_are_limited_and_still_refuse() -> None:
    lines = ["BEG*00*SA*PO-1**20260302", *["PO1*1*X*EA*1**IN*A"] * 500]
    reading = read(message("850", lines))
    assert len(reading.findings) == MOST_FAULTS + 1
    assert (reading.findings[-1].code, reading.findings[-1].severity) == ("x12.limit", "error")
    assert reading.documents == ()


def test_an_error_is_told_behind_any_number_of_warnings() -> None:
    lines = ["BEG*00*SA*PO-1**20260302", "N1*ST**92*DOCK", *["PO1**1*EA*1**IN*A"] * 500, "PO1*1*1*QQ*1**IN*A"]
    reading = read(message("850", lines))
    assert reading.documents == ()
    assert "x12.unit" in told(reading, "error")


def test_findings_of_one_message_are_limited_and_keep_what_refuses() -> None:
    noted = replaced(ORDER, "PO1", "PO1*A*1*EA*1**IN*A")
    raw = message("850", *[noted] * 1500, replaced(ORDER, "PO1", "PO1*1*1*QQ*1**IN*A"))
    reading = read(raw)
    assert len(reading.findings) == reader.MOST_FINDINGS + 1
    assert [found.code for found in reading.errors] == ["x12.unit"]
    assert len(reading.documents) == 1500


def test_bytes_that_are_no_text_of_the_charset_refuse_only_where_they_are_read() -> None:
    raw = message("850", replaced(ORDER, "REF", "REF*DP*4100", "PID*F****gl\u00fcves")).decode().encode("latin-1")
    assert told(read(raw)) == {"x12.type": "PID[1]-05"}
    assert not read(raw, Profile(charset="latin-1")).findings
    unread = message("850", replaced(ORDER, "REF", "REF*DP*4100", "PO4*gl\u00fcves")).decode().encode("latin-1")
    assert len(read(unread).documents) == 1


def test_offsets_point_at_the_segment_in_bytes() -> None:
    lines = replaced(ORDER, "REF", "REF*DP*4100", "PID*F****gl\u00fcves", "DTM*002*20261301")
    raw = b"\xef\xbb\xbf" + message("850", lines)
    (finding,) = read(raw).findings
    assert raw[finding.offset :].startswith(b"DTM*002*20261301")
    double = raw + interchange(group("855", ["BAK*00*AD*PO-1*2026"]), control="000000092")
    offsets = [found.offset for found in read(double).findings]
    assert double[offsets[1] :].startswith(b"BAK*00*AD*PO-1*2026")


@pytest.mark.parametrize("profile", [Profile(charset="no-such"), Profile(charset="hex"), Profile(timezone="No/Where")])
def test_a_profile_that_cannot_be_used_is_a_finding(profile: Profile) -> None:
    assert told(read(message("850", ORDER), profile)) == {"x12.profile": "ISA"}


def test_a_value_beyond_the_model_is_a_finding() -> None:
    lines = [line for _ in range(1) for line in replaced(ORDER, "REF", *["PID*F****" + "x" * 80] * 30)]
    assert len(read(message("850", lines)).documents) == 1
    reason = ["BCH*04*SA*PO-1**2*20260302", "N9*L1*REASON", *["MSG*" + "y" * 264] * 9]
    assert told(read(message("860", reason))) == {"x12.value": "ST[1]"}
    huge = replaced(INVOICE, "IT1", "IT1*1*999999999999999*BX*99999999999999999**IN*4711")
    assert told(read(message("810", huge)), "error") == {"x12.value": "ST[1]"}


def test_a_stray_segment_in_no_charset_is_told_in_words_that_can_be_kept() -> None:
    reading = read(message("850", ORDER).replace(b"GE*", b"GE\xff*"))
    stray = next(finding for finding in reading.findings if finding.code == "x12.structure")
    assert stray.text == "GE? outside of any transaction set"
    msgspec.json.encode(reading.findings)


@pytest.mark.parametrize("heads", ["GS*PO~", "ST*850*1~", "GS*PO~\nST*850*1~\n"])
def test_groups_and_sets_of_one_message_are_limited(heads: str) -> None:
    raw = (isa() + "~GS*PO~" + heads * 20_001).encode()
    assert told(read(raw)) == {"x12.limit": "ISA"}


def test_an_interchange_of_nothing_that_is_read_says_so() -> None:
    """One bit makes a TA3 of a TA1: a refusal that nobody would hear of."""
    raw = f"{isa()}~TA3*000000018*260302*0930*R*006~IEA*0*{isa().split('*')[13]}~".encode()
    assert told(read(raw)) == {"x12.empty": "ISA"}
