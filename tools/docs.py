"""The documentation's derived parts: code blocks cut from real files, the catalogue, the schema of events, and the pictures
of the processes.

``python -m tools.docs`` writes them; with ``--check`` it only says what is stale, and exits with 1 if anything is.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from suture.extensions import found
from suture.gateway.events.asyncapi import asyncapi_text
from suture.gateway.governance import runbooks
from suture.gateway.governance.api_rules import LOCK, promise_text
from suture.gateway.operation import operations
from suture.processes import Process
from suture.views.event_schema import event_schema_text
from suture.views.events import MAJOR
from suture.views.picture import picture
from tools.catalogue import catalogue
from tools.event_catalogue import event_catalogue
from tools.expectations import expectations

ROOT = Path(__file__).resolve().parents[1]
CUT = re.compile(r"<!-- from (?P<file>\S+): (?P<symbol>\w+) -->\n```python\n(?P<code>.*?)^```\n", re.DOTALL | re.MULTILINE)


class NoSuchSymbol(LookupError):
    """A page cuts a symbol that its file does not have."""


def cut(path: Path, symbol: str) -> str:
    """The present source of a top-level assignment, function or class, decorators included; raises NoSuchSymbol."""
    source = path.read_text("utf-8")
    for node in ast.parse(source).body:
        if symbol in _names(node):
            decorated = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorated)])
            return "\n".join(source.splitlines()[first - 1 : node.end_lineno])
    raise NoSuchSymbol(f"{path.relative_to(ROOT)} has no {symbol}")


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def with_present_code(text: str) -> str:
    """A page with every marked code block as its file has it now."""

    def present(block: re.Match[str]) -> str:
        file, symbol = block["file"], block["symbol"]
        return f"<!-- from {file}: {symbol} -->\n```python\n{cut(ROOT / file, symbol)}\n```\n"

    return CUT.sub(present, text)


def derived() -> Iterator[tuple[Path, str]]:
    """Every file with derived content, and what it should hold now."""
    for page in pages():
        text = page.read_text("utf-8")
        if CUT.search(text):
            yield page, with_present_code(text)
    for process in found("suture.processes", "PROCESS", Process).values():
        if process.example is not None:
            yield ROOT / "docs" / "pictures" / "processes" / f"{process.name}.svg", picture(process)
    yield ROOT / "docs" / "catalogue.md", catalogue()
    yield ROOT / "docs" / "expectations.md", expectations()
    yield ROOT / "docs" / "event-catalogue.md", event_catalogue()
    yield ROOT / "docs" / "runbooks" / "README.md", runbooks.index()
    for runbook in runbooks.RUNBOOKS.values():
        yield ROOT / "docs" / "runbooks" / f"{runbook.name}.md", runbooks.page(runbook)
    yield ROOT / "docs" / "schema" / f"events-{MAJOR}.json", event_schema_text()
    promised = ROOT / "docs" / "schema" / f"asyncapi-{MAJOR}.json"
    # what would break those who listen is refused here, not written over what they were promised
    yield promised, asyncapi_text(promised.read_bytes() if promised.exists() else b"")
    calls = ROOT / "docs" / "schema" / LOCK
    yield calls, promise_text(operations().values(), calls.read_bytes() if calls.exists() else b"")


def pages() -> list[Path]:
    """The pages that people write."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def stale() -> dict[Path, str]:
    """The files that are not what they should be, and what they should hold."""
    return {path: text for path, text in derived() if not path.exists() or path.read_text("utf-8") != text}


def main(arguments: list[str]) -> int:
    """0 if nothing was stale, or everything has been written."""
    old = stale()
    for path, text in old.items():
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        sys.stdout.write(f"{'stale' if '--check' in arguments else 'written'}: {path.relative_to(ROOT)}\n")
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
