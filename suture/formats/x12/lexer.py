"""The X12 lexer: text to interchanges, segments and elements, and back to the very same text.

Delimiters are read from every ISA anew (X12.5, ISA): the fourth character separates elements, ISA16 components, and the
character after it ends segments. Nothing is dropped: ``join(tokenize(text)) == text`` for any text whatsoever. What
partners really send is taken as it comes: an ISA that is not 106 wide, CR, LF or control characters as terminators, a
newline after the terminator, lines wrapped at 80 columns, a byte order mark, a last segment that does not end.
"""

from __future__ import annotations

import re

from msgspec import Struct

#: Limits of one message; each is a finding when reached, never a longer wait.
MOST_INTERCHANGES = 1_000
MOST_SEGMENTS = 500_000
MOST_ELEMENTS = 4_000_000
#: Groups and sets; each costs far more than the few characters that begin it.
MOST_ENVELOPES = 20_000
#: An ISA is 106 characters; wrapped or badly padded ones stay below this.
LONGEST_ISA = 400

# Spelled out, because \s and str.strip() also take 0x1C to 0x1F, which are delimiters here.
BLANKS = " \t\r\n\0\x1a\ufeff"
_HEADER = re.compile(r"(?<![A-Za-z0-9])ISA(?=[^A-Za-z0-9 \t\r\n])")


class Delimiters(Struct, frozen=True):
    """The characters that an interchange declares; ``repetition`` and ``release`` are empty where it has none."""

    element: str
    component: str
    terminator: str
    repetition: str = ""
    release: str = ""


class Interchange(Struct, frozen=True):
    """The tokens of one ISA...IEA: ``rows[i][j]`` is element j of segment i, untouched; row i[0] holds the segment id.

    ``lead`` is the text before the ISA, ``start`` the position of the ISA in the text. When the ISA cannot be read, ``problem``
    says why and the text is left to the next ``lead``. ``has_breaks`` is set if line breaks stand anywhere in it.
    """

    lead: str
    start: int
    delimiters: Delimiters
    rows: list[list[str]]
    problem: str = ""
    has_breaks: bool = False


class Tokens(Struct, frozen=True):
    """All of a message; ``tail`` is the text after the last interchange, ``problem`` says which limit was reached."""

    interchanges: list[Interchange]
    tail: str
    problem: str = ""


_NONE = Delimiters("", "", "")


def tokenize(text: str) -> Tokens:
    """The interchanges in ``text``; linear in its length, and total: bad text gives tokens with a ``problem``."""
    interchanges: list[Interchange] = []
    position = segments = elements = envelopes = 0
    header = _HEADER.search(text)
    while header is not None:
        if len(interchanges) == MOST_INTERCHANGES:
            return Tokens(interchanges, text[position:], f"more than {MOST_INTERCHANGES} interchanges")
        start = header.start()
        delimiters, problem = _delimiters(text, start)
        lead = text[position:start]
        if problem:
            interchanges.append(Interchange(lead, start, _NONE, [], problem))
            position, resume = start, start + 3
        else:
            end = _end(text, start, delimiters)
            segments += text.count(delimiters.terminator, start, end)
            elements += text.count(delimiters.element, start, end)
            if segments > MOST_SEGMENTS or elements > MOST_ELEMENTS:
                return Tokens(interchanges, text[position:], f"more than {MOST_SEGMENTS} segments or {MOST_ELEMENTS} elements")
            envelopes += _envelopes(text, start, end, delimiters)
            if envelopes > MOST_ENVELOPES:
                return Tokens(interchanges, text[position:], f"more than {MOST_ENVELOPES} groups and sets")
            interchanges.append(_interchange(text[start:end], lead, start, delimiters))
            position = resume = end
        header = _HEADER.search(text, resume)
    return Tokens(interchanges, text[position:])


def join(tokens: Tokens) -> str:
    """The text that ``tokenize`` was given."""
    parts = [_joined(interchange) for interchange in tokens.interchanges]
    return "".join(parts) + tokens.tail


def _joined(interchange: Interchange) -> str:
    delimiters = interchange.delimiters
    return interchange.lead + delimiters.terminator.join([delimiters.element.join(row) for row in interchange.rows])


def clean(row: list[str], interchange: Interchange) -> list[str]:
    """A segment's elements as meant: without the line breaks of wrapping, without blanks around, release resolved."""
    release = interchange.delimiters.release
    if release:
        row = [_resolved(element, release) for element in row]
    if interchange.has_breaks:
        row = [element.replace("\r", "").replace("\n", "") for element in row]
    first, last = row[0].strip(BLANKS), row[-1].rstrip(BLANKS)
    if first == row[0] and last == row[-1]:
        return row
    return [first] if len(row) == 1 else [first, *row[1:-1], last]


