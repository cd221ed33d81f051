"""Workers started, watched and told apart: what the kernel ended is a failure, and the rest of its inputs is tried after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec
from msgspec import Struct

from prove.fuzz.worker import MOST_FAILURES, Failure, Job, Tally

_ENDED = {
    signal.SIGPROF: "used more processor time than any message may",
    signal.SIGALRM: "waited, and for nothing",
    signal.SIGSEGV: "a crash of the interpreter (SIGSEGV)",
    signal.SIGABRT: "a crash of the interpreter (SIGABRT)",
    signal.SIGKILL: "ended by the kernel (SIGKILL): memory",
}


class Seen(Struct, kw_only=True):
    """What the jobs of one parser saw together."""

    tally: Tally
    failures: list[Failure]


def tried(jobs: Sequence[Job], folder: Path, tell: Callable[[str], None]) -> dict[str, Seen]:
    """Run all jobs, one a core at a time, and add up by parser."""
    seen: dict[str, Seen] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        under_way = {
            pool.submit(_job, job, folder / f"{job.target}-{job.shard}", tell): job
            for job in sorted(jobs, key=lambda job: job.shard)
        }
        for done in as_completed(under_way):
            job = under_way[done]
            tally, failures = done.result()
            all_of = seen.setdefault(job.target, Seen(tally=Tally(), failures=[]))
            all_of.tally = added(all_of.tally, tally)
            all_of.failures += failures
            tell(f"{job.target}: {tally.inputs:,} inputs, {len(failures)} failures")
    return seen


def added(one: Tally, other: Tally) -> Tally:
    """Two tallies as one: counts add up, extremes stay."""
    slower = max(one, other, key=lambda tally: tally.slowest_s)
    counts = {name: getattr(one, name) + getattr(other, name) for name in ("inputs", "read", "refused", "empty", "documents")}
    peak, largest = max(one.peak, other.peak), max(one.largest, other.largest)
    return Tally(**counts, slowest_s=slower.slowest_s, slowest=slower.slowest, peak=peak, largest=largest)


def _job(job: Job, place: Path, tell: Callable[[str], None]) -> tuple[Tally, list[Failure]]:
    """One job to its end, in as many processes as it takes: each that dies names the input that it died of."""
    place.write_bytes(b"\0" * 8)
    total, failures = Tally(), list[Failure]()
    while True:
        tally, found, code, words = _process(msgspec.structs.replace(job, place=str(place)))
        total = added(total, tally)
        for failure in found:
            tell(f"{failure.target} number {failure.number}: {failure.what} ({failure.input})")
        failures += found
        if code == 0 or len(failures) >= MOST_FAILURES:
            return total, failures
        number = int.from_bytes(place.read_bytes(), "big")
        what = _ENDED.get(signal.Signals(-code), f"ended by signal {-code}") if code < 0 else f"exit code {code}: {words[-300:]}"
        failures.append(Failure(target=job.target, number=number, what=what))
        tell(f"{job.target} number {number}: {what}")
        if code > 0:
            return total, failures
        job = msgspec.structs.replace(job, first=number + 1)


def _process(job: Job) -> tuple[Tally, list[Failure], int, str]:
    command = [sys.executable, "-m", "prove.fuzz.worker", msgspec.json.encode(job).decode()]
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(command, capture_output=True, cwd=root, check=False)
    tally, failures = Tally(), list[Failure]()
    for line in _whole_lines(run.stdout):
        if b'"number"' in line:
            failures.append(msgspec.json.decode(line, type=Failure))
        else:
            tally = msgspec.json.decode(line, type=Tally)
    return tally, failures, run.returncode, run.stderr.decode("utf-8", "replace")


def _whole_lines(said: bytes) -> Iterator[bytes]:
    """The lines that were written to their ends; a process that dies may leave a torn one."""
    yield from said.split(b"\n")[:-1]
