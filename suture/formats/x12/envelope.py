"""The envelopes of an interchange: ISA, GS and ST with their trailers, counts and control numbers checked against each other.

A fault of an envelope refuses what is inside of it and nothing else: one of the interchange (TA105) everything, one of a group
(AK905) its sets, one of a set (AK502) that set. Control numbers are compared as numbers where both are; ``1`` for ``0001`` is
noted, not refused.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import Element
from suture.formats.x12.faults import MOST_FAULTS, Fault, Notes, Segment, plain
from suture.formats.x12.lexer import BLANKS, Delimiters, Interchange, clean

#: ISA12 and GS08 that we read (004010 to 008010; their structure is the same in all that we use).
OLDEST, NEWEST = "00400", "00801"
#: The widths of ISA01 to ISA16.
_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
#: Elements of one segment; the standard's longest have some thirty.
MOST_ELEMENTS = 200
_NAME = re.compile("[A-Z][A-Z0-9]{1,2}")
#: Interchange service segments, which say nothing about the business (ISB, ISE, ISX; TA3).
_SERVICE = frozenset({"ISB", "ISE", "ISX", "TA3"})
_HEADER_CHECKS = (
    (Element(9, "ID", 6, 6), "014"),
    (Element(10, "TM", 4, 4), "015"),
    (Element(14, "ID", 1, 1, codes=frozenset("01")), "019"),
    (Element(15, "ID", 1, 1, codes=frozenset("IPT")), "020"),
)


@dataclass
class TransactionSet:
    """ST to SE: its segments (ST first, without SE), the rows that they stand in, and what is wrong with it."""

    code: str
    control: str
    notes: Notes
    number: int
    segments: list[Segment] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


@dataclass
class Group:
    """GS to GE: header elements by number, sets, how many GE01 says there are, and what is wrong with the group itself."""

    header: Segment
    row: int
    sets: list[TransactionSet] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    declared: str = ""


@dataclass
class Envelope:
    """ISA to IEA: header elements by number, groups, TA1 segments, and what is wrong with the envelope itself."""

    header: Segment
    delimiters: Delimiters
    groups: list[Group] = field(default_factory=list)
    answers: list[Segment] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether nothing inside of it counts."""
        return any(fault.severity == "error" for fault in self.faults)

    @property
    def sets(self) -> list[TransactionSet]:
        """The sets of all groups, in order."""
        return [found for group in self.groups for found in group.sets]


def unwrap(interchange: Interchange, agreement: Agreement) -> Envelope:
    """The envelope of a readable interchange, with all of its faults."""
    walk = _Walk(interchange)
    _check_header(walk.envelope, agreement)
    for index in range(1, len(interchange.rows)):
        elements = clean(interchange.rows[index], interchange)
        if len(elements) > 1 or elements[0]:
            walk.take(elements, index)
    walk.close()
    for group in walk.envelope.groups:
        _check_group(group)
    if not (walk.envelope.groups or walk.envelope.answers):
        text = "the interchange holds neither a group nor a TA1"
        walk.envelope.faults.append(Fault(code="x12.empty", text=text, segment="ISA", severity="warning"))
    return walk.envelope


