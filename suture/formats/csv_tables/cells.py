"""Single cells: text, numbers, dates and lists as two partners agreed to write them, read exactly and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import cast

from suture.formats.csv_tables.tables import Kind
from suture.formats.format import Profile, Unwritable
from suture.formats.scalars import as_utc, decimal, instant, written, zone

#: A spreadsheet takes a cell that begins so for a formula, and runs it (formula injection); an apostrophe makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_AS_TEXT = re.compile(r'="([^"]*)"')
_ERRORS = frozenset({"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"})
_FLAGS = {"true": True, "yes": True, "1": True, "x": True, "false": False, "no": False, "0": False}
_PATTERN = re.compile(r"(DD|MM|YYYY)([./-])(DD|MM|YYYY)\2(DD|MM|YYYY)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_GTIN_LENGTHS = (8, 12, 13, 14)
#: Day 1 of the serial numbers of spreadsheets, moved by the leap day that 1900 did not have; good from March 1900 on.
_EXCEL_DAY_0 = date(1899, 12, 30)


class Misread(ValueError):
    """A cell that says nothing usable: the finding's code, and why in words that do not quote it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def read_cell(cell: str, kind: Kind, header: str, profile: Profile) -> object:
    """What a filled cell says; raises Misread."""
    text = _plain_text(cell)
    if "\x00" in text or "\ufffd" in text:
        raise Misread("csv.character", "a character that is none in the agreed character set")
    if text in _ERRORS:
        raise Misread("csv.excel_error", "a spreadsheet's error instead of a value")
    try:
        match kind:
            case "text":
                return _text(text, header, profile)
            case "integer":
                return _integer(text)
            case "flag":
                return _FLAGS[text.lower()]
            case "decimal":
                return read_decimal(text, profile.options)
            case "day":
                return read_day(text, profile.options)
            case "instant":
                return _instant(text, profile)
            case "list":
                return tuple(part.strip() for part in text.split("|") if part.strip())
    except KeyError:
        raise Misread("csv.flag", "expected true or false") from None
    except Misread:
        raise
    except ValueError as error:
        raise Misread(f"csv.{kind}", str(error)) from None


def _plain_text(cell: str) -> str:
    """The cell without what keeps a spreadsheet from running or rounding it."""
    wrapped = _AS_TEXT.fullmatch(cell)
    if wrapped is not None:
        return wrapped[1]
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'")) else cell


def _text(text: str, header: str, profile: Profile) -> str:
    if _EXPONENT.fullmatch(text):
        raise Misread("csv.excel_exponent", "digits were lost: a spreadsheet wrote an identifier as a power of ten")
    width = profile.options.get(f"width.{header}", "")
    lengths = (int(width),) if width.isdigit() else _GTIN_LENGTHS if header.endswith("gtin") else ()
    if lengths and text.isdigit() and len(text) not in lengths:
        raise Misread("csv.leading_zeros", f"expected {' or '.join(map(str, lengths))} digits: a spreadsheet drops leading zeros")
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise ValueError("expected a whole number")
    return int(text)


def read_decimal(text: str, options: Mapping[str, str]) -> Decimal:
    """A number with the agreed decimal sign, in groups of three or not; raises ValueError."""
    if _EXPONENT.fullmatch(text):
        raise Misread("csv.excel_exponent", "digits were lost: a spreadsheet wrote a number as a power of ten")
    point, other = (",", ".") if options.get("decimal") == "," else (".", ",")
    whole, sign, fraction = text.partition(point)
    groups = re.fullmatch(rf"(-?[0-9]{{1,3}})([{other}'’ \xa0\u202f])([0-9]{{3}}(?:\2[0-9]{{3}})*)", whole)
    if groups is not None:
        whole = groups[1] + groups[3].replace(groups[2], "")
    elif other in text:
        raise ValueError(f"the decimal sign agreed is {point}, and digits are grouped in threes if at all")
    return decimal(f"{whole}.{fraction}" if sign else whole)


