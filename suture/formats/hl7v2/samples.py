"""The samples are messages of invented people, written by us: what a usage looks like, and what is refused and why."""

from __future__ import annotations

from suture.formats.format import Sample


def _sample(name: str, *segments: str, documents: int = 1, findings: str = "", end: str = "\r", charset: str = "utf-8") -> Sample:
    raw = "".join(f"{segment}{end}" for segment in segments).encode(charset)
    return Sample(name=name, raw=raw, documents=documents, findings=tuple(findings.split()))


def _none(name: str, code: str, *segments: str) -> Sample:
    return _sample(name, *segments, documents=0, findings=code)


_MSH = "MSH|^~\\&|OR|NORTH|SUTURE|GROUP|20260302101500-0500||DFT^P03^DFT_P03|C1001|P|2.8"
_EVN = "EVN|P03|20260302101500-0500"
_PID = "PID|1||M-4711^^^NORTH^MR~000-00-0000^^^USA^SS||TESTPATIENT^ALEX^Q||19700229|F|||12 SAMPLE ST^^TESTTOWN^ZZ^00000||555-0100"
_PV1 = "PV1|1|I|OR1^^^NORTH||||||||||||||||V-9001^^^NORTH^VN"
_STENT = "FT1|1|T-1||20260302094500-0500||CG|STENT-35^Stent 3.5 mm^L|||1|||CARD^Cardiology||||||||||||92928^Stenting^C4"
_DEVICE = "PRT|1|AD||EQUIP^Equipment^HL70912||||||||||||00812345678903^^2.51.1.1^ISO|20250101|20280101|LOT-A7|SN-0001"
_ACK = "MSH|^~\\&|PEER|NORTH|OR|NORTH|20260302101501||ACK^P03^ACK|77|P|2.8"
_ADT = "MSH|^~\\&|REG|NORTH|SUTURE|GROUP|20260302080000||ADT^{0}^ADT_{0}|A{1}|P|2.5.1"

_CASE = (_MSH, _EVN, _PID, _PV1)

SAMPLES: tuple[Sample, ...] = (
    _sample("an implant with lot and serial number", *_CASE, _STENT, "PR1|1||92928^Stenting^C4|||I", _DEVICE),
    _sample(
        "a charge, its credit, and a drug wasted",
        *_CASE,
        _STENT,
        "FT1|2|T-1||20260302095000-0500||CD|STENT-35|||1",
        "FT1|3|T-2||20260302100000-0500||CG|HEPARIN|||2.5||||||OR1^^^NORTH||||||||||JW",
        "ZFT||VIAL",
        documents=3,
    ),
    _sample(
        "two devices in one charge",
        *_CASE,
        _STENT.replace("|||1|||", "|||2|||"),
        _DEVICE,
        _DEVICE.replace("0001", "0002"),
        documents=2,
    ),
    _sample(
        "line feeds, a byte order mark and a five-character MSH-2",
        "\ufeff" + _MSH.replace("\\&", "\\&#"),
        *_CASE[1:],
        _STENT,
        end="\n",
    ),
    _sample(
        "delimiters of its own and Latin letters",
        "MSH#*+!@#OR#NORTH#SUTURE#GROUP#20260302##DFT*P03#C1002#P#2.3######8859/1",
        "PID#1##M-4711***NORTH*MR##TESTPATIENT*ZOË",
        "PV1#1#I#OR1################V-9001",
        "FT1#1#T-3##20260302##CG#NAHT!F!3*Faden für Haut",
        charset="latin-1",
    ),
    _sample("one good charge and one bad", *_CASE, _STENT, "FT1|2|T-4||20260302||CG|GLOVE|||two", findings="102"),
    _sample("a co-payment beside a charge", *_CASE, _STENT, "FT1|2|T-5||20260302||CO|COPAY", findings="not-usage"),
    _sample(
        "a batch with a wrong count",
        "FHS|^~\\&|OR|NORTH",
        "BHS|^~\\&|OR|NORTH|SUTURE|GROUP|20260302||||B-1",
        *_CASE,
        _STENT,
        "BTS|2",
        "FTS|1",
        findings="102",
    ),
    _none("an admission is context", "context-only", _ADT.format("A01", 1), "EVN|A01|20260302", _PID, _PV1),
    _none("two records of one patient", "context-only merged", _ADT.format("A40", 2), _PID, "MRG|M-4712^^^NORTH^MR"),
    _none("an acknowledgement", "acknowledgement", _ACK, "MSA|AA|C1001"),
    _none("no patient", "100", _MSH, _EVN, _PV1, _STENT),
    _none("no visit", "101", _MSH, _EVN, _PID, "PV1|1|I|OR1", _STENT),
    _none("no medical record number", "204", _MSH, _EVN, _PID.replace("^MR", "^PI"), _PV1, _STENT),
    _none("a laboratory result", "200", _MSH.replace("DFT^P03^DFT_P03", "ORU^R01"), _PID),
    _none("an event that is not read", "201", _MSH.replace("P03", "P11"), _PID),
    _none("a test message", "202", _MSH.replace("|P|", "|T|"), *_CASE[1:], _STENT),
    _none("version 3", "203", _MSH.replace("2.8", "3.0"), *_CASE[1:], _STENT),
    _none("a date that does not exist", "102", *_CASE, _STENT.replace("20260302094500", "20260230094500")),
    _none("an unknown unit", "103", *_CASE, _STENT, "ZFT||FURLONG"),
    _none("not HL7 v2", "100", "ISA*00*          *00*"),
)
