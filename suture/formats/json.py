"""Documents as JSON, as our own interfaces write them, read strictly at the border.

A message is one document, an object ``{"documents": [...]}`` with an optional ``id`` of its own, or JSON Lines. An object with a
running number (``sequence``, which counts as the CloudEvents extension does: from 1, one more each time) may be without
documents: then it says that nothing more has been sent. Numbers that are money or quantities may be strings or JSON numbers and
keep their scale; a timestamp without zone is in the profile's time zone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

import msgspec
from msgspec import Struct, inspect

from suture.formats.format import LARGEST_MESSAGE, Format, Profile, Reading, Running, Sample, Stamp, Unwritable, Verdict
from suture.formats.persons import minimise_json
from suture.formats.scalars import decimal, instant, written, zone
from suture.formats.shape import Misshapen, shaped
from suture.model import DOCUMENTS, Document, Finding, Policy, decode, encode
from suture.model.schema import field_names

DEEPEST = 32
MOST_DOCUMENTS = 10_000

_DECIMALS = field_names(inspect.DecimalType)
_INSTANTS = field_names(inspect.DateTimeType)
#: Fields whose members are the sender's own names; the names of ours mean nothing in there.
_OPEN = field_names(inspect.DictType)
_EXACT = _DECIMALS | _INSTANTS
#: In encoded bytes: numbers that are no plain decimals, instants with another zone than UTC, escaped characters.
_LAX = re.compile(rb'"(?:%s)":"(?!-?[0-9]{1,18}(?:\.[0-9]{1,9})?")|[0-9]T[0-9:.]+[+-]|\\u' % "|".join(sorted(_DECIMALS)).encode())
#: One document with its running number, as our own interfaces write it.
_NUMBERED = re.compile(rb'\{"sequence":([1-9][0-9]{0,17}),"documents":\[(.*)\]\}', re.DOTALL)
_SEQUENCE = re.compile("[1-9][0-9]{0,17}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBERISH = re.compile("[0-9]{6}")
_ZONELESS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+")


_Path: TypeAlias = "tuple[_Path | None, str]"


class _Number(str):
    """A JSON number that is not a small integer, as it was written; NaN and Infinity too."""


class _Pairs(tuple[tuple[str, object], ...]):
    """A JSON object as it was written, with names that occur twice."""


def read(raw: bytes, profile: Profile) -> Reading:
    """The documents in ``raw``; each that is wrong is a finding with its JSON path, and the others go on."""
    if len(raw) > LARGEST_MESSAGE:
        return _refused("json.size", f"{len(raw)} bytes, more than {LARGEST_MESSAGE}")
    numbered = _NUMBERED.fullmatch(raw)
    canonical = _canonical(numbered[2] if numbered else raw)
    if canonical is not None:
        numbers = (Running(int(numbered[1])),) if numbered else ()
        return Reading(kind="document", documents=(canonical,), numbers=numbers)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused("json.charset", "not UTF-8", offset=error.start)
    try:
        message = _parsed(text)
    except ValueError as error:
        if _in_lines(text):
            return _read_lines(text.split("\n"), profile)
        return _refused("json.syntax", str(error), offset=getattr(error, "pos", -1))
    return _read_message(message, profile, "\\u" in text)


def _canonical(raw: bytes) -> Document | None:
    """The document of bytes that are exactly what ``encode`` writes, a dozen times faster than reading what may be anything.

    Every liberty (a repeated name, ``1_000``, a blank) shows when it is encoded again; what does not show is searched for. The
    values of a policy are any JSON, and are always read with care.
    """
    if _LAX.search(raw):
        return None
    try:
        document = decode(raw)
        return document if encode(document) == raw and not isinstance(document, Policy) else None
    except (ValueError, RecursionError):
        return None


def _in_lines(text: str) -> bool:
    """Whether text that is no single JSON value may be JSON Lines: an object begins and ends on the first line."""
    first, _, rest = text.strip().partition("\n")
    return bool(rest) and first.startswith("{") and first.rstrip().endswith("}")


def _read_message(message: object, profile: Profile, escaped: bool) -> Reading:
    fields = dict(message) if isinstance(message, _Pairs) else {}
    if "documents" not in fields or "type" in fields:
        return _reading([("$", message)], profile, "document", escaped)
    batch, name, sequence = fields["documents"], fields.get("id", ""), fields.get("sequence")
    if not isinstance(batch, list):
        return _refused("json.shape", "expected a list of documents", path="$.documents")
    if not isinstance(name, str) or len(name) > 128:
        return _refused("json.value", "the id of a message is a text of at most 128 characters", path="$.id")
    if len(batch) > MOST_DOCUMENTS:
        return _refused("json.limit", f"{len(batch)} documents, more than {MOST_DOCUMENTS}", path="$.documents")
    if sequence is not None and not _SEQUENCE.fullmatch(str(sequence)):
        return _refused("json.value", "a running number is a whole number from 1, below 10^18", path="$.sequence")
    if sequence is not None and not batch:
        return Reading(message_id=name, kind="documents", numbers=(Running(int(str(sequence))),))
    reading = _reading([(f"$.documents[{place}]", part) for place, part in enumerate(batch)], profile, "documents", escaped)
    numbers = () if sequence is None else (Running(int(str(sequence))),)
    return msgspec.structs.replace(reading, message_id=name, numbers=numbers)


def _read_lines(lines: list[str], profile: Profile) -> Reading:
    kept = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(kept) > MOST_DOCUMENTS:
        return _refused("json.limit", f"{len(kept)} documents, more than {MOST_DOCUMENTS}")
    parts: list[tuple[str, object]] = []
    findings: list[Finding] = []
    for number, line in kept:
        try:
            parts.append((f"line {number}: $", _parsed(line)))
        except ValueError as error:
            findings.append(Finding(code="json.syntax", text=str(error), path=f"line {number}"))
    reading = _reading(parts, profile, "lines", True) if parts else Reading(kind="lines")
    return msgspec.structs.replace(reading, findings=(*findings, *reading.findings))


def _parsed(text: str) -> object:
    """Any JSON value, with numbers as written and objects as pairs; raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_Pairs, parse_float=_Number, parse_constant=_Number, parse_int=_integer)
    except RecursionError as error:
        raise ValueError(f"nested more than {DEEPEST} deep") from error


