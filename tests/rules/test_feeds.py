"""What feeds promise, and when a silence has lasted too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.model import Money, Policy
from suture.rules.feeds import Promise, care_of, promise, promised, quiet_until

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
OFFICE = Promise(silent=timedelta(hours=4), opens=8 * 60, closes=17 * 60, days=(1, 2, 3, 4, 5))


def policy(**values: object) -> Policy:
    return Policy(id="feeds", version=1, effective=MONDAY, author="a", approver="b", values=values)


def test_the_narrowest_promise_counts() -> None:
    said = policy(**{"*": {"gap_minutes": 1}, "bank": {"gap_minutes": 2}, "bank/in": {"gap_minutes": 3}})
    minutes = [promise(said, feed).gap / timedelta(minutes=1) for feed in ("bank/in", "bank/out", "ehr/charges")]
    assert minutes == [3, 2, 1]
    assert promise(None, "bank/in") == Promise()
    assert promised(said) == ("bank/in",)


def test_a_promise_is_read_whole() -> None:
    said = {
        "numbered": False,
        "silent_minutes": 90,
        "from": "06:30",
        "to": "20:00",
        "days": [1, 2],
        "owner": "treasury",
        "care": "supply",
        "worth": {"USD": "12.50"},
    }
    assert promise(policy(bank=said), "bank/in") == Promise(
        numbered=False,
        silent=timedelta(minutes=90),
        opens=390,
        closes=1200,
        days=(1, 2),
        owner="treasury",
        care="supply",
        worth=Money(Decimal("12.50"), "USD"),
    )


@pytest.mark.parametrize(
    "said",
    [
        {"gap_minutes": 0},
        {"gap_minutes": "soon"},
        {"silent_minutes": -5},
        {"from": "20:00", "to": "06:00"},
        {"from": "25:00"},
        {"from": "6"},
        {"days": []},
        {"days": [9]},
        {"care": "some"},
        "always",
    ],
)
def test_what_nobody_can_mean_is_refused_with_its_name(said: object) -> None:
    with pytest.raises(ValueError, match=r"policy|must be a number"):
        promise(policy(bank=said), "bank/in")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (timedelta(hours=9), timedelta(hours=13)),
        (timedelta(hours=6), timedelta(hours=12)),
        (timedelta(hours=15), timedelta(days=1, hours=10)),
        (timedelta(hours=22), timedelta(days=1, hours=12)),
        (timedelta(days=4, hours=15), timedelta(days=7, hours=10)),
    ],
)
def test_only_open_hours_count(begins: timedelta, ends: timedelta) -> None:
    assert quiet_until(OFFICE, MONDAY + begins) == MONDAY + ends


@given(
    st.integers(min_value=1, max_value=20_000),
    st.integers(min_value=0, max_value=1439),
    st.integers(min_value=1, max_value=1440),
    st.sets(st.integers(min_value=1, max_value=7), min_size=1).map(tuple),
    st.integers(min_value=0, max_value=30_000),
)
def test_a_silence_is_never_cut_short(silent: int, opens: int, length: int, days: tuple[int, ...], begins: int) -> None:
    kept = Promise(silent=timedelta(minutes=silent), opens=opens, closes=min(1440, opens + length), days=days)
    moment = MONDAY + timedelta(minutes=begins)
    end = quiet_until(kept, moment)
    assert end - moment >= timedelta(minutes=silent)
    assert end.isoweekday() in days or end == end.replace(hour=0, minute=0)
    assert quiet_until(kept, moment + timedelta(minutes=1)) >= end


def test_the_gravest_of_what_it_carries_is_in_doubt() -> None:
    assert care_of(Promise(), ("Invoice", "GoodsReceipt")) == "supply"
    assert care_of(Promise(), ("Usage", "GoodsReceipt")) == "procedure"
    assert care_of(Promise(), ()) == "none"
    assert care_of(Promise(care="none"), ("Usage",)) == "none"
