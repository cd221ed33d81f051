"""The lexer keeps a message as it came, byte for byte, and splits it only where somebody looks."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct

from suture.formats.hl7v2.charset import decode
from suture.formats.hl7v2.escape import Delimiters, escape, unescape
from suture.formats.hl7v2.path import Path, parse_path
from suture.model import Finding

#: More segments, fields, repetitions or components than these are not split: the rest stays in the last one.
SEGMENTS_MAX = 20_000
PARTS_MAX = 1_000
MESSAGES_MAX = 10_000

#: What a sender writes to delete a value (chapter 2, section 2.5.3); an empty field says nothing about the value.
NULL = '""'

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f]")
HEADERS = ("MSH", "BHS", "FHS")
_HEADER = re.compile(r"[\r\n](?=(?:MSH|BHS|FHS|BTS|FTS)[^\w\s])")
_LATER_HEADER = re.compile(r"\r(?=(?:MSH|BHS|FHS|BTS|FTS)[^\w\s])")
#: How nearly every header begins, and what it declares.
_USUALLY = tuple(f"{name}|^~\\&|" for name in HEADERS)
_USUAL = Delimiters()
#: What may stand before a message without meaning anything: a byte order mark, blanks, a start of frame.
BLANK = "\ufeff\x0b \t\r\n"


class Segment(Struct, eq=False, gc=False):
    """One segment: its name (PID), its text without terminator, the terminator as it came, and what it is split by."""

    name: str
    text: str
    end: str
    delimiters: Delimiters
    _fields: list[str] | None = None

    @property
    def broken_at(self) -> int:
        """Where a line break or another control character stands inside, as in folded text or after damage; -1 if nowhere."""
        # a look that takes no time tells that there is nothing to search for
        found = None if self.text.isprintable() else _CONTROL.search(self.text)
        return found.start() if found else -1

    @property
    def fields(self) -> list[str]:
        """The raw fields, numbered as in the standard: 0 is the name; in a header 1 is the separator itself."""
        if self._fields is None:
            self._fields = _split(self.text, self.delimiters.field)
            if self.name in HEADERS:
                self._fields.insert(1, self.delimiters.field)
        return self._fields

    def repetitions(self, field: int) -> list[str]:
        """The raw repetitions of a field; none if it is absent or empty."""
        value = self.fields[field] if field < len(self.fields) else ""
        return _split(value, self.delimiters.repetition) if value else []

    def get(self, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0) -> str | None:
        """The raw value at the depth asked for (0: the whole); None where the sender wrote nothing, not even a delimiter."""
        fields = self.fields
        if field >= len(fields):
            return None
        if field <= 2 and self.name in HEADERS:
            return fields[field]
        return _down(fields[field], self.delimiters, repetition, component, subcomponent)

    def text_at(self, field: int, repetition: int = 1, component: int = 1, subcomponent: int = 1, charset: str = "utf-8") -> str:
        """What the sender says there, unescaped and without surrounding blanks; "" for absent, empty and deleted."""
        fields = self.fields
        raw = fields[field] if field < len(fields) else ""
        if raw and (field > 2 or self.name not in HEADERS):
            raw = _down(raw, self.delimiters, repetition, component, subcomponent) or ""
        return self.said(raw, charset) if raw else ""

    def texts(self, field: int, component: int = 1, subcomponent: int = 1, charset: str = "utf-8") -> list[str]:
        """What each repetition of a field says in a component."""
        marks = self.delimiters
        return [self.said(_down(raw, marks, 0, component, subcomponent) or "", charset) for raw in self.repetitions(field)]

    def said(self, raw: str, charset: str = "utf-8") -> str:
        """What a raw sub-component says: unescaped, without surrounding blanks; "" for deleted."""
        if raw == NULL:
            return ""
        marks = self.delimiters
        return (unescape(raw, marks, charset) if marks.escape in raw else raw).strip()

    def rewrite(self, text: str) -> None:
        """Replace the whole segment."""
        self.text, self.name, self._fields = text, text[:3], None

    def put(self, raw: str, field: int, repetition: int = 0, component: int = 0, subcomponent: int = 0) -> None:
        """Replace the raw value at that depth, adding delimiters as needed; everything else stays as it came."""
        if field <= (2 if self.name in HEADERS else 0):
            raise ValueError(f"{self.name}-{field} cannot be set")
        marks = self.delimiters
        fields = self.fields
        _extend(fields, field + 1)
        depths = ((repetition, marks.repetition), (component, marks.component), (subcomponent, marks.subcomponent))
        fields[field] = _put(fields[field], raw, depths)
        self.text = marks.field.join(fields if self.name not in HEADERS else fields[:1] + fields[2:])


def _split(text: str, mark: str) -> list[str]:
    return text.split(mark, PARTS_MAX) if mark else [text]


def _down(value: str, marks: Delimiters, repetition: int, component: int, subcomponent: int) -> str | None:
    """The part at that depth; a step of 0 stays where it is."""
    for number, mark in ((repetition, marks.repetition), (component, marks.component), (subcomponent, marks.subcomponent)):
        if mark and number and mark in value:
            parts = value.split(mark, PARTS_MAX)
            if number > len(parts):
                return None
            value = parts[number - 1]
        elif number > 1:
            return None
    return value


def _extend(parts: list[str], size: int) -> None:
    if size > PARTS_MAX:
        raise ValueError(f"no more than {PARTS_MAX} parts")
    parts.extend("" for _ in range(size - len(parts)))


def _put(whole: str, raw: str, steps: tuple[tuple[int, str], ...]) -> str:
    if not steps:
        return raw
    (number, mark), deeper = steps[0], steps[1:]
    if not number:
        return _put(whole, raw, deeper)
    if not mark and number > 1:
        raise ValueError("the message declares no delimiter for this depth")
    parts = _split(whole, mark)
    _extend(parts, number)
    parts[number - 1] = _put(parts[number - 1], raw, deeper)
    return mark.join(parts)


def by_name(segments: Iterable[Segment]) -> dict[str, list[Segment]]:
    """Segments by their names, each name's in order."""
    named: defaultdict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        named[segment.name].append(segment)
    return named


