"""The mutants: each still fits the source that it mutates, and a few of them are put in and caught."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from prove.mutants import AREAS, Mutant
from prove.mutants.trial import ENGINE, Sittings, Verdict, tried

MUTANTS = [mutant for area in AREAS.values() for mutant in area]
#: One of each kind of harm: doubled, lost, out of order, forgotten, unapproved.
SOME = (
    "every arrival is taken for a new message",
    "what was interrupted while sending is sent again",
    "order within a key is not kept",
    "giving up is told to nobody",
    "anybody's approval counts",
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_its_source(mutant: Mutant) -> None:
    text = (ENGINE / mutant.file).read_text("utf-8")
    mutated = mutant.applied(text)
    assert mutated != text
    ast.parse(mutated)


def test_a_mutant_is_a_bug_and_no_slip_of_the_pen(tmp_path: Path) -> None:
    for number, mutant in enumerate(MUTANTS):
        place = tmp_path / f"{number:03d}_{Path(mutant.file).name}"
        place.write_text(mutant.applied((ENGINE / mutant.file).read_text("utf-8")), "utf-8")
    line = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F821,F823", "--output-format", "concise"]
    done = subprocess.run([*line, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_there_are_enough_and_each_has_a_name() -> None:
    assert len(MUTANTS) >= 60
    assert not [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    place, verdict = tmp_path / "kept.jsonl", Verdict(mutant=MUTANTS[0], promise="answers are true", seed=3, tried=4)
    assert Sittings(place).known(MUTANTS[0], 80) is None
    Sittings(place).keep(verdict, 80)
    Sittings(place).keep(Verdict(mutant=MUTANTS[1], senseless="it could not be held"), 80)
    again = Sittings(place)
    assert again.known(MUTANTS[0], 80) == verdict
    assert (again.known(MUTANTS[0], 81), again.known(MUTANTS[1], 80)) == (None, None)


def test_few_are_excused() -> None:
    assert sum(bool(mutant.survives) for mutant in MUTANTS) <= 0.05 * len(MUTANTS)


@pytest.mark.parametrize("name", SOME)
def test_a_bug_in_the_engine_is_caught(name: str, tmp_path: Path) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    verdict = tried(mutant, tmp_path, seeds=24)
    assert verdict.caught, verdict.senseless or "24 seeds saw nothing"
