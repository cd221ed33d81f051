"""``python -m prove [PART ...] [--share S] [--dry]``: run the proofs and write docs/proof.md; exit code 1 if one fails."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from prove.part import Part, Result, Task
from prove.report import Run, keep
from suture.extensions import found


def main(arguments: list[str]) -> int:
    """0 if every part that could run held."""
    parts = found("prove.parts", "PART", Part)
    asked = _asked(parts, arguments)
    chosen = sorted((parts[name] for name in asked.part or parts), key=lambda part: part.order)
    held = True
    for part in chosen:
        run = _run(part, asked.share)
        held = held and (run.result.held or bool(run.result.skipped))
        _show(part, run)
        if not asked.dry and not keep(part.name, run, parts.values()):
            _say("  docs/proof.md keeps the larger run before it")
    return 0 if held else 1


def _asked(parts: Mapping[str, Part], arguments: list[str]) -> argparse.Namespace:
    listing = "\n".join(f"  {part.name:14} {part.minutes:>4} min  {part.title}" for part in _in_order(parts))
    parser = argparse.ArgumentParser(
        prog="prove",
        description="Run the long proofs and write docs/proof.md.",
        epilog=f"parts, and how long they take on two cores:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", metavar="PART", help="only these parts; all without")
    parser.add_argument("--share", type=float, default=1.0, help="this share of the full size, 0.01 for a glance")
    parser.add_argument("--dry", action="store_true", help="show the result and leave docs/ as it is")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.part) - set(parts):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    return asked


def _in_order(parts: Mapping[str, Part]) -> list[Part]:
    return sorted(parts.values(), key=lambda part: part.order)


def _run(part: Part, share: float) -> Run:
    _say(f"{part.title} (about {max(1, round(part.minutes * share))} min)")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="suture-prove-") as folder:
        result = part.run(Task(share=share, folder=Path(folder), tell=lambda line: _say(f"  {line}")))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    seconds = round(time.monotonic() - began, 1)
    return Run(day=f"{datetime.now(UTC):%Y-%m-%d}", seconds=seconds, share=share, machine=machine, result=result)


def _show(part: Part, run: Run) -> None:
    result: Result = run.result
    verdict = f"skipped: {result.skipped}" if result.skipped else "held" if result.held else "DID NOT HOLD"
    for line in result.lines:
        _say(f"  {line}")
    _say(f"  {part.name}: {verdict} ({run.seconds:,.0f} s)")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