def read_day(text: str, options: Mapping[str, str]) -> date:
    """A date in the agreed pattern, ISO 8601 if there is none; raises ValueError."""
    pattern = options.get("date", "")
    if pattern == "excel":
        return _serial(text)
    if re.fullmatch(r"[0-9]{5}(\.[0-9]+)?", text):
        raise Misread("csv.excel_date", "a spreadsheet's serial number instead of a date")
    order, sign = _order(pattern)
    parts = text.split(sign)
    named = dict(zip(order, parts, strict=False))
    if (
        len(parts) != 3
        or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts)
        or len(named["YYYY"]) != 4
    ):
        raise ValueError(f"expected a date as {pattern or 'YYYY-MM-DD'}")
    return date(int(named["YYYY"]), int(named["MM"]), int(named["DD"]))


def _order(pattern: str) -> tuple[tuple[str, str, str], str]:
    """Year, month and day in the order of a pattern, and the sign between them; raises ValueError."""
    parts = _PATTERN.fullmatch(pattern or "YYYY-MM-DD")
    if parts is None or {parts[1], parts[3], parts[4]} != {"YYYY", "MM", "DD"}:
        raise ValueError("the agreed date pattern is none")
    return (parts[1], parts[3], parts[4]), parts[2]


def _serial(text: str) -> date:
    if not re.fullmatch(r"[0-9]{2,7}(\.[0-9]+)?", text) or not 61 <= int(text.split(".")[0]) <= 2_958_465:
        raise ValueError("expected a spreadsheet's serial number of a day")
    return _EXCEL_DAY_0 + timedelta(days=int(text.split(".")[0]))


def _instant(text: str, profile: Profile) -> datetime:
    """ISO 8601, or a day in the agreed pattern and a time of day in the partner's zone."""
    if "T" in text:
        return instant(text, profile.timezone)
    day, _, clock = text.partition(" ")
    time = _CLOCK.fullmatch(clock or "0:00")
    if time is None:
        raise ValueError("expected a date and time")
    on = read_day(day, profile.options)
    moment = datetime(on.year, on.month, on.day, int(time[1]), int(time[2]), int(time[3] or 0), tzinfo=zone(profile.timezone))
    return as_utc(moment)


def write_cell(value: object, kind: Kind, header: str, profile: Profile) -> str:
    """The cell that ``read_cell`` reads as ``value``; raises Unwritable if there is none."""
    try:
        cell = _cell(value, kind, profile)
        if not cell or read_cell(cell, kind, header, profile) == value:
            return cell
    except ValueError as error:
        raise Unwritable(f"{header}: {error}") from error
    raise Unwritable(f"{header}: no cell says just this")


def _cell(value: object, kind: Kind, profile: Profile) -> str:
    match kind:
        case "flag":
            return "true" if value else "false"
        case "decimal":
            text = f"{cast(Decimal, value):f}"
            return text.replace(".", ",") if profile.options.get("decimal") == "," else text
        case "day":
            return _written_day(cast(date, value), profile.options)
        case "instant":
            return written(cast(datetime, value))
        case "list":
            return _neutral(_list(cast("tuple[str, ...]", value)))
    return _neutral(str(value))


def _list(parts: tuple[str, ...]) -> str:
    if parts == ("",):
        raise ValueError("a list of one empty text looks like an empty list")
    return "|".join(parts)


def _written_day(day: date, options: Mapping[str, str]) -> str:
    pattern = options.get("date", "")
    if pattern == "excel":
        return str((day - _EXCEL_DAY_0).days)
    named = {"YYYY": f"{day.year:04}", "MM": f"{day.month:02}", "DD": f"{day.day:02}"}
    order, sign = _order(pattern)
    return sign.join(named[part] for part in order)


def _neutral(text: str) -> str:
    """Text that no spreadsheet runs; the apostrophe goes away again on reading."""
    return f"'{text}" if text.startswith((*_FORMULA, "'")) or _AS_TEXT.fullmatch(text) else text
