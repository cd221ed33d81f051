"""A slice of the proof that what never came is missed: messages vanish, and each is told in time, and nothing else."""

from __future__ import annotations

import pytest
from msgspec import structs

from prove import silence
from prove.parts.silence import judged
from prove.silence import Days, lived
from suture.sandbox.group import MORNING


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three small days instead of six."""
    small = {"DAYS": 3, "REQUISITIONS": 5, "USAGES": 24, "UPDATES": 8, "RHYTHMS": {"ehr-main/charges": 600}}
    for name, value in small.items():
        monkeypatch.setattr(silence, name, value)


@pytest.mark.usefixtures("short")
def test_what_vanishes_is_missed_in_time_and_nothing_else() -> None:
    seen = lived(3, 0.08)
    assert seen.lost > 10
    assert (seen.in_time, seen.false_numbers, seen.false_silences) == (seen.lost, 0, 0)
    assert len({one.lost.kind for one in seen.found}) > 3


@pytest.mark.usefixtures("short")
def test_a_watch_that_does_not_listen_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.processes.feeds.skips", lambda number: False)
    seen = lived(3, 0.08)
    assert seen.missed == 0
    assert not judged({0.08: seen}, Days(cut=1, cut_found=1)).held


@pytest.mark.usefixtures("short")
def test_a_feed_that_falls_silent_is_told() -> None:
    seen = lived(4, 0.0, "ehr-main/charges")
    assert (seen.cut, seen.cut_found, seen.lost) == (1, 1, 0)


def test_a_false_alarm_counts_against_it() -> None:
    silent = Days(cut=1, cut_found=1)
    one = silence.Found(
        lost=silence.Lost(feed="f", number=1, kind="usage, used", at=MORNING, about=frozenset()),
        missed=MORNING,
        due=MORNING,
    )
    good = Days(messages=1000, found=[one] * 99)
    assert judged({0.001: good}, silent).held
    assert not judged({0.001: structs.replace(good, false_numbers=6)}, silent).held
    late = structs.replace(one, due=MORNING - silence.GAP)
    assert not judged({0.001: structs.replace(good, found=[*good.found, late, late])}, silent).held
    assert not judged({0.001: good}, structs.replace(silent, cut_found=0)).held
