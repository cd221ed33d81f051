"""What ``suture new`` writes is finished work: it passes every gate of the house as it stands.

The files are written into folders beside the package's own, and those folders are added to where extensions are looked for;
so the conformance suites find them as they find everything else.
"""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from suture.cli import main
from suture.cli.new import FOLDERS
from tests import test_tidy

ROOT = Path(__file__).resolve().parents[1]
KINDS = {kind.value: folder for kind, folder in FOLDERS.items()}
#: A pytest plugin that lets discovery look into the folders beside it, too.
PLUGIN = """
from importlib import import_module
from pathlib import Path

for folder in ("systems", "formats", "processes", "kpis"):
    import_module(f"suture.{folder}").__path__.append(str(Path(__file__).parent / folder))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one fresh scaffold of each kind, laid out as the package is."""
    root = tmp_path_factory.mktemp("scaffolds")
    for kind, folder in KINDS.items():
        with pytest.raises(SystemExit) as left:
            main(["new", kind, f"sample_{kind}", "--into", str(root / folder)])
        assert left.value.code == 0
    (root / "beside.py").write_text(PLUGIN, "utf-8")
    return root


def written(package: Path) -> list[Path]:
    return [package / folder / f"sample_{kind}.py" for kind, folder in KINDS.items()]


def run(*command: object, **environment: str) -> str:
    """The output of a tool of the house, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ruff_has_nothing_to_say(package: Path) -> None:
    settings = ("--config", ROOT / "pyproject.toml")
    run("ruff", "check", *settings, *written(package))
    run("ruff", "format", "--check", *settings, *written(package))


def test_the_types_hold(package: Path) -> None:
    run("mypy", "--strict", "--config-file", ROOT / "pyproject.toml", *written(package))


def tidy_rules() -> list[Callable[..., None]]:
    """The rules of the house that look at one module."""
    rules = [value for name, value in vars(test_tidy).items() if name.startswith("test_")]
    return [rule for rule in rules if "module" in inspect.signature(rule).parameters]


@pytest.mark.parametrize("rule", tidy_rules(), ids=lambda rule: rule.__name__)
def test_it_is_tidy(package: Path, rule: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_tidy, "PACKAGE", package)
    for path in written(package):
        rule((path, ast.parse(path.read_text("utf-8"))))


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_its_conformance_suite(package: Path, kind: str) -> None:
    suite = ROOT / "tests" / "conformance" / f"test_{KINDS[kind]}.py"
    if not suite.exists():
        pytest.skip(f"there is no conformance suite of {KINDS[kind]}")
    only = ("-k", f"sample_{kind}", "-p", "no:cacheprovider", "-p", "beside", "-o", "addopts=--strict-markers")
    said = run("pytest", *only, suite, PYTHONPATH=str(package))
    assert " passed" in said, f"nothing was tested: {said}"


def test_a_network_scaffold_can_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["new", "network", "north", "--into", str(tmp_path)], ["check", str(tmp_path / "north.toml")]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Warehouse", "with-dash", "../escape", "", "a"])
def test_a_name_must_be_a_module_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(["new", "system", name, "--into", str(tmp_path)])
    assert left.value.code == 2
    assert not list(tmp_path.rglob("*.py"))


def test_nothing_is_overwritten(package: Path) -> None:
    before = written(package)[0].read_bytes()
    with pytest.raises(SystemExit) as left:
        main(["new", "system", "sample_system", "--into", str(package / "systems")])
    assert left.value.code == 2
    assert written(package)[0].read_bytes() == before
