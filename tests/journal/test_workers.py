"""Many workers on one journal: signs of life, leases, and that nobody who was given up can write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection

from suture.journal import Fenced, SqliteJournal, Unavailable
from suture.journal.postgres import PostgresJournal
from suture.journal.rows import Row
from tests.journal.units import KEY, said

WHO = ("worker",)
ALL = {"work/0", "work/1", "clock"}


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Callable[[], PostgresJournal]]:
    """Opens journals over one database and closes them after the test."""
    journals: list[PostgresJournal] = []

    def make() -> PostgresJournal:
        journals.append(PostgresJournal(postgres_url, KEY))
        return journals[-1]

    yield make
    for journal in journals:
        journal.close()


def until(condition: Callable[[], bool], within_s: float = 15.0) -> float:
    """Wait for a condition; returns how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.postgres
def test_a_lease_is_held_by_one_and_changes_hands_when_it_is_given_back(opened: Callable[[], PostgresJournal]) -> None:
    a, b = opened(), opened()
    assert a.beat("a", WHO, ALL, 30).held == ALL
    assert b.beat("b", ("deliver",), ALL, 30).held == set()
    assert a.beat("a", WHO, {"clock"}, 30).held == {"clock"}
    beat = b.beat("b", ("deliver",), ALL, 30)
    assert beat.held == {"work/0", "work/1"}
    assert beat.members == (("a", ("worker",)), ("b", ("deliver",)))


@pytest.mark.postgres
def test_who_keeps_no_promise_is_given_up_and_writes_nothing_any_more(opened: Callable[[], PostgresJournal]) -> None:
    a, b = opened(), opened()
    a.beat("a", WHO, ALL, 0.3)
    a.commit([said("before", "k")])
    until(lambda: b.beat("b", WHO, ALL, 30).held == ALL)
    with pytest.raises((Fenced, Unavailable)):  # its connection was closed by those who gave it up
        a.commit([said("after", "k")])
    with pytest.raises(Fenced):
        a.commit([said("after", "k")])
    with pytest.raises(Fenced):
        a.beat("a", WHO, ALL, 30)
    assert a.beat("a again", WHO, ALL, 30).held == set()
    a.commit([said("reborn", "k")])
    assert list(b.by_once(["before", "after", "reborn"])) == ["before", "reborn"]


@pytest.mark.postgres
def test_who_is_killed_is_given_up_at_once(opened: Callable[[], PostgresJournal]) -> None:
    a, b = opened(), opened()
    a.beat("a", WHO, ALL, 600)
    assert b.beat("b", WHO, ALL, 600).held == set()
    assert a._pulse is not None
    a._pulse.close()  # what the end of a process does to its connections
    until(lambda: b.beat("b", WHO, ALL, 600).held == ALL, 5)


@pytest.mark.postgres
def test_after_a_takeover_of_the_database_everybody_has_its_promise_to_come_back(
    opened: Callable[[], PostgresJournal], postgres_url: str
) -> None:
    a, b = opened(), opened()
    a.beat("a", WHO, ALL, 600)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        # as a standby finds it that has just taken over: backends of another server, of which it has none
        admin.execute("update workers set server = 'another', backends = '{999999}'")
    assert b.beat("b", WHO, ALL, 600).held == set()
    assert a.beat("a", WHO, ALL, 600).held == ALL


@pytest.mark.postgres
def test_who_leaves_is_not_waited_for(opened: Callable[[], PostgresJournal]) -> None:
    a, b = opened(), opened()
    a.beat("a", WHO, ALL, 600)
    a.close()
    assert b.beat("b", WHO, ALL, 600).held == ALL


class Hanging(PostgresJournal):
    """Hangs before the end of a commit, with everything written, until it is let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url, KEY)
        self.hangs, self.go_on = threading.Event(), threading.Event()

    def _called(self, says: Mapping[str, Sequence[Row]], asked: Sequence[str]) -> tuple[int, Sequence[int]]:
        with self._speaking() as db, db.transaction():
            answer = super()._called(says, asked)
            self.hangs.set()
            assert self.go_on.wait(30)
        return answer


@pytest.mark.postgres
def test_who_hangs_in_a_commit_is_given_up_when_the_server_has_ended_it(
    opened: Callable[[], PostgresJournal], postgres_url: str
) -> None:
    a, b = Hanging(postgres_url), opened()
    a.beat("a", WHO, ALL, 0.3)
    failed: list[BaseException] = []

    def commit() -> None:
        try:
            a.commit([said("hung", "k")])
        except (Unavailable, Fenced) as failure:
            failed.append(failure)

    thread = threading.Thread(target=commit)
    thread.start()
    assert a.hangs.wait(10)
    took = until(lambda: b.beat("b", WHO, ALL, 30).held == ALL)
    a.go_on.set()
    thread.join(30)
    a.close()
    assert failed, "what it had begun to write is gone"
    assert not b.by_once(["hung"])
    assert took < 5


def _dawdle(db: Connection[Row]) -> None:
    """Begin something and get no time to go on before the server has had enough."""
    with db.transaction():
        db.execute("set local idle_in_transaction_session_timeout = '50ms'")
        time.sleep(0.3)
        db.execute("select 1")


@pytest.mark.postgres
def test_a_process_that_got_no_time_in_the_middle_of_something_does_it_again(opened: Callable[[], PostgresJournal]) -> None:
    a = opened()
    for speaks in (a._listening, a._speaking):
        with pytest.raises(Unavailable, match="IdleInTransaction"), speaks() as db:
            _dawdle(db)
    assert a.beat("a", WHO, ALL, 30).held == ALL
    a.commit([said("after", "k")])


@pytest.mark.postgres
def test_a_worker_whose_commit_takes_long_goes_on_beating(opened: Callable[[], PostgresJournal], postgres_url: str) -> None:
    a, b = Hanging(postgres_url), opened()
    a.beat("a", WHO, ALL, 1.0)
    thread = threading.Thread(target=lambda: a.commit([said("slow", "k")]))
    thread.start()
    assert a.hangs.wait(10)
    for _ in range(3):
        assert a.beat("a", WHO, ALL, 30).held == ALL
    assert b.beat("b", WHO, ALL, 30).held == set()
    a.go_on.set()
    thread.join(30)
    a.close()
    assert list(b.by_once(["slow"])) == ["slow"]


@pytest.mark.postgres
def test_a_commit_wakes_the_others_and_not_the_one_who_made_it(opened: Callable[[], PostgresJournal]) -> None:
    a, b = opened(), opened()
    for _ in range(2):  # the first beat of a does not know b yet
        a.beat("a", WHO, (), 30)
        b.beat("b", WHO, (), 30)
    a.wait(0.01)
    assert not b.wait(0.05)
    a.commit([said("x", "k")])
    assert b.wait(5)
    assert not a.wait(0.2)


def test_one_process_serves_a_file(tmp_path: Path) -> None:
    first, second = SqliteJournal(tmp_path / "j.db", KEY), SqliteJournal(tmp_path / "j.db", KEY)
    assert first.beat("a", WHO, ALL, 1).held == ALL
    with pytest.raises(Fenced, match="another process serves"):
        second.beat("b", WHO, ALL, 1)
    second.commit([said("a command", "k")])
    first.close()
    assert second.beat("b", WHO, ALL, 1).held == ALL
    second.close()
