"""A moment in HL7 v2 is ``YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`` (chapter 2A, data type DTM)."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_DTM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,4}))?)?)?)?)?)?(?P<zone>[+-]\d{4})?",
    re.ASCII,
)


def parse_instant(text: str, zone: tzinfo) -> datetime:
    """The moment, in UTC, at which the period named by ``text`` begins; a moment without zone is in ``zone``.

    Raises ValueError for anything that is not a moment or not precise to the day.
    """
    match = _DTM.fullmatch(text)
    if match is None:
        raise ValueError("it is not of the form YYYYMMDD[HHMM[SS[.SSSS]]][+ZZZZ]")
    if match["day"] is None:
        raise ValueError("it does not name a day")
    *numbers, fraction, _ = match.groups("0")
    year, month, day, hour, minute, second = map(int, numbers)
    micro = int(fraction.ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micro, _zone(match["zone"]) or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such day or time") from None


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    if int(text[3:5]) > 59:
        raise ValueError("there is no such offset")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


@functools.lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The IANA time zone; raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {name!r}") from None


def format_instant(moment: datetime) -> str:
    """``moment`` in UTC with offset, to the second or the tenth of a millisecond; raises ValueError if that loses something."""
    moment = moment.astimezone(UTC)
    if moment.microsecond % 100:
        raise ValueError("HL7 v2 has no microseconds")
    fraction = f".{moment.microsecond // 100:04d}" if moment.microsecond else ""
    return f"{moment.year:04d}{moment:%m%d%H%M%S}{fraction}+0000"
