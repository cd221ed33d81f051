"""Columns of values as PostgreSQL takes arrays in binary: a commit says up to sixty of them, each packed in one go.

The driver packs a list value by value, through several calls for each; on a machine whose caches are cold that was half of what
Suture itself did for a message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

#: A dimension, whether there are nulls, the elements' type, how many there are, and the number of the first.
_HEAD = struct.Struct("!iiIii")
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
    head = _HEAD.pack(1, 0, element, len(contents), 1) if contents else _HEAD.pack(0, 0, element, 0, 0)[:12]
    return packed(head + b"".join([_LENGTH.pack(len(each)) + each for each in contents]))


def understood_by(db: Connection[Any]) -> None:
    """Tell a connection how packed columns go."""
    for packed, dumper in _DUMPERS.items():
        db.adapters.register_dumper(packed, dumper)