class _Walk:
    """One pass over the segments of an interchange, and what is open in it."""

    def __init__(self, interchange: Interchange) -> None:
        header = [element.strip(BLANKS) for element in clean(interchange.rows[0], interchange)]
        self.envelope = Envelope(Segment("ISA", 0, 0, header), interchange.delimiters)
        self.envelope.faults += _unpadded(interchange)
        self.group: Group | None = None
        self.set: TransactionSet | None = None
        self.ordinals: Counter[str] = Counter()
        self.controls: set[str] = set()
        self.group_controls: set[str] = set()
        self.sets = 0
        delimiters = interchange.delimiters
        self.marks = re.compile(f"[{re.escape(delimiters.component + delimiters.repetition)}]")
        self.trailer: Segment | None = None

    def take(self, elements: list[str], index: int) -> None:
        """The next segment that is not empty."""
        match elements[0]:
            case "ST":
                self.begin_set(elements, index)
            case "SE":
                self.end_set(elements)
            case "GS":
                self.begin_group(elements, index)
            case "GE":
                self.end_group(elements)
            case "IEA":
                self.end(elements)
            case _ if self.set is not None:
                self.add(self.set, elements, index)
            case "TA1":
                self.envelope.answers.append(Segment("TA1", 0, len(self.envelope.answers) + 1, elements))
            case name if name not in _SERVICE:
                self.stray(f"{plain(name[:3])} outside of any transaction set")

    def begin_set(self, elements: list[str], index: int) -> None:
        """ST."""
        self.abandon_set()
        if self.group is None:
            self.stray("ST outside of any group")
            return
        code, control = [*elements, "", ""][1:3]
        interchange = self.envelope.header[13]
        notes = Notes(f"{interchange}-{control}", interchange, self.marks)
        self.sets += 1
        self.set = TransactionSet(code, control, notes, self.sets)
        self.ordinals.clear()
        self.group.sets.append(self.set)
        first = self.add(self.set, elements, index)
        if not code:
            notes.add(first.fault("x12.set", "the set says no kind", 1, ack="6"))
        if not control or control in self.controls:
            problem = "another set of the group has this control number" if control else "the set has no control number"
            notes.add(first.fault("x12.control", problem, 2, ack="7"))
        self.controls.add(control)

    def add(self, current: TransactionSet, elements: list[str], index: int) -> Segment:
        """A segment within a set."""
        name = elements[0]
        self.ordinals[name] += 1
        item = Segment(name, len(current.segments) + 1, self.ordinals[name], elements)
        if not _NAME.fullmatch(name):
            problem = Fault(code="x12.segment", text="no segment id", segment="?", position=item.position, ack="1")
            current.notes.add(problem)
        if len(elements) > MOST_ELEMENTS:
            current.notes.add(item.fault("x12.limit", f"more than {MOST_ELEMENTS} elements", ack="8"))
        current.segments.append(item)
        current.rows.append(index)
        return item

    def end_set(self, elements: list[str]) -> None:
        """SE: its count and its number against the set's."""
        current, self.set = self.set, None
        if current is None:
            self.stray("SE without ST")
            return
        trailer = Segment("SE", len(current.segments) + 1, 0, elements)
        if not _same(trailer[1], str(trailer.position)):
            text = f"SE01 says {_number(trailer[1])} segments, {trailer.position} are there"
            current.notes.add(trailer.fault("x12.count", text, 1, ack="4"))
        for fault in _compared(trailer, 2, current.control, "ST02", "3"):
            current.notes.add(fault)

    def abandon_set(self) -> None:
        """The set that is open ends without SE, if one is."""
        if self.set is not None:
            position = len(self.set.segments) + 1
            text = "the set does not end with SE"
            self.set.notes.add(Fault(code="x12.missing", text=text, segment="SE", position=position, ack="2"))
            self.set = None

    # -- groups

    def begin_group(self, elements: list[str], index: int) -> None:
        """GS."""
        self.abandon_group()
        header = Segment("GS", 0, len(self.envelope.groups) + 1, elements)
        self.group = Group(header, index)
        self.controls.clear()
        control = header[6].lstrip("0")
        if control in self.group_controls:
            text = "another group of the interchange has this control number"
            self.group.faults.append(header.fault("x12.control", text, 6, ack="6"))
        self.group_controls.add(control)
        self.envelope.groups.append(self.group)

    def end_group(self, elements: list[str]) -> None:
        """GE: its count and its number against the group's."""
        self.abandon_set()
        group, self.group = self.group, None
        if group is None:
            self.stray("GE without GS")
            return
        trailer = Segment("GE", 0, group.header.ordinal, elements)
        group.declared = trailer[1]
        if not _same(trailer[1], str(len(group.sets))):
            text = f"GE01 says {_number(trailer[1])} sets, {len(group.sets)} are there"
            group.faults.append(trailer.fault("x12.count", text, 1, ack="5"))
        group.faults += _compared(trailer, 2, group.header[6], "GS06", "4")

    def abandon_group(self) -> None:
        """The group that is open ends without GE, if one is."""
        self.abandon_set()
        if self.group is not None:
            header = self.group.header
            text = "the group does not end with GE"
            self.group.faults.append(Fault(code="x12.missing", text=text, segment="GE", ordinal=header.ordinal, ack="3"))
            self.group = None

    # -- the interchange

    def end(self, elements: list[str]) -> None:
        """IEA: its count and its number against the interchange's."""
        self.abandon_group()
        trailer = self.trailer = Segment("IEA", 0, 0, elements)
        if not _same(trailer[1], str(len(self.envelope.groups))):
            text = f"IEA01 says {_number(trailer[1])} groups, {len(self.envelope.groups)} are there"
            self.envelope.faults.append(trailer.fault("x12.count", text, 1, ack="021"))
        self.envelope.faults += _compared(trailer, 2, self.envelope.header[13], "ISA13", "001")

    def close(self) -> None:
        """The interchange is at its end, whether it says so or not."""
        if self.trailer is None:
            self.abandon_group()
            text = "the interchange does not end with IEA"
            self.envelope.faults.append(Fault(code="x12.missing", text=text, segment="IEA", ack="023"))

    def stray(self, text: str) -> None:
        """A segment where none may be; the first few are told."""
        if len(self.envelope.faults) < MOST_FAULTS:
            self.envelope.faults.append(Fault(code="x12.structure", text=text, segment="ISA", ack="024"))


