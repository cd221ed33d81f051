"""JSON and tables are kept without patients, and otherwise as they came."""

from __future__ import annotations

import hashlib
import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.formats.csv_tables import FORMAT as CSV
from suture.formats.csv_tables.minimise import minimise as minimise_csv
from suture.formats.format import Profile
from suture.formats.json import FORMAT as JSON
from suture.formats.persons import minimise_json, withheld


def known_as(identifier: str) -> str:
    return f"P<{len(identifier)}>"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"patient": "MRN-4711", "item": "I-1"}', b'{"patient": "P<8>", "item": "I-1"}'),
        (b'{"patient":4711}', b'{"patient":"P<4>"}'),
        (b'{"patientName" : "Jos\xc3\xa9", "x": 1}', b'{"patientName" : "P<4>", "x": 1}'),
        (b'{"p\\u0061tient":"MRN-4711"}', b'{"p\\u0061tient":"P<8>"}'),
        (b'{"MRN":"4711","dob":"1971-01-02","encounter_id":"E1"}', b'{"MRN":"P<4>","dob":"P<10>","encounter_id":"P<2>"}'),
        (b'{"patient":null,"encounter":""}', b'{"patient":null,"encounter":""}'),
        (b'{"outpatient_dept":"OP-1","text":"the patient is well"}', b'{"outpatient_dept":"OP-1","text":"the patient is well"}'),
        (b'{"text":"\\"patient\\": \\"4711\\""}', b'{"text":"\\"patient\\": \\"4711\\""}'),
    ],
)
def test_a_field_that_leads_to_a_patient_holds_a_pseudonym(raw: bytes, kept: bytes) -> None:
    assert minimise_json(raw, known_as) == kept


@pytest.mark.parametrize(
    "raw",
    [
        b'{"patient":{"mrn":"4711"}}',
        b'{"patients":["4711"]}',
        b'{"patient":"\\ud800 4711"}',
        b'{"patient":"\\u47 4711"}',
        '{"patient":"4711"}'.encode("utf-16"),
    ],
)
def test_what_cannot_be_looked_through_is_withheld_as_a_whole(raw: bytes) -> None:
    kept = minimise_json(raw, lambda identifier: hashlib.sha256(identifier.encode()).hexdigest())
    assert kept == withheld(raw)
    assert b"4711" not in kept.partition(b"SHA-256")[0]
    assert [found.code for found in JSON.read(kept, Profile()).findings] == ["json.syntax"]


@pytest.mark.parametrize("cut", range(1, 12))
@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_a_table_cut_within_a_letter_is_still_without_its_patient(charset: str, cut: int) -> None:
    for header in ("id;patient;item", "id;name;unit"):
        raw = f"\ufeff{header}\r\n1;4711;I-1\r\n".encode(charset)[:-cut]
        kept = minimise_csv(raw, known_as)
        assert kept == raw if "patient" not in header else "4711" not in kept.decode(charset, "replace")


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'id,patient,item\nA,"47"11,I\nB,4712,"x\nC,4713,I\n', b"id,patient,item\nA,,,\nB,P<4>,,\nC,P<4>,I\n"),
        (b'\n\nid, "a,b", patient\n1, "x,y", 4711\n', b'\n\nid,"a,b",patient\n1,"x,y",P<4>\n'),
        (b'id,patient\n" 1\r2",4711\n', b'id,patient\n" 1\r2",P<4>\n'),
        (b"sep=;\n\nid;patient\n1;4711\n", b"sep=;\n\nid;patient\n1;P<4>\n"),
        (b"id,patient\n1," + b"4711" * 3_000 + b"\n2,4712\n", b"id,patient\n1,,\n2,P<4>\n"),
        (b'id,"patient\n1,4711\n', withheld(b'id,"patient\n1,4711\n')),
    ],
)
def test_a_damaged_row_costs_itself_and_leaks_nobody(raw: bytes, kept: bytes) -> None:
    assert minimise_csv(raw, known_as) == kept


def test_a_column_that_leads_to_a_patient_holds_pseudonyms() -> None:
    raw = b'id;Patient MRN;item\r\n1;"47;11";I-1\r\n2;;I-2\r\n3;4712\r\n'
    assert minimise_csv(raw, known_as) == b"id;Patient MRN;item\r\n1;P<5>;I-1\r\n2;;I-2\r\n3;P<4>\r\n"
    assert minimise_csv("\ufeffid;patient\r\n1;4711\r\n".encode("utf-16-le"), known_as).decode("utf-16-le").endswith("1;P<4>\r\n")


OWN = Profile(options={"patient": "Fallnummer; Größe der Person", "header.Aufnahme": "encounter", "delimiter": "|"})


def test_a_partner_has_names_of_its_own_for_what_leads_to_a_patient() -> None:
    table = "id|FALLNUMMER|größe der person|Aufnahme|Artikel,a,b,c,d,e\r\n1|4711|180|E-9|I-1\r\n".encode()
    assert minimise_csv(table, known_as) == table, "nothing in it says so by itself"
    kept = "id|FALLNUMMER|größe der person|Aufnahme|Artikel,a,b,c,d,e\r\n1|P<4>|P<3>|P<3>|I-1\r\n".encode()
    assert minimise_csv(table, known_as, OWN) == kept
    assert minimise_csv(table.replace(b"|", b"^"), known_as, OWN) == withheld(table.replace(b"|", b"^"))
    plain = b'{"fallnummer": 4711, "item": "I-1", "Fallnummer\\u0020": "x"}'
    assert minimise_json(plain, known_as) == plain
    assert minimise_json(plain, known_as, OWN).startswith(b'{"fallnummer": "P<4>", "item": "I-1"')
    nested = b'{"Fallnummer": {"id": 4711}}'
    assert minimise_json(nested, known_as, OWN) == withheld(nested)
    assert minimise_json(b'{"F\0allnummer":1}', known_as, OWN) == withheld(b'{"F\0allnummer":1}')


@pytest.mark.parametrize("format", [JSON, CSV], ids=["json", "csv"])
def test_what_leads_to_nobody_stays_byte_for_byte(format: object) -> None:
    assert isinstance(format, type(JSON))
    assert format.minimise is not None
    for sample in format.samples:
        assert format.minimise(sample.raw, known_as) == sample.raw


@given(st.text(max_size=60), st.text(alphabet='":,{}[] \\ab', max_size=60))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_nothing_of_the_patient_stays(value: str, rest: str) -> None:
    canary = "Zq7CANARYq7Z"
    raw = json.dumps({"x": value, "patient": canary, "y": rest}).encode()
    told = minimise_json(raw, known_as)
    assert canary.encode() not in told
    assert json.loads(told) == {"x": value, "patient": "P<12>", "y": rest}


def test_a_malicious_text_costs_no_more_than_its_length() -> None:
    begun = time.perf_counter()
    for raw in (
        b'{"patient": "' + b'\\"' * 200_000,
        b'"' * 200_001 + b"patient",
        b'{"patient"' + b" " * 200_000,
        b'{"patient":' * 20_000,
    ):
        minimise_json(raw, known_as)
    assert time.perf_counter() - begun < 3


def test_a_text_full_of_escapes_takes_no_more_memory_than_a_few_times_itself() -> None:
    raw = b'{"patient":"Ann","note":"%b"}' % (rb"\u0000" * 100_000)
    tracemalloc.start()
    try:
        minimised = minimise_json(raw, lambda text: "P-1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert minimised == raw.replace(b"Ann", b"P-1")
    assert peak < 20 * len(raw)
