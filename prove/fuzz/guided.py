"""Inputs that coverage leads to: atheris (Apache-2.0) over each format, where it is installed; a development tool, never needed.

``python -m prove.fuzz.guided FORMAT SECONDS CORPUS`` is the process that it takes over.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"cov: (\d+)")
FORMATS = ("csv", "hl7v2", "iso20022", "json", "x12")


class Led(Struct, frozen=True, kw_only=True):
    """What coverage-guided search saw: inputs tried, failures, and both in sentences."""

    inputs: int = 0
    failures: int = 0
    lines: tuple[str, ...] = ()


def guided(folder: Path, seconds: int, tell: Callable[[str], None]) -> Led:
    """Search for so many seconds a format; nothing happens, and is said, where atheris is not installed."""
    if importlib.util.find_spec("atheris") is None:
        return Led(lines=("Coverage-guided search was left out: atheris is not installed (pip install --group fuzz).",))
    if seconds < 1:
        return Led()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda name: _searched(name, folder / f"corpus-{name}", seconds, tell), FORMATS))
    return Led(
        inputs=sum(led.inputs for led in found),
        failures=sum(led.failures for led in found),
        lines=tuple(line for led in found for line in led.lines),
    )


def _searched(name: str, corpus: Path, seconds: int, tell: Callable[[str], None]) -> Led:
    corpus.mkdir()
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "prove.fuzz.guided", name, str(seconds), str(corpus)]
    run = subprocess.run(command, capture_output=True, cwd=root, check=False, text=True, errors="replace")
    executed, covered = _EXECUTED.search(run.stderr), _COVERED.findall(run.stderr)
    inputs = int(executed[1]) if executed else 0
    failed = int(run.returncode != 0)
    line = f"{name}, led by coverage for {seconds} s: {inputs:,} inputs, {covered[-1] if covered else 0} branches reached"
    if failed:
        line += f"; failed: {_why(run.stdout + run.stderr)}"
    tell(line)
    return Led(inputs=inputs, failures=failed, lines=(line,))


def _why(said: str) -> str:
    """The lines that tell the failure, of a long report."""
    lines = [line.strip() for line in said.splitlines() if "Error" in line or "Broken" in line or "SUMMARY" in line]
    return " / ".join(lines[:3])[:300] or said[-300:].replace("\n", " ")


def _search(name: str, seconds: int, corpus: str) -> None:
    import atheris  # type: ignore[import-untyped]  # here alone: it takes the process over

    with atheris.instrument_imports(include=["suture.formats", "suture.model"]):
        from prove.fuzz.targets import targets
    target = targets()[name]
    for number, message in enumerate([*target.ours, *target.real()[:200]]):
        Path(corpus, f"{number:05}").write_bytes(message)
    count = 0

    def one(raw: bytes) -> None:
        nonlocal count
        count += 1
        target.run(raw, count)

    limits = [
        f"-max_total_time={seconds}",
        "-timeout=25",
        "-rss_limit_mb=2048",
        "-max_len=8192",
        "-print_final_stats=1",
        "-seed=1",
    ]
    artifacts = f"-artifact_prefix={corpus}/"
    atheris.Setup([sys.argv[0], *limits, artifacts, corpus], one)
    atheris.Fuzz()


if __name__ == "__main__":
    _search(sys.argv[1], int(sys.argv[2]), sys.argv[3])
