"""Several processes keep the same files caught up while a journal is written to: in the end every fold is what a recount says."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suture.journal import Event, Journal, MemoryJournal, Unit, open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import seal
from suture.views.events import history
from suture.views.kept import kept_books
from tests.day import Day
from tests.journal.units import KEY, later, said
from tests.views.kept_reader import Seen, held

ROOT = Path(__file__).resolve().parents[2]
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
#: Events in one commit of the writer, and its rest between two.
BITE, REST_S = 4, 0.002
#: Events that are written while others read.
LATE = 1000


@pytest.fixture(scope="module")
def events(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Event]:
    """Everything that was said on a small day."""
    folder = Path(shutil.copytree(day.folder, tmp_path_factory.mktemp("together") / "day"))
    journal = open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))
    told = [row.event for row in history(journal)]
    journal.close()
    return told


def damaged(file: Path) -> None:
    """Not a database."""
    file.write_bytes(b"not a database at all" * 100)


def another(file: Path) -> None:
    """The books of another journal."""
    journal = MemoryJournal(KEY)
    journal.commit([said(f"other/{number}") for number in range(60)])
    with kept_books(journal, file):
        pass


def older(file: Path) -> None:
    """A file that another version has made."""
    another(file)
    with sqlite3.connect(file) as db:
        db.execute("pragma user_version = 99")
    db.close()


def absent(file: Path) -> None:
    """No file."""


@pytest.mark.parametrize(
    ("store", "readers", "found"),
    [
        ("sqlite", 2, absent),
        ("sqlite", 4, damaged),
        ("sqlite", 4, another),
        ("sqlite", 4, older),
        pytest.param("postgres", 2, absent, marks=pytest.mark.postgres),
        pytest.param("postgres", 4, absent, marks=pytest.mark.postgres),
    ],
)
def test_every_fold_is_what_a_recount_says(
    store: str,
    readers: int,
    found: Callable[[Path], None],
    events: Sequence[Event],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    address = request.getfixturevalue("postgres_url") if store == "postgres" else str(tmp_path / "journal.db")
    folder = tmp_path / "kept"
    folder.mkdir()
    for name in ("books", "index", "figures"):
        found(folder / name)
    journal = open_journal(address, KEY)
    journal.commit([Unit(events=[each]) for each in events[:-LATE]])
    seal(journal, SIGNER, later(0))
    with begun(readers, address, folder) as processes:
        write(journal, events[-LATE:])
        seen = [ended(process) for process in processes]
    for each in seen:
        assert each.looks
        assert (each.torn, each.alone, each.backwards) == (0, 0, 0)
    counted_anew = dict(held(journal, tmp_path / "anew" / "nowhere"))
    journal.close()
    for each in seen:
        assert each.holds == counted_anew


def write(journal: Journal, events: Sequence[Event]) -> None:
    """Append events as a writer does: a few at a time, some of them twice, sealed now and then."""
    for begin in range(0, len(events), BITE):
        bite = list(events[begin : begin + BITE])
        journal.commit([Unit(events=[each]) for each in bite])
        journal.commit([Unit(events=[bite[0]])])
        if begin % 80 == 0:
            seal(journal, SIGNER, later(1 + begin))
        time.sleep(REST_S)


@contextmanager
def begun(number: int, address: str, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many readers of the same files."""
    command = [sys.executable, "-m", "tests.views.kept_reader", address, str(folder)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(number)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate(timeout=10)


def ended(process: subprocess.Popen[bytes]) -> Seen:
    """Let a reader come to its end; what it has seen."""
    told, wrong = process.communicate(timeout=60)
    assert process.returncode == 0, wrong.decode()
    return msgspec.json.decode(told, type=Seen)
