"""Names that lead to a patient, and JSON without one: what stands under such a name becomes a pseudonym before it is kept.

HL7 v2 knows by its standard where a patient stands (``formats.hl7v2.minimise``). In JSON and tables only names tell: a field or
column called patient, encounter, MRN or date of birth, alone or as a part of a longer name, and what a partner's profile names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from suture.formats.format import Profile

Pseudonym = Callable[[str], str]

_NAMES = r"patients?|encounters?|mrn|medical[ _-]?records?|date[ _-]?of[ _-]?birth|birth[ _-]?date|dob"
#: A whole name, or a word of one: patientName, patient_id, "Patient MRN", but not "outpatient".
LEADS = re.compile(rf"(?:^|[ _.-])(?:{_NAMES})(?:$|[ _.-]|[a-z]*[A-Z0-9])|^(?:{_NAMES})", re.IGNORECASE)
#: What cannot lead to anybody is not looked at again: most messages have none of these.
QUICK = re.compile(rb"patient|encounter|mrn|medical|birth|dob|\\u", re.IGNORECASE)
#: Possessive: a step back for every letter of a long text would take a hundred times its memory.
_TEXT = r'"[^"\\]*+(?:\\[\s\S][^"\\]*+)*+"'
#: A text, and what it is the name of; a text without an end reaches to the end, so that no letter is looked at twice.
_FIELD = re.compile(rf'(?:({_TEXT})|"[\s\S]*)(?:(\s*:\s*)({_TEXT}|[\[{{]|[^\s,}}\]\[{{"]+))?')


#: What does not change from partner to partner.
ANY = Profile()


def own_names(profile: Profile) -> frozenset[str]:
    """The names that lead to a patient in this partner's words, and in no other's: "Fallnummer; Aufnahme-Nr"; case-folded."""
    return frozenset(name.strip().casefold() for name in profile.options.get("patient", "").split(";")) - {""}


def withheld(raw: bytes) -> bytes:
    """What is kept instead of bytes in which nobody can tell what leads to a patient; no reader takes it for a message."""
    return f"WITHHELD {len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()}".encode()


def minimise_json(raw: bytes, pseudonym: Pseudonym, profile: Profile = ANY) -> bytes:
    """``raw`` with a pseudonym for the value of every field whose name leads to a patient; all else byte for byte.

    Withheld where such a field holds a list or an object, since nobody can tell what in it may stay, where a text cannot be
    understood, and in an encoding that nobody reads (RFC 8259 section 8.1).
    """
    own = own_names(profile)
    if b"\0" in raw and (own or QUICK.search(raw.replace(b"\0", b""))):
        return withheld(raw)
    if not own and not QUICK.search(raw):
        return raw

    def replaced(found: re.Match[str]) -> str:
        name, between, value = found.groups()
        if value is None or name is None or not (LEADS.search(said := _said(name)) or said.casefold() in own):
            return found[0]
        if value in "[{":
            raise ValueError("a field that leads to a patient holds more than one value")
        return found[0] if value in ("null", '""') else name + between + json.dumps(pseudonym(_said(value)))

    try:
        # read as Latin-1 every byte is one letter, and goes back as it came
        return _FIELD.sub(replaced, raw.decode("latin-1")).encode("latin-1")
    except ValueError:
        return withheld(raw)


def _said(value: str) -> str:
    """The text of a JSON string; a number or a word as it is written."""
    if not value.startswith('"'):
        return value
    told = json.loads(value.encode("latin-1").decode("utf-8", "replace"), strict=False)
    return str(told)