def _integer(text: str) -> object:
    return int(text) if len(text) < 19 else _Number(text)


def _reading(parts: list[tuple[str, object]], profile: Profile, kind: str, escaped: bool) -> Reading:
    documents: list[Document] = []
    findings: list[Finding] = []
    for path, part in parts:
        border = _Border(profile.timezone, escaped)
        document = border.document(part, path)
        documents += [document] if document is not None else []
        findings += border.findings
    if not parts:
        findings.append(Finding(code="json.empty", text="no documents", path="$.documents"))
    return Reading(kind=kind, documents=tuple(documents), findings=tuple(findings))


class _Border:
    """One document's way in: plain data is made exact, every defect noted with its path.

    A path on the way is a chain ``(above, step)``; it becomes text only for a finding, since most documents have none.
    """

    def __init__(self, timezone: str, escaped: bool) -> None:
        self.timezone = timezone
        self.escaped = escaped
        self.findings: list[Finding] = []

    def document(self, part: object, path: str) -> Document | None:
        """The document, or None with findings."""
        if not isinstance(part, _Pairs):
            self._note("json.shape", "expected an object: a document with its type", (None, path))
            return None
        plain = self._object(part, (None, path), "", 1)
        if self.findings:
            return None
        if str(plain.get("type")) not in DOCUMENTS:
            self._note("json.type", f"no such document type; known are {', '.join(DOCUMENTS)}", ((None, path), ".type"))
            return None
        try:
            document: Document = shaped(plain, DOCUMENTS[str(plain["type"])])
        except Misshapen as error:
            self._note("json.missing" if error.missing else "json.value", str(error), ((None, path), error.path))
            return None
        self.findings += [
            Finding(code="json.unknown_field", text="no such field; it was left out", path=_told(found), severity="warning")
            for found in _unknown(plain, document, (None, path))
        ]
        return document

    def _note(self, code: str, text: str, path: _Path) -> None:
        self.findings.append(Finding(code=code, text=text, path=_told(path)))

    def _object(self, pairs: _Pairs, path: _Path, name: str, depth: int) -> dict[str, object]:
        """The members of an object below the field ``name``, made plain; names in an open mapping are the sender's own."""
        plain: dict[str, object] = {}
        for key, part in pairs:
            if key in plain:
                self._note("json.repeated_field", "the same name twice in one object", (path, f".{key}"))
            field = name if name in _OPEN else key
            simple = type(part) is str and field not in _EXACT and not self.escaped
            plain[key] = part if simple else self._plain(part, (path, f".{key}"), field, depth + 1)
            if self.escaped:
                self._check_characters(key, (path, f".{key}"))
        return plain

    def _plain(self, part: object, path: _Path, name: str, depth: int) -> object:
        """``part``, the value of the field ``name``, with exact numbers and instants in UTC."""
        if depth > DEEPEST:
            self._note("json.depth", f"nested more than {DEEPEST} deep", path)
            return None
        match part:
            case _Pairs():
                return self._object(part, path, name, depth)
            case list():
                return [self._plain(each, (path, f"[{place}]"), name, depth + 1) for place, each in enumerate(part)]
            case str():
                return self._text(part, path, name)
            case int() if name in _DECIMALS and not isinstance(part, bool):
                return Decimal(part)
        return part

    def _text(self, text: str, path: _Path, name: str) -> object:
        if self.escaped:
            self._check_characters(text, path)
        try:
            if name in _DECIMALS:
                return decimal(text)
            if isinstance(text, _Number):
                raise ValueError("expected a whole number below 10^18, or a string")
            return self._instant(text) if name in _INSTANTS else text
        except ValueError as error:
            self._note("json.value", str(error), path)
            return None

    def _check_characters(self, text: str, path: _Path) -> None:
        """JSON's escapes can say what no text of ours may hold; without an escape, UTF-8 and the parser have seen to it."""
        if "\x00" in text or (not text.isascii() and _SURROGATE.search(text)):
            self._note("json.character", "a NUL or half of a surrogate pair", path)

    def _instant(self, text: str) -> datetime:
        if _ZONELESS.fullmatch(text):
            zone(self.timezone)  # says that no zone is agreed, rather than what a timestamp looks like
        return instant(text, self.timezone)