class Message:
    """A header segment (MSH, BHS or FHS) with what follows it up to the next, or the trailer (BTS, FTS) of a batch or file.

    ``declared`` is false where MSH-2 makes no sense; the usual delimiters are then taken for reading on.
    """

    __slots__ = ("_named", "_segments", "_text", "charset", "declared", "delimiters")

    def __init__(self, text: str, charset: str = "utf-8") -> None:
        self.charset = charset
        declared = _declared(text)
        self.declared = declared is not None
        self.delimiters = declared or Delimiters(text[3:4])
        self._text = text
        self._segments: list[Segment] | None = None
        self._named: dict[str, list[Segment]] | None = None

    @property
    def segments(self) -> list[Segment]:
        """All segments in the order in which they came, which carries meaning (an FT1 and its PR1)."""
        if self._segments is None:
            self._segments = _segments(self._text, self.delimiters)
        return self._segments

    @property
    def name(self) -> str:
        """MSH, BHS, FHS, BTS or FTS."""
        return self._text[:3]

    def all(self, name: str) -> Sequence[Segment]:
        """The segments of that name, in order."""
        if self._named is None:
            self._named = by_name(self.segments)
        return self._named.get(name, [])

    def get(self, path: str) -> str | None:
        """The raw value at ``path``: None if absent, "" if empty, NULL if the sender deletes it."""
        at = parse_path(path)
        segment = self._segment(at)
        if segment is None or not at.field:
            return None if segment is None else segment.text
        return segment.get(at.field, at.repetition, at.component, at.subcomponent)

    def text(self, path: str) -> str:
        """What the sender says at ``path`` (its first repetition, component and sub-component unless the path is deeper)."""
        at = parse_path(path)
        segment = self._segment(at)
        if segment is None:
            return ""
        return segment.text_at(at.field, at.repetition or 1, at.component or 1, at.subcomponent or 1, self.charset)

    def set(self, path: str, text: str) -> None:
        """Write ``text``, escaped, at ``path`` (to its depth); raises ValueError if there is no such segment or delimiter."""
        at = parse_path(path)
        segment = self._segment(at)
        if segment is None or not at.field:
            raise ValueError(f"there is no {path} to set")
        raw = text if text == NULL else escape(text, self.delimiters)
        segment.put(raw, at.field, at.repetition, at.component, at.subcomponent)

    def _segment(self, at: Path) -> Segment | None:
        found = self.all(at.segment)
        return found[at.occurrence - 1] if at.occurrence <= len(found) else None

    def __str__(self) -> str:
        if self._segments is None:
            return self._text
        return "".join(segment.text + segment.end for segment in self._segments)


