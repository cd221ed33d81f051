"""Moments at any precision, with and without zone (HL7 v2 pitfall 7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suture.formats.hl7v2 import format_instant, parse_instant
from suture.formats.hl7v2.instants import zone

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260302", "2026-03-02T06:00:00"),
        ("2026030209", "2026-03-02T15:00:00"),
        ("202603020930", "2026-03-02T15:30:00"),
        ("20260302093015", "2026-03-02T15:30:15"),
        ("20260302093015.5", "2026-03-02T15:30:15.500000"),
        ("20260302093015.1234", "2026-03-02T15:30:15.123400"),
        ("20260302+0100", "2026-03-01T23:00:00"),
        ("202603020930+0530", "2026-03-02T04:00:00"),
        ("20260302093015.25-0800", "2026-03-02T17:30:15.250000"),
        ("20260302093015-0000", "2026-03-02T09:30:15"),
        ("20260702093015", "2026-07-02T14:30:15"),
    ],
)
def test_every_precision_with_and_without_zone_7(text: str, expected: str) -> None:
    moment = parse_instant(text, CHICAGO)
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("text", ["2026", "202603"])
def test_a_month_is_no_moment_7(text: str) -> None:
    with pytest.raises(ValueError, match="does not name a day"):
        parse_instant(text, UTC)


@pytest.mark.parametrize(
    "text",
    ["", "today", "2026-03-02", "20260230", "20261301", "2026030225", "202603020960", "20260302093060", "20260302093015.12345",
     "20260302+1", "20260302+0199", "20260302+9900", "00010101+0100", "99991231235959-0100", "２０２６0302", " 20260302"],
)  # fmt: skip
def test_what_is_no_moment_7(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is not of the form|there is no such"):
        parse_instant(text, UTC)


def test_an_hour_that_summer_time_leaves_out_or_doubles_7() -> None:
    assert parse_instant("202603080230", CHICAGO) == datetime(2026, 3, 8, 8, 30, tzinfo=UTC)
    assert parse_instant("202611010130", CHICAGO) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "the first of the two"


@given(st.datetimes(timezones=st.sampled_from([UTC, CHICAGO, timezone(timedelta(hours=14))])))
def test_what_is_written_is_read_again_7(moment: datetime) -> None:
    assume(2 < moment.year < 9999)
    moment = moment.replace(microsecond=moment.microsecond // 100 * 100)
    assert parse_instant(format_instant(moment), CHICAGO) == moment.astimezone(UTC)


def test_microseconds_have_no_place() -> None:
    with pytest.raises(ValueError, match="no microseconds"):
        format_instant(datetime(2026, 3, 2, microsecond=1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "a\0b"])
def test_an_unknown_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        zone(name)
