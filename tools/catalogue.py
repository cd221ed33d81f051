"""The catalogue page: every system, format, process and KPI, told from what each says of itself."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator

from suture.extensions import found
from suture.formats import Format, formats
from suture.gateway.governance.vendor_rules import rhythm
from suture.gateway.operation import Operation, operations
from suture.kpis import Kpi
from suture.model import DOCUMENTS, Document
from suture.processes import Process
from suture.systems import Platform, System

EVIDENCE = {"real": "a product", "simulator": "somebody else's simulator", "twin": "our own twin only"}
ROLES = {
    "erp": "ERP",
    "procurement": "procurement suite",
    "inventory": "inventory",
    "supplier": "suppliers",
    "ap": "AP automation",
    "bank": "bank",
    "ehr": "EHR",
}

HEAD = """# Catalogue

This page is generated from what is found in the folders, by `make docs`. Do not edit it.

## Proven against what

A connector is as good as what it was tried against. *A product* is the vendor's own software, installed and run (`make live`).
*Somebody else's simulator* is one that nobody here wrote (`make live`). *Our own twin* is part of the sandbox: written by
those who wrote the connector, it shares their misunderstandings (`make demo`).
"""

PROCUREMENT = """
No packaged procurement suite exists to prove a connector against, so that role is proven against our own twin only. Where a row
has nothing in its first two columns, the same is true of that role: nobody else's software has been asked yet.
"""

CLASSES = """
After a timeout, the class of the operation says what is done. `key` sends again under the same idempotency key. `lookup` searches
by our reference first. `readback` reads the state and sends the difference. `statement` waits for the report that will tell.
`none` asks a person.
"""


def catalogue() -> str:
    """The whole page as Markdown."""
    systems = found("suture.systems", "SYSTEM", System).values()
    processes = found("suture.processes", "PROCESS", Process).values()
    parts = [
        HEAD,
        *_proven(systems),
        PROCUREMENT,
        "\n## Systems\n" + CLASSES,
        *(_system(system) for system in systems),
        "\n## Formats\n\n",
        *_formats(formats().values()),
        "\n## Processes\n",
        *(_process(process) for process in processes),
        "\n## KPIs\n\n",
        *_kpis(found("suture.kpis", "KPI", Kpi).values()),
        "\n## Operations\n\n",
        *_operations(operations().values()),
    ]
    return "".join(parts)


def _proven(systems: Iterable[System]) -> Iterator[str]:
    yield "\n" + _row("role", *EVIDENCE.values()) + _row(*["---"] * 4)
    known = list(systems)
    for role in dict.fromkeys([*ROLES, *(system.role for system in known)]):
        cells = (_code(system.name for system in known if system.role == role and _best(system) == grade) for grade in EVIDENCE)
        yield _row(ROLES.get(role, role), *cells)


def _best(system: System) -> str:
    return next(grade for grade in EVIDENCE if grade in system.evidence)


def _system(system: System) -> str:
    ways = [
        *(f"{channel.transport} channel `{channel.name}` (`{channel.format}`)" for channel in system.channels),
        *(f"poll `{poll.name}` every {poll.every_s:g} s (`{poll.format}`)" for poll in system.polls),
    ]
    accepts = [f"{kind.__name__} `{operation.outcome}`" for kind, operation in system.accepts.items()]
    lines = {
        "Role": ROLES.get(system.role, system.role),
        "Proven against": ", ".join(EVIDENCE[grade] for grade in system.evidence),
        "Accepts": ", ".join(accepts) or "nothing",
        "Ways in": ", ".join(ways) or "none: it is only called",
        "Sends": _names(system.emits) if system.emits else "whatever its formats read" if ways else "nothing",
        "Lists to compare with": ", ".join(listing.name for listing in system.lists) or "none",
        "Its own codes for": ", ".join(system.codes) or "nothing",
        "Bounds": f"{system.rate_per_s:g} calls a second, {system.concurrency} at once, {system.timeout_s:g} s to answer",
        "Vendor": _vendor(system.platform),
        "Notes": system.notes,
    }
    return f"\n### `{system.name}`: {system.title}\n\n{_list(lines)}"


def _vendor(platform: Platform) -> str:
    """When it releases, and what it takes at most; what it does not say is left to the instance."""
    months = f"releases each {rhythm(platform)}" if platform.months else "no calendar that holds for all"
    limits = {"calls a second": platform.per_s, "calls a day": platform.per_day, "calls at once": platform.at_once}
    named = [f"{value:,g} {what}" for what, value in limits.items() if value]
    source = f" ({platform.source})" if platform.source else ""
    return f"{months}; {'at most ' + ', '.join(named) if named else 'no limit that it publishes'}{source}"


def _formats(known: Iterable[Format]) -> Iterator[str]:
    yield _row("format", "standard", "reads", "writes", "acknowledges", "samples") + _row(*["---"] * 6)
    for format in known:
        name = f"`{format.name}` {format.title}"
        acknowledges = "yes" if format.acknowledge else "no"
        yield _row(name, format.standard, _kinds(format.reads), _kinds(format.writes), acknowledges, str(len(format.samples)))


def _kinds(kinds: Iterable[type[Document]]) -> str:
    named = list(kinds)
    return "every document" if set(named) >= set(DOCUMENTS.values()) else _names(named) or "nothing"


def _process(process: Process) -> str:
    assert process.example is not None
    steps = process.example.steps
    module = inspect.getdoc(importlib.import_module(process.key.__module__)) or ""
    keys = next((process.key(step.given) for step in steps if process.key(step.given)), ())
    lines = {
        "What": module.split("\n\n")[0].replace("\n", " ") if process.key.__module__.endswith(process.name) else "",
        "Key": f"such as `{keys[0]}`" if keys else "",
        "Hears": _names(process.on),
        "Says in its example": ", ".join(dict.fromkeys(effect for step in steps for effect in step.effects)) or "nothing",
        "Phases": ", ".join(phase.replace("_", " ") for phase in process.phases),
        "What undoes it": "".join(f"\n  - {phase.replace('_', ' ')}: {text}" for phase, text in process.compensation.items()),
        "Owner": process.owner.replace("_", " "),
        "Criticality": process.criticality,
        "Example": process.example.text,
    }
    image = f"\n![{process.title}](pictures/processes/{process.name}.svg)\n"
    return f"\n### `{process.name}`: {process.title}\n\n{_list(lines)}{image}"


def _kpis(known: Iterable[Kpi]) -> Iterator[str]:
    yield _row("KPI", "unit", "good", "target", "definition", "owner") + _row(*["---"] * 6)
    for kpi in known:
        yield _row(f"`{kpi.name}` {kpi.title}", kpi.unit, kpi.good, str(kpi.target), kpi.definition, kpi.owner)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _list(lines: dict[str, str]) -> str:
    return "".join(f"- **{name}**: {text}\n" for name, text in lines.items() if text)


def _names(kinds: Iterable[type[Document]]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _operations(known: Iterable[Operation]) -> Iterator[str]:
    yield _row("operation", "call", "permission", "data", "answers within", "rests on", "owner", "state") + _row(*["---"] * 8)
    for each in known:
        call = f"`{each.method} {each.address}`"
        state = each.state + (f" until {each.sunset_on}" if each.sunset_on else "")
        facts = (
            f"`{each.permission}`",
            each.data_class,
            f"{each.latency_ms} ms",
            _code(each.rests_on),
            each.owner.replace("_", " "),
        )
        yield _row(f"`{each.name}` {each.title}", call, *facts, state)
