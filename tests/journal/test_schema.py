"""The tables' history: numbered files, each applied once, also to a journal with work in flight; never backwards."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from suture.journal import SchemaTooNew, Unit, open_journal, schema
from suture.journal.postgres import PostgresJournal
from suture.journal.schema import pending, scripts
from tests.journal.units import KEY, NOON, delivery, said


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_scripts_are_numbered_without_gaps(database: str) -> None:
    assert [number for number, _ in scripts(database)] == list(range(1, len(scripts(database)) + 1))


def test_both_databases_have_the_same_history() -> None:
    assert len(scripts("sqlite")) == len(scripts("postgres"))


def test_only_what_is_new_is_applied() -> None:
    known = [(1, "one"), (2, "two"), (3, "three")]
    assert pending(0, known) == known
    assert pending(2, known) == [(3, "three")]
    assert pending(3, known) == []
    with pytest.raises(SchemaTooNew, match="schema 4, this program knows none after 3"):
        pending(4, known)


def next_version(database: str) -> list[tuple[int, str]]:
    known = scripts(database)
    return [*known, (len(known) + 1, "alter table timers add column note text not null default '';\ncreate table extra (x int);")]


def in_flight(address: str) -> None:
    journal = open_journal(address, KEY)
    journal.commit([said("a", "k"), Unit(deliveries=[delivery("d1")])])
    journal.close()


def check_upgrade(address: str) -> None:
    journal = open_journal(address, KEY)
    [work] = journal.work(range(16), 10)
    journal.commit([Unit(done=[work.id])])
    assert [each.id for each in journal.deliveries(NOON, 10)] == ["d1"]
    journal.close()


def test_an_upgrade_keeps_work_in_flight_on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    in_flight(str(path))
    with monkeypatch.context() as later:
        later.setattr(schema, "scripts", next_version)
        check_upgrade(str(path))
    db = sqlite3.connect(path)
    assert db.execute("select count(*) from extra").fetchone() == (0,)
    db.close()
    with pytest.raises(SchemaTooNew, match="upgrade the program"):
        open_journal(path, KEY)


@pytest.mark.postgres
def test_an_upgrade_keeps_work_in_flight_on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_flight(postgres_url)
    with monkeypatch.context() as later:
        later.setattr(schema, "scripts", next_version)
        check_upgrade(postgres_url)
    with pytest.raises(SchemaTooNew, match="upgrade the program"):
        open_journal(postgres_url, KEY)


@pytest.mark.postgres
def test_older_workers_go_on_while_the_first_new_one_brings_the_schema_up_to_date(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, enough = PostgresJournal(postgres_url, KEY), threading.Event()
    older.beat("older", ("worker",), {"work/0"}, 30)

    def works() -> int:
        """One event after the other until it is told that it is enough, and all of them decided."""
        said_so_far = done = 0
        while not enough.is_set() or done < said_so_far:
            if not enough.is_set():
                older.commit([said(f"older {said_so_far}", "k")])
                said_so_far += 1
            # what a transaction of the other may still precede is not seen yet
            found = older.work(range(16), 10)
            older.commit([Unit(done=[work.id for work in found])])
            done += len(found)
        return done

    with ThreadPoolExecutor(1) as thread, monkeypatch.context() as later:
        working = thread.submit(works)
        later.setattr(schema, "scripts", next_version)
        newer = PostgresJournal(postgres_url, KEY)
        assert newer.beat("newer", ("worker",), {"work/0"}, 30).held == set()
        newer.commit([Unit(deliveries=[delivery("d1")])])
        time.sleep(0.1)
        enough.set()
        done = working.result(30)
    assert newer.counts()["events"] == done > 0
    assert newer.counts()["work"] == 0
    assert [each.id for each in older.deliveries(NOON, 10)] == ["d1"]
    older.close()
    newer.close()


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    in_flight(str(path))
    with monkeypatch.context() as later:
        later.setattr(schema, "scripts", lambda database: [*scripts(database), (99, "create table half (x);\ncreate nonsense;")])
        with pytest.raises(RuntimeError, match="nonsense"):
            open_journal(path, KEY)
    check_upgrade(str(path))
