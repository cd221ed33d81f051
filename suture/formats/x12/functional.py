"""Functional acknowledgements: 997 and TA1, read as a partner's word on what we sent, and written as ours on what we got.

A 997 answers a group: AK102 is the GS06 under which we sent, which is the control number of the stamp. It is accepted only if all
of it was (AK901 A or E); ``partial`` says that some was. A TA1 that rejects the envelope is a refusal, too; one that accepts it
says nothing about the content, so it is told as a finding and is no FunctionalAcknowledgement: the 997 decides. So is one that
rejects a control number as seen before (note 025): what we sent again after a lost answer is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType

from msgspec import Struct

from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import Element
from suture.formats.x12.envelope import Envelope
from suture.formats.x12.faults import Fault, Notes, Segment, plain
from suture.formats.x12.heading import Row, row
from suture.formats.x12.segments import ST
from suture.formats.x12.spec import Loop, LoopSpec, Use, optional, required, segment
from suture.model import Finding, FunctionalAcknowledgement

AK1 = segment("AK1", required(1, "ID", 2, 2), required(2, "N0", 1, 9))
AK2 = segment("AK2", required(1, "ID", 3, 3), required(2, "AN", 4, 9))
AK3 = segment("AK3", required(1, "ID", 2, 3), required(2, "N0", 1, 10), optional(4, "AN", 1, 3))
AK4 = segment("AK4", required(1, "AN", 1, 10), required(3, "AN", 1, 3))
AK5 = segment("AK5", required(1, "ID", 1, 1, "A E M R W X"), *(optional(number, "AN", 1, 3) for number in range(2, 7)))
AK9 = segment("AK9", required(1, "ID", 1, 1, "A E M P R W X"), *(optional(number, "AN", 1, 3) for number in range(5, 10)))

_SET = LoopSpec(AK2, (Use(AK5, required=True, most=1),), (LoopSpec(AK3, (AK4,)),))
SPEC = LoopSpec(ST, (Use(AK1, required=True, most=1), Use(AK9, required=True, most=1)), (_SET,))

#: TA105: the interchange control number is a repeat.
_SEEN_BEFORE = "025"
_TA1 = (Element(1, "N0", 1, 9, True), Element(4, "ID", 1, 1, True, frozenset("AER")), Element(5, "AN", 1, 3, True))

#: What the codes of acknowledgements mean, in our words.
_SEGMENT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "1": "segment not known",
        "2": "segment not expected",
        "3": "mandatory segment missing",
        "4": "too many loops",
        "5": "too many of this segment",
        "6": "segment not in this set",
        "7": "segment out of order",
        "8": "elements in error",
    }
)
_ELEMENT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "1": "mandatory element missing",
        "2": "element missing that another one demands",
        "3": "too many elements",
        "4": "too short",
        "5": "too long",
        "6": "bad character",
        "7": "code not valid",
        "8": "date not valid",
        "9": "time not valid",
        "10": "element excluded by another one",
    }
)
_SET_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "1": "set not supported",
        "2": "SE missing",
        "3": "control numbers of ST and SE differ",
        "4": "segment count wrong",
        "5": "segments in error",
        "6": "set identifier bad",
        "7": "set control number bad",
    }
)
_GROUP_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "1": "group not supported",
        "2": "release not supported",
        "3": "GE missing",
        "4": "control numbers of GS and GE differ",
        "5": "set count wrong",
        "6": "group control number bad",
    }
)

# -- reading


def read_997(tree: Loop, agreement: Agreement, notes: Notes) -> FunctionalAcknowledgement:
    """The partner's word on one group."""
    group, verdict = tree.one("AK1"), tree.one("AK9")
    findings = [finding for number, loop in enumerate(tree.inner("AK2"), 1) for finding in _set_findings(loop, number)]
    findings += _told(verdict, range(5, 10), "x12.997.group", _GROUP_WORDS, "AK9")
    return FunctionalAcknowledgement(
        reference=str(abs(int(group[2]))),
        accepted=verdict[1] in ("A", "E"),
        partial=verdict[1] == "P",
        findings=tuple(findings),
    )


