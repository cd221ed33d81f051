"""``suture export`` and ``python -m verifier`` as people use them, on a day that the demo kept."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest
from typer.testing import CliRunner, Result

from suture.cli import application
from suture.journal import SqliteJournal, load_or_create_signing_key, open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import public_pem
from suture.model.schema import schema
from tests.day import Day
from tests.journal.units import said
from tests.verifier.exports import codes
from verifier.__main__ import main


@pytest.fixture
def folder(day: Day, tmp_path: Path) -> Path:
    """A copy of the kept day."""
    for name in ("suture.db", "blobs.key", "seal.key"):
        shutil.copy(day.folder / name, tmp_path / name)
    return tmp_path


def suture(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(application(), [str(argument) for argument in arguments])


def export(folder: Path, name: str = "out.jsonl", *options: str) -> Path:
    """A finished export."""
    done = suture("export", folder / name, "--journal", folder, *options)
    assert done.exit_code == 0, done.output
    return folder / name


def opened(folder: Path) -> SqliteJournal:
    """The journal of a kept day."""
    journal = open_journal(folder / "suture.db", load_or_create_key(folder / "blobs.key"))
    assert isinstance(journal, SqliteJournal)
    return journal


def test_a_day_is_exported_and_verified(folder: Path, day: Day) -> None:
    target = export(folder)
    done = subprocess.run([sys.executable, "-m", "verifier", str(target), "--json"], capture_output=True, text=True, check=False)
    report, demo = json.loads(done.stdout), json.loads(day.report)
    assert done.returncode == 0
    assert report["sound"]
    assert report["balance"]["accepted"] == demo["accepted"]
    assert report["balance"]["states"] == {state: demo[state] for state in report["balance"]["states"]}
    assert report["balance"]["owed"] == demo["deliveries"]["owed"]


def test_the_file_is_self_contained_and_holds_the_stored_bytes(folder: Path) -> None:
    header, *lines = export(folder).read_bytes().splitlines()
    said = json.loads(header)
    assert said["suture-export"] == 1
    assert said["schema"] == schema()
    assert said["public_key"].encode() == public_pem(load_or_create_signing_key(folder / "seal.key"))
    with sqlite3.connect(folder / "suture.db") as db:
        stored = db.execute("select position, body from events order by position").fetchall()
    db.close()
    assert lines[: len(stored)] == [b'{"position":%d,"event":%b}' % row for row in stored]
    assert said["covers"] == {"from": 1, "to": stored[-1][0]}
    assert said["count"] == len(stored)


def test_packed_it_says_the_same_and_the_same_journal_gives_the_same_bytes(folder: Path) -> None:
    packed, plain = export(folder, "a.jsonl.gz"), export(folder)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert export(folder, "b.jsonl.gz").read_bytes() == packed.read_bytes()
    assert main([str(packed)]) == 0


def test_the_report_as_json(folder: Path) -> None:
    done = suture("export", folder / "out.jsonl", "-j", folder, "--json", "-")
    report = json.loads(done.stdout)
    assert report["as_sealed"] is True
    assert report["events"] == json.loads((folder / "out.jsonl").read_bytes().splitlines()[0])["count"]


def test_what_is_not_sealed_yet_is_sealed_first_or_left_out(folder: Path) -> None:
    journal = opened(folder)
    sealed = journal.counts()["events"]
    journal.commit([said("late")])
    journal.close()
    assert _count(export(folder, "old.jsonl", "--no-seal")) == sealed
    assert _count(export(folder, "new.jsonl")) == sealed + 1
    assert codes((folder / "old.jsonl").read_bytes()) == codes((folder / "new.jsonl").read_bytes()) == set()


def _count(path: Path) -> int:
    count = json.loads(path.read_bytes().splitlines()[0])["count"]
    assert isinstance(count, int)
    return count


def test_it_works_while_the_journal_is_being_written_to(folder: Path) -> None:
    stop = Event()

    def busy() -> None:
        journal, number = opened(folder), 0
        while not stop.is_set():
            journal.commit([said(f"busy-{number}")])
            number += 1
            stop.wait(0.002)
        journal.close()

    writer = Thread(target=busy)
    writer.start()
    try:
        found = [codes(export(folder, f"{number}.jsonl").read_bytes()) for number in range(5)]
    finally:
        stop.set()
        writer.join()
    assert found == [set()] * 5
    counts = [_count(folder / f"{number}.jsonl") for number in range(5)]
    assert counts == sorted(set(counts)), "each saw more than the one before"


def test_without_the_seals_key_it_says_what_to_do(folder: Path) -> None:
    pem = folder / "public.pem"
    pem.write_bytes(public_pem(load_or_create_signing_key(folder / "seal.key")))
    (folder / "seal.key").unlink()
    done = suture("export", folder / "out.jsonl", "-j", folder)
    assert done.exit_code == 2
    assert "--no-seal" in " ".join(done.stderr.split())
    assert not (folder / "seal.key").exists(), "an export makes no key"
    target = export(folder, "out.jsonl", "--no-seal")
    assert main([str(target)]) == 2
    assert main([str(target), "--public-key", str(pem)]) == 0


def test_a_journal_that_was_never_sealed_proves_nothing(tmp_path: Path) -> None:
    opened(tmp_path).close()
    for options in (["--no-seal"], []):
        load_or_create_signing_key(tmp_path / "seal.key")
        done = suture("export", tmp_path / "out.jsonl", "-j", tmp_path, *options)
        assert done.exit_code == 2
        assert "has never been sealed" in " ".join(done.stderr.split())
    assert not (tmp_path / "out.jsonl").exists()


def test_a_journal_that_was_changed_is_exported_with_a_warning_and_found_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(folder / "suture.db") as db:
        db.execute("delete from events where position = 2000")
    db.close()
    done = suture("export", folder / "out.jsonl", "-j", folder)
    assert done.exit_code == 1
    assert "not what was sealed" in " ".join(done.stderr.split())
    assert main([str(folder / "out.jsonl")]) == 1
    assert "NOT SOUND" in capsys.readouterr().out


def test_the_verifier_says_why_it_cannot_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "nothing.jsonl")]) == 2
    assert main([str(folder / "suture.db")]) == 2
    errors = capsys.readouterr().err
    assert "nothing.jsonl" in errors
    assert "suture.db" in errors
    with pytest.raises(SystemExit) as left:
        main([str(folder / "out.jsonl"), "--anchor", "twelve"])
    assert left.value.code == 2
