"""Power failures on a real SQLite file: what was committed is there, and the disk would tell if it were not."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.journal import Event, Unit
from suture.journal.sqlite import SqliteJournal
from suture.model import OrderStatus
from suture.sandbox.simulator.disk import Crash
from suture.sandbox.simulator.faults import Fault
from suture.sandbox.simulator.torn import KEY, Broke, Image, TornDisk, torn

AT = datetime(2026, 3, 2, tzinfo=UTC)


def unit(number: int) -> Unit:
    """One event."""
    data = OrderStatus(order=f"PO-{number}", state="confirmed", at=AT)
    return Unit(events=[Event(once=f"e{number}", kind="accepted", source="t", at=AT, data=data)])


class Power:
    """The faults of the next write, as a test wants them."""

    def __init__(self, folder: Path) -> None:
        self.next: list[Fault] = []
        path = folder / "first.db"
        SqliteJournal(path, KEY).close()
        place = folder / "disk"
        place.mkdir()
        self.disk = TornDisk(place, path.read_bytes(), lambda: self.next)

    def fails(self, number: int, kind: str, chance: int) -> None:
        """Let the power fail at this write."""
        self.next = [Fault(kind=kind, chance=chance)]
        with pytest.raises(Crash):
            self.disk.commit([unit(number)])
        self.next = []


@pytest.fixture
def power(tmp_path: Path) -> Power:
    """A disk with one event on it."""
    made = Power(tmp_path)
    made.disk.commit([unit(0)])
    return made


@pytest.mark.parametrize("kind", ["unsynced write lost", "torn checkpoint", "crash before a write"])
def test_what_was_not_synced_is_gone_and_the_rest_is_there(power: Power, kind: str) -> None:
    for number in range(1, 30):
        power.fails(number, kind, number)
        assert power.disk.last == number
        power.disk.commit([unit(number)])
    power.disk.close()


def test_a_torn_write_is_there_as_a_whole_or_not_at_all(power: Power) -> None:
    grown = []
    for number in range(1, 60):
        before = power.disk.last
        power.fails(number, "torn write", number)
        grown.append(power.disk.last - before)
        power.disk.commit([unit(number + 1000)])
    power.disk.close()
    assert set(grown) == {0, 1}


def test_a_write_that_was_synced_and_is_missing_is_noticed(power: Power, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = power.disk._image
    monkeypatch.setattr(power.disk, "_image", lambda: Image(plain().database, b""))
    power.next = [Fault(kind="crash after a write")]
    with pytest.raises(Broke, match="does not hold"):
        power.disk.commit([unit(1)])
    power.disk.close()


def test_a_journal_that_does_not_sync_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = ("journal_mode = wal", "synchronous = normal")
    monkeypatch.setattr("suture.journal.sqlite._PRAGMAS", hasty)
    with pytest.raises(Broke, match="synchronous=1"):
        Power(tmp_path)


def test_the_file_stays_sound(power: Power) -> None:
    for number in range(1, 20):
        power.fails(number, "torn write", number)
    (path,) = power.disk._folder.glob("*.db")
    with sqlite3.connect(path) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    power.disk.close()


@given(st.binary(max_size=1500), st.binary(min_size=1, max_size=1500), st.integers())
def test_tearing_always_misses_something_and_never_what_was_there(before: bytes, more: bytes, seed: int) -> None:
    after = before + more.rstrip(b"\0") + b"."
    image = torn(before, after, Random(seed))
    assert image != after
    assert image[: len(before)] == before
    assert len(before) <= len(image) <= len(after)


def test_what_did_not_change_is_not_torn() -> None:
    assert torn(b"same", b"same", Random(1)) == b"same"
