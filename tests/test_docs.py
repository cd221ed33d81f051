"""Documentation that cannot rot: links resolve, code is cut from real files, commands exist and run, pages name what is there."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from suture.cli import application
from suture.cli.check import KINDS
from suture.cli.new import FOLDERS
from suture.extensions import found
from tests.day import Day
from tests.test_tidy import LEVELS
from tools import docs

ROOT = docs.ROOT
PAGES = docs.pages()
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?P<inline>[^)\s]+)\)|<img src=\"(?P<image>[^\"]+)\"")
COMMANDS = dict(typer.main.get_command(application()).commands)  # type: ignore[attr-defined]  # typer declares the base class
#: What takes long or for ever, or needs a counterpart that answers, is looked at, not run.
NOT_RUN = ("demo", "run", "reconcile", "relay", "console")
MAKE = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def told(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """What a link may point at in a page, as GitHub makes anchors of headings."""
    headings = re.findall(r"^#+ (.+)$", told(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def shell_lines(page: Path) -> list[list[str]]:
    """The commands in a page's shell blocks, in order, without what a comment says of them."""
    blocks = [
        match["body"] for match in FENCE.finditer(page.read_text("utf-8")) if match["language"] in ("sh", "bash", "console")
    ]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def quick(page: Path) -> list[list[str]]:
    """The commands that a test can run: those of the house that end soon."""
    lines = [words for words in shell_lines(page) if words[0] in ("suture", "python")]
    return [words for words in lines if words[1] not in NOT_RUN]


# -- links and pages


