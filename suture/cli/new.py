"""``suture new``: a scaffold that passes conformance, to be filled with the real thing."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import suture
from suture.cli.output import console, fail
from suture.cli.scaffolds import SCAFFOLDS


class Kind(StrEnum):
    """What can be scaffolded."""

    SYSTEM = "system"
    FORMAT = "format"
    PROCESS = "process"
    KPI = "kpi"
    NETWORK = "network"


FOLDERS = {Kind.SYSTEM: "systems", Kind.FORMAT: "formats", Kind.PROCESS: "processes", Kind.KPI: "kpis"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(new)


def new(
    kind: Annotated[Kind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(help="Its name in lower_case; for a network the file's name.")],
    into: Annotated[str, typer.Option(metavar="DIR", help="Write here instead of into the package's own folder.")] = "",
) -> None:
    """Write one file that is found because it is in its folder, and passes its conformance suite as it stands.

    Examples:

      suture new system warehouse_soap

      suture new process recall --into plugins

      suture new network network.toml
    """
    target = _target(kind, name, into)
    if target.exists():
        fail(f"{target} exists", "choose another name, or edit the file that is there")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(SCAFFOLDS[kind.value].replace("NAME", target.stem).replace("TITLE", _title(target.stem)), "utf-8")
    console.print(f"{target} written\n{_next(kind, target, into)}", soft_wrap=True, markup=False)


def _target(kind: Kind, name: str, into: str) -> Path:
    if kind is Kind.NETWORK:
        return Path(into) / (name if name.endswith(".toml") else f"{name}.toml")
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        fail(f"{name!r} is no module name", "use lower-case letters, digits and underscores, like warehouse_soap")
    folder = Path(into) if into else Path(suture.__file__).parent / FOLDERS[kind]
    return folder / f"{name}.py"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _next(kind: Kind, target: Path, into: str) -> str:
    if kind is Kind.NETWORK:
        return f"next: fill in addresses and owners, then `suture check {target}` and `suture run {target}`"
    if not into:
        return f"next: read docs/adding/a-{kind.value}.md, then `pytest tests/conformance -k {target.stem}`"
    group = f'[project.entry-points."suture.{FOLDERS[kind]}"]'
    return f'next: declare it in your package: {group} {target.stem} = "PACKAGE.{target.stem}:{kind.value.upper()}"'