def _unpadded(interchange: Interchange) -> list[Fault]:
    widths = tuple(len(element.strip("\r\n")) for element in interchange.rows[0][1:])
    if widths == _WIDTHS:
        return []
    return [Fault(code="x12.isa", text="the ISA is not 106 characters wide", segment="ISA", severity="warning")]


def _check_header(envelope: Envelope, agreement: Agreement) -> None:
    header, faults = envelope.header, envelope.faults
    version, control = header[12], header[13]
    if not (version == agreement.isa_version or (version.isdecimal() and OLDEST <= version <= NEWEST)):
        text = f"version {_number(version)}; {OLDEST} to {NEWEST} are read"
        faults.append(header.fault("x12.version", text, 12, ack="017"))
    if not (control.isascii() and control.isdecimal() and len(control) <= 9):
        faults.append(header.fault("x12.control", "no control number of nine digits", 13, ack="018"))
    for element, ack in _HEADER_CHECKS:
        _, problem = element.problem(header[element.number])
        if problem:
            faults.append(header.fault("x12.isa", problem, element.number, ack=ack, severity="warning"))
    if agreement.usage_checked and header[15] != agreement.usage:
        faults.append(header.fault("x12.usage", f"only usage {agreement.usage} is agreed on", 15, ack="020"))
    if agreement.names_checked and header[6] != agreement.partner:
        faults.append(header.fault("x12.name", "the sender is not the partner of this agreement", 6, ack="006"))
    if agreement.names_checked and header[8] != agreement.us:
        faults.append(header.fault("x12.name", "the interchange is not for us", 8, ack="008"))


def _check_group(group: Group) -> None:
    header = group.header
    version, control = header[8][:6], header[6]
    if not (version.isdecimal() and f"{OLDEST}0" <= version <= f"{NEWEST}0"):
        text = f"release {_number(version)}; {OLDEST}0 to {NEWEST}0 are read"
        group.faults.append(header.fault("x12.version", text, 8, ack="2"))
    if not (control.isascii() and control.isdecimal() and len(control) <= 9):
        group.faults.append(header.fault("x12.control", "no control number of up to nine digits", 6, ack="6"))


def _compared(trailer: Segment, element: int, expected: str, name: str, ack: str) -> list[Fault]:
    """The trailer's control number against the header's."""
    found = trailer[element]
    if not _same(found, expected):
        return [trailer.fault("x12.control", f"the number is not that of {name}", element, ack=ack)]
    if found != expected:
        text = f"the number is that of {name}, written with other zeros"
        return [trailer.fault("x12.control", text, element, severity="warning")]
    return []


def _same(first: str, second: str) -> bool:
    if first == second:
        return True
    return _is_number(first) and _is_number(second) and int(first) == int(second)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12


def _number(text: str) -> str:
    """A number of the sender's to quote, if it is one."""
    return text if _is_number(text) else "no number" if text else "nothing"
