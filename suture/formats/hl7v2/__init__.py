"""HL7 v2 is how hospital systems tell each other what happens to a patient; Suture reads from it what was used (DFT^P03).

Law: nothing that came is lost or changed by reading; identity is taken out before anything is kept (``minimise``).
"""

from suture.formats.format import Format
from suture.formats.hl7v2.acknowledge import Acknowledged, acknowledge, control_id, parse_ack
from suture.formats.hl7v2.adt import Merge
from suture.formats.hl7v2.escape import Delimiters, escape, unescape
from suture.formats.hl7v2.instants import format_instant, parse_instant
from suture.formats.hl7v2.lexer import NULL, Lexed, Message, Segment, lex
from suture.formats.hl7v2.minimise import minimise
from suture.formats.hl7v2.path import Path, parse_path
from suture.formats.hl7v2.posting import write
from suture.formats.hl7v2.reading import Detail, Head, read
from suture.formats.hl7v2.samples import SAMPLES
from suture.model import Usage

FORMAT = Format(
    name="hl7v2",
    title="HL7 v2: clinical usage from charges (DFT^P03), with ADT as context",
    version=1,
    standard="HL7 v2.1 to v2.9, chapters 2, 3 and 6",
    media_type="application/hl7-v2",
    reads=(Usage,),
    writes=(Usage,),
    read=read,
    write=write,
    acknowledge=acknowledge,
    minimise=minimise,
    clinical=True,
    samples=SAMPLES,
)

__all__ = [
    "FORMAT",
    "NULL",
    "Acknowledged",
    "Delimiters",
    "Detail",
    "Head",
    "Lexed",
    "Merge",
    "Message",
    "Path",
    "Segment",
    "acknowledge",
    "control_id",
    "escape",
    "format_instant",
    "lex",
    "minimise",
    "parse_ack",
    "parse_instant",
    "parse_path",
    "read",
    "unescape",
    "write",
]
