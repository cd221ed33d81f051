"""A small day of the hospital group, run once by the command itself and kept for all who want to look into it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

SIZE = ("--requisitions", "15", "--usages", "10")


class Day(Struct, frozen=True):
    """The folder that the demo kept, what it printed at 100 columns, and its report as JSON bytes."""

    folder: Path
    printed: str
    report: bytes


def run_day(folder: Path) -> Day:
    """Run ``suture demo`` in a process of its own; it must end well."""
    report = folder.parent / "day.json"
    done = subprocess.run(
        [sys.executable, "-m", "suture", "demo", *SIZE, "--keep", str(folder), "--json", str(report)],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return Day(folder, done.stdout, report.read_bytes())
