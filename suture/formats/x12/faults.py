"""What is wrong in an interchange, where, and by which code of the standard the sender is to be told."""

from __future__ import annotations

import re
from collections import Counter

from msgspec import Struct

from suture.model import Severity

#: Faults of one severity kept of one transaction set; a set with more errors is refused all the same.
MOST_FAULTS = 100


class Fault(Struct, frozen=True, kw_only=True):
    """One thing wrong. ``segment`` is its id, ``ordinal`` the how-manieth of its id in the set, ``position`` counts from ST = 1.

    ``ack`` is the standard's code for it on its level: TA105 for an envelope, AK905 for a group, AK502 for ST and SE,
    AK304 for another segment, AK403 for an element (``element`` counts from 1); empty if acknowledgements keep silent of it.
    """

    code: str
    text: str
    segment: str = ""
    ordinal: int = 0
    position: int = 0
    element: int = 0
    ack: str = ""
    severity: Severity = "error"

    @property
    def path(self) -> str:
        """``PO1[3]-04``: the fourth element of the third PO1."""
        place = f"[{self.ordinal}]" if self.ordinal else ""
        element = f"-{self.element:02d}" if self.element else ""
        return f"{self.segment}{place}{element}"


class Segment(Struct, frozen=True):
    """A segment of a transaction set: its elements by number, "" where they are absent; element 0 is its id.

    Blanks at the end of an element say nothing (X12.6 suppresses them) and are not given out.
    """

    name: str
    position: int
    ordinal: int
    elements: list[str]

    def __getitem__(self, number: int) -> str:
        return self.elements[number].rstrip(" ") if number < len(self.elements) else ""

    def fault(self, code: str, text: str, element: int = 0, *, ack: str = "", severity: Severity = "error") -> Fault:
        """Something wrong with this segment, or with one of its elements."""
        return Fault(
            code=code,
            text=text,
            segment=self.name,
            ordinal=self.ordinal,
            position=self.position,
            element=element,
            ack=ack,
            severity=severity,
        )


class Refusal(Exception):
    """Raised while a set is being understood, where nothing sensible can be said instead; it carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class Notes:
    """The faults found so far in one transaction set.

    ``source`` names the set where it has no number of its own, ``control`` is its interchange's number, and ``marks`` finds the
    characters that separate components and repetitions there.
    """

    def __init__(self, source: str = "", control: str = "", marks: re.Pattern[str] | None = None) -> None:
        self.source, self.control, self.marks = source, control, marks
        self.faults: list[Fault] = []
        self.counts: Counter[Severity] = Counter()

    @property
    def refused(self) -> bool:
        """Whether there was an error."""
        return self.counts["error"] > 0

    def add(self, fault: Fault) -> None:
        """Keep a fault; of those of one severity, the first ones and that there were more."""
        self.counts[fault.severity] += 1
        if self.counts[fault.severity] <= MOST_FAULTS:
            self.faults.append(fault)
        elif self.counts[fault.severity] == MOST_FAULTS + 1:
            text = f"more than {MOST_FAULTS} of severity {fault.severity}"
            self.faults.append(Fault(code="x12.limit", text=text, segment="ST", severity=fault.severity))

    def warn(self, fault: Fault) -> None:
        """Keep a fault of severity warning or info."""
        assert fault.severity != "error", "an error refuses: add() it or raise Refusal"
        self.add(fault)


def plain(text: str) -> str:
    """What the partner wrote, as far as it can be repeated to anyone."""
    return text if text.isascii() and text.isprintable() else "".join("?" if not 32 <= ord(c) < 127 else c for c in text)