def read_ta1(answer: Segment) -> tuple[FunctionalAcknowledgement | None, list[Fault]]:
    """The partner's word on one of our envelopes, if it is a refusal; and what to note of it."""
    problems = [(element, element.problem(answer[element.number])[1]) for element in _TA1]
    bad = [answer.fault("x12.type", problem, element.number) for element, problem in problems if problem]
    if bad:
        return None, bad
    reference, note = str(abs(int(answer[1]))), f"TA1 {answer[4]}, note {answer[5]}"
    if answer[4] != "R" or answer[5] == _SEEN_BEFORE:
        return None, [answer.fault("x12.ta1", f"interchange {reference} arrived: {note}", 4, severity="info")]
    finding = Finding(code=f"x12.ta1.{answer[5]}", text=f"the envelope was rejected: {note}", path="TA1-05")
    return FunctionalAcknowledgement(reference=reference, accepted=False, findings=(finding,)), []


def _set_findings(loop: Loop, number: int) -> list[Finding]:
    place = f"ST[{number}]"
    findings = [finding for inner in loop.inner("AK3") for finding in _segment_findings(inner, place)]
    return findings + _told(loop.one("AK5"), range(2, 7), "x12.997.set", _SET_WORDS, place)


def _segment_findings(loop: Loop, place: str) -> list[Finding]:
    head = loop.head
    path = f"{place}/{head[1]}@{int(head[2])}"
    elements = [
        Finding(code="x12.997.element", text=_words(_ELEMENT_WORDS, said[3]), path=f"{path}-{said[1]}")
        for said in loop.all("AK4")
    ]
    if elements:
        return elements
    return [Finding(code="x12.997.segment", text=_words(_SEGMENT_WORDS, head[4]), path=path)]


def _told(said: Segment, numbers: range, code: str, words: Mapping[str, str], path: str) -> list[Finding]:
    return [Finding(code=code, text=_words(words, said[number]), path=path) for number in numbers if said[number]]


def _words(words: Mapping[str, str], code: str) -> str:
    return f"{words.get(code, 'no reason that we know')} ({code or 'no code'})"


# -- what is kept of a message to acknowledge it


class SetReceipt(Struct, frozen=True):
    """One set as it is to be acknowledged."""

    code: str
    control: str
    faults: tuple[Fault, ...]
    refused: bool


class GroupReceipt(Struct, frozen=True):
    """One group as it is to be acknowledged; ``header`` are the elements of GS by number."""

    header: tuple[str, ...]
    declared: str
    faults: tuple[Fault, ...]
    sets: tuple[SetReceipt, ...]


class Receipt(Struct, frozen=True):
    """One interchange as it is to be acknowledged; ``header`` are the elements of ISA by number."""

    header: tuple[str, ...]
    faults: tuple[Fault, ...]
    groups: tuple[GroupReceipt, ...]
    #: Whether it holds TA1s.
    answers: bool

    @property
    def refused(self) -> bool:
        """Whether the envelope as a whole is rejected."""
        return any(fault.severity == "error" for fault in self.faults)

    @property
    def wants_answer(self) -> bool:
        """Whether a TA1 is due: for a broken envelope, or because ISA14 asks. Acknowledgements get none."""
        is_business = any(group.header[1] != "FA" for group in self.groups)
        is_acknowledgement = not is_business and (self.answers or bool(self.groups))
        return not is_acknowledgement and (self.refused or self.header[14] == "1")


