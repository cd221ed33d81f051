"""The kept books: caught up from where they stood, thrown away where they do not hold, never a second truth."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suture.journal import Journal, MemoryJournal, Unit
from suture.journal.seal import seal
from suture.views import exceptions, history, ledger
from suture.views import kept as kept_module
from suture.views.kept import kept_books
from suture.views.ledger import Ledger, balance
from tests.journal.units import KEY, NOON, later, said
from tests.verifier.exports import day

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Counting(MemoryJournal):
    """Counts the events that are read."""

    read_out = 0

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        found = super().bodies(after, limit)
        self.read_out += len(found)
        return found


@pytest.fixture(scope="module")
def whole() -> Journal:
    """A sealed day with every kind of end, and decisions of people."""
    return day()


def upto(journal: Journal, position: int) -> Counting:
    """A journal of the same facts up to a position, with the seals that stood then."""
    made = Counting(KEY)
    made.commit([Unit(events=[row.event for row in journal.read(0, position)])])
    for mark in (0.3, 0.6):
        seal(made, SIGNER, later(mark), limit=int(position * mark) or 1)
    return made


def told(journal: Journal, path: Path) -> Ledger:
    """The balance of the kept books; they agree with the journal about exceptions too."""
    with kept_books(journal, path) as books:
        assert books.exceptions() == exceptions(history(journal))
        return balance(books, now=later(10**6))


def test_books_that_catch_up_say_what_books_made_anew_say(
    whole: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_module, "PAGE", 7)
    size = whole.counts()["events"]
    journal, path = Counting(KEY), tmp_path / "day.ledger"
    for position in range(0, size, 13):
        journal.commit([Unit(events=[row.event for row in whole.read(position, 13)])])
        assert told(journal, path) == ledger(history(journal), now=later(10**6))
    assert ledger(history(journal)).by_name == ledger(history(whole)).by_name


def test_only_what_is_new_is_read(whole: Journal, tmp_path: Path) -> None:
    journal, path = upto(whole, whole.counts()["events"]), tmp_path / "day.ledger"
    told(journal, path)
    journal.read_out = 0
    told(journal, path)
    assert journal.read_out == 1, "the event at which the books stand, to know that it is the same journal"
    journal.commit([said("new")])
    journal.read_out = 0
    assert told(journal, path).by_name["OrderStatus"]
    assert journal.read_out == 2


def test_books_of_another_journal_are_not_believed(whole: Journal, tmp_path: Path) -> None:
    path = tmp_path / "day.ledger"
    told(upto(whole, 40), path)
    other = Counting(KEY)
    other.commit([said(f"e{n}") for n in range(60)])
    assert told(other, path).accepted == 60
    assert told(upto(whole, 20), path) == ledger(history(upto(whole, 20)), now=later(10**6)), "a shorter past: restored"


def test_books_of_a_past_that_was_sealed_otherwise_are_not_believed(tmp_path: Path) -> None:
    """The event at which the books stand is the same, those before it are not: the next seal shows it."""
    path = tmp_path / "day.ledger"
    first, other = Counting(KEY), Counting(KEY)
    first.commit([said("a"), said("same")])
    told(first, path)
    other.commit([said("b"), said("same"), said("c")])
    seal(other, SIGNER, NOON)
    other.read_out = 0
    found = told(other, path)
    assert (found.accepted, found.balanced) == (3, True)
    assert other.read_out == 1 + 1 + 3, "looked, caught up, began anew"


def test_a_journal_that_was_changed_under_its_seal_is_not_balanced(tmp_path: Path) -> None:
    journal = MemoryJournal(KEY)
    journal.commit([said("a"), said("b")])
    seal(journal, SIGNER, NOON)
    recorded, body = journal._events[1]
    journal._events[1] = (recorded, body.replace(b"confirmed", b"cancelled"))
    for path in (tmp_path / "first.ledger", tmp_path / "first.ledger"):
        found = told(journal, path)
        assert not found.balanced
        assert found.strays == ("the seal at position 2 does not fit the events before it",)


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b""])
def test_a_damaged_file_is_made_anew(whole: Journal, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "day.ledger"
    path.write_bytes(damage)
    expected = ledger(history(whole), now=later(10**6))
    assert told(whole, path) == expected
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 99")
    db.close()
    assert told(whole, path) == expected
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("create table other (x)")
    db.close()
    assert told(whole, path) == expected


def test_only_the_owner_may_read_them(whole: Journal, tmp_path: Path) -> None:
    told(whole, tmp_path / "day.ledger")
    assert os.stat(tmp_path / "day.ledger").st_mode & 0o777 == 0o600


def test_where_nothing_can_be_written_the_books_are_made_in_memory(whole: Journal, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert told(whole, tmp_path / "file" / "day.ledger") == ledger(history(whole), now=later(10**6))


class Late(sqlite3.Connection):
    """Gets its turn to write only when what others do meanwhile is done, each time after the wait has run out."""

    meanwhile: list[Callable[[], object]]

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement == "begin immediate" and self.meanwhile:
            self.meanwhile.pop(0)()
            raise sqlite3.OperationalError("database is locked")
        return super().execute(statement, *values)


def late(file: Path, *meanwhile: str) -> Late:
    """A connection that has to wait while another one says these things, one after the other."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("pragma journal_mode = wal")
    other.execute("create table page (number)")
    waits = sqlite3.connect(file, isolation_level=None, factory=Late)
    waits.meanwhile = [partial(other.execute, each) for each in meanwhile]
    return waits


def test_who_waits_for_its_turn_waits_as_long_as_others_get_on(tmp_path: Path) -> None:
    waits = late(tmp_path / "books", "insert into page values (1)", "insert into page values (2)")
    kept_module._taken(waits)
    assert waits.in_transaction
    assert waits.execute("select count(*) from page").fetchone() == (2,)
    waits.close()


def test_who_waits_gives_up_when_nobody_gets_on(tmp_path: Path) -> None:
    waits = late(tmp_path / "books", "insert into page values (1)", "select 1", "insert into page values (2)")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        kept_module._taken(waits)
    assert len(waits.meanwhile) == 1
    waits.close()
