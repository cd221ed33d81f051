"""Where a journal lives: addresses, and what is said when there is none."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from suture import journal as package
from suture.journal import MemoryJournal, SqliteJournal, Unavailable, open_journal
from tests.journal.units import KEY, said


def test_memory_is_fresh_each_time() -> None:
    first = open_journal("memory:", KEY, partitions=3)
    assert isinstance(first, MemoryJournal)
    assert first.partitions == 3
    first.commit([said("a")])
    assert open_journal("memory:", KEY).read(0, 1) == []


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_path_is_an_sqlite_file_for_its_owner_only(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "journal.db"
    journal = open_journal(f"{prefix}{path}", KEY)
    assert isinstance(journal, SqliteJournal)
    journal.commit([said("a")])
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    journal.close()


@pytest.mark.postgres
def test_a_postgres_address_is_a_postgres_journal(postgres_url: str) -> None:
    journal = open_journal(postgres_url, KEY)
    assert isinstance(journal, package.PostgresJournal)
    journal.close()


def test_other_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="no journal lives at mysql://"):
        open_journal("mysql://somebody:secret@host/journal", KEY)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file or directory"):
        open_journal(tmp_path / "none" / "journal.db", KEY)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear supplier, " * 100)
    with pytest.raises(Unavailable, match="not a database"):
        open_journal(path, KEY)
    assert path.read_text() == "Dear supplier, " * 100


def test_a_database_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    db = sqlite3.connect(path)
    db.execute("create table letters (text)")
    db.close()
    with pytest.raises(Unavailable, match="not a journal"):
        open_journal(path, KEY)


@pytest.mark.postgres
def test_no_server_and_no_password_in_the_error(postgres_url: str) -> None:
    for address in (
        "postgresql://u:s3cret@127.0.0.1:1/none",
        "postgresql://u:s3cret@127.0.0.1:port/none",
        "postgresql://u:s3cret@[/x",
    ):
        with pytest.raises(Unavailable) as caught:
            open_journal(address, KEY)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_the_driver_of_postgres_is_loaded_by_those_who_ask_for_it() -> None:
    """It is an extra: everything else works without it."""
    script = "import sys, suture.journal as j; j.open_journal('memory:', bytes(32)); sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_unknown_names_of_the_package_are_unknown() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        package.Nonsense  # noqa: B018
