"""What the sender is told (HL7 v2 pitfall 12), and what we understand when we are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.formats import Profile, Reading, Stamp, Verdict
from suture.formats.hl7v2 import acknowledge, control_id, parse_ack, read
from suture.model import Finding
from tests.formats.hl7v2.test_usage import batch
from tests.formats.hl7v2.theatre import EVN, FT1, MSH, PID, PROFILE, PV1, STAMP, dft, ft1, lines


def answered(raw: bytes, outcome: str = "", findings: tuple[Finding, ...] = ()) -> bytes | None:
    """As intake answers: refused if there are errors and no documents."""
    found = read(raw, PROFILE)
    said = outcome or ("refused" if found.errors and not found.documents else "accepted")
    return acknowledge(found, Verdict(outcome=said, findings=findings or found.findings, stamp=STAMP), PROFILE)


def ack(raw: bytes, outcome: str = "", findings: tuple[Finding, ...] = ()) -> str:
    said = answered(raw, outcome, findings)
    assert said is not None
    return said.decode()


def test_an_accepted_message_12() -> None:
    assert ack(dft(FT1)) == ("MSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||ACK^P03^ACK|7|P|2.8\rMSA|AA|C1001\r")


def test_a_refused_message_names_place_and_reason_12() -> None:
    assert ack(dft(ft1(f10="two"))) == (
        "MSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||ACK^P03^ACK|7|P|2.8\r"
        "MSA|AE|C1001\r"
        "ERR||FT1^1^10^1|102^Data type error^HL70357|E||||FT1-10 (transaction quantity) is not a number\r"
    )


def test_a_message_of_an_old_version_is_told_in_its_way_12() -> None:
    told = ack(dft(FT1, ft1(f2="T-2", f10="two"), msh=MSH.replace("2.8", "2.3")))
    assert told.splitlines() == [
        "MSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||ACK|7|P|2.3",
        "MSA|AE|C1001|FT1-10 (transaction quantity) is not a number",
        "ERR|FT1^2^10^102&Data type error&HL70357",
    ]


@pytest.mark.parametrize(
    ("change", "code", "error"),
    [
        (("DFT^P03^DFT_P03", "ORU^R01"), "AR", "200"),
        (("DFT^P03^DFT_P03", "DFT^P11"), "AR", "201"),
        (("|P|2.8", "|T|2.8"), "AR", "202"),
        (("|P|2.8", "|P|4.0"), "AR", "203"),
        (("|C1001|", "||"), "AR", "101"),
        (("|^~\\&|", "|^~\\\\&|"), "AE", "102"),
    ],
)
def test_what_no_correction_cures_is_rejected_12(change: tuple[str, str], code: str, error: str) -> None:
    told = parse_ack(ack(dft(FT1, msh=MSH.replace(*change))).encode())
    assert (told.code, [finding.code for finding in told.findings]) == (code, [error])


def test_delimiters_and_character_set_are_the_senders_12() -> None:
    raw = (
        "MSH#*+!@#OR*2.16#NORTH#SUTURE#GROUP#20260302##DFT*P03#Cä!F!1#P#2.5######8859/1\r"
        "PID#1##M-4711***NORTH*MR\rPV1#1#I#OR1################V-1\rFT1#1#T-3##20260302##CG#A##x#two\r"
    ).encode("latin-1")
    told = answered(raw)
    assert told is not None
    assert told.decode("latin-1").splitlines() == [
        "MSH#*+!@#SUTURE#GROUP#OR*2.16#NORTH#20260302151501+0000##ACK*P03*ACK#7#P#2.5######8859/1",
        "MSA#AE#Cä!F!1",
        "ERR##FT1*1*10*1#102*Data type error*HL70357#E####FT1-10 (transaction quantity) is not a number",
    ]
    assert parse_ack(told)[:2] == ("AE", "Cä#1")


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("", "", "AA", "AE"),
        ("AL", "", "CA", "CE"),
        ("AL", "AL", "CA", "CE"),
        ("NE", "AL", "AA", "AE"),
        ("NE", "NE", None, None),
        ("", "NE", None, None),
        ("ER", "NE", None, "CE"),
        ("SU", "NE", "CA", None),
        ("ER", "AL", "AA", "CE"),
        ("SU", "ER", "CA", "AE"),
        ("??", "", None, None),
    ],
)
def test_enhanced_mode_12(accept: str, application: str, good: str | None, bad: str | None) -> None:
    msh = f"{MSH}|||{accept}|{application}"
    for charge, expected in ((FT1, good), (ft1(f10="x"), bad)):
        told = answered(dft(charge, msh=msh))
        assert (parse_ack(told).code if told else None) == expected


def test_a_rejection_in_enhanced_mode_12() -> None:
    told = answered(dft(FT1, msh=MSH.replace("P03", "P11") + "|||AL|NE"))
    assert told is not None
    assert parse_ack(told).code == "CR"


@pytest.mark.parametrize("code", ["AA", "AE", "AR", "CA"])
def test_an_acknowledgement_is_never_acknowledged_12(code: str) -> None:
    raw = lines(MSH.replace("DFT^P03^DFT_P03", "ACK^P03^ACK"), f"MSA|{code}|77")
    for outcome in ("accepted", "refused"):
        assert answered(raw, outcome) is None
    assert answered(lines(MSH.replace("DFT^P03^DFT_P03", "ORR^O02"), "MSA|AA|77")) is None, "nor is any other answer"
    assert answered(b"MSA|AR|77\r", "refused") is None, "nor a torn one"


def test_our_own_refusal_would_not_be_refused_in_turn_12() -> None:
    first = answered(b"this is not HL7", "refused")
    assert first is not None
    assert parse_ack(first).code == "AR"
    assert answered(first, "refused") is None


def test_busy_is_silence_so_that_the_sender_sends_again_12() -> None:
    assert answered(dft(FT1), "busy") is None


def test_the_control_id_of_an_answer_is_its_own_12() -> None:
    found = read(dft(FT1), PROFILE)
    one, two = (acknowledge(found, Verdict(outcome="accepted", stamp=Stamp(number=n, at=STAMP.at)), PROFILE) for n in (1, 2))
    assert one is not None
    assert two is not None
    assert (control_id(one), control_id(two)) == ("1", "2")
    assert acknowledge(found, Verdict(outcome="accepted", stamp=Stamp(number=1, at=STAMP.at)), PROFILE) == one


def test_what_intake_finds_on_top_is_told_12() -> None:
    told = parse_ack(
        ack(dft(FT1), "refused", (Finding(code="unknown_item", path="item", text="no crosswalk row | here"),)).encode()
    )
    assert told == ("AE", "C1001", (Finding(code="207", text="no crosswalk row | here"),))


def test_a_refusal_without_a_word_is_still_a_refusal_12() -> None:
    found = read(dft(FT1), PROFILE)
    said = acknowledge(found, Verdict(outcome="refused", stamp=STAMP), PROFILE)
    assert said is not None
    assert parse_ack(said)[0] == "AE"


def test_the_good_charges_went_on_and_the_bad_is_named_12() -> None:
    told = parse_ack(ack(dft(FT1, ft1(f2="T-2", f10="x"))).encode())
    assert (told.code, [finding.path for finding in told.findings]) == ("AE", ["FT1[2]-10"])


def test_warnings_do_not_spoil_an_acceptance_12() -> None:
    assert "ERR" not in ack(dft(FT1, msh=MSH.replace("|P|2.8", "||2.8")))


def test_what_was_never_read_can_be_refused() -> None:
    too_large = Reading(findings=(Finding(code="transport", text="too large"),))
    said = acknowledge(too_large, Verdict(outcome="refused", findings=too_large.findings, stamp=STAMP), PROFILE)
    assert said is not None
    assert parse_ack(said) == ("AR", "", (Finding(code="207", text="too large"),))


def test_delimiters_that_cannot_be_escaped_are_left_out_12() -> None:
    msh = MSH.replace("^~\\&", "^~").replace("P03^DFT_P03", "P11")
    assert "MSH-9 (message type) DFT P11 is not supported" in ack(dft(FT1, msh=msh))


# Batches


def test_a_batch_is_answered_by_a_batch_14() -> None:
    told = ack(batch("BTS|2", "FTS|1", second=ft1(f10="x")))
    assert told.splitlines() == [
        "BHS|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||||7|B-1",
        "MSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||ACK^P03^ACK|7.1|P|2.8",
        "MSA|AA|C1001",
        "MSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302151501+0000||ACK^P03^ACK|7.2|P|2.8",
        "MSA|AE|C1002",
        "ERR||FT1^1^10^1|102^Data type error^HL70357|E||||FT1-10 (transaction quantity) is not a number",
        "BTS|2",
    ]


def test_a_batch_whose_end_is_missing_is_told_with_its_last_message_14() -> None:
    told = ack(batch()).splitlines()
    assert "MSA|AA|C1001" in told
    assert "MSA|AE|C1002" in told
    assert sum(line.startswith("ERR||BTS^1|100") for line in told) == 1


def test_several_messages_without_a_batch_get_one_answer_the_worst_14() -> None:
    good, bad = dft(FT1), dft(ft1(f2="T-2", f10="x"), msh=MSH.replace("C1001", "C1002"))
    assert parse_ack(ack(good + bad).encode())[:2] == ("AE", "C1002")
    assert parse_ack(ack(good + good).encode())[:2] == ("AA", "C1001")


def test_a_batch_of_acknowledgements_is_not_answered_14() -> None:
    told = ack(batch("BTS|2", "FTS|1"))
    assert answered(told.encode()) is None


# Reading answers


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("MSA|AA|C1",), ("AA", "C1", ())),
        (("MSA|CA|C1|fine",), ("CA", "C1", ())),
        (("MSA|AR|C1|no such event",), ("AR", "C1", (Finding(code="207", path="MSA-3", text="no such event"),))),
        (("MSA|AE|C1",), ("AE", "C1", (Finding(code="207", path="MSA-3", text="no reason was given"),))),
        (
            ("MSA|AE|C1", "ERR||PID^1^5^1|101^Required field missing^HL70357|E|||detail|PID-5 please"),
            ("AE", "C1", (Finding(code="101", path="PID-5", text="PID-5 please"),)),
        ),
        (
            ("MSA|AE|C1", "ERR|FT1^2^10^102&Data type error&HL70357~PID^^3^101"),
            (
                "AE",
                "C1",
                (Finding(code="102", path="FT1[2]-10", text="Data type error"), Finding(code="101", path="PID-3", text="101")),
            ),
        ),
        (
            ("MSA|AA|C1", "ERR|||0^Message accepted^HL70357|I", "ERR|||103^Table^HL70357|W"),
            (
                "AA",
                "C1",
                (
                    Finding(code="0", text="Message accepted", severity="info"),
                    Finding(code="103", text="Table", severity="warning"),
                ),
            ),
        ),
        ((), ("", "", ())),
    ],
)
def test_what_an_acknowledgement_says_12(segments: tuple[str, ...], expected: tuple[str, str, tuple[Finding, ...]]) -> None:
    assert parse_ack(lines("MSH|^~\\&|PEER||||20260302||ACK|1|P|2.5", *segments)) == expected


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_answers(raw: bytes) -> None:
    for data in (raw, b"MSH|^~\\&|A\rMSA|" + raw, b"MSH|^~\\&|A\rMSA|AE|1\rERR|" + raw):
        assert len(parse_ack(data)) == 3
        assert isinstance(control_id(data), str)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_of_a_finding_can_be_told(text: str, path: str) -> None:
    found = read(lines(MSH, EVN, PID, PV1, FT1), Profile())
    verdict = Verdict(outcome="refused", findings=(Finding(code="x", text=text, path=path),), stamp=STAMP)
    said = acknowledge(found, verdict, Profile())
    assert said is not None
    told = parse_ack(said)
    assert told.code == "AE"
    assert told.findings[0].text == text[:200].strip() or not text.strip()
