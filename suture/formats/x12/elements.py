"""The data types of X12 elements (X12.6): what a value must look like, and what it means as a number, day or moment.

Numbers are exact. ``N2`` has two implied decimals (``1250`` is 12.50), ``R`` says its point or has none; a sign may lead, an
exponent may not, and only ASCII digits count. Lengths of numbers are counted in digits. Dates are CCYYMMDD, times HHMM[SS[DD]].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

from msgspec import Struct

Type = Literal["AN", "ID", "N0", "N2", "R", "DT", "TM"]

_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])(?:([0-5][0-9])([0-9]{1,2})?)?")
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_DIGITS = re.compile("[0-9]")
#: Years outside of these are typing errors; inside, no zone can push a moment out of Python's calendar.
_YEARS = range(1900, 2200)


class Element(Struct, frozen=True):
    """What a segment says of one of its elements: place (from 1), type, length, usage, and the codes allowed (all, if empty)."""

    number: int
    type: Type
    least: int = 1
    most: int = 80
    required: bool = False
    codes: frozenset[str] = frozenset()

    def problem(self, value: str) -> tuple[str, str]:
        """Why ``value`` cannot stand here, as AK403 code and words; two empty strings if it can."""
        misfit = _MISFITS[self.type](value)
        if misfit != ("", ""):
            return misfit
        length = len(_DIGITS.findall(value)) if self.type in _NUMBERS else len(value)
        if length > self.most:
            return "5", f"{length} characters, at most {self.most} are allowed"
        if length < self.least:
            return "4", f"{length} characters, at least {self.least} are due"
        if self.codes and value not in self.codes:
            return "7", f"not one of {', '.join(sorted(self.codes))}"
        return "", ""


_NUMBERS = frozenset({"N0", "N2", "R"})
_GOOD = ("", "")


def _real(value: str) -> tuple[str, str]:
    return _GOOD if _REAL.fullmatch(value) else ("6", "no decimal number")


def _whole(value: str) -> tuple[str, str]:
    return _GOOD if _WHOLE.fullmatch(value) else ("6", "no whole number")


def _day(value: str) -> tuple[str, str]:
    return _GOOD if day(value) else ("8", "no date CCYYMMDD")


def _moment(value: str) -> tuple[str, str]:
    return _GOOD if _TIME.fullmatch(value) else ("9", "no time HHMM, HHMMSS or HHMMSSDD")


def _text(value: str) -> tuple[str, str]:
    return ("6", "a control or undecodable character") if _CONTROL.search(value) else _GOOD


_MISFITS: dict[Type, Callable[[str], tuple[str, str]]] = {
    "AN": _text,
    "ID": _text,
    "N0": _whole,
    "N2": _whole,
    "R": _real,
    "DT": _day,
    "TM": _moment,
}


def real(value: str) -> Decimal:
    """A checked R element, at its own scale."""
    return Decimal(value)


def cents(value: str) -> Decimal:
    """A checked N2 element: two implied decimals."""
    return Decimal(value).scaleb(-2)


def whole(value: str) -> int | None:
    """A small counting number of at most nine digits, or None."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else None


def day(value: str) -> date | None:
    """A DT element CCYYMMDD as a date, or None."""
    if len(value) != 8 or not (value.isascii() and value.isdecimal()) or int(value[:4]) not in _YEARS:
        return None
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def clock(value: str) -> time:
    """A checked TM element; seconds and hundredths are zero where it has none."""
    found = _TIME.fullmatch(value)
    assert found is not None, "checked before"
    hour, minute, second, fraction = found.groups()
    return time(int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0")))


def real_text(value: Decimal) -> str:
    """A decimal as R: plain digits at its own scale."""
    return f"{value:f}"


def cents_text(value: Decimal) -> str:
    """A decimal as N2; raises ValueError if it has more than two decimals."""
    scaled = value.scaleb(2)
    if scaled != scaled.to_integral_value():
        raise ValueError("an amount with more than two decimals")
    return f"{scaled.to_integral_value():f}"


def day_text(value: date) -> str:
    """A date as CCYYMMDD."""
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"


def clock_text(value: datetime) -> str:
    """The time of a moment as HHMMSS, or HHMMSSDD where it has hundredths; anything finer is beyond TM and cut off."""
    hundredths = value.microsecond // 10_000
    return value.strftime("%H%M%S") + (f"{hundredths:02d}" if hundredths else "")
