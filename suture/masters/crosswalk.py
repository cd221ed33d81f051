"""Identity of codes: every partner keeps its own names for things, and documents speak ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from suture.masters.nearest import Nearest
from suture.model import Crosswalk, Document

D = TypeVar("D", bound=Document)

#: ``lookup(kind, code)``: the other side's code for the same object, or None if there is none.
Lookup = Callable[[str, str], str | None]


class Unknown(Struct, frozen=True):
    """A code that nobody can translate: where it stands in the document ("lines[0].item"), its kind, the code itself."""

    path: str
    kind: str
    value: str


class Clash(Struct, frozen=True):
    """Rows of a system that contradict each other or invite confusion, and the codes concerned.

    ``several_locals``: the system has more than one code for ``golden``; the least of ``locals`` goes out. ``borrowed``: the
    system calls ``golden`` by a code that is ours for something else, so that a forgotten translation would go unseen.
    """

    system: str
    kind: str
    reason: str
    golden: str
    locals: tuple[str, ...]


def translate(document: D, lookup: Lookup, kinds: Collection[str]) -> tuple[D, tuple[Unknown, ...]]:
    """The document with each code of these kinds looked up; what is unknown is left as it is and reported.

    Which fields hold codes is said in the model (``Meta(extra={"code": kind})``) and nowhere else. If nothing changes, the
    document itself is returned.
    """
    walk = _walk(type(document), frozenset(kinds))
    if walk is None:
        return document, ()
    unknown: list[Unknown] = []
    translated: D = walk(document, lookup, unknown, None)
    return translated, tuple(unknown)


# A walk goes through one value and returns it, translated. It is built once per type and has no branches that the type does
# not need; where no code can be there is no walk. The path is a chain, spelled out only for what is unknown.

_Path = tuple[Any, str | int] | None
_Walk = Callable[[Any, Lookup, list[Unknown], _Path], Any]


@lru_cache(maxsize=4096)
def _walk(kind: type[Struct], kinds: frozenset[str]) -> _Walk | None:
    return _built(msgspec.inspect.type_info(kind), kinds, ())


def _built(info: msgspec.inspect.Type, kinds: frozenset[str], within: tuple[type, ...]) -> _Walk | None:
    match info:
        case msgspec.inspect.Metadata(extra={"code": code}) if code in kinds:
            return _coded(code)
        case msgspec.inspect.Metadata():
            return _built(info.type, kinds, within)
        case msgspec.inspect.StructType() if info.cls in within:
            return _again(info.cls, kinds)
        case msgspec.inspect.StructType():
            members = [(field.name, _built(field.type, kinds, (*within, info.cls))) for field in info.fields]
            return _members([(name, walk) for name, walk in members if walk is not None])
        case msgspec.inspect.VarTupleType():
            walk = _built(info.item_type, kinds, within)
            return None if walk is None else _each(walk)
        case msgspec.inspect.UnionType():
            return _one_of({_runtime(case): _built(case, kinds, within) for case in info.types})
        case _:
            return None


def _coded(kind: str) -> _Walk:
    def walk(value: Any, lookup: Lookup, unknown: list[Unknown], path: _Path) -> Any:
        if not value:
            return value
        other = lookup(kind, value)
        if other is None:
            unknown.append(Unknown(_spelled(path), kind, value))
            return value
        return value if other == value else other

    return walk


def _members(members: list[tuple[str, _Walk]]) -> _Walk | None:
    def walk(value: Any, lookup: Lookup, unknown: list[Unknown], path: _Path) -> Any:
        changes = {}
        for name, inner in members:
            old = getattr(value, name)
            new = inner(old, lookup, unknown, (path, name))
            if new is not old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value

    return walk if members else None


def _each(inner: _Walk) -> _Walk:
    def walk(values: Any, lookup: Lookup, unknown: list[Unknown], path: _Path) -> Any:
        new = tuple([inner(value, lookup, unknown, (path, number)) for number, value in enumerate(values)])
        return values if all(map(_same, values, new)) else new

    return walk


def _one_of(cases: dict[type | None, _Walk | None]) -> _Walk | None:
    walks = {kind: walk for kind, walk in cases.items() if walk is not None}

    def walk(value: Any, lookup: Lookup, unknown: list[Unknown], path: _Path) -> Any:
        inner = walks.get(type(value))
        return value if inner is None else inner(value, lookup, unknown, path)

    return walk if walks else None


def _again(kind: type[Struct], kinds: frozenset[str]) -> _Walk:
    """A type within itself: its walk is looked up when one gets there."""

    def walk(value: Any, lookup: Lookup, unknown: list[Unknown], path: _Path) -> Any:
        inner = _walk(kind, kinds)
        return value if inner is None else inner(value, lookup, unknown, path)

    return walk


def _runtime(info: msgspec.inspect.Type) -> type | None:
    """The class of the values of a case of a union, as far as codes can be in them."""
    match info:
        case msgspec.inspect.Metadata():
            return _runtime(info.type)
        case msgspec.inspect.StructType():
            return info.cls
        case msgspec.inspect.StrType():
            return str
        case msgspec.inspect.VarTupleType():
            return tuple
        case _:
            return None


def _same(one: object, other: object) -> bool:
    return one is other


def _spelled(path: _Path) -> str:
    text = ""
    while path is not None:
        path, step = path
        text = f"[{step}]{text}" if isinstance(step, int) else f".{step}{text}"
    return text.removeprefix(".")


class Book:
    """An index of Crosswalk rows: what each system calls each object, both ways.

    A system without rows of a kind uses our codes for it. The order in which rows came makes no difference, except that a
    later row for the same (system, kind, local) replaces an earlier one.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, str], dict[str, Crosswalk]] = defaultdict(dict)
        self._locals: defaultdict[tuple[str, str], dict[str, tuple[str, ...]]] = defaultdict(dict)
        self._known: defaultdict[str, Nearest] = defaultdict(Nearest)

    def add(self, row: Crosswalk) -> None:
        """Take in one row."""
        rows, locals_ = self._rows[row.system, row.kind], self._locals[row.system, row.kind]
        before = rows.get(row.local)
        if before is not None:
            locals_[before.golden] = tuple(code for code in locals_[before.golden] if code != row.local)
        rows[row.local] = row
        locals_[row.golden] = tuple(sorted((*locals_.get(row.golden, ()), row.local)))
        self.know(row.kind, row.golden, row.local)

    def know(self, kind: str, golden: str, name: str = "") -> None:
        """An object exists under our code and may be called by this name or code, where candidates are sought."""
        self._known[kind].add(golden, golden)
        if name:
            self._known[kind].add(name, golden)

    def inbound(self, system: str, kind: str, local: str) -> str | None:
        """Our code for what the system calls ``local``; None if it has rows of this kind, but not this one."""
        rows = self._rows.get((system, kind))
        if rows is None:
            return local
        row = rows.get(local)
        return row.golden if row is not None else None

    def outbound(self, system: str, kind: str, golden: str) -> str | None:
        """The system's code for our object, the least if it has several; None if it has rows of this kind, but not this one."""
        locals_ = self._locals.get((system, kind))
        if locals_ is None:
            return golden
        codes = locals_.get(golden)
        return codes[0] if codes else None

    def candidates(self, kind: str, code: str, limit: int = 5) -> tuple[str, ...]:
        """Our codes of the objects whose codes or names look most like this one, best first."""
        return self._known[kind].find(code, limit) if kind in self._known else ()

    def collisions(self) -> tuple[Clash, ...]:
        """Every clash, by system, kind and code."""
        return tuple(sorted((*self._several(), *self._borrowed()), key=lambda clash: msgspec.structs.astuple(clash)))

    def orphans(self, known: Mapping[str, Collection[str]]) -> tuple[Crosswalk, ...]:
        """The rows that lead to an object which ``known`` (our codes by kind) does not have; other kinds are not judged."""
        return tuple(
            row
            for (_, kind), rows in sorted(self._rows.items())
            for _, row in sorted(rows.items())
            if kind in known and row.golden not in known[kind]
        )

    def _several(self) -> Iterator[Clash]:
        for (system, kind), locals_ in self._locals.items():
            for golden, codes in locals_.items():
                if len(codes) > 1:
                    yield Clash(system, kind, "several_locals", golden, codes)

    def _borrowed(self) -> Iterator[Clash]:
        ours: defaultdict[str, set[str]] = defaultdict(set)
        for (_, kind), rows in self._rows.items():
            ours[kind].update(row.golden for row in rows.values())
        for (system, kind), rows in self._rows.items():
            for local, row in rows.items():
                if local != row.golden and local in ours[kind]:
                    yield Clash(system, kind, "borrowed", row.golden, (local,))
