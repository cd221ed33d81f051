"""Old events move to the archive: every reader answers as before, and nothing goes that the archive has not proven to hold."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from suture.cli import main
from suture.journal import Journal, Unavailable, Unit, open_journal
from suture.journal.backup import back_up, load
from suture.journal.reading import Reading
from suture.journal.seal import public_pem, seal, verify
from suture.model import Ref
from tests.day import Day
from tests.journal.units import KEY, NOON, event, order, said
from tests.verifier.exports import PUBLIC, SIGNER

pytest.importorskip("pyarrow", reason="pyarrow is not installed (the extra archive)")
import pyarrow  # only where it is installed
from pyarrow import parquet

from suture.journal.moving import move
from suture.journal.parquet import NotThisArchive, archive

DAYS, EACH = 4, 6


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "journal.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def journal(place: str) -> Iterator[Reading]:
    """Four days of orders, sealed each evening; the first event of all still waits to be decided."""
    with contextlib.closing(open_journal(place, KEY)) as opened:
        assert isinstance(opened, Reading)
        opened.commit([said("open", "k")])
        for day in range(DAYS):
            at = NOON + timedelta(days=day)
            names = [f"d{day}/{number}" for number in range(EACH)]
            opened.commit([Unit(events=[event(name, order(f"PO-{name}"), at=at) for name in names])])
            seal(opened, SIGNER, at + timedelta(hours=6))
        yield opened


def archived(journal: Journal, target: Path, days: int) -> Path:
    archive(journal, target, (NOON + timedelta(days=days)).replace(hour=0), public_pem(SIGNER))
    return target


def told(journal: Journal) -> dict[str, Any]:
    """What everybody who reads old events asks for."""
    return {
        "read": journal.read(0, 100),
        "in the middle": journal.read(journal.read(0, 100)[8].position, 3),
        "bodies": journal.bodies(0, 100),
        "work": journal.work(range(16), 10),
        "found": journal.find(Ref("PurchaseOrder", "PO-d0/3")),
        "found in all days": journal.find(Ref("Supplier", "S-100")),
        "by once": journal.by_once(["d0/1", "d3/1", "none"]),
        "names": journal.names("PO-d1", 10),
        "seals": journal.checkpoints(),
        "findings": verify(journal, PUBLIC),
        "counts": journal.counts(),
    }


def in_the_tables(journal: Reading) -> list[bool]:
    """For each event whether its body is still in the journal."""
    return [len(body) > 0 for (body,) in journal._rows("select body from events order by position")]


def test_every_answer_is_as_it_was(journal: Reading, place: str, tmp_path: Path) -> None:
    before = told(journal)
    target = archived(journal, tmp_path / "old", 2)
    assert move(journal, target, PUBLIC) == 1 + 2 * EACH
    assert in_the_tables(journal) == [False] * (1 + 2 * EACH) + [True] * 2 * EACH
    assert told(journal) == before
    assert journal.commit([said("d0/1")])[0].repeated == "d0/1", "a repeat stays a repeat"
    with contextlib.closing(open_journal(place, KEY)) as another:
        assert told(another)["read"] == before["read"], "whoever opens it later is told where they are"


def test_it_goes_on_from_day_to_day(journal: Reading, tmp_path: Path) -> None:
    before = told(journal)
    for days in (1, 2, 2, 4):
        move(journal, archived(journal, tmp_path / "old", days), PUBLIC)
        assert told(journal) == before
        assert in_the_tables(journal).count(False) == 1 + days * EACH
    again = archived(journal, tmp_path / "another", 4)
    assert move(journal, again, PUBLIC) == 0, "all are in the new place, and read from there"
    shutil.rmtree(tmp_path / "old")
    assert told(journal) == before


def test_a_move_that_is_interrupted_is_ended_by_the_next(
    journal: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suture.journal import reading

    before, target = told(journal), archived(journal, tmp_path / "old", 3)
    with monkeypatch.context() as broken:
        broken.setattr(reading, "_PAGE_TO", reading._PAGE_TO.replace("1000", "4"))
        broken.setattr(type(journal), "commit", _fails_after(2, type(journal).commit))
        with pytest.raises(Unavailable, match="pulled"):
            move(journal, target, PUBLIC)
    assert 0 < in_the_tables(journal).count(False) < 1 + 3 * EACH
    assert told(journal) == before
    move(journal, target, PUBLIC)
    assert in_the_tables(journal).count(False) == 1 + 3 * EACH
    assert told(journal) == before


def _fails_after(times: int, commit: Callable[..., Any]) -> Callable[..., Any]:
    left = iter(range(times))

    def failing(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise Unavailable("the plug was pulled")
        return commit(*arguments)

    return failing


def changed(target: Path, day: int, number: int, change: Callable[[bytes], bytes]) -> None:
    """Change one event's body in the archive's file of a day."""
    [file] = (target / f"events/day={date(2026, 3, 2) + timedelta(days=day)}").iterdir()
    table = parquet.ParquetFile(file).read()
    bodies = table["body"].to_pylist()
    bodies[number] = change(bodies[number])
    parquet.write_table(table.set_column(table.schema.get_field_index("body"), "body", pyarrow.array(bodies)), file)


def test_nothing_goes_to_an_archive_that_does_not_prove_itself(journal: Reading, tmp_path: Path) -> None:
    target = archived(journal, tmp_path / "old", 3)
    whole = tmp_path / "whole"
    shutil.copytree(target, whole)
    changed(target, 1, 2, lambda body: body.replace(b"S-100", b"S-200"))
    with pytest.raises(NotThisArchive, match="does not prove itself, nothing was moved"):
        move(journal, target, PUBLIC)
    shutil.rmtree(whole / "events/day=2026-03-03")
    with pytest.raises(NotThisArchive, match="does not prove itself"):
        move(journal, whole, PUBLIC)
    assert all(in_the_tables(journal))


def test_nothing_goes_to_the_archive_of_another_or_of_another_key(journal: Reading, tmp_path: Path) -> None:
    target = archived(journal, tmp_path / "old", 3)
    with contextlib.closing(open_journal(tmp_path / "other.db", KEY)) as other:
        assert isinstance(other, Reading)
        other.commit([said("another")])
        seal(other, SIGNER, NOON)
        with pytest.raises(NotThisArchive, match="seal that this journal does not have"):
            move(other, target, PUBLIC)
        assert in_the_tables(other) == [True]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    with pytest.raises(NotThisArchive, match="the signature is not of this key"):
        move(journal, target, Ed25519PrivateKey.generate().public_key())
    assert all(in_the_tables(journal))


def test_what_was_changed_in_the_journal_does_not_vanish_by_moving(tmp_path: Path) -> None:
    with contextlib.closing(open_journal(tmp_path / "journal.db", KEY)) as journal:
        assert isinstance(journal, Reading)
        journal.commit([said(f"e{number}") for number in range(5)])
        seal(journal, SIGNER, NOON)
        target = archived(journal, tmp_path / "old", 3)
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as db, db:
            db.execute("update events set body = replace(body, 'confirmed', 'cancelled') where position = 3")
        with pytest.raises(NotThisArchive, match="not what was archived"):
            move(journal, target, PUBLIC)
        assert all(in_the_tables(journal))


def test_an_archive_that_is_away_is_said_and_never_guessed(journal: Reading, tmp_path: Path) -> None:
    move(journal, archived(journal, tmp_path / "old", 2), PUBLIC)
    before = told(journal)
    (tmp_path / "old").rename(tmp_path / "unmounted")
    for ask in (lambda: journal.read(0, 5), lambda: journal.by_once(["d0/1"]), lambda: journal.work(range(16), 1)):
        with pytest.raises(Unavailable, match=f"in the archive {tmp_path / 'old'}, which cannot be used"):
            ask()
    assert journal.by_once(["d3/1"]) == {"d3/1": before["by once"]["d3/1"]}, "what has not moved is there"
    (tmp_path / "unmounted").rename(tmp_path / "old")
    assert told(journal) == before


def test_a_shorter_archive_cannot_take_the_place_of_the_one_that_is_needed(journal: Reading, tmp_path: Path) -> None:
    before = told(journal)
    shorter = archived(journal, tmp_path / "shorter", 1)
    move(journal, archived(journal, tmp_path / "old", 3), PUBLIC)
    with pytest.raises(NotThisArchive, match="have moved already"):
        move(journal, shorter, PUBLIC)
    assert told(journal) == before


def test_a_backup_is_whole_with_the_archive_beside_it(tmp_path: Path) -> None:
    with contextlib.closing(open_journal(tmp_path / "journal.db", KEY)) as journal:
        assert isinstance(journal, Reading)
        journal.commit([said(f"e{number}") for number in range(12)])
        seal(journal, SIGNER, NOON)
        before = told(journal)
        assert move(journal, archived(journal, tmp_path / "old", 3), PUBLIC) == 12
        back_up(str(tmp_path / "journal.db"), tmp_path / "monday.db")
    load(tmp_path / "monday.db", str(tmp_path / "again.db"))
    with contextlib.closing(open_journal(tmp_path / "again.db", KEY)) as again:
        assert told(again) == before


def test_the_commands_tell_the_same_day_whether_or_not_its_events_have_moved(
    day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ledger, journey, replay and export of the demo's day, without books that were kept: all are folded from the beginning."""
    here, there = tmp_path / "here", tmp_path / "there"
    for copy in (here, there):
        shutil.copytree(day.folder, copy, ignore=shutil.ignore_patterns("*.ledger*", "*.lock"))

    def out(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert not ended.value.code, capsys.readouterr().err
        # but for the moment at which the balance was asked for
        return re.sub(r'"at": "[^"]*",\s*"balanced"', '"balanced"', capsys.readouterr().out)

    report = json.loads(
        out("archive", str(tmp_path / "old"), "--before", "2100-01-01", "--move", "-j", str(there), "--json", "-")
    )
    assert report["moved"] == report["events"] > 100
    for ask in (("ledger", "--json", "-"), ("show", "PO-REQ-000002"), ("replay", "--json", "-")):
        assert out(*ask, "-j", str(there)) == out(*ask, "-j", str(here)), ask[0]
    for copy in (here, there):
        out("export", str(copy / "all.jsonl"), "--no-seal", "-j", str(copy))
    assert (here / "all.jsonl").read_bytes() == (there / "all.jsonl").read_bytes()
