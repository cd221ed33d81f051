"""The shape of what crosses the border as JSON Schema 2020-12: the documents' own schema without what is withheld."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from suture.model.schema import schema
from suture.views.events import CROSSING

_PREFIX = "#/$defs/"


def event_schema() -> dict[str, Any]:
    """The schema of the ``data`` of events, each type under ``$defs``; an event's ``dataschema`` ends with its name there."""
    whole: dict[str, Any] = schema()
    names = sorted(kind.__name__ for kind in CROSSING)
    shapes = {**whole["$defs"], **{kind.__name__: _narrowed(whole["$defs"][kind.__name__], CROSSING[kind]) for kind in CROSSING}}
    reached = _reached(names, shapes)
    return {
        "$schema": whole["$schema"],
        "title": "Documents in Suture events",
        "version": whole["version"],
        "oneOf": [{"$ref": _PREFIX + name} for name in names],
        "$defs": {name: shapes[name] for name in sorted(reached)},
    }


def event_schema_text() -> str:
    """The schema as text to publish."""
    return msgspec.json.format(msgspec.json.encode(event_schema(), order="sorted"), indent=1).decode() + "\n"


def _narrowed(shape: dict[str, Any], withheld: tuple[str, ...]) -> dict[str, Any]:
    kept = {name: field for name, field in shape["properties"].items() if name not in withheld}
    return {**shape, "properties": kept, "required": [name for name in shape["required"] if name not in withheld]}


def _reached(names: list[str], shapes: dict[str, Any]) -> set[str]:
    """These types and every one that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [reference.removeprefix(_PREFIX) for reference in _references(shapes[name])]
    return found


def _references(shape: object) -> Iterator[str]:
    if isinstance(shape, dict):
        if isinstance(reference := shape.get("$ref"), str):
            yield reference
        for part in shape.values():
            yield from _references(part)
    elif isinstance(shape, list):
        for part in shape:
            yield from _references(part)
