"""Masks: what a message says without bank accounts, persons and patients, and the way back for whoever repairs it unseen.

Whatever looks like a number of somebody is masked unless it is known to be the number of a document; each piece becomes ``‹n›``,
so that a masked text can be mended and whole again without anybody having read what was masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from suture.console.page import Refused
from suture.model import Case, Ref, encode
from suture.runtime.wiring import Wiring

#: The largest content that is shown and mended in a browser, in bytes.
CONTENT_MOST = 64_000
#: Objects whose numbers lead to a person.
PERSONAL = frozenset({"Encounter", "Patient", "Person", "Usage"})

_HIDDEN = re.compile(
    r"(?P<segment>(?<![^\r\n])(?:PID|NK1|GT1|IN1|IN2|MRG)\|[^\r\n]*)"  # HL7 v2: who the patient and their people are
    r"|(?<=PER\*IC\*)(?P<contact>[^*~\r\n]+)"  # X12: a person to ask
    r"|(?<=<Nm>)(?P<name>[^<]+)|(?<=\"holder\": \")(?P<holder>[^\"]+)|(?<=\"holder\":\")(?P<packed>[^\"]+)"
    r"|(?P<mail>[\w.+-]+@[\w-]+\.[\w.]+)"
    r"|(?P<iban>\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b)"
    r"|(?P<pseudonym>\bP[0-9A-F]{20}\b)"
    r"|(?P<number>(?<![\w.:/-])[\w.:/-]*\d{6,}[\w.:/-]*)"
)
_DATE = re.compile(r"(?:20)?\d\d(?:0\d|1[0-2])(?:[0-2]\d|3[01])|20\d\d-?(?:0\d|1[0-2])-?(?:[0-2]\d|3[01])(?:[T ]?[\d:.+Z-]*)?")
_PLACE = re.compile(r"‹(\d+)›")


class Masked(Struct, frozen=True):
    """A text with its masked pieces, in order."""

    text: str
    pieces: tuple[str, ...]


def masked(text: str, known: Iterable[str]) -> Masked:
    """Mask a text; numbers that are ``known`` to be documents' are left in it."""
    safe, pieces = frozenset(known), list[str]()

    def hide(found: re.Match[str]) -> str:
        piece = found.group(0)
        if found.lastgroup == "number" and (piece.strip("-.:/") in safe or _DATE.fullmatch(piece)):
            return piece
        pieces.append(piece)
        return f"‹{len(pieces)}›"

    return Masked(_HIDDEN.sub(hide, text), tuple(pieces))


def unmasked(text: str, original: Masked) -> str:
    """A mended text with its masked pieces put back; raises Refused for a piece that was never there."""

    def back(found: re.Match[str]) -> str:
        number = int(found.group(1))
        if not 1 <= number <= len(original.pieces):
            raise Refused(f"{found.group(0)} stands for nothing; leave the masked places as they are")
        return original.pieces[number - 1]

    return _PLACE.sub(back, text)


def known_of(refs: Iterable[Ref]) -> frozenset[str]:
    """The numbers among these that may be read: those of documents, with the parts that partners use alone."""
    safe = [ref.id for ref in refs if ref.type not in PERSONAL]
    return frozenset(part for id in safe for part in (id, id.partition(":")[2], id.rpartition("/")[2]) if part)


class Content(Struct, frozen=True):
    """What a person may mend: the text that they see, and what it was made from."""

    shown: Masked
    original: str


def content_of(wiring: Wiring, case: Case) -> Content | None:
    """The content of an exception that takes a repair; None where it is too large, no text or not there any more."""
    text = _text(wiring, case)
    if text is None or len(text) > CONTENT_MOST:
        return None
    return Content(masked(text, known_of((*case.objects, *_about(wiring, case)))), text)


def _about(wiring: Wiring, case: Case) -> list[Ref]:
    return [ref for row in wiring.journal.find(Ref("Case", case.id)) for ref in row.event.refs()]


def _text(wiring: Wiring, case: Case) -> str | None:
    delivery = next((ref.id for ref in case.objects if ref.type == "Delivery"), "")
    if delivery:
        owed = wiring.journal.delivery(delivery)
        return msgspec.json.format(encode(owed.document), indent=2).decode() if owed else None
    message = next((ref for ref in case.objects if ref.type == "Message"), None)
    blob = next((row.event.blob for row in wiring.journal.find(message) if row.event.blob), "") if message else ""
    try:
        return wiring.journal.blob(blob).decode() if blob else None
    except (KeyError, UnicodeDecodeError):
        return None


def restored(wiring: Wiring, case: Case, content: str) -> bytes:
    """The bytes that a repair takes, from what somebody wrote over the masked text. Raises Refused."""
    original = content_of(wiring, case)
    if original is None:
        raise Refused("the content cannot be mended in a browser; `suture resolve` takes it from a file")
    if not content.strip():
        raise Refused("a repair needs the mended content")
    # a browser ends lines with CR LF, whatever the partner does
    ends = "\r\n" if "\r\n" in original.original else "\r" if "\r" in original.original else "\n"
    return unmasked(content.replace("\r\n", "\n").replace("\n", ends), original.shown).encode()
