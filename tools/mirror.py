"""The mirror: the sizes of our code beside those of the code that we admire; a look, not a gate."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]


def sources(folder: str) -> list[Path]:
    """The Python files below a folder."""
    return sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def branches(node: ast.AST) -> int:
    """Decisions in a function."""
    kinds = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.BoolOp, ast.match_case)
    return sum(isinstance(child, kinds) for child in ast.walk(node))


def percentile(values: list[int], share: float) -> int:
    """The value below which that share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Print the table."""
    files = sources("suture")
    found = [node for path in files for node in functions(path)]
    lines = [len(path.read_text("utf-8").splitlines()) for path in files]
    sizes, decisions = [length(node) for node in found], [branches(node) for node in found]
    public = [node for node in found if not node.name.startswith("_")]
    told = sum(ast.get_docstring(node) is not None for node in public)
    tests = sum(len(path.read_text("utf-8").splitlines()) for path in sources("tests"))
    table = Table(title="The mirror", title_justify="left", header_style="dim")
    for column in ("measure", "ours", "admired"):
        table.add_column(column, justify="left" if column == "measure" else "right")
    table.add_row("function, median lines", f"{median(sizes):.0f}", "4-9")
    table.add_row("function, 90th percentile", str(percentile(sizes, 0.9)), "24-36")
    table.add_row("function, longest", str(max(sizes)), "≤ 80")
    table.add_row("file, median lines", f"{median(lines):.0f}", "35-160")
    table.add_row("file, longest", str(max(lines)), "≤ 600")
    table.add_row("branches, 90th percentile", str(percentile(decisions, 0.9)), "≤ 5")
    table.add_row("public functions documented", f"{100 * told / len(public):.0f} %", "100 %")
    table.add_row("test lines per source line", f"{tests / sum(lines):.2f}", "≥ 1")
    table.add_row("files / functions / source lines", f"{len(files)} / {len(found)} / {sum(lines)}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
