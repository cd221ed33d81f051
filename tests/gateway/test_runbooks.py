"""Runbooks: one for each flow and each kind of exception, complete, published, and found where they are needed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from suture.cli import COMMANDS, application
from suture.extensions import found
from suture.gateway.governance.runbooks import ANY, RUNBOOKS, Runbook, index, page, runbook_for, runbook_of
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Case
from suture.processes import Process
from suture.runtime.mending import SAID
from suture.sandbox.simulator.drill import DRILLS
from tests.day import Day

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "runbooks"
EACH = pytest.mark.parametrize("runbook", RUNBOOKS.values(), ids=lambda runbook: runbook.name)
#: What raises an exception under a code of its own.
RAISES = ("Fault", "raise_case", "_raise", "_refuse", "refuse", "delivery_case", "open_about", "_park", "park")


def codes() -> Iterator[str]:
    """The codes of exceptions that stand in the source of processes, rules and runtime."""
    for folder in ("processes", "rules", "runtime", "gateway/events"):
        for path in (ROOT / "suture" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _codes(node)


def _codes(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func).rpartition(".")[2]
    words = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if name in RAISES:
        yield from [word for word in words if re.fullmatch(r"[a-z]+(_[a-z]+)+", word)][:1]
    if name == "Case":
        yield from (str(key.value.value) for key in call.keywords if key.arg == "reason" and isinstance(key.value, ast.Constant))


def test_every_exception_that_the_code_raises_has_a_runbook() -> None:
    raised = {*codes(), *SAID}
    assert len(raised) > 70, "the search has gone blind"
    assert {code for code in raised if runbook_of(code) is ANY} == set()


def test_no_runbook_is_for_what_nobody_raises() -> None:
    folders = [ROOT / "suture" / folder for folder in ("processes", "rules", "runtime", "model", "systems", "gateway/events")]
    source = "".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    named = {reason for each in RUNBOOKS.values() for reason in each.reasons}
    assert {reason for reason in named if f'"{reason.rstrip("*")}' not in source} == set()


def test_every_exception_of_a_day_has_one(day: Day) -> None:
    journal = open_journal(str(day.folder / "suture.db"), load_or_create_key(day.folder / "blobs.key"))
    raised = {row.event.data.reason for row in journal.read(0, 1_000_000) if isinstance(row.event.data, Case)}
    journal.close()
    assert raised
    assert {code for code in raised if runbook_of(code) is ANY} == set()


def test_every_flow_has_one() -> None:
    flows = found("suture.processes", "PROCESS", Process)
    assert {name for name in flows if runbook_for(name) is ANY} == set()
    assert {each.flow for each in RUNBOOKS.values() if each.flow} == set(flows)


def test_what_must_go_on_is_practised() -> None:
    practised = {each.drill: each.flow for each in RUNBOOKS.values() if each.drill}
    assert practised == {name: drill.flow for name, drill in DRILLS.items()}
    assert set(practised) == {"procurement", "receiving", "payment"}
    assert "suture simulate --drill payment" in (FOLDER / "flow-payment.md").read_text("utf-8")


def test_no_code_has_two() -> None:
    counted = Counter(reason for each in RUNBOOKS.values() for reason in each.reasons)
    assert [reason for reason, times in counted.items() if times > 1] == []


@EACH
def test_it_is_whole_and_published(runbook: Runbook) -> None:
    for part in (runbook.title, runbook.owner, runbook.means, runbook.never, runbook.escalate):
        assert len(part) > 1
    assert runbook.look
    assert runbook.do
    assert (FOLDER / f"{runbook.name}.md").read_text("utf-8") == page(runbook), "`make docs` writes it anew"
    assert f"({runbook.name}.md)" in index()


def test_the_commands_that_runbooks_name_exist() -> None:
    text = "".join(map(page, RUNBOOKS.values()))
    named = set(re.findall(r"suture ([a-z]+)", text))
    assert named <= {*COMMANDS, "tells"}, named - set(COMMANDS)
    assert (FOLDER / "README.md").read_text("utf-8") == index()


def test_the_command_shows_it_by_code_flow_or_name() -> None:
    def shown(*words: str, code: int = 0) -> str:
        outcome = CliRunner().invoke(application(["runbook"]), ["runbook", *words])
        assert outcome.exit_code == code, outcome.output
        return outcome.output

    assert "not what was ordered" in shown("over_receipt")
    assert "bank's channel" in shown("payment")
    assert "procurement suite" in shown("flow-procurement")
    assert "Runbooks" in shown()
    assert "no runbook" in shown("nonsense", code=1)
