"""ANSI X12: the purchase order and everything that answers it (850, 855, 856, 810, 820, 860), with 997 and TA1.

Law: what one reads is lossless down to the token; what is refused is refused as narrowly as the standard allows, with segment,
element and reason; what one writes is judged by the same declarations that judge what comes. A new set is one module with a
declaration, a reader and a writer, and one value in ``sets``.
"""

from suture.formats.format import Format
from suture.formats.x12.reader import read
from suture.formats.x12.samples import SAMPLES
from suture.formats.x12.sets import BY_TYPE, SETS
from suture.formats.x12.writer import acknowledge, write

FORMAT = Format(
    name="x12",
    title="ANSI X12 EDI",
    version=1,
    standard="ASC X12 004010 to 008010: 810, 820, 850, 855, 856, 860, 997, TA1",
    media_type="application/edi-x12",
    reads=tuple(kind for found in SETS for kind in found.documents),
    writes=tuple(BY_TYPE),
    read=read,
    write=write,
    acknowledge=acknowledge,
    samples=SAMPLES,
)

__all__ = ["FORMAT"]
