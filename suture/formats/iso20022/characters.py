"""The characters that banks accept, and how other texts are put into them.

The restricted set is that of the SEPA implementation guidelines (EPC, section 1.4): Latin letters, digits and a dozen signs. A
name may be transliterated; a reference may not, because it is compared when it comes back.
"""

from __future__ import annotations

import re
import unicodedata

from suture.formats.format import Profile, Unwritable

_ALLOWED = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")
_SIGNS = {
    "ß": "ss",
    "ẞ": "SS",
    "æ": "ae",
    "Æ": "AE",
    "œ": "oe",
    "Œ": "OE",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "d",
    "Ð": "D",
    "þ": "th",
    "Þ": "Th",
    "ı": "i",
    "&": "+",
    "_": "-",
    "–": "-",
    "—": "-",
    "’": "'",
    "‘": "'",
    "`": "'",
    "´": "'",
    '"': "'",
    "“": "'",
    "”": "'",
    "„": "'",
    "«": "'",
    "»": "'",
    "[": "(",
    "]": ")",
    "{": "(",
    "}": ")",
    "<": "(",
    ">": ")",
    ";": ",",
    "!": ".",
    "#": ".",
    "*": ".",
    "=": "-",
    "|": "/",
    "\\": "/",
    "%": " pct",
    "@": "(at)",
    "€": "EUR",
    "$": "USD",
    "\t": " ",
    "\r": " ",
    "\n": " ",
    "⁄": "/",
    "\xa0": " ",
}
_TABLE = str.maketrans(_SIGNS)


def words(text: str, what: str, profile: Profile, longest: int) -> str:
    """A name or free text in the agreed characters (option ``characters``: ``sepa``, the default, or ``utf-8``).

    Raises Unwritable, naming ``what``, for a letter that has no Latin form or a text that is longer than its element.
    """
    fitted = " ".join(text.split())
    if profile.options.get("characters", "sepa") == "sepa":
        fitted = " ".join(_latin(text, what).split())
    if len(fitted) > longest:
        raise Unwritable(f"{what} is longer than {longest} characters")
    return fitted


def reference(text: str, what: str, profile: Profile, longest: int = 35) -> str:
    """An identifier, unchanged; raises Unwritable if it would have to change, or starts, ends or doubles a slash."""
    if not text or len(text) > longest:
        raise Unwritable(f"{what} must have 1 to {longest} characters")
    if text != text.strip() or (profile.options.get("characters", "sepa") == "sepa" and not _ALLOWED.fullmatch(text)):
        raise Unwritable(f"{what} has characters that the bank does not accept in a reference")
    if text.startswith("/") or text.endswith("/") or "//" in text:
        raise Unwritable(f"{what} starts or ends with a slash or has two in a row")
    return text


def pieces(text: str, longest: int) -> list[str]:
    """The words of a text in pieces of at most ``longest`` characters, for an element that may be repeated."""
    found: list[str] = []
    for word in text.split():
        if found and len(found[-1]) + 1 + len(word) <= longest:
            found[-1] = f"{found[-1]} {word}"
        else:
            found += [word[start : start + longest] for start in range(0, len(word), longest)]
    return found


def _latin(text: str, what: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_TABLE))
    latin = "".join(letter for letter in decomposed if not unicodedata.combining(letter)).translate(_TABLE)
    for letter in latin:
        if not _ALLOWED.fullmatch(letter):
            raise Unwritable(f"{what} has a character without Latin form, U+{ord(letter):04X}")
    return latin
