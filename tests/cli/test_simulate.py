"""``suture simulate``: figures, faults, violations with their seed, and the story of one seed."""

from __future__ import annotations

import json

import pytest

from suture.cli import main
from suture.cli import simulate as command
from suture.sandbox.simulator.invariants import Violation


def run(*arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as end:
        main(["simulate", *arguments])
    return int(end.value.code or 0)


def test_the_report_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--seeds", "2", "--seed", "4", "--json", "-") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["seeds"], report["seed"], report["violations"]) == (2, 5, [])
    assert report["crash_points"] > 2 * report["commits"] > 0
    promised = {"seed", "state_hash", "documents", "crash_points", "faults", "violations", "hospital_days", "cpu_seconds"}
    assert promised <= report.keys()
    assert report["faults"]["policy change"]["injected"] >= report["faults"]["policy change"]["survived"] > 0
    assert report["documents_per_cpu_hour"] > 100_000
    assert len(report["state_hash"]) == 64


def test_the_table_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--seeds", "1", "--seed", "3", "--minutes", "1") == 0
    said = capsys.readouterr().out
    assert "Faults injected and survived" in said
    assert "write in doubt" in said
    assert "Every promise held" in said


def test_the_story_of_one_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--seed", "3", "--trace") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("seed 3: a bad disk")
    assert any("!! write in doubt" in line for line in said)
    assert said[-1].startswith("0 promises broken")


def test_a_broken_promise_names_its_seed_and_the_faults_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suture.sandbox.simulator.run.violations", lambda world: [Violation("nothing is lost", "PO-1 is")])
    monkeypatch.setattr(command, "shrunk", lambda plan, outcome: plan)
    assert run("--seeds", "1", "--seed", "6") == 1
    said = capsys.readouterr().out
    assert "suture simulate --seed 6 --trace" in said
    assert "nothing is lost: PO-1 is" in said
    assert "it needs" in said
