"""An ADT message tells where a patient is, or that two records are one patient: context of usages, no document of ours."""

from __future__ import annotations

from msgspec import Struct

from suture.formats.hl7v2.lexer import Message
from suture.model import Finding


class Merge(Struct, frozen=True):
    """Identifiers as they stand in an A40 (pseudonyms, once minimised): ``prior`` was merged into ``survivor``."""

    survivor: str
    prior: str


def read_context(message: Message, event: str) -> tuple[Finding, ...]:
    """What is wrong with an ADT message, or the note that it is context only (HL7 v2.8.2, chapter 3)."""
    wrong = [*_missing(message, "PID", 3, "patient identifier list")]
    if event == "A40":
        wrong += _missing(message, "MRG", 1, "prior patient identifier list")
    if wrong:
        return tuple(wrong)
    note = Finding(code="context-only", path="MSH-9", text=f"ADT^{event} is context and carries no document", severity="info")
    merged = Finding(code="merged", path="MRG-1", text="a patient record was merged into another", severity="info")
    return (note, merged) if event == "A40" else (note,)


def merges(message: Message) -> tuple[Merge, ...]:
    """The merges of an A40, in order: each MRG belongs to the PID before it (section 3.3.40)."""
    found, survivor = [], ""
    for segment in message.segments:
        if segment.name == "PID":
            survivor = segment.text_at(3, charset=message.charset)
        elif segment.name == "MRG":
            found.append(Merge(survivor, segment.text_at(1, charset=message.charset)))
    return tuple(found)


def _missing(message: Message, name: str, field: int, what: str) -> list[Finding]:
    segments = message.all(name)
    if not segments:
        return [Finding(code="100", path=name, text=f"a {name} segment is required")]
    counted = enumerate(segments, start=1)
    empty = [n for n, segment in counted if not segment.text_at(field)]
    return [Finding(code="101", path=f"{name}[{n}]-{field}", text=f"{name}-{field} ({what}) is required") for n in empty]
