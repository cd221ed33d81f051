"""Every parser that strangers can reach, given damaged, hostile and random messages: findings, and nothing but findings."""

from __future__ import annotations

from prove.fuzz.guided import guided
from prove.fuzz.targets import targets
from prove.fuzz.watch import Seen, tried
from prove.fuzz.worker import BYTES_PER_BYTE, LEAST_BYTES, LEAST_S, MIB, S_PER_BYTE, Job
from prove.part import Part, Result, Table, Task

#: Random inputs of each parser, bytes of a hostile message, and minutes of coverage-guided search for each format, at full size.
RANDOM, HOSTILE, GUIDED_S = 120_000, 32 * MIB - 1_024, 180
_SHARDS = 2
_COLUMNS = ("parser", "inputs", "read", "documents", "refused with findings", "slowest, ms", "peak, MiB", "failures")


def job_of(target: str, share: float, *, shard: int = 0, of: int = 1, first: int = 0) -> Job:
    """What is tried at this share of the full size: every n-th listed damage, smaller hostile messages, fewer random ones."""
    stride = max(1, round(1 / max(share, 0.001)))
    size = max(64 * 1024, round(HOSTILE * share))
    return Job(target=target, stride=stride, size=size, random=round(RANDOM * share), shard=shard, of=of, first=first)


def run(task: Task) -> Result:
    """All parsers, then the formats again where coverage leads."""
    jobs = [job_of(name, task.share, shard=shard, of=_SHARDS) for name in targets() for shard in range(_SHARDS)]
    seen = tried(jobs, task.folder, task.tell)
    led = guided(task.folder, round(GUIDED_S * task.share), task.tell)
    failed = sum(len(each.failures) for each in seen.values()) + led.failures
    inputs = sum(each.tally.inputs for each in seen.values())
    return Result(
        held=failed == 0,
        lines=(
            f"{inputs:,} inputs to {len(seen)} parsers, up to {max(each.tally.largest for each in seen.values()):,} bytes each; "
            f"{failed} failures. A failure is an exception, a write, acknowledgement or journal draft that fails, "
            f"more than {LEAST_S:g} s and {S_PER_BYTE * 1e6:g} s a MB of processor time, "
            f"or more than {LEAST_BYTES // MIB} MiB and {BYTES_PER_BYTE} times the message of memory.",
            *led.lines,
            *(f"{failure.target} number {failure.number}: {failure.what}" for each in seen.values() for failure in each.failures),
        ),
        tables=(
            Table(title="Damaged, hostile and random messages", columns=_COLUMNS, rows=tuple(map(_row, sorted(seen.items())))),
        ),
        figures={"inputs": inputs, "failures": failed, "guided_inputs": led.inputs},
    )


def _row(named: tuple[str, Seen]) -> tuple[str, ...]:
    name, seen = named
    tally = seen.tally
    counts = (tally.inputs, tally.read, tally.documents, tally.refused)
    return (
        name,
        *(f"{count:,}" for count in counts),
        f"{tally.slowest_s * 1000:,.0f}",
        f"{tally.peak / MIB:,.0f}",
        str(len(seen.failures)),
    )


PART = Part(name="fuzz", order=6, title="Parsers that cannot be broken", minutes=60, run=run)
