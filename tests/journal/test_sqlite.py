"""What only SQLite has to show: its durability settings, its indexes, its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from suture.journal import SqliteJournal, Timer, Unavailable, Unit, reading, sqlite
from suture.journal.sqlite import _spoken
from tests.journal.units import KEY, NOON, delivery, said, settled


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db", KEY)
    yield opened
    opened.close()


def test_a_commit_waits_for_the_disk(journal: SqliteJournal) -> None:
    settings = {name: journal._rows(f"pragma {name}")[0][0] for name in ("journal_mode", "synchronous", "wal_autocheckpoint")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 4000}


def plan(journal: SqliteJournal, query: str, **values: str | int) -> str:
    return "\n".join(row[3] for row in journal._db.execute(f"explain query plan {_spoken(query)}", values))


def test_what_may_go_is_found_on_small_indexes_alone(journal: SqliteJournal) -> None:
    """However many deliveries have ended, they are not touched: a hundred thousand closed ones cost nothing."""
    found = plan(journal, reading._DUE_DELIVERIES, statuses='["queued"]', now=0, shut="[]", limit=10)
    assert "SCAN d USING COVERING INDEX deliveries_next" in found
    assert "SEARCH earlier USING COVERING INDEX deliveries_lane (instance=? AND key=? AND sequence<?)" in found
    found = plan(journal, reading._NEXT_DUE)
    assert "SCAN d USING COVERING INDEX deliveries_waits" in found
    assert "deliveries_lane" in found
    assert "INDEX deliveries_awaiting (instance=? AND reference=?)" in plan(journal, reading._AWAITING, instance="", reference="")


def test_work_is_walked_in_order_without_sorting(journal: SqliteJournal) -> None:
    found = plan(journal, sqlite._WORK, partitions="[1]", limit=1)
    assert found.startswith("SCAN w\n")
    assert "ORDER BY" not in found


def test_a_busy_file_is_unavailable_and_nothing_is_lost(journal: SqliteJournal, tmp_path: Path) -> None:
    journal._db.execute("pragma busy_timeout = 20")
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Unavailable, match="locked"):
        journal.commit([said("a")])
    other.execute("rollback")
    other.close()
    assert journal.commit([said("a")])[0].repeated == ""


def test_a_commit_that_breaks_in_the_middle_leaves_nothing(journal: SqliteJournal) -> None:
    journal.commit([Unit(deliveries=[delivery("d1")])])
    journal._db.execute("create trigger full before insert on timers begin select raise(abort, 'disk full'); end")
    broken = Unit(deliveries=[delivery("d2")], settlements=[settled("d1", "sending")], timers=[Timer("matching", "k", "t", NOON)])
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        journal.commit([said("a"), broken])
    assert journal.read(0, 1) == []
    assert [each.id for each in journal.deliveries(NOON, 10)] == ["d1"]
    assert not journal._db.in_transaction
