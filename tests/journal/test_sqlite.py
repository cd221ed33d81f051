"""What only SQLite has to show: its durability settings, its indexes, its errors."""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from suture.journal import Delivery, Fenced, Journal, SqliteJournal, State, Timer, Unavailable, Unit, reading, sqlite
from suture.journal.sqlite import _spoken
from suture.model import Ref
from tests.journal.units import KEY, NOON, delivery, event, later, order, said, settled


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
    found = plan(journal, reading._HEADS, shut="[]", few=9)
    assert "SEARCH d USING COVERING INDEX deliveries_lane (instance=? AND key>?)" in found
    assert "SEARCH d USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN" in found
    assert not re.search("SCAN d(?! USING COVERING INDEX deliveries_lane)", found)
    found = plan(journal, reading._WALKED, instance="erp", status="queued", now=0, limit=10)
    assert "SEARCH d USING INDEX deliveries_due (instance=? AND status=?)" in found
    assert "SEARCH e USING COVERING INDEX deliveries_lane (instance=? AND key=?)" in found
    assert "TEMP B-TREE" not in found
    found = plan(journal, reading._WAITS_FOR, many='["erp"]')
    assert "SCAN d USING COVERING INDEX deliveries_waits" in found
    assert "deliveries_lane" in found
    assert "INDEX deliveries_awaiting (instance=? AND reference=?)" in plan(journal, reading._AWAITING, instance="", reference="")


QUESTIONS: dict[str, Callable[[Journal], object]] = {
    "work": lambda journal: journal.work(range(16), 10),
    "states": lambda journal: journal.states([("matching", "k7"), ("matching", "k8")]),
    "scan_states": lambda journal: journal.scan_states("matching", "k3", 10),
    "deliveries": lambda journal: journal.deliveries(later(10**6), 10),
    "delivery": lambda journal: journal.delivery("d7"),
    "awaiting": lambda journal: journal.awaiting("erp", "r7"),
    "open_deliveries": lambda journal: journal.open_deliveries(limit=10),
    "open_deliveries of one": lambda journal: journal.open_deliveries("erp", "parked", 10),
    "owed": lambda journal: journal.owed(["m7", "none"], 10),
    "scan_deliveries": lambda journal: journal.scan_deliveries("erp", 5, 10),
    "timers": lambda journal: journal.timers(later(10**6), 10),
    "next_due": lambda journal: journal.next_due(),
    "read": lambda journal: journal.read(10, 10),
    "latest": lambda journal: journal.latest(),
    "find": lambda journal: journal.find(Ref("PurchaseOrder", "PO-e7"), 10),
    "find in all": lambda journal: journal.find(Ref("", "PO-e7"), 10),
    "find what is everywhere": lambda journal: journal.find(Ref("Supplier", "S-100"), 10),
    "names": lambda journal: journal.names("PO-e", 10),
    "names that hardly begin so": lambda journal: journal.names("S-", 10),
    "by_once": lambda journal: journal.by_once(["e7", "e8"]),
    "checkpoint": lambda journal: journal.checkpoint(),
    "cursor": lambda journal: journal.cursor("view"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_history_costs_nothing(journal: SqliteJournal, question: str) -> None:
    """The work that SQLite does for an answer does not grow with what has been done and closed."""
    write_history(journal, 0, 300)
    before = steps(journal, QUESTIONS[question])
    write_history(journal, 300, 3_000)
    assert steps(journal, QUESTIONS[question]) < before * 1.5 + 50


NUMBERS = itertools.count()
AWAY: dict[str, Callable[[Journal], object]] = {
    "what may go to others": lambda journal: journal.deliveries(NOON, 10, exclude=["away"]),
    "what may go": lambda journal: journal.deliveries(NOON, 10),
    "what waits for an answer": lambda journal: journal.deliveries(NOON, 10, statuses=("awaiting",), exclude=["away"]),
    "next_due": lambda journal: journal.next_due(),
    "what is to go at once": lambda journal: journal.commit([Unit(deliveries=[at_once(to) for to in ("away", "erp")])]),
}


def at_once(to: str) -> Delivery:
    """One more, which stands behind others where all are under one key."""
    return delivery(f"new{next(NUMBERS)}", instance=to, key="one and the same", status="sending", attempts=1)


def pile_up(journal: Journal, first: int, last: int, key: str) -> None:
    """More and more for a counterpart that is away; the first is to be tried again in an hour."""
    lane = {n: {"key": key.format(n), "due": NOON if n else later(3600)} for n in range(first, last)}
    journal.commit([Unit(deliveries=[delivery(f"d{n}", instance="away", **fields) for n, fields in lane.items()])])


@pytest.mark.parametrize("question", AWAY)
@pytest.mark.parametrize("key", ["one and the same", "k{}"])
def test_a_backlog_of_one_that_is_away_costs_nothing(journal: SqliteJournal, question: str, key: str) -> None:
    """Whether all of it is under one key or each under its own: a hundred times as much is not felt."""
    journal.commit([Unit(deliveries=[delivery("for another")])])
    pile_up(journal, 0, 100, key)
    before = steps(journal, AWAY[question])
    pile_up(journal, 100, 10_000, key)
    assert steps(journal, AWAY[question]) < before * 1.5 + 50


def write_history(journal: Journal, first: int, last: int) -> None:
    """Deliveries that went, events that were decided, states of other keys; and, once, a little that is still open."""
    numbers = range(first, last)
    journal.commit(
        [Unit(events=[event(f"e{n}", order(f"PO-e{n}"))], states=[State("matching", f"k{n}", 1, b"")]) for n in numbers]
    )
    journal.commit([Unit(deliveries=[delivery(f"d{n}", key=f"k{n % 7}", reference=f"r{n}", root=f"m{n % 9}") for n in numbers])])
    if first == 0:
        journal.commit([said(f"open{n}", f"k{n}") for n in range(30)])
        journal.commit([Unit(timers=[Timer("matching", f"k{n}", "t", later(n)) for n in range(30)])])
    journal.commit([Unit(settlements=[settled(f"d{n}", "done") for n in numbers if first or n >= 30])])


def steps(journal: SqliteJournal, ask: Callable[[Journal], object]) -> int:
    """How many tens of instructions SQLite's machine runs for an answer."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    journal._db.set_progress_handler(tick, 10)
    ask(journal)
    journal._db.set_progress_handler(None, 10)
    return count


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


def test_what_is_committed_together_is_there_whole_or_not_at_all(journal: SqliteJournal, tmp_path: Path) -> None:
    other = SqliteJournal(tmp_path / "journal.db", KEY)
    with journal.together():
        journal.commit([Unit(events=[event("m-1")])])
        journal.commit([Unit(events=[event("m-2")])])
        assert len(journal.read(0, 10)) == 2
        assert other.read(0, 10) == []
    assert len(other.read(0, 10)) == 2
    other.close()


def test_a_commit_that_fails_takes_no_other_with_it(journal: SqliteJournal) -> None:
    with journal.together():
        journal.commit([Unit(events=[event("m-1")])])
        with pytest.raises(Fenced):
            journal.commit([Unit(events=[event("m-2")], done=[4711])])
    assert [row.event.once for row in journal.read(0, 10)] == ["m-1"]
    with journal.together():
        pass
    journal.commit([Unit(events=[event("m-2")])])
    assert len(journal.read(0, 10)) == 2
