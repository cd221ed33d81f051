"""Truncated, flipped and hostile messages: a finding, never a crash, never a hang, never a patient."""

from __future__ import annotations

import random
import time

import pytest

from suture.formats import Sample, Verdict
from suture.formats.hl7v2 import FORMAT, acknowledge, lex, minimise, parse_ack, read
from suture.model import decode, encode
from tests.formats.hl7v2.theatre import EVN, FT1, MSH, PID, PROFILE, PRT, PV1, STAMP, dft, ft1, lines, pseudonym

every_sample = pytest.mark.parametrize("sample", FORMAT.samples, ids=lambda sample: sample.name)


def survive(raw: bytes) -> bytes:
    """All that intake does with a message; returns the minimised bytes."""
    clean = minimise(raw, pseudonym)
    for data in (raw, clean):
        found = read(data, PROFILE)
        assert lex(data).to_bytes() == data
        for document in found.documents:
            assert decode(encode(document)) == document
        for outcome in ("accepted", "refused"):
            told = acknowledge(found, Verdict(outcome=outcome, findings=found.findings, stamp=STAMP), PROFILE)
            assert told is None or parse_ack(told).code[0] in "AC"
    return clean


@every_sample
def test_truncated_anywhere(sample: Sample) -> None:
    for end in range(0, len(sample.raw), 3):
        survive(sample.raw[:end])


@every_sample
def test_flipped_bits(sample: Sample) -> None:
    chance = random.Random(sample.name)
    for _ in range(150):
        damaged = bytearray(sample.raw)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        survive(bytes(damaged))


def test_no_flipped_bit_of_the_header_of_a_segment_leaks_the_patient() -> None:
    raw = dft(FT1)
    for line in (b"\rPID|", b"\rPV1|", b"\rEVN|"):
        start = raw.index(line)
        for at in range(start, start + 5):
            for bit in range(8):
                damaged = bytearray(raw)
                damaged[at] ^= 1 << bit
                clean = minimise(bytes(damaged), pseudonym)
                assert b"TESTPATIENT" not in clean, bytes(damaged[start : start + 8])
                assert b"SAMPLE ST" not in clean


HOSTILE = {
    "separators": MSH.encode() + b"\rPID" + b"|" * 2_000_000,
    "components": dft(FT1) + b"ZZZ|" + b"^" * 2_000_000,
    "repetitions": lines(MSH, EVN, "PID|1||" + "~" * 500_000, PV1, FT1),
    "identifiers": lines(MSH, EVN, "PID|1||" + "~".join(f"{n}^^^N^MR" for n in range(50_000)), PV1, FT1),
    "segments": dft(FT1) + b"ZZZ|1\r" * 300_000,
    "empty lines": dft(FT1) + b"\r\n" * 1_000_000 + b"x",
    "blank lines": dft(FT1) + b"\r \t" * 300_000 + b"x",
    "headers": MSH.encode() + b"\r" + b"MSH|^~\\&\r" * 100_000,
    "charges": dft(*[ft1(f2="", f31="1", f6="CD")] * 10_000),
    "devices": dft(FT1, *[PRT] * 10_000),
    "escapes": dft(ft1(f8="\\" * 500_000, f9="\\X41\\" * 100_000)),
    "names": dft(FT1, "ZZZ|" + "TESTPATIENT " * 100_000, pid=PID.replace("ALEX", "^".join(f"NAME{n}" for n in range(3)))),
    "many names": lines(
        MSH, EVN, PID + "~".join(f"FAMILY{n}^GIVEN{n}" for n in range(5_000)), PV1, FT1, "ZZZ|" + "FAMILY4 x " * 50_000
    ),
    "many names in one field": lines(
        MSH,
        EVN,
        PID + "~".join(f"FAMILY{n}^GIVEN{n}" for n in range(5_000)),
        PV1,
        FT1,
        "ZZZ|" + " ".join(f"FAMILY{n}" for n in range(5_000)) + "^FAMILY" * 400_000,
    ),
    "wrapped": dft(FT1) + b"NTE|1||" + b"a\n" * 500_000,
    "one line": MSH.encode() + b"|" + b"x" * 5_000_000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_message_is_bounded_in_time(name: str) -> None:
    raw = HOSTILE[name]
    begun = time.process_time()
    clean = minimise(raw, pseudonym)
    for data in (raw, clean):
        found = read(data, PROFILE)
        acknowledge(found, Verdict(outcome="refused", findings=found.findings, stamp=STAMP), PROFILE)
    assert time.process_time() - begun < 6
    assert b"TESTPATIENT" not in clean or name == "one line"
