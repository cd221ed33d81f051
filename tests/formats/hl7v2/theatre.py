"""A theatre case as HL7 v2: the segments that the tests vary. All people and companies are invented."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from suture.formats import Profile, Reading, Stamp
from suture.formats.hl7v2 import read
from suture.model import Usage

MSH = "MSH|^~\\&|OR|NORTH|SUTURE|GROUP|20260302101500-0500||DFT^P03^DFT_P03|C1001|P|2.8"
EVN = "EVN|P03|20260302101500-0500"
PID = "PID|1||M-4711^^^NORTH^MR||TESTPATIENT^ALEX^Q||19700229|F|||12 SAMPLE ST^^TESTTOWN^ZZ^00000||555-0100"
PV1 = "PV1|1|I|OR1^^^NORTH||||||||||||||||V-9001^^^NORTH^VN"
FT1 = "FT1|1|T-1||20260302094500-0500||CG|STENT-35^Stent 3.5 mm^L|||1"
PRT = "PRT|1|AD||EQUIP^Equipment^HL70912||||||||||||00812345678903|20250101|20280101|LOT-A7|SN-0001"
STAMP = Stamp(number=7, at="2026-03-02T15:15:01.250000+00:00")
PROFILE = Profile()
SHARED = Path(__file__).resolve().parents[3] / "../shared/data/hl7v2"


def lines(*segments: str, end: str = "\r") -> bytes:
    """The segments as bytes, each with its terminator."""
    return "".join(segment + end for segment in segments).encode()


def dft(*charges: str, msh: str = MSH, pid: str = PID, pv1: str = PV1) -> bytes:
    """A DFT^P03 with these charges."""
    return lines(msh, EVN, pid, pv1, *charges)


def ft1(**fields: str) -> str:
    """An FT1 like the usual one, with fields set by number: ft1(f10="2")."""
    parts = FT1.split("|") + [""] * 40
    for name, text in fields.items():
        parts[int(name[1:])] = text
    return "|".join(parts).rstrip("|")


def reading(raw: bytes, **options: str) -> Reading:
    """What it says, with these profile options."""
    return read(raw, Profile(options=options))


def usages(raw: bytes, **options: str) -> tuple[Usage, ...]:
    """The usages of a message without any error."""
    found = reading(raw, **options)
    assert found.errors == ()
    assert all(isinstance(document, Usage) for document in found.documents)
    return tuple(document for document in found.documents if isinstance(document, Usage))


def refused(raw: bytes, **options: str) -> list[tuple[str, str]]:
    """Code and path of each error of a message without any document."""
    found = reading(raw, **options)
    assert found.documents == ()
    return [(finding.code, finding.path) for finding in found.errors]


def pseudonym(identifier: str) -> str:
    """A keyed pseudonym, as intake makes them."""
    return "ps" + hmac.new(b"key of this test", identifier.encode(), hashlib.sha256).hexdigest()[:24]
