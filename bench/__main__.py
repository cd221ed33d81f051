"""``python -m bench [NAME ...]``: measure, print the table, and write bench/results/DAY.json and docs/performance.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.report import Row, keep, row, table
from bench.workload import Task, Workload
from suture.cli.looping import settle_in
from suture.extensions import found


def main(arguments: list[str]) -> int:
    """0 if every workload ran; whether goals are met is told, not judged."""
    settle_in()  # as every command of ours that serves
    workloads = sorted(found("bench.workloads", "WORKLOAD", Workload).values(), key=lambda each: each.order)
    asked = _asked(workloads, arguments)
    day, rows, failed = f"{datetime.now(UTC):%Y-%m-%d}", [], []
    for workload in workloads:
        if workload.name in (asked.name or [each.name for each in workloads]):
            began = time.monotonic()
            try:
                rows += _measured(workload, asked, day)
            except Exception:
                failed.append(workload.name)
                traceback.print_exc()
            _say(f"{workload.name}: {time.monotonic() - began:,.0f} s")
    for line in table(rows):
        _say(line)
    if rows and not asked.quick and not asked.dry:
        keep(rows, day, {each.name: each.title for each in workloads})
    return 1 if failed else 0


def _asked(workloads: Iterable[Workload], arguments: list[str]) -> argparse.Namespace:
    listing = "\n".join(f"  {each.name:16} {each.title}" for each in workloads)
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measure, and write bench/results/DAY.json and docs/performance.md.",
        epilog=f"workloads:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="only these workloads; all without")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one small run each, shown and not kept")
    parser.add_argument("--dry", action="store_true", help="show the table and keep nothing")
    parser.add_argument("--long", action="store_true", help="also the sizes that take an hour")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.name) - {each.name for each in workloads}:
        parser.error(f"no workload is called {', '.join(sorted(unknown))}")
    return asked


def _measured(workload: Workload, asked: argparse.Namespace, day: str) -> list[Row]:
    _say(workload.title)
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as folder:
        task = Task(
            folder=Path(folder),
            tell=lambda line: _say(f"  {line}"),
            runs=1 if asked.quick else asked.runs,
            share=0.1 if asked.quick else 1.0,
            long=asked.long,
        )
        return [row(figure, workload.name, day) for figure in workload.run(task)]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
