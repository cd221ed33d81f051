"""``suture check``: is the network file sound, and are all extensions?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suture.cli.output import JsonOption, console, write_json
from suture.extensions import found
from suture.formats import Format
from suture.model import Finding
from suture.processes import Process
from suture.runtime.checks import check as check_network
from suture.runtime.network import BadNetwork, Network, read_network
from suture.systems import System


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    network: Annotated[str, typer.Argument(metavar="[NETWORK.TOML]", help="The network file; without it only extensions.")] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Validate a network file and all extensions, and say what is wrong and how to mend it. Exit code 1 on errors.

    Examples:

      suture check network.toml

      suture check
    """
    findings = findings_of(network)
    if json:
        write_json(json, findings)
    if json != "-":
        for finding in findings:
            colour = "red" if finding.severity == "error" else "yellow"
            console.print(f"[{colour}]{finding.severity}[/{colour}] {finding}", soft_wrap=True)
        errors = sum(finding.severity == "error" for finding in findings)
        console.print(f"{errors} errors, {len(findings) - errors} warnings")
    raise typer.Exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def findings_of(path: str) -> tuple[Finding, ...]:
    """What is wrong with the file and the extensions."""
    try:
        read = read_network(Path(path)) if path else None
    except BadNetwork as bad:
        return bad.findings
    systems, formats = found("suture.systems", "SYSTEM", System), found("suture.formats", "FORMAT", Format)
    processes = found("suture.processes", "PROCESS", Process)
    return check_network(read, systems, formats, processes) if isinstance(read, Network) else ()
