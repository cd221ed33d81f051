"""``python -m prove.fuzz.worker JOB``: a process that tries inputs on one parser, under limits that the kernel keeps.

It says one JSON line for each failure and a tally at times and at the end. An input that uses more processor time or memory than
the hard limits ends the process; ``place``, eight bytes in a file that the parent can read, then says which input it was.
"""

from __future__ import annotations

import io
import mmap
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from prove.fuzz.damage import chance, listed
from prove.fuzz.hostile import hostile
from prove.fuzz.targets import Target, targets, told

MIB = 1 << 20
#: Memory and processor time that an input may cost: so much, and so much for each of its bytes.
LEAST_BYTES, BYTES_PER_BYTE = 64 * MIB, 64
LEAST_S, S_PER_BYTE = 4.0, 4e-6
#: What ends the process: address space beyond what it began with, and processor seconds for one input.
MOST_ADDRESSES, MOST_S = 4096 * MIB, 400.0
#: Wall-clock seconds without which an input can only be waiting for something.
PATIENCE_S = 900
MOST_FAILURES = 25
_TALLY_EVERY = 2_000


class Job(Struct, frozen=True, kw_only=True):
    """Which inputs of which parser: every ``of``-th one from ``shard`` on, beginning with ``first``.

    ``stride`` thins out the listed damages, ``size`` is that of hostile messages, ``random`` how many random inputs follow.
    """

    target: str
    stride: int
    size: int
    random: int
    shard: int = 0
    of: int = 1
    first: int = 0
    place: str = ""


class Tally(Struct, kw_only=True):
    """What was seen so far. Slowest in seconds of processor time, peak in bytes above what the process held before."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    empty: int = 0
    documents: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    peak: int = 0
    largest: int = 0


class Failure(Struct, frozen=True, kw_only=True):
    """An input that a parser did not survive as it should: its number, what happened, and how long it was."""

    target: str
    number: int
    what: str
    input: str = ""


def inputs(target: Target, job: Job) -> Iterator[tuple[int, bytes]]:
    """The numbered inputs of a job: listed damage of our messages and of strangers', hostile messages, then random ones."""
    everything = enumerate(_all(target, job))
    return ((number, raw) for number, raw in everything if number >= job.first and number % job.of == job.shard)


def _all(target: Target, job: Job) -> Iterator[bytes]:
    real = target.real()[:: job.stride]
    yield from target.ours
    yield from real
    for message in target.ours:
        yield from islice(listed(message, target.ours), 0, None, job.stride)
    for message in real:
        yield from islice(listed(message[:8_192], target.ours), 0, None, 199 * job.stride)
    yield from hostile(target.name, job.size)
    yield from islice(chance([*target.ours, *target.ours, *real], target.name), job.random)


class _Meter:
    """What one input costs: processor seconds, and the peak of memory above what was held before."""

    def __init__(self) -> None:
        self._before = self._high = 0
        self._began = 0.0

    def start(self, size: int) -> None:
        if size > 4_096:
            _forget_peak()
        self._before, self._high = _resident(), _peak()
        signal.setitimer(signal.ITIMER_PROF, MOST_S)
        signal.alarm(PATIENCE_S)
        self._began = time.process_time()

    def stop(self) -> tuple[float, int]:
        seconds = time.process_time() - self._began
        signal.setitimer(signal.ITIMER_PROF, 0)
        peak = _peak()
        return seconds, peak - self._before if peak > self._high else 0


def _forget_peak() -> None:
    """The peak begins anew, see proc_pid_clear_refs(5); where that cannot be, a peak is known only where it is a new one."""
    with suppress(OSError), io.FileIO("/proc/self/clear_refs", "w") as file:
        file.write(b"5")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


def main(argument: str) -> None:
    """Try everything that the job names."""
    job = msgspec.json.decode(argument, type=Job)
    target = targets()[job.target]
    with Path(job.place).open("r+b") as file:
        place = mmap.mmap(file.fileno(), 8)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tally, failures, meter = Tally(), 0, _Meter()
    for number, raw in inputs(target, job):
        place[:8] = number.to_bytes(8, "big")
        what = _tried(target, number, raw, tally, meter)
        if what:
            failures += 1
            _say(Failure(target=target.name, number=number, what=what, input=told(raw)))
            if failures >= MOST_FAILURES:
                break
        if tally.inputs % _TALLY_EVERY == 0:
            _say(tally)
    _say(tally)


def _tried(target: Target, number: int, raw: bytes, tally: Tally, meter: _Meter) -> str:
    """What was wrong with the parser, or nothing."""
    tally.inputs += 1
    meter.start(len(raw))
    what = ""
    try:
        fate, documents = target.run(raw, number)
    except Exception as error:
        what = f"{_where(error)}: {type(error).__name__}: {error}"[:300]
    else:
        setattr(tally, fate, getattr(tally, fate) + 1)
        tally.documents += documents
    seconds, peak = meter.stop()
    tally.largest = max(tally.largest, len(raw))
    if len(raw) > 4_096 or peak > tally.peak:
        tally.peak = max(tally.peak, peak)
    if seconds > tally.slowest_s:
        tally.slowest_s, tally.slowest = seconds, f"number {number}, {told(raw)}"
    if seconds > LEAST_S + S_PER_BYTE * len(raw):
        what = what or f"took {seconds:.1f} s"
    if peak > LEAST_BYTES + BYTES_PER_BYTE * len(raw):
        what = what or f"took {peak / MIB:.0f} MiB"
    return what


def _where(error: Exception) -> str:
    """The last line of ours that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/suture/" in frame.filename] or list(frames)
    return f"{ours[-1].filename.rpartition('/suture/')[2]}:{ours[-1].lineno}"


def _say(line: Tally | Failure) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
