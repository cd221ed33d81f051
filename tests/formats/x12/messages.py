"""X12 messages for tests, written by hand: segments in, a well-formed interchange out."""

from __future__ import annotations

from typing import Any

from suture.formats import Profile, Reading, Stamp, Verdict
from suture.formats.x12 import FORMAT
from suture.model import Document

GROUPS = {"810": "IN", "820": "RA", "850": "PO", "855": "PR", "856": "SH", "860": "PC", "997": "FA"}
STAMP = Stamp(number=42, at="2026-03-02T09:30:00+00:00")
PROFILE = Profile(us="STORKVALE", partner="GOODHAND")

#: A plain order with one line; tests change one thing of it.
ORDER = [
    "BEG*00*SA*PO-1**20260302",
    "N1*ST**92*DOCK",
    "PO1*1*10*BX*42.50**IN*4711",
    "REF*DP*4100",
    "CTT*1",
]
CHANGE = [
    "BCH*04*SA*PO-1**2*20260302",
    "POC*1*QD*6**BX*42.50**IN*4711",
    "REF*DP*4100",
    "CTT*1",
]
ANSWER = ["BAK*00*AC*PO-1*20260302****SO-1*20260303", "PO1*1*10*BX*42.50**IN*4711", "ACK*IA*10*BX", "CTT*1"]
NOTICE = [
    "BSN*00*SH-1*20260304*1630*0004",
    "HL*1**S*1",
    "HL*2*1*O*1",
    "PRF*PO-1",
    "HL*3*2*I*0",
    "LIN*1*IN*4711",
    "SN1*1*10*BX",
    "CTT*3",
]
INVOICE = ["BIG*20260305*INV-1**PO-1***DI*00", "IT1*1*10*BX*42.50**IN*4711", "TDS*42500", "CTT*1"]
ADVICE = ["BPR*I*425.00*C*ACH************20260404", "TRN*1*PAY-1", "ENT*1", "RMR*IV*INV-1**425.00"]


def isa(
    control: str = "000000091",
    element: str = "*",
    component: str = ">",
    *,
    version: str = "00401",
    repetition: str = "U",
    wants_ta1: str = "0",
    sender: str = "GOODHAND",
    receiver: str = "STORKVALE",
) -> str:
    """An ISA without its terminator."""
    cells = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender:15}", "ZZ", f"{receiver:15}", "260302", "0930"]
    return element.join([*cells, repetition, version, control, wants_ta1, "P", component])


def transaction(code: str, body: list[str], control: str = "0001") -> list[str]:
    """ST to SE with a right count."""
    return [f"ST*{code}*{control}", *body, f"SE*{len(body) + 2}*{control}"]


def group(code: str, *bodies: list[str], control: str = "91", release: str = "004010") -> list[str]:
    """GS to GE with right counts."""
    sets = [line for place, body in enumerate(bodies, 1) for line in transaction(code, body, f"{place:04d}")]
    return [
        f"GS*{GROUPS[code]}*GOODHAND*STORKVALE*20260302*0930*{control}*X*{release}",
        *sets,
        f"GE*{len(bodies)}*{control}",
    ]


def interchange(
    segments: list[str], *, groups: int = 1, control: str = "000000091", end: str = "~", header: str | None = None
) -> bytes:
    """ISA to IEA around the segments of groups; ``end`` ends every segment."""
    lines = [header or isa(control), *segments, f"IEA*{groups}*{control}"]
    return "".join(line + end for line in lines).encode()


def message(code: str, *bodies: list[str], control: str = "000000091", end: str = "~") -> bytes:
    """One interchange with one group with the sets."""
    return interchange(group(code, *bodies), control=control, end=end)


def read(raw: bytes, profile: Profile = PROFILE) -> Reading:
    return FORMAT.read(raw, profile)


def one(raw: bytes, profile: Profile = PROFILE) -> Any:
    """The only document of a message that has no error."""
    reading = read(raw, profile)
    assert not reading.errors, list(map(str, reading.errors))
    (document,) = reading.documents
    return document


def write(document: Document, profile: Profile = PROFILE, stamp: Stamp = STAMP) -> bytes:
    assert FORMAT.write is not None
    return FORMAT.write(document, profile, stamp)


def acknowledge(reading: Reading, outcome: str = "accepted", profile: Profile = PROFILE) -> bytes | None:
    assert FORMAT.acknowledge is not None
    return FORMAT.acknowledge(reading, Verdict(outcome=outcome, stamp=STAMP), profile)


def acknowledged(reading: Reading, outcome: str = "accepted") -> bytes:
    """The acknowledgement of a message that gets one."""
    raw = acknowledge(reading, outcome)
    assert raw is not None
    return raw


def replaced(body: list[str], start: str, *lines: str) -> list[str]:
    """The set with its segment that begins with ``start`` replaced by other lines (none: left away)."""
    places = [place for place, line in enumerate(body) if line.startswith(start)]
    assert places, start
    return [*body[: places[0]], *lines, *body[places[0] + 1 :]]


def told(reading: Reading, severity: str | None = None) -> dict[str, str]:
    """The paths of the findings, by code."""
    return {found.code: found.path for found in reading.findings if severity in (None, found.severity)}


def segments(raw: bytes) -> list[list[str]]:
    """What we wrote, apart again: by the delimiters in its ISA and nothing else."""
    text = raw.decode()
    element, terminator = text[3], text[105]
    return [line.split(element) for line in text.split(terminator)[:-1]]


def body(raw: bytes) -> list[str]:
    """The segments between ST and SE of what we wrote, with * between elements."""
    rows = segments(raw)
    first = next(place for place, row in enumerate(rows) if row[0] == "ST")
    last = next(place for place, row in enumerate(rows) if row[0] == "SE")
    return ["*".join(row) for row in rows[first + 1 : last]]
