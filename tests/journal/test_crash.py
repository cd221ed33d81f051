"""SIGKILL in the middle of writing: whatever was reported as committed is there, whole, and nothing is there in part."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from suture.journal import open_journal
from tests.journal.committer import written
from tests.journal.units import KEY

ROOT = Path(__file__).resolve().parents[2]
SEED = 20260302


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_what_was_reported_survives_a_kill(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("postgres_url") if store == "postgres" else str(tmp_path / "journal.db")
    chance = random.Random(SEED)
    reported = 0
    for _ in range(4):
        reported = max(reported, killed_after(address, chance.uniform(0.01, 0.25)))
        if store == "postgres":
            wait_for_the_server(address)
        journal = open_journal(address, KEY)
        _, _, last = written(journal)
        journal.close()
        assert last >= reported
        reported = last
    assert reported > 100


def wait_for_the_server(url: str) -> None:
    """Return once the server has noticed: it may still be busy with a commit that the dead process had sent."""
    others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as admin:
        deadline = time.monotonic() + 30
        while admin.execute(others).fetchall() != [(0,)]:
            assert time.monotonic() < deadline, "the connection of the killed process does not end"
            time.sleep(0.01)


def killed_after(address: str, seconds: float) -> int:
    """Let a process commit for so long, kill it, and return the last number that it reported."""
    command = [sys.executable, "-m", "tests.journal.committer", address]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        assert process.wait() == -signal.SIGKILL
    # a line that was cut by the kill was not reported
    lines = (first + rest).split(b"\n")[:-1]
    return int(lines[-1])
