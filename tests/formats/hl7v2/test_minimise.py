"""The patient is gone before anything is kept, and what is needed is still there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from suture.formats import Sample
from suture.formats.hl7v2 import FORMAT, lex, minimise, read
from suture.model import Usage
from tests.formats.hl7v2.theatre import EVN, FT1, MSH, PID, PROFILE, PRT, PV1, dft, ft1, lines, pseudonym, usages

#: Everything that tells who somebody is, each a word of its own, and where it stands.
FULL_PID = (
    "PID|1|EXTERNAL77^3^M11|MRN-88001^4^M11^NORTH&2.16.1&ISO^MR^NORTHFAC^20010101~SSN-77-1234^^^USA^SS|ALT-55002|"
    "FAMILYNAME&VANDER&OWN^GIVENNAME^SECONDNAME^JR^DR^MD^L~MAIDENONE^GIVENNAME|MOTHERNAME^OLGA|198304051200|F|ALIASNAME^NICKY|"
    "2106-3^White|77 HIDDENSTREET&HIDDENSTREET^APT SECRETAPT^HIDDENTOWN^ZZ^99771^USA^H||"
    "(555)010-0177^PRN^PH^who@hidden.example^1^555^0100177|"
    "555-010-0188||S|CATHOLIC|ACCOUNT-4400^^^NORTH^AN|SSN-99-8877|LICENCE-6655^ZZ|MOTHERID-33|H|HIDDENBIRTHPLACE|N|1|USA||USA|20990101|N"
)
FULL = lines(
    MSH,
    EVN,
    FULL_PID,
    "PD1|||NORTH CLINIC|77^TESTDOCTOR",
    "NK1|1|KINNAME^KINGIVEN|MTH|88 KINSTREET^^KINTOWN|555-010-0199",
    PV1.replace("V-9001", "VISIT-70007^5^M11"),
    "PV2|||^Elective|||||||||Visit of FAMILYNAME for SECONDNAME",
    "OBX|1|TX|NOTE||Mrs FAMILYNAME was seen||||||F",
    "OBX|2|ED|PDF||^^PDF^Base64^RkFNSUxZTkFNRQ==||||||F",
    FT1,
    "NTE|1||GIVENNAME FAMILYNAME, born 1983",
    "PR1|1||92928^Stenting|||I",
    PRT,
    "ZPI|1|FAMILYNAME^GIVENNAME|MRN-88001|about familyname here|LOT-A7|who@hidden.example|19830405",
    "GT1|1||GUARANTOR^ANNA||99 GUARSTREET^^GUARTOWN|555-010-0166",
    "IN1|1|PLAN|4711|INSURER||||||||||||INSUREDNAME^IDA|||||||||||||||||||||POLICY-2200",
    "ACC|20260301|C|HIDDENSTREET corner",
    "DG1|1||I25.1^Heart disease",
)
TELLING = [
    "EXTERNAL77", "MRN-88001", "SSN-77-1234", "ALT-55002", "FAMILYNAME", "VANDER", "GIVENNAME", "SECONDNAME", "MAIDENONE",
    "MOTHERNAME", "OLGA", "198304", "ALIASNAME", "NICKY", "HIDDENSTREET", "SECRETAPT", "HIDDENTOWN", "99771", "010-0177",
    "hidden.example", "0100177", "010-0188", "CATHOLIC", "ACCOUNT-4400", "SSN-99-8877", "LICENCE-6655", "MOTHERID-33",
    "HIDDENBIRTHPLACE", "KINNAME", "KINGIVEN", "KINSTREET", "KINTOWN", "010-0199", "VISIT-70007", "GUARANTOR", "ANNA",
    "GUARSTREET", "GUARTOWN", "010-0166", "INSUREDNAME", "POLICY-2200", "RkFNSUxZTkFNRQ",
]  # fmt: skip


def test_nothing_that_tells_who_it_is_stays() -> None:
    low = minimise(FULL, pseudonym).decode().lower()
    assert [word for word in TELLING if word.lower() in low] == []


def test_the_segments_stay_in_place_with_what_is_needed() -> None:
    (message,) = lex(minimise(FULL, pseudonym)).messages
    assert [segment.name for segment in message.segments] == [segment.name for segment in lex(FULL).messages[0].segments]
    mrn, ssn = pseudonym("MRN-88001"), pseudonym("SSN-77-1234")
    assert message.get("PID-3") == f"{mrn}^^^NORTH&2.16.1&ISO^MR^NORTHFAC~{ssn}^^^USA^SS"
    assert message.get("PID-2") == pseudonym("EXTERNAL77")
    assert (message.get("PID-7"), message.get("PID-8")) == ("1983", "F")
    assert message.get("PID-18") == pseudonym("ACCOUNT-4400") + "^^^NORTH^AN"
    assert message.get("PV1-19.1") == pseudonym("VISIT-70007")
    assert (message.get("NTE-3"), message.get("OBX-5"), message.get("OBX-11")) == ("", "", "F")
    assert message.get("ZPI") == f"ZPI|1|^|{mrn}||LOT-A7||"
    assert (message.get("NK1"), message.get("ACC")) == ("NK1|1", "ACC")


def test_everything_else_stays_byte_for_byte() -> None:
    before, after = (lex(raw).messages[0] for raw in (FULL, minimise(FULL, pseudonym)))
    for name in ("MSH", "EVN", "FT1", "PR1", "PRT", "DG1"):
        assert after.get(name) == before.get(name)
    assert after.get("PV1-3") == "OR1^^^NORTH"
    with_z = dft(FT1, "ZIM|1|x~y^z&\\T\\||\\Zodd\\", "OBX|1|NM|HR||80") + b"\r\n"
    assert minimise(with_z, pseudonym).endswith(with_z[with_z.index(b"FT1|") : with_z.index(b"||80")] + b"||\r\r\n")


@pytest.mark.parametrize("sample", FORMAT.samples, ids=lambda sample: sample.name)
def test_what_is_read_is_what_is_needed(sample: Sample) -> None:
    raw = sample.raw
    before, after = read(raw, PROFILE), read(minimise(raw, pseudonym), PROFILE)
    assert after.documents == tuple(pseudonymous(usage) for usage in before.documents)
    assert [(finding.code, finding.path) for finding in after.findings] == [
        (finding.code, finding.path) for finding in before.findings
    ]
    assert after.message_id == before.message_id


def pseudonymous(document: object) -> Usage:
    assert isinstance(document, Usage)
    return structs.replace(document, patient=pseudonym(document.patient), encounter=pseudonym(document.encounter))


def test_the_pseudonyms_are_what_the_usage_says() -> None:
    (usage,) = usages(minimise(FULL, pseudonym))
    assert (usage.patient, usage.encounter) == (pseudonym("MRN-88001"), pseudonym("VISIT-70007"))
    assert (usage.item, usage.lot, usage.place) == ("00812345678903", "LOT-A7", "NORTH/OR1")


def test_an_identifier_within_a_needed_field_becomes_its_pseudonym() -> None:
    (usage,) = usages(minimise(dft(ft1(f2="M-4711")), pseudonym))
    assert usage.id == pseudonym("M-4711")


def test_a_needed_field_with_a_name_in_it_stays() -> None:
    named = PID.replace("TESTPATIENT", "PINEWOOD")
    (usage,) = usages(minimise(dft(ft1(f7="PINEWOOD-7^Pinewood board"), pid=named), pseudonym))
    assert usage.item == "PINEWOOD-7"


def test_short_names_are_found_as_words_only() -> None:
    raw = dft(ft1(f8="Sleeve for Lee, size 3", f9="Sleeve"), pid=PID.replace("TESTPATIENT", "Lee"))
    (message,) = lex(minimise(raw, pseudonym)).messages
    assert (message.get("FT1-8"), message.get("FT1-9")) == ("", "Sleeve")


def test_names_are_found_behind_escapes_and_in_other_letters() -> None:
    raw = dft(FT1, "ZPI|1|o\\T\\brian|\\X4F\\&x|O&Brian", pid=PID.replace("TESTPATIENT", "O\\T\\BRIAN"))
    assert b"ZPI|1|||&\r" in minimise(raw.replace(b"\\X4F\\&x", b"\\X4F26427269616E\\"), pseudonym).replace(b"O&Brian", b"&")
    turkish = dft(FT1, "ZPI|1|zoë", pid=PID.replace("TESTPATIENT", "ZOË"))
    assert "zoë" not in minimise(turkish, pseudonym).decode()


@pytest.mark.parametrize(("name", "written"), [("WEISS", "Weiß"), ("Großmann", "GROSSMANN"), ("IŞIK", "ışık"), ("ışık", "İŞİK")])
def test_a_name_is_found_however_capitals_write_it(name: str, written: str) -> None:
    raw = dft(FT1, f"ZPI|1|{written}", pid=PID.replace("TESTPATIENT", name))
    assert b"ZPI|1|\r" in minimise(raw, pseudonym)


def test_every_letter_is_found_in_each_of_its_cases() -> None:
    """Wherever ``re`` takes two letters for one another, a name with the one is found behind the other."""
    letters = [chr(code) for code in range(0x80, 0x11000) if chr(code).isalpha()]
    alike = [
        (letter, other)
        for letter in letters
        for other in {letter.lower(), letter.upper()} - {letter}
        if len(other) == 1 and re.fullmatch(letter, other, re.IGNORECASE)
    ]
    assert len(alike) > 1500
    for some in (alike[at : at + 200] for at in range(0, len(alike), 200)):
        pid = PID.replace("TESTPATIENT^ALEX", "~".join(f"QX{letter}XQ" for letter, _ in some))
        kept = minimise(dft(FT1, *(f"ZPI|qx{other}xq" for _, other in some), pid=pid), pseudonym)
        assert kept.count(b"ZPI|\r") == len(some)


def test_a_short_name_is_found_at_the_second_place_if_it_stands_alone_there_only() -> None:
    raw = dft(ft1(f8="Sleeve of Lee", f9="Sleeves, Leeds"), pid=PID.replace("TESTPATIENT", "Lee"))
    (message,) = lex(minimise(raw, pseudonym)).messages
    assert (message.get("FT1-8"), message.get("FT1-9")) == ("", "Sleeves, Leeds")


def test_an_identifier_is_replaced_even_where_too_many_words_are_learned_to_look_for_all() -> None:
    many = "~".join(f"{number:08d}^^^NORTH^MR" for number in range(600))
    raw = dft(FT1, "ZPI|1|00000001|00000599|1234", pid=PID.replace("PID|1||", f"PID|1||1234^^^NORTH^PI~{many}~"))
    kept = minimise(raw, pseudonym).decode()
    assert f"\rZPI|1|{pseudonym('00000001')}|{pseudonym('00000599')}|{pseudonym('1234')}\r" in kept


def test_each_message_of_a_batch_loses_its_own_patient() -> None:
    other = MSH.replace("C1001", "C1002"), EVN, PID.replace("M-4711", "M-5005").replace("TESTPATIENT", "OTHERONE"), PV1, FT1
    raw = lines("BHS|^~\\&|OR", MSH, EVN, PID, PV1, FT1, "ZPI|TESTPATIENT|M-4711", *other, "ZPI|OTHERONE|M-5005", "BTS|2")
    clean = minimise(raw, pseudonym).decode()
    assert "TESTPATIENT" not in clean
    assert "OTHERONE" not in clean
    assert f"ZPI||{pseudonym('M-4711')}\r" in clean
    assert f"ZPI||{pseudonym('M-5005')}\r" in clean
    assert clean.endswith("BTS|2\r")


def test_a_merge_is_minimised_too() -> None:
    raw = lines(MSH.replace("DFT^P03^DFT_P03", "ADT^A40"), PID, "MRG|M-1^^^NORTH^MR|A-1|ACC-1|P-1|V-1|AV-1|PRIORNAME^ANNA")
    clean = minimise(raw, pseudonym).decode()
    assert f"MRG|{pseudonym('M-1')}^^^NORTH^MR|{pseudonym('A-1')}" in clean
    assert "PRIORNAME" not in clean
    assert "V-1" not in clean


@pytest.mark.parametrize("raw", [b"", b"PID|1||M-4711||TESTPATIENT\r", b"hello TESTPATIENT", b"M\0S\0H\0"])
def test_what_is_not_hl7_is_withheld(raw: bytes) -> None:
    kept = minimise(raw, pseudonym)
    assert b"TESTPATIENT" not in kept
    assert kept.startswith(b"WITHHELD %d bytes" % len(raw))
    assert [finding.code for finding in read(kept, PROFILE).errors] == ["100"]


def test_what_stands_before_the_message_is_withheld() -> None:
    assert minimise(b"from TESTPATIENT\r" + dft(FT1), pseudonym).startswith(b"MSH")
    assert minimise(b"\xef\xbb\xbf\r\n" + dft(FT1), pseudonym).startswith(b"\xef\xbb\xbf\r\nMSH")


@pytest.mark.parametrize("damage", ["qID", "PI", "P", "pid", "Pid", "PIE", "PID}", "XXX"])
def test_a_damaged_patient_segment_leaks_nothing(damage: str) -> None:
    raw = dft(FT1, pid=PID.replace("PID", damage, 1))
    clean = minimise(raw, pseudonym)
    assert b"TESTPATIENT" not in clean
    assert b"M-4711" not in clean
    assert read(clean, PROFILE).documents == ()


@pytest.mark.parametrize("at", range(1, 30))
def test_a_patient_segment_whose_fields_shifted_leaks_nothing(at: int) -> None:
    parts = PID.split("|")
    for damaged in ("|".join(parts[:at] + parts[at + 1 :]), "|".join([*parts[:at], "", *parts[at:]])):
        clean = minimise(dft(FT1, pid=damaged), pseudonym)
        assert not [word for word in (b"TESTPATIENT", b"ALEX", b"SAMPLE ST", b"555-0100", b"19700229") if word in clean], damaged


def test_a_broken_line_is_cut_and_the_charge_refused_rather_than_guessed() -> None:
    raw = dft(FT1.replace("Stent 3.5", "Stent\nfor TESTPATIENT"))
    clean = minimise(raw, pseudonym)
    assert b"TESTPATIENT" not in clean
    assert ("102", "FT1") in [(finding.code, finding.path) for finding in read(clean, PROFILE).errors]


def test_other_delimiters_and_character_sets() -> None:
    raw = (
        "MSH#*+!@#OR#NORTH#SUTURE#GROUP#20260302##DFT*P03#C1#P#2.3######8859/1\rPID#1##M-1***N*MR+S-2***U*SS##MÜLLER*ZOË\r"
        "PV1#1#I#OR1################V-1\rFT1#1#T-3##20260302##CG#A\rNTE#1##für Zoë Müller\rZZZ#für Müller*x@müller\r"
    ).encode("latin-1")
    clean = minimise(raw, pseudonym).decode("latin-1")
    assert "ller" not in clean.lower()
    assert f"PID#1##{pseudonym('M-1')}***N*MR+{pseudonym('S-2')}***U*SS##" in clean
    assert clean.endswith("NTE#1##\rZZZ#*x@\r")
    assert len(usages(clean.encode("latin-1"))) == 1


def test_a_pseudonym_with_delimiters_in_it_is_escaped() -> None:
    (usage,) = usages(minimise(dft(FT1), lambda identifier: f"p|{len(identifier)}^&"))
    assert usage.patient == "p|6^&"


def test_without_sub_components_the_same() -> None:
    raw = dft(FT1, msh=MSH.replace("^~\\&", "^~"))
    clean = minimise(raw, pseudonym)
    assert b"TESTPATIENT" not in clean
    assert len(usages(clean)) == 1


WORD = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=6, max_size=12).map("Q".__add__)
PLACES: list[Callable[[str], str]] = [
    lambda word: f"NTE|1||seen {word} today",
    lambda word: f"OBX|1|TX|N||{word}~x^{word}",
    lambda word: f"ZPI|1|{word.lower()}|a^{word}&b~c|the {word}'s",
    lambda word: f"ORC|RE|{word}||||||||{word}^x",
    lambda word: f"NK1|1|{word}^{word}",
    lambda word: f"QQQ|{word}",
    lambda word: f"FT1|1|T-1||20260302||CG|STENT^{word}|{word}|about {word}|1",
    lambda word: f"IN2|1|{word}",
    lambda word: f"GT1|1||{word}",
]


@given(
    words=st.lists(WORD, min_size=14, max_size=14, unique=True),
    chosen=st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 13)), max_size=8),
)
def test_no_identifying_value_occurs_anywhere(words: list[str], chosen: list[tuple[Callable[[str], str], int]]) -> None:
    """Whatever identifies the patient in PID and PV1 is in no byte of the result, wherever else it was repeated."""
    w = iter(words)
    identifiers = [next(w) for _ in range(4)]
    pid = (
        f"PID|1|{identifiers[0]}|{identifiers[1]}^1^M10^NORTH^MR|{identifiers[2]}|{next(w)}^{next(w)}^{next(w)}|{next(w)}|19700101|F|{next(w)}|"
        f"|{next(w)}^^{next(w)}^ZZ||{next(w)}|||||{identifiers[3]}|{next(w)}|{next(w)}"
    )
    raw = dft(FT1, *(place(words[n]) for place, n in chosen), pid=pid)
    clean = minimise(raw, pseudonym).decode().lower()
    assert [word for word in words if word.lower() in clean] == []
    assert "V-9001".lower() not in clean
    first = read(clean.upper().encode(), PROFILE)
    assert first.message_id == "C1001"
    assert usages(minimise(dft(FT1, pid=pid), pseudonym))[0].patient == pseudonym(identifiers[1])


@given(st.binary(max_size=200))
def test_any_bytes_can_be_minimised(raw: bytes) -> None:
    for data in (raw, dft(FT1) + raw, b"MSH|^~\\&|" + raw):
        minimise(data, pseudonym)
