"""The segments that several transaction sets share, as far as we use them.

Lengths are the widest of releases 004010 to 008010; where a writer must be shorter it says so itself.
"""

from __future__ import annotations

from suture.formats.x12.elements import Element
from suture.formats.x12.spec import LoopSpec, SegmentSpec, optional, required, segment

#: Product id pairs that are read in one segment: PO1, POC, IT1 and ACK have ten, LIN fifteen.
MOST_PAIRS = 15


def product_ids(first: int) -> tuple[Element, ...]:
    """Qualifier and product id in turns from element ``first`` on (data elements 235 and 234)."""
    numbers = range(first, first + 2 * MOST_PAIRS, 2)
    return tuple(element for number in numbers for element in (optional(number, "ID", 2, 2), optional(number + 1, "AN", 1, 48)))


ST = segment("ST", required(1, "ID", 3, 3), required(2, "AN", 4, 9))
CUR = segment("CUR", required(1, "ID", 2, 3), required(2, "ID", 3, 3))
REF = segment("REF", required(1, "ID", 2, 3), optional(2, "AN", 1, 50), optional(3, "AN", 1, 80))
PER = segment("PER", required(1, "ID", 2, 2), optional(2, "AN", 1, 60))
DTM = segment("DTM", required(1, "ID", 3, 3), optional(2, "DT", 8, 8), optional(3, "TM", 4, 8), optional(4, "ID", 2, 2))
N1 = segment("N1", required(1, "ID", 2, 3), optional(2, "AN", 1, 60), optional(3, "ID", 1, 2), optional(4, "AN", 2, 80))
N9 = segment("N9", required(1, "ID", 2, 3), optional(2, "AN", 1, 50), optional(3, "AN", 1, 45))
MSG = segment("MSG", required(1, "AN", 1, 264))
PID = segment("PID", required(1, "ID", 1, 1), optional(5, "AN", 1, 80))
CTP = segment("CTP", optional(3, "R", 1, 17), optional(4, "R", 1, 15), optional(5, "AN", 2, 48))
CTT = segment("CTT", required(1, "N0", 1, 6), optional(2, "R", 1, 10))
ITD = segment("ITD", optional(6, "DT", 8, 8), optional(7, "N0", 1, 3))
SAC = segment(
    "SAC",
    required(1, "ID", 1, 1, "A C N P Q R"),
    optional(2, "ID", 4, 4),
    optional(5, "N2", 1, 15),
    optional(15, "AN", 1, 80),
)
SCH = segment("SCH", required(1, "R", 1, 15), required(2, "ID", 2, 2), required(5, "ID", 3, 3), required(6, "DT", 8, 8))

# Listed so that what stands in a party's loop is not taken for the order's own.
PARTY = LoopSpec(N1, (segment("N2"), segment("N3"), segment("N4"), segment("TD5"), REF, PER))
NOTE = LoopSpec(N9, (DTM, MSG))
#: A sub-line (a kit's component) with its own description, price and references.
SUBLINE = LoopSpec(segment("SLN"), (PID, SAC, DTM, CTP, REF), (PARTY,))


def bare(*names: str) -> tuple[SegmentSpec, ...]:
    """Segments whose presence matters, but whose elements we do not read."""
    return tuple(segment(name) for name in names)
