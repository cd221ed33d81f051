"""Decimals, days and instants as partners write them: read exactly, or refused with a reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})?")


def decimal(text: str) -> Decimal:
    """The number, at its scale; raises ValueError for anything but up to 18 ASCII digits, a point and up to 9 more.

    Python's Decimal also takes ``NaN``, ``Infinity``, ``1_000``, ``1E5``, blanks and full-width digits: none is money.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a decimal of at most 18 digits before the point and 9 after it")
    return Decimal(text)


def day(text: str) -> date:
    """The calendar day of an xs:date, whose zone (if any) says nothing more; raises ValueError."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError("expected a date, YYYY-MM-DD")
    return date.fromisoformat(match[1])


def instant(text: str, timezone: str) -> datetime:
    """The moment in UTC; one without zone is in ``timezone`` (IANA; "" if there is no agreement). Raises ValueError."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("expected a date and time, YYYY-MM-DDThh:mm:ss with an optional fraction and zone")
    moment = datetime.fromisoformat(text)
    return as_utc(moment if match[1] else moment.replace(tzinfo=zone(timezone)))


def start_of(day: date, timezone: str) -> datetime:
    """The first moment, in UTC, of ``day`` in ``timezone``; raises ValueError."""
    return as_utc(datetime(day.year, day.month, day.day, tzinfo=zone(timezone)))


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; raises ValueError at the ends of the calendar, and for a time that has no zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside of the years 1 to 9999") from error


def zone(timezone: str) -> tzinfo:
    """The agreed time zone; raises ValueError if there is none or no such one."""
    if timezone == "UTC":
        return UTC
    if not timezone:
        raise ValueError("a time without zone, and none is agreed with this partner")
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {timezone}") from error


def written(moment: datetime) -> str:
    """The moment as ISO 8601 in UTC with a Z, to the microsecond where it has one."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")
