"""The published schema is current, describes what is written, and does not break anybody unannounced."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from suture.model import DOCUMENTS, Document, encode
from suture.model.schema import SCHEMA_VERSION, Unversioned, compare, schema, snapshot, structs, unversioned
from tests.strategies import documents

ROOT = Path(__file__).resolve().parents[2]
CURRENT = schema()
MAJOR, _MINOR, _PATCH = map(int, SCHEMA_VERSION.split("."))
#: The next versions as semantic versioning counts them.
MINOR, PATCH = f"{MAJOR}.{_MINOR + 1}.0", f"{MAJOR}.{_MINOR}.{_PATCH + 1}"
STORED = ROOT / f"docs/schema/documents-{SCHEMA_VERSION.split('.', maxsplit=1)[0]}.json"


def test_the_stored_schema_is_current() -> None:
    """If it is not: raise SCHEMA_VERSION as the differences demand, and keep what ``snapshot(previous)`` returns."""
    stored = STORED.read_bytes()
    changes = compare(msgspec.json.decode(stored), CURRENT)
    assert not changes, "\n".join(map(str, changes))
    assert snapshot(stored) == stored, "only words or the version changed: write the snapshot anew"


def test_it_names_every_document_and_part() -> None:
    made = schema()
    assert made["version"] == SCHEMA_VERSION
    assert set(definitions(made)) == {kind.__name__ for kind in structs()}
    assert made["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in DOCUMENTS]


@given(documents())
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_what_the_schema_describes(document: Document) -> None:
    assert wrong(msgspec.json.decode(encode(document)), definitions(CURRENT)[type(document).__name__], CURRENT) == []


def definitions(of: Any) -> dict[str, Any]:
    found: dict[str, Any] = of["$defs"]
    return found


def wrong(value: Any, shape: Any, whole: Any, path: str = "$") -> list[str]:
    """What is wrong with ``value``: a reading of the dozen JSON Schema keywords that occur, independent of msgspec's."""
    if "$ref" in shape:
        return wrong(value, definitions(whole)[shape["$ref"].removeprefix("#/$defs/")], whole, path)
    if "anyOf" in shape:
        return [] if any(wrong(value, each, whole, path) == [] for each in shape["anyOf"]) else [f"{path}: none of anyOf"]
    found = [f"{path}: {keyword}" for keyword, holds in CHECKS.items() if keyword in shape and not holds(value, shape[keyword])]
    for name, part in value.items() if isinstance(value, dict) else ():
        inner = shape.get("properties", {}).get(name, shape.get("additionalProperties", {}))
        found += wrong(part, inner, whole, f"{path}.{name}")
    for place, part in enumerate(value if isinstance(value, list) else ()):
        found += wrong(part, shape.get("items", {}), whole, f"{path}[{place}]")
    return found


PYTHON = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
    "number": (int, float),
}
CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, name: isinstance(value, PYTHON[name]),
    "enum": lambda value, allowed: value in allowed,
    "required": lambda value, names: set(names) <= set(value),
    "minLength": lambda value, least: len(value) >= least,
    "maxLength": lambda value, most: len(value) <= most,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
}


def edited(change: Callable[[dict[str, Any]], object], version: str = SCHEMA_VERSION) -> dict[str, Any]:
    """The schema after somebody changed its definitions."""
    made = copy.deepcopy(schema())
    made["version"] = version
    change(definitions(made))
    return made


BREAKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "a document is gone": lambda defs: defs.pop("Item"),
    "a field is gone": lambda defs: defs["Item"]["properties"].pop("gtin"),
    "a new field is required": lambda defs: (
        defs["Item"]["properties"].update(brand={"type": "string"}),
        defs["Item"]["required"].append("brand"),
    ),
    "a field became required": lambda defs: defs["Item"]["required"].append("gtin"),
    "a field is no longer required": lambda defs: defs["Item"]["required"].remove("name"),
    "a type changed": lambda defs: defs["InvoiceLine"]["properties"]["number"].update(type="string"),
    "a default changed": lambda defs: defs["Supplier"]["properties"]["terms_days"].update(default=60),
    "a value is gone": lambda defs: defs["Place"]["properties"]["kind"]["enum"].remove("dock"),
    "a text must be shorter": lambda defs: defs["Item"]["properties"]["id"].update(maxLength=32),
    "a text must be longer": lambda defs: defs["Item"]["properties"]["id"].update(minLength=2),
    "a pattern changed": lambda defs: defs["Entity"]["properties"]["currency"].update(pattern="^[A-Z]{2}$"),
    "a limit is new": lambda defs: defs["InvoiceLine"]["properties"]["number"].update(minimum=1),
    "another part is meant": lambda defs: defs["InvoiceLine"]["properties"].update(price={"$ref": "#/$defs/Money"}),
    "nothing may be absent": lambda defs: defs["Supplier"]["properties"]["account"]["anyOf"].pop(0),
    "items are others": lambda defs: defs["Item"]["properties"]["substitutes"].update(items={"type": "integer"}),
}
COMPATIBLE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a document is new": lambda defs: defs.update(Recall={"type": "object", "properties": {}}),
    "an optional field is new": lambda defs: defs["Item"]["properties"].update(brand={"type": "string", "default": ""}),
    "a value is new": lambda defs: defs["Place"]["properties"]["kind"]["enum"].append("ward"),
    "a text may be longer": lambda defs: defs["Item"]["properties"]["id"].update(maxLength=128),
    "a text may be shorter": lambda defs: defs["Entity"]["properties"]["id"].update(minLength=0),
    "a pattern is gone": lambda defs: defs["Entity"]["properties"]["currency"].pop("pattern"),
    "something else may be said": lambda defs: defs["Supplier"]["properties"]["account"]["anyOf"].append({"type": "string"}),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_break_needs_a_new_major_version(name: str) -> None:
    broken = edited(BREAKING[name])
    assert "breaking" in {change.kind for change in compare(schema(), broken)}
    assert unversioned(schema(), broken)
    assert unversioned(schema(), {**broken, "version": MINOR})
    assert not unversioned(schema(), {**broken, "version": "2.0.0"})


@pytest.mark.parametrize("name", COMPATIBLE)
def test_something_new_needs_a_new_minor_version(name: str) -> None:
    grown = edited(COMPATIBLE[name])
    assert {change.kind for change in compare(schema(), grown)} == {"compatible"}
    assert unversioned(schema(), {**grown, "version": PATCH})
    assert not unversioned(schema(), {**grown, "version": MINOR})


def test_words_change_nothing() -> None:
    assert compare(schema(), edited(lambda defs: defs["Item"].update(description="A thing."))) == ()


def test_a_change_is_found_where_it_is() -> None:
    (change,) = compare(schema(), edited(lambda defs: defs["Place"]["properties"]["kind"]["enum"].remove("dock")))
    assert str(change) == "breaking /$defs/Place/properties/kind/enum/dock: is no longer allowed"


def test_a_snapshot_is_refused_when_its_version_hides_a_break() -> None:
    before = edited(lambda defs: defs["Item"]["properties"].update(colour={"type": "string", "default": ""}))
    with pytest.raises(Unversioned, match="colour: the field is gone"):
        snapshot(msgspec.json.encode(before))