def _told(path: _Path) -> str:
    """The path as text, cut where a hostile message would make it long; a name that is a number like an account's is left out."""
    steps: list[str] = []
    above: _Path | None = path
    while above is not None:
        above, step = above
        steps.append(".…" if _NUMBERISH.search(step) else step[:64].encode("utf-8", "replace").decode())
    return "".join(reversed(steps))


def _unknown(plain: object, made: object, path: _Path) -> Iterator[_Path]:
    """Paths of members that no field took."""
    if type(plain) is dict and isinstance(made, Struct):
        for name, part in plain.items():
            if name not in made.__struct_fields__ and not (name == "type" and isinstance(made, Document)):
                yield (path, f".{name}")
            elif type(part) is dict or type(part) is list:
                yield from _unknown(part, getattr(made, name, None), (path, f".{name}"))
    elif type(plain) is list and isinstance(made, tuple):
        for place, (part, each) in enumerate(zip(plain, made, strict=True)):
            if type(part) is dict:
                yield from _unknown(part, each, (path, f"[{place}]"))


def _refused(code: str, text: str, path: str = "", offset: int = -1) -> Reading:
    return Reading(findings=(Finding(code=code, text=text, path=path, offset=offset),))


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """The document's canonical encoding; raises Unwritable for a number, text or size that ``read`` would refuse."""
    try:
        raw = encode(document)
        if _LAX.search(raw):
            raw = msgspec.json.encode(_exact(msgspec.to_builtins(document, builtin_types=(Decimal, datetime))))
    except ValueError as error:
        raise Unwritable(f"{type(document).__name__}: {error}") from error
    if len(raw) > LARGEST_MESSAGE:
        raise Unwritable(f"{type(document).__name__}: {len(raw)} bytes, more than {LARGEST_MESSAGE}")
    return raw


