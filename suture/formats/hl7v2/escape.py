"""Escape sequences are how HL7 v2 text carries the characters that delimit it (HL7 v2.8.2, chapter 2, section 2.7)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from msgspec import Struct

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Delimiters(Struct, frozen=True):
    """The characters that one message declared for itself in MSH-1 and MSH-2; "" for those that it left out."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding(self) -> str:
        """MSH-2 (BHS-2, FHS-2) as it was declared: 2 to 5 characters."""
        return self.component + self.repetition + self.escape + self.subcomponent + self.truncation

    def letters(self) -> dict[str, str]:
        """What stands between two escape characters for each delimiter: F S R E T P, without those left out."""
        marks = (self.field, self.component, self.repetition, self.escape, self.subcomponent, self.truncation)
        return {letter: mark for letter, mark in zip("FSRETP", marks, strict=True) if mark}


def escape(text: str, delimiters: Delimiters) -> str:
    r"""``text`` as it may stand in a sub-component; a line feed becomes ``\.br\``, other control characters ``\X..\``.

    Without an escape character in MSH-2 there is no way to say a delimiter: such a text raises ValueError.
    """
    if text.isalnum():  # as no delimiter is
        return text
    marks = {mark: letter for letter, mark in delimiters.letters().items()}
    if not (_CONTROL.search(text) or any(mark in text for mark in marks)):
        return text
    if not delimiters.escape:
        raise ValueError("the message declares no escape character and the text contains a delimiter")
    return "".join(_escaped(character, marks, delimiters.escape) for character in text)


def _escaped(character: str, marks: dict[str, str], mark: str) -> str:
    if character in marks:
        return f"{mark}{marks[character]}{mark}"
    if character == "\n":
        return f"{mark}.br{mark}"
    if character < " " or character == "\x7f":
        return f"{mark}X{ord(character):02X}{mark}"
    return character


def unescape(text: str, delimiters: Delimiters, charset: str = "utf-8") -> str:
    r"""What a sub-component says.

    ``\X..\`` is read in ``charset``. Highlighting (``\H\ \N\``), character set switches (``\C..\ \M..\``), formatting
    other than ``\.br\``, local ``\Z..\`` and anything unfinished are no characters: they stay as they stand.
    """
    if not delimiters.escape or delimiters.escape not in text:
        return text
    return _sequence(delimiters.escape).sub(_reader(delimiters, charset), text)


@functools.cache
def _sequence(mark: str) -> re.Pattern[str]:
    quoted = re.escape(mark)
    return re.compile(f"{quoted}([^{quoted}]*){quoted}")


def _reader(delimiters: Delimiters, charset: str) -> Callable[[re.Match[str]], str]:
    letters = delimiters.letters()

    def read(match: re.Match[str]) -> str:
        inside = match[1]
        if inside in letters:
            return letters[inside]
        if inside == ".br":
            return "\n"
        return _hexadecimal(inside[1:], charset) or match[0] if inside[:1] == "X" else match[0]

    return read


def _hexadecimal(digits: str, charset: str) -> str:
    try:
        return bytes.fromhex(digits).decode(charset) if digits.isalnum() else ""
    except ValueError:
        return ""
