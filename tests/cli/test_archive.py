"""The archive: the beginning of the chain in Parquet files, gone on with, interrupted, damaged, and proven by itself."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from suture.cli import export, main
from suture.journal import Journal, MemoryJournal, Unit, open_journal
from suture.journal.seal import public_pem, seal
from tests.journal.units import KEY, NOON, event
from tests.verifier.exports import PUBLIC, SIGNER
from verifier import verify

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra archive)")
import pyarrow  # only where it is installed
from pyarrow import dataset, parquet

from suture.journal.parquet import Archive, Mark, NotThisArchive, archive, mark_of

DAY = timedelta(days=1)


def write_days(journal: Journal, days: Sequence[int], each: int = 7) -> None:
    """So many events on each day, sealed at its end."""
    for day in days:
        at = NOON + day * DAY
        journal.commit([Unit(events=[event(f"d{day}/{number}", at=at + timedelta(minutes=number)) for number in range(each)])])
        seal(journal, SIGNER, at + timedelta(hours=6))


def midnight(day: int) -> datetime:
    return (NOON + day * DAY).replace(hour=0)


def archived(journal: Journal, target: Path, day: int) -> Mark:
    return archive(journal, target, midnight(day), public_pem(SIGNER))


def exported(target: Path, file: Path) -> bytes:
    archived = Archive(target)
    export.write(archived, file, archived.checkpoints(archived.mark.position - 1)[0], public_pem(SIGNER))
    return file.read_bytes()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal(KEY)
        return
    place = str(tmp_path / "journal.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with contextlib.closing(open_journal(place, KEY)) as opened:
        yield opened


def test_an_archive_goes_up_to_the_last_seal_before_the_day_and_on_from_there(journal: Journal, tmp_path: Path) -> None:
    target = tmp_path / "old"
    write_days(journal, range(3))
    assert archived(journal, target, 0) == Mark()
    assert not (target / "archive.json").exists()
    assert archived(journal, target, 2).events == 14
    write_days(journal, [3])
    assert archived(journal, target, 2) == mark_of(target), "nothing more is as old"
    assert archived(journal, target, 4).events == 28
    assert [path.name for path in sorted((target / "events").iterdir())] == [f"day=2026-03-0{day}" for day in (2, 3, 4, 5)]
    assert Archive(target).bodies(0, 1000) == journal.bodies(0, 1000)
    assert Archive(target).checkpoints() == journal.checkpoints()
    positions = [position for position, _ in journal.bodies(0, 1000)]
    assert Archive(target).bodies(positions[8], 8) == journal.bodies(positions[8], 8), "across two days"


def test_the_archive_alone_is_proven_by_the_verifier_byte_for_byte_as_the_journal(journal: Journal, tmp_path: Path) -> None:
    write_days(journal, range(3))
    archived(journal, tmp_path / "old", 9)
    from_archive = exported(tmp_path / "old", tmp_path / "a.jsonl")
    last = journal.checkpoint()
    assert last is not None
    export.write(journal, tmp_path / "j.jsonl", last, public_pem(SIGNER))
    assert from_archive == (tmp_path / "j.jsonl").read_bytes()
    report = verify(io.BytesIO(from_archive), PUBLIC, {last.position: last.head})
    assert report.sound
    assert (report.events, report.anchors_matched) == (21, 1)


def test_one_changed_byte_in_a_file_is_found(tmp_path: Path) -> None:
    journal = MemoryJournal(KEY)
    write_days(journal, range(3))
    archived(journal, tmp_path / "old", 9)
    [file] = (tmp_path / "old/events/day=2026-03-03").iterdir()
    table = parquet.ParquetFile(file).read()
    bodies = table["body"].to_pylist()
    bodies[3] = bodies[3].replace(b"confirmed", b"cancelled")

    parquet.write_table(table.set_column(table.schema.get_field_index("body"), "body", pyarrow.array(bodies)), file)
    report = verify(io.BytesIO(exported(tmp_path / "old", tmp_path / "a.jsonl")), PUBLIC)
    assert set(report.counts) == {"seal.head", "trailer.differs"}


def test_what_an_interrupted_run_left_does_not_count(tmp_path: Path) -> None:
    journal, target = MemoryJournal(KEY), tmp_path / "old"
    write_days(journal, range(2))
    archived(journal, target, 1)
    before = (target / "archive.json").read_bytes()
    archived(journal, target, 2)
    (target / "archive.json").write_bytes(before)
    (target / "events/day=2026-03-03/.0000000000000000099.parquet").write_bytes(b"half")
    assert len(Archive(target).bodies(0, 1000)) == 7
    assert verify(io.BytesIO(exported(target, tmp_path / "a.jsonl")), PUBLIC).sound
    assert archived(journal, target, 2).events == 14
    assert not list(target.glob("events/*/.*"))
    assert verify(io.BytesIO(exported(target, tmp_path / "b.jsonl")), PUBLIC).sound


def test_another_journal_and_one_that_was_changed_are_refused(tmp_path: Path) -> None:
    journal, other = MemoryJournal(KEY), MemoryJournal(KEY)
    write_days(journal, range(2))
    archived(journal, tmp_path / "old", 9)
    write_days(other, range(3), each=6)
    with pytest.raises(NotThisArchive, match="does not have"):
        archived(other, tmp_path / "old", 9)

    recorded, body = other._events[5]
    other._events[5] = (recorded, body.replace(b"confirmed", b"cancelled"))
    with pytest.raises(NotThisArchive, match="not what was sealed"):
        archived(other, tmp_path / "new", 9)
    with pytest.raises(NotThisArchive, match="no archive"):
        Archive(tmp_path / "new")


def test_a_warehouse_reads_it_as_it_is(tmp_path: Path) -> None:
    journal = MemoryJournal(KEY)
    write_days(journal, range(3))
    archived(journal, tmp_path / "old", 9)
    read = dataset.dataset(tmp_path / "old/events", partitioning="hive").to_table(filter=dataset.field("day") == "2026-03-03")
    assert read.num_rows == 7
    assert set(read.column_names) >= {"position", "at", "once", "type", "body", "day"}


def test_the_command_archives_and_exports_and_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "blobs.key").write_bytes(KEY)
    journal = open_journal(tmp_path / "suture.db", KEY)
    write_days(journal, range(2))
    journal.close()
    place, target, file = str(tmp_path), str(tmp_path / "old"), str(tmp_path / "old.jsonl")

    def said(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["archive", *arguments])
        told = capsys.readouterr()
        return int(str(ended.value.code or 0)), told.out + told.err

    code, told = said(target, "--before", "2026-03-03", "-j", place)
    assert (code, told.split(" in ")[0]) == (0, "7 events up to position 7")
    assert said(target, "--export", file)[0] == 0
    assert verify(io.BytesIO(Path(file).read_bytes()), PUBLIC).sound
    assert said(target)[0] == 2
    assert "is no day" in said(target, "--before", "march", "-j", place)[1]
    shutil.rmtree(target)
    assert said(target, "--export", file)[0] == 1