def _resolved(element: str, release: str) -> str:
    return re.sub(re.escape(release) + "(.)", r"\1", element, flags=re.DOTALL)


def _delimiters(text: str, start: int) -> tuple[Delimiters, str]:
    """The delimiters that the ISA at ``start`` declares, or the reason why it declares none."""
    separator = text[start + 3]
    at = start + 3
    for _ in range(15):
        at = text.find(separator, at + 1, start + LONGEST_ISA)
        if at < 0:
            return _NONE, "the ISA has fewer than sixteen elements"
    component, terminator = text[at + 1 : at + 2], text[at + 2 : at + 3]
    problem = _implausible(separator, component, terminator)
    if problem:
        return _NONE, problem
    if terminator in "\r\n":
        terminator = "\n" if text.startswith(("\n", "\r\n"), at + 2) else "\r"
    elements = text[start:at].split(separator)
    return Delimiters(separator, component, terminator, _repetition(elements), _release(text, at + 2, separator, terminator)), ""


def _implausible(separator: str, component: str, terminator: str) -> str:
    if not terminator:
        return "the message ends within its ISA"
    if terminator.isalnum() or terminator == " ":
        return "no segment terminator follows ISA16"
    if component.isalnum() or component in "\r\n":
        return "ISA16 is no component separator"
    if len({separator, component, terminator}) < 3:
        return "two delimiters are the same character"
    return ""


def _repetition(elements: list[str]) -> str:
    """ISA11 separates repetitions from version 00402 on; before, it names the standard (``U``) and ``^`` is data."""
    mark, version = elements[11].strip(BLANKS), elements[12].strip(BLANKS)
    is_separator = len(mark) == 1 and not mark.isalnum() and version.isdecimal() and version >= "00402"
    return mark if is_separator else ""


def _release(text: str, at: int, separator: str, terminator: str) -> str:
    """The release character that an ISX segment right after the ISA declares (from version 00704 on), if there is one."""
    mark, end = re.escape(separator), re.escape(terminator)
    found = re.compile(f"[\r\n]*{end}[ \t\r\n]*ISX{mark}([^A-Za-z0-9 \r\n])[^{end}]*{end}").match(text, at)
    return found.group(1) if found and found.group(1) not in (separator, terminator) else ""


def _end(text: str, start: int, delimiters: Delimiters) -> int:
    """Where the interchange ends: after its IEA, before the next ISA if it has none, or with the text."""
    mark, terminator = re.escape(delimiters.element), re.escape(delimiters.terminator)
    blanks = "".join(sorted(set(BLANKS) - {delimiters.terminator}))
    opening = re.compile(f"{terminator}[{blanks}]*(?:IEA{mark}|(?=ISA[^A-Za-z0-9 \t\r\n]))")
    found = opening.search(text, start)
    if found is None:
        return len(text)
    if not found.group().endswith(delimiters.element):
        return found.start() + 1
    # A trailer is short; it may end with the text, or with the line where the next ISA begins.
    trailer = re.compile(f"(?:(?![\r\n]+ISA)[^{terminator}]){{0,64}}{terminator}?").match(text, found.end())
    return trailer.end() if trailer else found.end()


def _envelopes(text: str, start: int, end: int, delimiters: Delimiters) -> int:
    """How many groups and sets begin there."""
    terminator, mark = re.escape(delimiters.terminator), re.escape(delimiters.element)
    return sum(1 for _ in re.compile(f"{terminator}[{BLANKS}]*(?:GS|ST){mark}").finditer(text, start, end))


def _interchange(text: str, lead: str, start: int, delimiters: Delimiters) -> Interchange:
    release, terminator, element = delimiters.release, delimiters.terminator, delimiters.element
    # The ISX itself names the release character as plain data, right before its own terminator.
    plain = text.index(terminator, text.index("ISX", text.index(terminator))) if release else 0
    pieces = text[:plain].split(terminator) if release else []
    after = text[plain + 1 :] if release else text
    rows = [piece.split(element) for piece in pieces]
    rows += [_split(piece, element, release) for piece in _split(after, terminator, release)]
    return Interchange(lead, start, delimiters, rows, has_breaks="\n" in text or "\r" in text)


def _split(text: str, mark: str, release: str) -> list[str]:
    """``text.split(mark)``, except where the release character stands before the mark."""
    if not release or release not in text:
        return text.split(mark)
    parts, held = [], []
    for piece in text.split(mark):
        held.append(piece)
        is_released = (len(piece) - len(piece.rstrip(release))) % 2 == 1
        if not is_released:
            parts.append(mark.join(held))
            held.clear()
    return [*parts, mark.join(held)] if held else parts