def receipt(envelope: Envelope) -> Receipt:
    """What an acknowledgement needs to know of an envelope, without its content."""
    groups = tuple(
        GroupReceipt(
            _padded(group.header, 9),
            group.declared,
            tuple(group.faults),
            tuple(
                SetReceipt(plain(found.code), plain(found.control), tuple(found.notes.faults), found.notes.refused)
                for found in group.sets
            ),
        )
        for group in envelope.groups
    )
    return Receipt(_padded(envelope.header, 17), tuple(envelope.faults), groups, bool(envelope.answers))


def _padded(header: Segment, size: int) -> tuple[str, ...]:
    return tuple(plain(header[number]) for number in range(size))


# -- writing


def ta1_row(received: Receipt, *, refused: bool) -> Row:
    """The TA1 for an interchange; ``refused`` rejects one whose envelope is in order, for its content."""
    header = received.header
    errors = [fault.ack for fault in received.faults if fault.severity == "error" and fault.ack]
    noted = [fault.ack for fault in received.faults if fault.ack]
    if errors:
        verdict = ("R", errors[0])
    elif refused and not received.groups:
        verdict = ("R", "024")
    else:
        verdict = ("E", noted[0]) if noted else ("A", "000")
    return row("TA1", header[13], header[9], header[10], *verdict)


def rows_997(group: GroupReceipt, *, refused: bool) -> list[Row]:
    """The 997 for a group, between ST and SE; ``refused`` rejects all of it, whatever its syntax."""
    rejected = refused or any(fault.severity == "error" for fault in group.faults)
    answers = [_answer(found, rejected=rejected) for found in group.sets]
    accepted = sum(verdict != "R" for verdict, _ in answers)
    codes = _codes([fault for fault in group.faults if fault.severity == "error"])
    verdict = _group_verdict([verdict for verdict, _ in answers], accepted, rejected=rejected)
    received = str(len(group.sets))
    declared = group.declared if group.declared.isascii() and group.declared.isdecimal() else received
    body = [cells for _, rows in answers for cells in rows]
    end = row("AK9", verdict, declared[:6], received, str(accepted), *codes)
    return [row("AK1", group.header[1], group.header[6]), *body, end]


def _group_verdict(verdicts: list[str], accepted: int, *, rejected: bool) -> str:
    if rejected or (verdicts and not accepted):
        return "R"
    if accepted < len(verdicts):
        return "P"
    return "E" if "E" in verdicts else "A"


def _answer(found: SetReceipt, *, rejected: bool) -> tuple[str, list[Row]]:
    """AK501 and the segments for one set: AK2, AK3 and AK4 for each fault that acknowledgements speak of, AK5."""
    told = [fault for fault in found.faults if fault.ack]
    envelope = [fault for fault in told if fault.segment in ("ST", "SE")]
    inside = sorted((fault for fault in told if fault.segment not in ("ST", "SE")), key=lambda fault: fault.position)
    refused = rejected or found.refused
    verdict = "R" if refused else "E" if told else "A"
    codes = _codes(envelope) + (["5"] if inside or (refused and not envelope) else [])
    rows = [row("AK2", found.code, found.control)]
    for position, faults in groupby(inside, key=lambda fault: (fault.position, fault.segment)):
        rows += _segment_rows(position[0], list(faults))
    return verdict, [*rows, row("AK5", verdict, *codes[:5])]


def _segment_rows(position: int, faults: list[Fault]) -> list[Row]:
    """AK3 and AK4 for what is wrong with one segment; the bad value itself is never repeated."""
    name = faults[0].segment if len(faults[0].segment) > 1 else "ZZZ"
    whole = [fault.ack for fault in faults if not fault.element]
    rows = [row("AK3", name, str(position), "", code) for code in dict.fromkeys(whole)]
    elements = dict.fromkeys((fault.element, fault.ack) for fault in faults if fault.element)
    if elements:
        rows.append(row("AK3", name, str(position), "", "8"))
        rows += [row("AK4", str(element), "", code) for element, code in elements]
    return rows


def _codes(faults: list[Fault]) -> list[str]:
    return list(dict.fromkeys(fault.ack for fault in faults if fault.ack))[:5]
