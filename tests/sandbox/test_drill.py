"""Drills: a counterpart is away for hours; people are told with a runbook, and afterwards everything has arrived, once."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from suture.cli import simulate as command
from suture.gateway.governance.runbooks import RUNBOOKS
from suture.sandbox.simulator.drill import DRILLS, Drilled, drill
from tests.cli.test_simulate import run

FEW: dict[str, Any] = {"requisitions": 2, "usages": 2}


@pytest.fixture(scope="module")
def receiving() -> Drilled:
    """Four hours without the inventory systems."""
    return drill("receiving", 4, **FEW)


@pytest.mark.parametrize("name", ["procurement", "payment"])
def test_what_waits_arrives_once_and_people_knew_what_to_do(name: str) -> None:
    _went(drill(name, 4, **FEW))


def test_receiving_goes_on_without_the_inventory_systems(receiving: Drilled) -> None:
    _went(receiving)


def _went(went: Drilled) -> None:
    assert went.passed, went
    assert (went.lost, went.doubled, went.broken) == ((), (), ())
    assert (went.back - went.gone).total_seconds() == 4 * 3600
    assert went.runbooks == ("counterpart-away", f"flow-{went.drill}")
    assert RUNBOOKS[went.runbooks[-1]].flow == DRILLS[went.drill].flow
    assert 0 < (went.told_s or 0) <= 2 * 3600
    assert 0 <= (went.drained_s or 0) <= 3600, "what waits is tried at least that often"


def test_a_drill_can_fail(receiving: Drilled) -> None:
    broken: dict[str, Any] = {"told_s": None, "waited": 0, "drained_s": None, "closed_s": None, "lost": ("PO-1",)}
    broken |= {"doubled": ("PO-1",), "broken": ("everything drains",)}
    for field, value in broken.items():
        assert not structs.replace(receiving, **{field: value}).passed, field


def test_an_absence_that_nobody_notices_is_no_drill() -> None:
    with pytest.raises(KeyError):
        drill("lunch")
    short = drill("receiving", 0, **FEW)
    assert (short.told_s, short.passed) == (None, False)


def test_the_command_tells_it_in_words(
    receiving: Drilled, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "drill", lambda name, hours, seed: receiving)
    assert run("--drill", "receiving") == 0
    said = capsys.readouterr().out
    assert "counterpart-away, flow-receiving" in said
    assert "lost 0, doubled 0, promises broken 0" in said
    assert "The drill passed." in said
    monkeypatch.setattr(command, "drill", lambda name, hours, seed: structs.replace(receiving, lost=("PO-1",)))
    assert run("--drill", "receiving") == 1
    assert "lost 1" in capsys.readouterr().out
    assert run("--drill", "lunch") != 0
