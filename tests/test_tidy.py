"""The house rules that a machine can check: layers, docstrings, bans with their replacements, outer bounds of size."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "suture"

#: Who may import whom: a folder may import from its own level's folder and from lower levels.
LEVELS = {
    "__main__": 13,
    "model": 0,
    "extensions": 0,
    "journal": 1,
    "formats": 2,
    "transports": 3,
    "masters": 3,
    "systems": 4,
    "rules": 5,
    "processes": 6,
    "kpis": 6,
    "views": 7,
    "runtime": 8,
    "gateway": 9,
    "console": 10,
    "sandbox": 11,
    "cli": 12,
}

#: What is banned, where it is allowed all the same, and what to use instead.
BANS = {
    "print": ((), "return data; commands write through suture.cli.output"),
    "datetime.now": (("runtime/clock.py",), "take the time from runtime.clock"),
    "datetime.utcnow": ((), "take the time from runtime.clock"),
    "date.today": ((), "take the time from runtime.clock"),
    "time.time": ((), "take the time from runtime.clock"),
    "time.sleep": ((), "return and be called again; the shell sleeps"),
    "random": (("sandbox/",), "decisions have no chance; jitter comes from a hash"),
    "eval": ((), "write the code"),
    "exec": ((), "write the code"),
}
FUNCTION_LINES, FILE_LINES = 80, 600


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    """The path as people say it: runtime/decide.py."""
    return path.relative_to(PACKAGE).as_posix()


@pytest.fixture(scope="module", params=modules(), ids=name_of)
def module(request: pytest.FixtureRequest) -> tuple[Path, ast.Module]:
    """One module and its syntax tree."""
    return request.param, ast.parse(request.param.read_text("utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules of ours that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("suture."):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("suture."))


def test_the_river_flows_one_way(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    mine = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if mine == "__init__":
        return
    for imported in imports(tree):
        theirs = imported.split(".")[1]
        assert theirs == mine or LEVELS[theirs] < LEVELS[mine], f"{name_of(path)} imports {imported}, which lies downstream"


def test_it_says_what_it_is_in_one_sentence(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    first = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert first, f"{name_of(path)} has no docstring"
    assert first.rstrip()[-1] in ".?!", f"{name_of(path)}: the docstring's first paragraph is no sentence"


def test_banned_calls(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    for node in ast.walk(tree):
        for used in used_names(node):
            allowed, instead = BANS.get(used, (("",), ""))
            assert any(name_of(path).startswith(place) for place in allowed), f"{name_of(path)} uses {used}: {instead}"


def used_names(node: ast.AST) -> Iterator[str]:
    """The names among the banned ones that a node uses."""
    if isinstance(node, ast.Call):
        yield ast.unparse(node.func)
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def test_no_bare_except(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    bare = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not bare, f"{name_of(path)} catches everything at lines {bare}: name what you expect"


def test_model_knows_its_types(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    if path.parent.name != "model":
        return
    used = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "Any"]
    assert not used, f"{name_of(path)} uses Any at lines {used}: a document says what it holds"


def test_everything_is_typed_and_public_things_are_told(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = [one.arg for one in arguments if one.annotation is None and one.arg not in ("self", "cls")]
            lacking = untyped or ([] if node.returns is not None else ["return"])
            assert not lacking, f"{name_of(path)}: {node.name} lacks types ({', '.join(lacking)})"
    for public in tree.body:
        if isinstance(public, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not public.name.startswith("_"):
            assert ast.get_docstring(public), f"{name_of(path)}: {public.name} is public and says nothing"


def test_outer_bounds(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    if path.name.endswith("_codes.py"):
        return
    assert len(path.read_text("utf-8").splitlines()) <= FILE_LINES, f"{name_of(path)} is too long: find its seam"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{name_of(path)}: {node.name} has {lines} lines"


def test_exports_are_sorted(module: tuple[Path, ast.Module]) -> None:
    path, tree = module
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names = ast.literal_eval(node.value)
            shouted = lambda name: (not name.isupper(), not name[0].isupper(), name)  # noqa: E731  # ruff's own order
            assert list(names) == sorted(names, key=shouted), f"{name_of(path)}: __all__ is not sorted"


def test_names_say_something() -> None:
    vague = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not [name_of(path) for path in modules() if path.stem in vague or path.parent.name in vague]


def committed_texts() -> list[Path]:
    """Every text file of the project that is ours to word."""
    kinds = {".py", ".md", ".toml", ".sql", ".txt", ".svg", ".sh"}
    skipped = {".venv", ".live", ".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "build", "dist", "out"}
    return [path for path in ROOT.rglob("*") if path.suffix in kinds and skipped.isdisjoint(path.parts) and path.is_file()]


def test_the_project_speaks_of_itself_alone() -> None:
    machine = re.compile(r"(?<![\w.])/(wor" + r"k|roo" + r"t|far" + r"m)/")
    for path in committed_texts():
        found = machine.search(path.read_text("utf-8", "replace"))
        assert not found, f"{path.relative_to(ROOT)} names a path of one machine"


def test_the_changelog_begins_with_the_version() -> None:
    from suture import __version__

    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert [heading.split()[0] for heading in headings][:1] in (["Unreleased"], [__version__])
