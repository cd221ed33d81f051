"""``suture backup`` and ``suture restore``: a whole copy, never over another, and everything open in doubt."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from suture.cli import main
from suture.journal import Journal, Unit, load_or_create_key, open_journal
from suture.journal.backup import NUMBERS_SKIPPED, NoBackup, Occupied, back_up, load, pass_over_numbers
from suture.model import Decision
from suture.runtime.restored import born_in_doubt, mark, restored
from suture.systems import Operation
from suture.systems.files import dropped, handed_over
from tests.journal.units import KEY, NOON, delivery, event, later, order, said, settled


def filled(journal: Journal) -> Journal:
    """An event, and one delivery in every state that matters."""
    journal.commit([Unit(events=[event("a", order("PO-1"))]), said("b")])
    journal.commit([Unit(deliveries=[delivery(name, key=name) for name in ("queued", "sent", "waits", "stuck", "done")])])
    journal.commit([Unit(settlements=[settled(name, "sending") for name in ("sent", "waits", "done")])])
    journal.commit([Unit(settlements=[settled("stuck", "parked")])])
    for name, status in (("waits", "awaiting"), ("done", "done")):
        journal.commit([Unit(settlements=[settled(name, status, was="sending", attempts=1)])])
    return journal


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a journal and its key."""
    folder = tmp_path / "first"
    folder.mkdir()
    filled(open_journal(folder / "suture.db", load_or_create_key(folder / "blobs.key"))).close()
    return folder


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(words)
    return int(left.value.code or 0)


def test_what_is_restored_is_what_was_backed_up_with_everything_open_in_doubt(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, second = tmp_path / "copy", tmp_path / "second"
    assert call("backup", str(copy), "-j", str(kept)) == 0
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    second.mkdir()
    shutil.copy(kept / "blobs.key", second)
    assert call("restore", str(copy), str(second)) == 0
    assert "3 deliveries put in doubt" in capsys.readouterr().out
    journal = open_journal(second / "suture.db", load_or_create_key(second / "blobs.key"))
    found = {each.id: (each.status, each.attempts) for each in journal.open_deliveries()}
    assert found == {"queued": ("unknown", 1), "sent": ("unknown", 1), "waits": ("unknown", 1), "stuck": ("parked", 0)}
    word = journal.read(2, 10)[0].event
    assert isinstance(word.data, Decision)
    assert (word.kind, word.data.verb, word.data.position) == ("commanded", "restore", 2)
    journal.commit([Unit(deliveries=[delivery("new"), delivery("first", instance="another")])])
    numbers = [each.number for name in ("new", "first") if (each := journal.delivery(name))]
    assert numbers == [NUMBERS_SKIPPED + 6, NUMBERS_SKIPPED + 1], "the original may have used those between"
    journal.close()


def test_where_nothing_ran_since_nothing_is_in_doubt(kept: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    shutil.copy(kept / "blobs.key", second)
    call("backup", str(tmp_path / "copy"), "-j", str(kept))
    assert call("restore", str(tmp_path / "copy"), str(second), "--nothing-ran-since") == 0
    journal = open_journal(second / "suture.db", load_or_create_key(second / "blobs.key"))
    assert {each.id: each.status for each in journal.open_deliveries()}["queued"] == "queued"
    assert restored(journal) is None
    journal.close()


def test_nothing_is_ever_replaced(kept: Path, tmp_path: Path) -> None:
    back_up(str(kept / "suture.db"), tmp_path / "copy")
    before = (tmp_path / "copy").read_bytes()
    with pytest.raises(Occupied):
        back_up(str(kept / "suture.db"), tmp_path / "copy")
    with pytest.raises(Occupied):
        load(tmp_path / "copy", str(kept / "suture.db"))
    assert (tmp_path / "copy").read_bytes() == before


def test_what_is_no_backup_is_refused(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a backup at all")
    sqlite3.connect(tmp_path / "other.db").execute("create table t (x)").connection.close()
    for wrong in ("text", "other.db"):
        with pytest.raises(NoBackup):
            load(tmp_path / wrong, str(tmp_path / "new.db"))
    back_up(str(kept / "suture.db"), tmp_path / "copy")
    with pytest.raises(NoBackup, match="SQLite"):
        load(tmp_path / "copy", "postgresql://127.0.0.1/none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "first", "other.db", "text"], "nothing half done is left"


def test_a_journal_is_copied_while_others_write(kept: Path, tmp_path: Path) -> None:
    writer = open_journal(kept / "suture.db", load_or_create_key(kept / "blobs.key"))
    writer.commit([said("before")])
    back_up(str(kept / "suture.db"), tmp_path / "copy")
    writer.commit([said("after")])
    writer.close()
    copy = open_journal(tmp_path / "copy", load_or_create_key(kept / "blobs.key"))
    assert copy.by_once(["before", "after"]).keys() == {"before"}
    copy.close()


@pytest.mark.postgres
def test_postgres_is_dumped_and_restored_into_an_empty_database(postgres_url: str, postgres_server: str, tmp_path: Path) -> None:
    import psycopg

    filled(open_journal(postgres_url, KEY)).close()
    back_up(postgres_url, tmp_path / "copy")
    with pytest.raises(Occupied):
        load(tmp_path / "copy", postgres_url)
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute("create database restored")
    try:
        address = f"{postgres_server}/restored"
        load(tmp_path / "copy", address)
        pass_over_numbers(address)
        journal = open_journal(address, KEY)
        assert [row.event.once for row in journal.read(0, 10)] == ["a", "b"], "rows of another server are seen"
        marked = mark(journal, NOON, later(3600), "ops")
        assert (marked.position, marked.in_doubt) == (2, {"queued": 1, "sending": 1, "awaiting": 1})
        journal.commit([Unit(deliveries=[delivery("new"), delivery("first", instance="another")])])
        numbers = [each.number for name in ("new", "first") if (each := journal.delivery(name))]
        assert numbers == [NUMBERS_SKIPPED + 6, NUMBERS_SKIPPED + 1]
        journal.close()
    finally:
        with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
            admin.execute("drop database restored with (force)")


def test_what_is_owed_anew_begins_in_doubt_as_its_class_demands() -> None:
    numbered = dropped(lambda *_: b"", lambda call: "x", lambda *_: "", 1.0, repeatable=True)
    awaited = dropped(lambda *_: b"", lambda call: "x", lambda *_: "", 1.0)
    keyed = handed_over(lambda call: "x")
    unknown = Operation(send=keyed.send, outcome="none")
    found = [born_in_doubt(delivery("d"), operation).status for operation in (keyed, numbered, awaited, unknown, None)]
    assert found == ["unknown", "awaiting", "awaiting", "awaiting", "unknown"]