@every_page
def test_links_resolve(page: Path) -> None:
    for match in LINK.finditer(told(page)):
        target = match["inline"] or match["image"]
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {there.name} has no heading {anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = (match["inline"] or "" for match in LINK.finditer(told(page)))
        linked = {(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link and ".md" in link}
        waiting += linked - reached
    assert {page.relative_to(ROOT) for page in PAGES} - {page.relative_to(ROOT) for page in reached} == set()


def test_every_door_has_its_page() -> None:
    for kind in FOLDERS:
        page = ROOT / "docs" / "adding" / f"a-{kind.value}.md"
        assert page.exists(), f"suture new {kind.value} has no page"
        assert f"suture new {kind.value} " in page.read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_one_page_means_one_page(page: str) -> None:
    assert len((ROOT / page).read_text("utf-8").splitlines()) <= 110


# -- what is derived


def test_what_is_derived_is_up_to_date() -> None:
    stale = [path.relative_to(ROOT).as_posix() for path in docs.stale()]
    assert not stale, f"run `make docs`: {stale}"


def test_no_code_block_stands_without_its_source() -> None:
    for page in PAGES:
        blocks = [match for match in FENCE.finditer(page.read_text("utf-8")) if match["language"] == "python"]
        marked = docs.CUT.findall(page.read_text("utf-8"))
        assert len(blocks) == len(marked), f"{page.name} has Python that is not cut from a file"


@pytest.mark.parametrize("symbol", ["CONSTANT", "annotated", "function", "Class", "decorated"])
def test_a_symbol_is_cut_whole(symbol: str, tmp_path: Path) -> None:
    parts = {
        "CONSTANT": "CONSTANT = (\n    1,\n)",
        "annotated": "annotated: int = 2",
        "function": "def function() -> None:\n    return None",
        "Class": "class Class:\n    field = 1",
        "decorated": "@property\n@staticmethod\ndef decorated() -> None: ...",
    }
    file = tmp_path / "parts.py"
    file.write_text("\n\n\n".join(parts.values()) + "\n", "utf-8")
    assert docs.cut(file, symbol) == parts[symbol]


def test_a_symbol_that_is_gone_is_told() -> None:
    with pytest.raises(docs.NoSuchSymbol):
        docs.cut(ROOT / "suture" / "extensions.py", "no_such_symbol")


def test_a_changed_block_is_seen() -> None:
    page = (ROOT / "docs" / "adding" / "a-kpi.md").read_text("utf-8")
    assert docs.with_present_code(page) == page
    assert docs.with_present_code(page.replace('good="up"', 'good="down"')) == page


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_names_everything(kind: str) -> None:
    catalogue = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
    for name, value in found(*KINDS[kind]).items():
        assert f"`{name}`" in catalogue
        assert value.title.replace("|", "\\|") in catalogue


def test_the_catalogue_says_against_what_each_role_is_proven() -> None:
    catalogue = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
    assert "No packaged procurement suite exists" in catalogue
    for name, system in found(*KINDS["systems"]).items():
        said = catalogue.split(f"### `{name}`")[1].split("###")[0]
        assert ("our own twin only" in said) == (system.evidence == ("twin",))
        assert ("a product" in said) == ("real" in system.evidence)


# -- the architecture's folders


def folders_told() -> list[str]:
    return re.findall(r"^\| `(\w+)/` \|", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)


def test_the_architecture_lists_the_folders() -> None:
    real = {path.name for path in (ROOT / "suture").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert sorted(folders_told()) == sorted(real)


def test_the_folders_are_in_the_order_of_the_river() -> None:
    levels = [LEVELS[folder] for folder in folders_told()]
    assert levels == sorted(levels)


# -- commands


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example(name: str) -> None:
    said = COMMANDS[name].help or ""
    examples = said.partition("Examples:")[2]
    assert f"suture {name}" in examples


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_in_the_help_can_be_parsed(name: str) -> None:
    examples = (COMMANDS[name].help or "").partition("Examples:")[2]
    for line in examples.split("\n\n"):
        for command in filter(None, line.strip().split(" && ")):
            parse(shlex.split(command)[1:])


@every_page
def test_commands_in_pages_exist(page: Path) -> None:
    for words in shell_lines(page):
        match words[0]:
            case "suture":
                parse(words[1:])
            case "make":
                assert set(words[1:]) <= MAKE
            case "pytest":
                assert all((ROOT / word).exists() for word in words[1:] if word.startswith("tests"))
            case "python":
                assert words[1] == "-m"
                assert importlib.util.find_spec(words[2]) is not None
            case first:
                pytest.fail(f"{page.name} shows {first}: say how it is checked")


def parse(words: list[str]) -> None:
    """The command is known, and so are its options and the number of its arguments; raises click's UsageError."""
    name, *rest = words
    assert name in COMMANDS, f"there is no command {name}"
    COMMANDS[name].make_context(name, rest)


def test_an_unknown_option_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["show", "PO-1", "--no-such-option"])


@pytest.mark.parametrize("page", [page for page in PAGES if quick(page)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_quick_commands_in_pages_really_run(page: Path, day: Day, tmp_path: Path) -> None:
    shutil.copytree(day.folder, tmp_path / "day", ignore=shutil.ignore_patterns("exchange"))
    for first, *words in quick(page):
        module = ["-m", "suture"] if first == "suture" else []
        scaffold = ["--into", str(tmp_path)] if words[0] == "new" and words[1] != "network" else []
        done = subprocess.run(
            [sys.executable, *module, *words, *scaffold],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-1000:]}{done.stderr[-2000:]}"


def test_the_readme_shows_what_the_demo_prints(day: Day) -> None:
    excerpt = (ROOT / "README.md").read_text("utf-8").partition("<!-- excerpt of: suture demo -->")[2]
    block = FENCE.search(excerpt)
    assert block is not None
    told = [line for line in block["body"].splitlines() if line[:1].isalpha()]
    words = {re.sub(r" [\d,.…─]+.*", "", line).strip() for line in told}
    printed = re.sub(r" {2,}", " ", day.printed)
    missing = {line for line in words if re.sub(r" {2,}", " ", line) not in printed}
    assert not missing


# -- pictures


def test_pictures_are_for_light_and_dark_and_need_nothing_from_elsewhere() -> None:
    for path in sorted((ROOT / "docs" / "pictures").rglob("*.svg")):
        text = path.read_text("utf-8")
        assert "prefers-color-scheme: dark" in text
        assert "<title" in text
        assert not re.search(r"(href|src|url\()\s*=?\s*[\"']?https?:", text)


def test_the_tool_is_documented_by_the_makefile() -> None:
    assert "docs" in MAKE
    assert ast.get_docstring(ast.parse((ROOT / "tools" / "docs.py").read_text("utf-8")))
