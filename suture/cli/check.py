"""``suture check``: is the network file sound, and is everything owned, versioned, classed, named, compatible and fit?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import suture
from suture.cli.access import findings_of as duties
from suture.cli.output import JsonOption, console, counted, write_json
from suture.extensions import found
from suture.formats import Format, Profile
from suture.gateway.access import BadAccess, read_access
from suture.gateway.governance.flow_rules import flow_findings, retiring, routing_findings
from suture.gateway.governance.linter import lint, policy_findings
from suture.gateway.governance.vendor_rules import vendor_findings
from suture.gateway.identity import BadIdentity
from suture.gateway.operation import Operation
from suture.kpis import Kpi
from suture.model import Finding, Policy
from suture.processes import Process
from suture.runtime.checks import check as check_network
from suture.runtime.clock import SystemClock
from suture.runtime.network import BadNetwork, Network, read_network
from suture.systems import System

#: Every kind of extension: its folder, what it is called there, and its type.
KINDS: Mapping[str, tuple[str, str, type[Any]]] = {
    "systems": ("suture.systems", "SYSTEM", System),
    "formats": ("suture.formats", "FORMAT", Format),
    "processes": ("suture.processes", "PROCESS", Process),
    "kpis": ("suture.kpis", "KPI", Kpi),
    "operations": ("suture.gateway.operations", "OPERATION", Operation),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    network: Annotated[str, typer.Argument(metavar="[NETWORK.TOML]", help="The network file; without it only extensions.")] = "",
    published: Annotated[
        str, typer.Option(metavar="DIR", help="Where what was promised lies; docs/schema of a checkout by itself.")
    ] = "",
    json: Annotated[str, JsonOption] = "",
) -> None:
    """Validate a network file, its policies and all extensions: APIs, events, documents, mappings, flows; say how to mend it.

    Refused is what nobody answers for, has no version, class or criticality, breaks what was promised, or runs in a pattern that
    violates its class. Exit code 1 on errors; warnings are told and let pass.

    Examples:

      suture check network.toml

      suture check
    """
    known, findings = extensions()
    findings += () if findings else findings_of(network, known)
    if len(known) == len(KINDS):
        lock = Path(published) if published else promised()
        findings += lint(known["operations"].values(), known["systems"], known["formats"], known["processes"], None, lock)
    wrong = sum(finding.severity == "error" for finding in findings)
    if json:
        write_json(json, findings)
    if json != "-":
        for finding in findings:
            colour = "red" if finding.severity == "error" else "yellow"
            console.print(f"[{colour}]{finding.severity}[/{colour}] ", end="")
            console.print(str(finding), soft_wrap=True, markup=False)
        checked = [*([network] if network else []), *(f"{len(values)} {kind}" for kind, values in known.items())]
        console.print(f"checked {', '.join(checked)}", soft_wrap=True, markup=False)
        console.print(f"{counted(wrong, 'error')}, {counted(len(findings) - wrong, 'warning')}")
    raise typer.Exit(1 if wrong else 0)


def promised() -> Path | None:
    """Where a checkout keeps what was promised; None where the package was installed without it."""
    folder = Path(suture.__file__).parents[1] / "docs" / "schema"
    return folder if folder.is_dir() else None


def extensions() -> tuple[dict[str, dict[str, Any]], tuple[Finding, ...]]:
    """Every extension by kind and name, and what is wrong with those that cannot be used."""
    known: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for kind, (folder, attribute, of) in KINDS.items():
        try:
            known[kind] = found(folder, attribute, of)
        except (ImportError, TypeError) as error:
            findings.append(Finding(code="bad_extension", path=folder, text=str(error)))
    return known, tuple(findings)


def findings_of(path: str, known: Mapping[str, Mapping[str, Any]]) -> tuple[Finding, ...]:
    """What is wrong with the file, its policies and its flows; nothing if none is named. Whoever runs it is refused as well."""
    try:
        read = read_network(Path(path)) if path else None
    except BadNetwork as bad:
        return bad.findings
    if not isinstance(read, Network):
        return ()
    policies = _policies(Path(path).parent / read.masters, known["formats"]["json"]) if read.masters else []
    return (
        *access_findings(Path(path).parent),
        *check_network(read, known["systems"], known["formats"], known["processes"]),
        *flow_findings(read, known["systems"], known["processes"]),
        *retiring(read, today := SystemClock().now().date()),
        *vendor_findings(read, known["systems"], today),
        *policy_findings(policies),
        *routing_findings(read, policies),
    )


def access_findings(folder: Path) -> tuple[Finding, ...]:
    """What is wrong with access.toml and identity.toml beside a network file, and who would hold duties that belong apart."""
    try:
        return duties(folder, read_access(folder / "access.toml"))
    except (BadAccess, BadIdentity) as bad:
        return bad.findings


def _policies(folder: Path, format: Format) -> list[Policy]:
    """The policies among the master data; what cannot be read is told when it is published."""
    files = sorted(path for path in folder.glob("*.json*") if path.is_file()) if folder.is_dir() else []
    documents = (document for path in files for document in format.read(path.read_bytes(), Profile()).documents)
    return [document for document in documents if isinstance(document, Policy)]
