"""A slice of the fuzzing of every parser, and that the harness sees exceptions, hangs and memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prove.fuzz import watch, worker
from prove.fuzz.damage import chance, listed
from prove.fuzz.targets import Target, targets
from prove.fuzz.worker import Job, Tally, inputs
from prove.parts import fuzz


@pytest.mark.parametrize("name", sorted(targets()))
def test_no_parser_breaks_on_a_slice_of_the_inputs(name: str, tmp_path: Path) -> None:
    job = Job(target=name, stride=400, size=32 * 1024, random=120)
    seen = watch.tried([job], tmp_path, lambda line: None)[name]
    assert seen.failures == []
    assert seen.tally.inputs > 120
    assert seen.tally.read > 0
    assert seen.tally.refused > 0 or name in ("mllp",)


def test_an_input_of_a_number_is_the_same_in_every_process() -> None:
    job = fuzz.job_of("x12", 0.001)
    target = targets()["x12"]
    (number, raw), *_ = list(inputs(target, job))[-1:]
    assert next(inputs(target, fuzz.job_of("x12", 0.001, first=number))) == (number, raw)


def test_damage_reaches_every_byte_and_every_bit_of_a_header() -> None:
    message = b"MSH|^~\\&|A|B"
    damaged = set(listed(message, [b"other"]))
    assert {message[:end] for end in range(len(message))} <= damaged
    flipped = {message[:n] + bytes([message[n] ^ 1 << bit]) + message[n + 1 :] for n in range(len(message)) for bit in range(8)}
    assert flipped <= damaged
    assert len({raw for raw, _ in zip(chance([message], "x"), range(200), strict=False)}) > 150


def _raises(raw: bytes) -> None:
    raise KeyError("nobody caught this")


def _lasts(raw: bytes) -> None:
    end = time.process_time() + 0.6
    while time.process_time() < end:
        pass


def _hoards(raw: bytes) -> None:
    bytearray(96 * worker.MIB)[::4096] = b"x" * (96 * worker.MIB // 4096)


@pytest.mark.parametrize(
    ("fault", "told"), [(_raises, "KeyError: 'nobody caught this'"), (_lasts, "took 0.6 s"), (_hoards, "MiB")]
)
def test_the_harness_sees_what_a_parser_may_not_do(
    fault: Callable[[bytes], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LEAST_S", 0.25)

    def run(raw: bytes, number: int) -> tuple[str, int]:
        fault(raw)
        return "read", 1

    target = Target(name="bad", ours=[b"x"], run=run)  # type: ignore[arg-type]
    tally = Tally()
    meter = worker._Meter()
    assert told in worker._tried(target, 0, b"x" * 5_000, tally, meter)
