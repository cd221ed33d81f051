"""What the gateway tells of itself: the contract, a page for people, and a catalogue with who uses what, each for its reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import msgspec

from suture.gateway.openapi import codes, document
from suture.gateway.operation import Operation
from suture.gateway.problem import FAULTS
from suture.gateway.usage import Usage

_encode = msgspec.json.Encoder(decimal_format="string").encode
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f3f3f3;overflow:auto}pre{padding:.75rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}
h2{margin-top:2.5rem}"""


def contract(operations: Iterable[Operation], server: str) -> tuple[str, bytes]:
    """OpenAPI 3.1: media type and body."""
    return "application/json", document(operations, server)


def catalogue(operations: Iterable[Operation], usage: Usage) -> tuple[str, bytes]:
    """Every operation with what it promises, and how often each consumer called it since this process began."""
    used = usage.by_consumer()
    rows = [{**_entry(each), "calls": used.get(f"{each.name} v{each.version}", {})} for each in operations]
    return "application/json", _encode({"operations": rows})


def _entry(operation: Operation) -> Mapping[str, object]:
    return {
        "name": operation.name,
        "title": operation.title,
        "method": operation.method,
        "address": operation.address,
        "version": operation.version,
        "state": operation.state,
        "sunset": operation.sunset_on,
        "owner": operation.owner,
        "permission": operation.permission,
        "dataClass": operation.data_class,
        "quotaClass": operation.quota,
        "latencyTargetMs": operation.latency_ms,
        "criticality": operation.criticality,
        "restsOn": operation.rests_on,
    }


def page(operations: Iterable[Operation]) -> tuple[str, bytes]:
    """The documentation as one page without scripts."""
    parts = [_section(operation) for operation in sorted(operations, key=lambda each: (each.layer, each.address, each.method))]
    body = f"<h1>Operations</h1><p>The same as OpenAPI: <a href='/openapi.json'>openapi.json</a></p>{''.join(parts)}{_problems()}"
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Operations</title><style>{_STYLE}</style>"
    return "text/html; charset=utf-8", f"{head}<main>{body}</main>".encode()


def _section(operation: Operation) -> str:
    facts = {
        "State": operation.state + (f", ends {operation.sunset_on}" if operation.sunset_on else ""),
        "Permission": operation.permission,
        "Owner": operation.owner,
        "Class of data": operation.data_class,
        "Answers within": f"{operation.latency_ms} ms",
        "Rests on": ", ".join(operation.rests_on) or "nothing",
        "Problems": ", ".join(codes(operation)),
    }
    rows = "".join(f"<tr><th>{escape(name)}<td>{escape(said)}" for name, said in facts.items())
    shown = "".join(_example(operation, number) for number in range(len(operation.examples)))
    return (
        f"<h2 id='{escape(operation.name)}'>{escape(operation.title)}</h2><p><code>{operation.method} "
        f"{escape(operation.address)}</code><p>{escape(operation.text)}<table>{rows}</table>{shown}"
    )


def _example(operation: Operation, number: int) -> str:
    example = operation.examples[number]
    said = [each for each in (example.document, example.answer) if each is not None]
    blocks = [msgspec.json.format(_encode(each), indent=2).decode() for each in said]
    return "".join(f"<pre>{escape(block)}</pre>" for block in blocks)


def _problems() -> str:
    rows = "".join(
        f"<tr><td><code>{code}</code><td>{fault.status}<td>{fault.of}<td>{escape(fault.title)}<td>{escape(fault.action)}"
        for code, fault in FAULTS.items()
    )
    return f"<h2>Problems</h2><table><tr><th>Code<th>Status<th>Class<th>Meaning<th>What to do{rows}</table>"
