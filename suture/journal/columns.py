"""Columns of values as PostgreSQL takes arrays in binary: a commit says up to sixty of them, each packed in one go.

The driver packs a list through a dozen calls and each value through several: two fifths of all calls that a message took.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from itertools import chain
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
#: What the values of a column become, by the type that SQL calls them: the type of an element, and its bytes.
_ELEMENTS: dict[str, tuple[type[bytes], int, Callable[[Any], bytes]]] = {
    "text": (Texts, 25, str.encode),
    "bigint": (Bigints, 20, struct.Struct("!q").pack),
    "integer": (Integers, 23, struct.Struct("!i").pack),
    "bytea": (Byteas, 17, bytes),
}


def column(type: str, values: Iterable[Any]) -> bytes:
    """The values as an array of that SQL type, none of them null; raises KeyError for a type that no column of ours has."""
    packed, element, content = _ELEMENTS[type]
    contents = [content(value) for value in values]
    head = _HEAD.pack(1, 0, element, len(contents), 1) if contents else _EMPTY.pack(0, 0, element)
    lengths = [_LENGTH.pack(len(each)) for each in contents]
    return packed(b"".join((head, *chain.from_iterable(zip(lengths, contents, strict=True)))))


def understood_by(db: Connection[Any]) -> None:
    """Tell a connection how packed columns go."""
    for packed, dumper in _DUMPERS.items():
        db.adapters.register_dumper(packed, dumper)
