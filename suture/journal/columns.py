"""Columns of values as PostgreSQL takes arrays in binary: a commit says up to sixty of them, each packed in one go.

The driver packs a list through a dozen calls and each value through several: two fifths of all calls that a message took.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

#: How many dimensions, whether there are nulls, the elements' type; and of the one dimension its size and where it begins.
_EMPTY, _HEAD = struct.Struct("!iiI"), struct.Struct("!iiIii")
_LENGTH = struct.Struct("!i")


class Texts(bytes):
    """A packed ``text[]``."""


class Bigints(bytes):
    """A packed ``bigint[]``."""


class Integers(bytes):
    """A packed ``integer[]``."""


class Byteas(bytes):
    """A packed ``bytea[]``."""


class _Packed(Dumper):
    """What is packed already goes as it is."""

    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class _TextsDumper(_Packed):
    oid = 1009


class _BigintsDumper(_Packed):
    oid = 1016


class _IntegersDumper(_Packed):
    oid = 1007


class _ByteasDumper(_Packed):
    oid = 1001


_DUMPERS: dict[type, type[Dumper]] = {
    Texts: _TextsDumper,
    Bigints: _BigintsDumper,
    Integers: _IntegersDumper,
    Byteas: _ByteasDumper,
}
#: Columns by the type that SQL calls them: of numbers the type of an element, its size, and how length and value are packed;
#: of others the type of an element, and the bytes of a value.
_NUMBERS: dict[str, tuple[type[bytes], int, int, str]] = {"bigint": (Bigints, 20, 8, "iq"), "integer": (Integers, 23, 4, "ii")}
_TEXTS: dict[str, tuple[type[bytes], int, Callable[[Any], bytes]]] = {
    "text": (Texts, 25, str.encode),
    "bytea": (Byteas, 17, bytes),
}


def column(type: str, values: Iterable[Any]) -> bytes:
    """The values as an array of that SQL type, none of them null; raises KeyError for a type that no column of ours has."""
    held = list(values)
    if type in _NUMBERS:
        packed, element, size, pair = _NUMBERS[type]
        pairs = [size] * (2 * len(held))
        pairs[1::2] = held
        return packed(_head(element, held) + struct.pack("!" + pair * len(held), *pairs))
    packed, element, content = _TEXTS[type]
    contents = [*map(content, held)]
    parts = [_head(element, held)] * (2 * len(held) + 1)
    parts[1::2], parts[2::2] = map(_LENGTH.pack, map(len, contents)), contents
    return packed(b"".join(parts))


def _head(element: int, values: Sequence[Any]) -> bytes:
    return _HEAD.pack(1, 0, element, len(values), 1) if values else _EMPTY.pack(0, 0, element)


def understood_by(db: Connection[Any]) -> None:
    """Tell a connection how packed columns go."""
    for packed, dumper in _DUMPERS.items():
        db.adapters.register_dumper(packed, dumper)