def _declared(text: str) -> Delimiters | None:
    """The delimiters that a header declares, or None if they could not tell one part from another."""
    if text.startswith(_USUALLY):
        return _USUAL
    mark = text[3:4]
    if not text.startswith(HEADERS):
        return Delimiters(mark)
    encoding = re.split(f"[{re.escape(mark)}\r\n]", text[4:16], maxsplit=1)[0]
    distinct = len(set(mark + encoding)) == 1 + len(encoding)
    if not (2 <= len(encoding) <= 5 and distinct) or any(letter.isalnum() or letter.isspace() for letter in encoding):
        return None
    return Delimiters(mark, *encoding, *[""] * (5 - len(encoding)))


@functools.cache
def _beginning(mark: str) -> re.Pattern[str]:
    return re.compile(rf"[\r\n][ \t]{{0,8}}(?=[A-Z][A-Z0-9]{{2}}(?:{re.escape(mark)}|[\r\n]|\Z))")


@functools.cache
def _astray(mark: str) -> Callable[[str], re.Match[str] | None]:
    """Finds the end of a segment after which no other begins, though something follows."""
    return re.compile(rf"\r(?![A-Z][A-Z0-9]{{2}}(?:{re.escape(mark)}|\r|\Z)|\Z)").search


def _segments(text: str, delimiters: Delimiters) -> list[Segment]:
    """As nearly everybody writes them: each on a line that ends with a carriage return; else they are looked for one by one."""
    lines = text.split("\r")
    last = lines.pop()
    if "\n" in text or len(lines) >= SEGMENTS_MAX or _astray(delimiters.field)(text):
        return list(_searched(text, delimiters))
    segments = [Segment(line[:3], line, "\r", delimiters) for line in lines]
    return [*segments, Segment(last[:3], last, "", delimiters)] if last or not lines else segments


def _searched(text: str, delimiters: Delimiters) -> Iterator[Segment]:
    """A line that does not begin like a segment belongs to the one before it; blank lines to the terminator."""
    start = 0
    for match in islice(_beginning(delimiters.field).finditer(text), SEGMENTS_MAX):
        yield _segment(text[start : match.end()], delimiters)
        start = match.end()
    yield _segment(text[start:], delimiters)


def _segment(whole: str, delimiters: Delimiters) -> Segment:
    tail = whole[len(whole.rstrip("\r\n \t\0\x1c")) :]
    kept = len(whole) - len(tail.lstrip(" \t\0\x1c"))
    return Segment(whole[: min(kept, 3)], whole[:kept], whole[kept:], delimiters)


class Lexed(Struct, frozen=True):
    """What bytes consist of: anything before the first header, and one ``Message`` for each header or trailer."""

    lead: str
    messages: tuple[Message, ...]
    charset: str
    findings: tuple[Finding, ...] = ()

    def to_bytes(self) -> bytes:
        """The bytes again: identical unless a message was changed."""
        return (self.lead + "".join(map(str, self.messages))).encode(self.charset)


def lex(raw: bytes, charset: str = "utf-8") -> Lexed:
    """The messages in ``raw``, which may be one message, a batch or a file; never raises.

    MSH-18 names the character set; where it is silent ``charset`` holds, and bytes that do not fit are read in the next
    best one with a warning, so that nothing is lost.
    """
    text, used, findings = decode(raw, charset)
    body = text.lstrip(BLANK)
    # the pattern that begins with one letter is found ten times as fast, and a single message need not be searched any further
    several = "\n" in body or _LATER_HEADER.search(body)
    found = _HEADER.finditer("\n" + (body if several else body[:4]))
    starts = [match.end() - 1 for match in islice(found, MESSAGES_MAX)]
    if not starts:
        return Lexed(text, (), used, findings)
    ends = [*starts[1:], len(body)]
    messages = tuple(Message(body[start:end], used) for start, end in zip(starts, ends, strict=True))
    return Lexed(text[: len(text) - len(body) + starts[0]], messages, used, findings)
