"""Every expectation of the table is kept by the process that it names, in the time and with the words that it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from suture.extensions import found
from suture.model import Document, Policy, Quantity, TimerFired, Usage
from suture.processes import Process, Raise, Wait
from suture.processes.cast import CAST, GLOVE_STOCK
from suture.processes.rehearsal import START, Turn, rehearse
from suture.rules.expectations import EXPECTATIONS, Expectation
from tests.processes.hospital import MASTERS, order, receipt

PROCESSES = found("suture.processes", "PROCESS", Process)
CANCELLED = Usage(
    id="X",
    kind="cancelled",
    item="GLOVE-M",
    quantity=Quantity(Decimal(1), "EA"),
    place="OR-1",
    used_at=START,
    encounter="E",
    patient="P",
    reverses="U-1",
)
#: What a process is told until it waits, where its example does not show it, and under which masters.
STORIES: dict[str, tuple[tuple[Document, ...], tuple[Document, ...]]] = {
    "invoice_hours": ((order(), receipt()), MASTERS),
    "unknown_usage_hours": ((GLOVE_STOCK, CANCELLED), CAST),
}


def stories(expectation: Expectation) -> Iterator[list[Turn]]:
    """Every beginning and every document of the example, with leave to pay unasked and without; or the story told above."""
    process = PROCESSES[expectation.process]
    assert process.example is not None
    fired = TimerFired(name=expectation.timer, due=START)
    if expectation.name in STORIES:
        documents, masters = STORIES[expectation.name]
        yield rehearse(process, [*documents, fired], masters)
        return
    told = [step.given for step in process.example.steps]
    strict = [master for master in process.example.masters if not (isinstance(master, Policy) and master.id == "payment")]
    for masters in (process.example.masters, tuple(strict)):
        for given in [*(told[: end + 1] for end in range(len(told))), *([one] for one in told)]:
            yield rehearse(process, [*given, fired], masters)


def wait_of(expectation: Expectation, turns: list[Turn]) -> list[Wait]:
    return [
        effect
        for turn in turns[:-1]
        for effect in turn.effects
        if isinstance(effect, Wait) and effect.name == expectation.timer and effect.until is not None
    ]


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda expectation: expectation.name)
def test_silence_is_raised_as_the_table_says(expectation: Expectation) -> None:
    raised = [
        (wait.until, effect.case)
        for turns in stories(expectation)
        for wait in wait_of(expectation, turns)[-1:]
        for effect in turns[-1].effects
        if isinstance(effect, Raise) and effect.case.reason == expectation.reason
    ]
    assert raised, f"no story of {expectation.process} waits for {expectation.timer} and raises {expectation.reason}"
    for until, case in raised:
        assert case.owner == expectation.owner
        assert until is not None
        assert until - START >= timedelta(hours=expectation.hours)


def test_each_expectation_is_one() -> None:
    assert len({(one.process, one.timer) for one in EXPECTATIONS}) == len(EXPECTATIONS)
    assert len({one.name for one in EXPECTATIONS}) == len(EXPECTATIONS)