def _exact(value: object) -> object:
    """Plain data with decimals written out (Python's own text of 0.0000001 is 1E-7) and instants in UTC; raises ValueError."""
    match value:
        case dict():
            return {name: _exact(part) for name, part in value.items()}
        case list() | tuple():
            return [_exact(part) for part in value]
        case Decimal():
            return f"{decimal(f'{value:f}'):f}"
        case datetime():
            return written(value)
        case str() if "\x00" in value:
            raise ValueError("a NUL character")
    return value


def acknowledge(reading: Reading, verdict: Verdict, profile: Profile) -> bytes | None:
    """What was accepted, or a problem in the manner of RFC 9457 with every finding."""
    if verdict.outcome == "accepted":
        ids = [str(getattr(document, "id", "")) for document in reading.documents]
        return msgspec.json.encode({"outcome": "accepted", "documents": ids, "findings": reading.findings})
    busy = verdict.outcome == "busy"
    return msgspec.json.encode(
        {
            "type": "about:blank",
            "title": "Not now; the same message may be sent again" if busy else "The message was refused",
            "status": 503 if busy else 422,
            "outcome": verdict.outcome,
            "errors": verdict.findings or reading.errors,
        }
    )


_ITEM = b"""{"type": "Item", "id": "IT-100", "name": "Suture, absorbable, 3-0", "unit": "EA",
 "packs": [{"unit": "BX", "factor": "36"}, {"unit": "CS", "factor": 144}]}"""
_BATCH = b"""{"id": "BATCH-7", "documents": [
 {"type": "CostCenter", "id": "CC-10", "name": "Theatre 1", "entity": "E1", "facility": "F1"},
 {"type": "ContractPrice", "id": "CP-1", "contract": "C-1", "supplier": "S-1", "item": "IT-100", "effective_from": "2026-01-01",
  "price": {"amount": 12.50, "currency": "CHF", "per": {"value": "1", "unit": "BX"}}}]}"""
_NUMBERED_ITEM = b'{"sequence": 17, "documents": [%s]}' % _ITEM
_LINES = b"""{"type": "RequisitionCancellation", "requisition": "R-1", "reason": "no case", "at": "2026-03-02T08:00:00+01:00"}
{"type": "RequisitionCancellation", "requisition": "R-2", "reason": "no case", "at": "2026-03-02T08:00:00Z"}
"""
_DEFECTS = b"""{"documents": [
 {"type": "CostCentre", "id": "CC-10"},
 {"type": "Item", "id": "IT-1", "name": "Gauze"},
 {"type": "Item", "id": "IT-2", "name": "Gauze", "unit": "EA", "packs": [{"unit": "BX", "factor": "1_000"}]},
 {"type": "Item", "id": "IT-3", "id": "IT-4", "name": "Gauze", "unit": "EA"},
 {"type": "Item", "id": "IT-5", "name": "Gauze", "unit": "EA", "colour": "white"}]}"""

FORMAT = Format(
    name="json",
    title="Documents as JSON",
    version=1,
    standard="Suture documents 1.0 (JSON Schema in docs/schema), RFC 8259, RFC 9457, JSON Lines",
    media_type="application/json",
    reads=tuple(DOCUMENTS.values()),
    writes=tuple(DOCUMENTS.values()),
    read=read,
    write=write,
    acknowledge=acknowledge,
    minimise=minimise_json,
    samples=(
        Sample(name="one document", raw=_ITEM),
        Sample(name="a batch with an id", raw=_BATCH, documents=2),
        Sample(name="a document with its running number", raw=_NUMBERED_ITEM),
        Sample(name="nothing more since the last one", raw=b'{"sequence": 18, "documents": []}', documents=0),
        Sample(name="JSON Lines", raw=_LINES, documents=2),
        Sample(
            name="four defects and one doubt",
            raw=_DEFECTS,
            findings=("json.type", "json.missing", "json.value", "json.repeated_field", "json.unknown_field"),
        ),
    ),
)
