"""The verifier stands alone: no code of Suture, nothing but the standard library and cryptography, short, and tidy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import verifier

FOLDER = Path(verifier.__file__).parent
#: The checker of evidence files stands on it, as a package of its own.
BESIDE = FOLDER.parent / "verifier_of_evidence"
MODULES = sorted(FOLDER.rglob("*.py"))
LINES_MOST, FUNCTION_LINES = 999, 40


def imported(path: Path) -> Iterator[str]:
    """The packages that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports name their package"
            yield (node.module or "").partition(".")[0]


def test_it_imports_the_standard_library_and_cryptography_only() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography", "verifier"}
    assert {name for path in MODULES for name in imported(path)} <= allowed
    assert {name for path in BESIDE.rglob("*.py") for name in imported(path)} <= {*allowed, "verifier_of_evidence"}


def test_nothing_of_suture_is_loaded_when_it_runs() -> None:
    code = "import sys, verifier.__main__; print([name for name in sys.modules if name.split('.')[0] in ('suture', 'msgspec')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_it_can_be_read_in_an_hour() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in MODULES) <= LINES_MOST


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_it_is_tidy(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert (ast.get_docstring(tree) or "").split("\n\n")[0].rstrip()[-1:] in tuple(".:;"), "it says what it is in one sentence"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{node.name} is too long"
            assert node.returns is not None, f"{node.name} does not say what it returns"
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} is public and says nothing"
