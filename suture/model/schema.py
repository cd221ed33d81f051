"""The shape of every document as JSON Schema 2020-12, and what a change of it means to those who depend on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal, cast

import msgspec
from msgspec import Struct, inspect

from suture.model.wire import DOCUMENTS

#: Major: somebody who speaks to us or listens to us must change. Minor: something new may be said. Patch: words only.
SCHEMA_VERSION = "1.6.0"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = Mapping[str, object]

#: Keywords that say nothing about which documents are valid or what they mean.
_WORDS = frozenset({"title", "description", "examples", "$comment", "$schema", "$id", "version", "$defs"})
#: Keywords whose smaller value allows less, and those whose greater value allows less.
_CEILINGS = frozenset({"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"})
_FLOORS = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"})
_CHOICES = ("anyOf", "oneOf")


class Change(Struct, frozen=True):
    """One difference between two schemas: where (JSON Pointer), what, and whether it breaks somebody."""

    path: str
    kind: Literal["compatible", "breaking"]
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}: {self.text}"


class Unversioned(ValueError):
    """A change of the schema whose version number does not say so."""


def structs() -> tuple[type[Struct], ...]:
    """Every Struct that documents are made of, the documents first."""
    found: dict[type[Struct], None] = dict.fromkeys(DOCUMENTS.values())
    for kind in DOCUMENTS.values():
        found.update(
            dict.fromkeys(part.cls for part in parts_of(inspect.type_info(kind)) if isinstance(part, inspect.StructType))
        )
    return tuple(found)


@cache
def field_names(kind: type[inspect.Type]) -> frozenset[str]:
    """The names of all fields of all Structs that hold a ``kind``: a decimal, an instant, a mapping of the sender's own."""
    infos = [cast(inspect.StructType, inspect.type_info(made)) for made in structs()]
    return frozenset(
        field.name for info in infos for field in info.fields if any(isinstance(part, kind) for part in _held(field.type))
    )


def parts_of(kind: inspect.Type) -> Iterator[inspect.Type]:
    """``kind`` and all that it is made of, Structs looked into."""
    yield kind
    inner = [field.type for field in kind.fields] if isinstance(kind, inspect.StructType) else _inner(kind)
    for part in inner:
        yield from parts_of(part)


def _held(kind: inspect.Type) -> Iterator[inspect.Type]:
    """``kind`` and what it is made of, without looking into Structs."""
    yield kind
    for part in _inner(kind):
        yield from _held(part)


def _inner(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    match kind:
        case inspect.Metadata():
            return (kind.type,)
        case inspect.UnionType():
            return kind.types
        case inspect.VarTupleType():
            return (kind.item_type,)
    return ()


def schema() -> dict[str, object]:
    """The JSON Schema of any document, its types under ``$defs``, with ``version`` beside them."""
    references, types = msgspec.json.schema_components(DOCUMENTS.values(), ref_template="#/$defs/{name}")
    made = {
        "$schema": _DIALECT,
        "title": "Suture documents",
        "version": SCHEMA_VERSION,
        "oneOf": references,
        "$defs": types,
    }
    return cast("dict[str, object]", msgspec.json.decode(msgspec.json.encode(made)))


def snapshot(previous: bytes = b"") -> bytes:
    """The schema as text to keep; raises Unversioned if it changed since ``previous`` and its version does not say so."""
    current = schema()
    if previous:
        wrong = unversioned(msgspec.json.decode(previous), current)
        if wrong:
            raise Unversioned("; ".join(map(str, wrong)))
    return msgspec.json.format(msgspec.json.encode(current, order="sorted"), indent=1) + b"\n"


def unversioned(old: Schema, new: Schema) -> tuple[Change, ...]:
    """The changes that the step from the old version number to the new one does not cover (semantic versioning)."""
    (was_major, was_minor), (major, minor) = (_version(each) for each in (old, new))
    if major > was_major:
        return ()
    grown = (major, minor) > (was_major, was_minor)
    return tuple(change for change in compare(old, new) if change.kind == "breaking" or not grown)


def _version(of: Schema) -> tuple[int, int]:
    major, minor, _ = str(of["version"]).split(".")
    return int(major), int(minor)


def compare(old: Schema, new: Schema) -> tuple[Change, ...]:
    """Every difference between two schemas as ``schema`` makes them.

    Breaking: a document or field is gone, a field became required (or no longer is: readers relied on it), a type, default or
    pattern is another, fewer values are allowed. Compatible: a document or optional field is new, more values are allowed;
    whoever reads our documents is told to expect that.
    """
    return tuple(_differences(old, new, ""))


def _differences(old: Schema, new: Schema, path: str) -> Iterator[Change]:
    for name in sorted((set(old) | set(new)) - _WORDS):
        was, now, here = old.get(name), new.get(name), f"{path}/{name}"
        if name == "properties":
            yield from _members(was, now, here, "field", new.get("required"))
        elif name == "required":
            yield from _required(_names(was), _names(now), path, old, new)
        elif name == "enum":
            yield from _values(_names(was), _names(now), here)
        elif name in _CHOICES:
            yield from _values(_kinds(was), _kinds(now), here)
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _differences(was, now, here)
        elif was != now:
            yield Change(here, "breaking" if _tighter(name, was, now) else "compatible", f"{was!r} became {now!r}")
    if "$defs" in old or "$defs" in new:
        yield from _members(old.get("$defs"), new.get("$defs"), f"{path}/$defs", "type", ())


def _members(old: object, new: object, path: str, what: str, required: object) -> Iterator[Change]:
    was, now = _mapping(old), _mapping(new)
    for name in sorted(set(was) | set(now)):
        here = f"{path}/{name}"
        if name not in now:
            yield Change(here, "breaking", f"the {what} is gone")
        elif name not in was:
            yield Change(here, "breaking" if name in _names(required) else "compatible", f"a new {what}")
        else:
            yield from _differences(_mapping(was[name]), _mapping(now[name]), here)


def _required(was: frozenset[str], now: frozenset[str], path: str, old: Schema, new: Schema) -> Iterator[Change]:
    known = set(_mapping(old.get("properties"))) & set(_mapping(new.get("properties")))
    for name in sorted((was ^ now) & known):
        yield Change(f"{path}/required/{name}", "breaking", "became required" if name in now else "is no longer always there")


def _values(was: frozenset[str], now: frozenset[str], path: str) -> Iterator[Change]:
    yield from (Change(f"{path}/{value}", "breaking", "is no longer allowed") for value in sorted(was - now))
    yield from (Change(f"{path}/{value}", "compatible", "is allowed, too") for value in sorted(now - was))


def _tighter(name: str, was: object, now: object) -> bool:
    """Whether a changed keyword allows less than before, or something else."""
    if isinstance(was, (int, float)) and isinstance(now, (int, float)):
        return now < was if name in _CEILINGS else now > was if name in _FLOORS else True
    return now is not None or name not in (_CEILINGS | _FLOORS | {"pattern"})


def _mapping(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _names(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, (list, tuple)) else frozenset()


def _kinds(value: object) -> frozenset[str]:
    """Alternatives by the whole of what they say, so that a changed one is one gone and one new."""
    return (
        frozenset(msgspec.json.encode(each, order="sorted").decode() for each in value)
        if isinstance(value, list)
        else frozenset()
    )
