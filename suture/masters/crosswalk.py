"""Identity of codes: every partner keeps its own names for things, and documents speak ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from suture.masters.nearest import Nearest
from suture.model import Crosswalk, Document

D = TypeVar("D", bound=Document)

#: ``lookup(kind, code)``: the other side's code for the same object, or None if there is none.
Lookup = Callable[[str, str], str | None]
_Rows = tuple[Crosswalk, ...]
#: Where documents say when they were made.
_MOMENTS = ("issued_on", "ordered_at", "requested_at", "received_at", "shipped_at", "used_at", "paid_on", "at")


class Unknown(Struct, frozen=True):
    """A code that nobody can translate: where it stands in the document ("lines[0].item"), its kind, the code itself."""

    path: str
    kind: str
    value: str


class Clash(Struct, frozen=True):
    """Rows of a system that contradict each other or invite confusion, and the codes concerned.

    ``several_locals``: the system has more than one code for ``golden``; the least of ``locals`` goes out. ``borrowed``: the
    system calls ``golden`` by a code that is ours for something else, so that a forgotten translation would go unseen.
    ``ambiguous``: the code stands for ``golden`` and for something else on the same day.
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


def written_on(document: Document) -> date | None:
    """The day (UTC) on which a document says that it was made, if it says so."""
    for name in _MOMENTS:
        moment = getattr(document, name, None)
        if moment is not None:
            return moment.date() if isinstance(moment, datetime) else cast("date", moment)
    return None


class Book:
    """An index of Crosswalk rows: what each system calls each object, both ways, on a day or, without one, at any time.

    A system without rows of a kind uses our codes for it. The order in which rows came makes no difference, except that a
    later row for the same (system, kind, local, effective_from) replaces an earlier one. Of rows that hold at once for one
    code the one that began last counts.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, str], dict[str, _Rows]] = defaultdict(dict)
        self._locals: defaultdict[tuple[str, str], dict[str, _Rows]] = defaultdict(dict)
        self._known: defaultdict[str, Nearest] = defaultdict(Nearest)

    def add(self, row: Crosswalk) -> None:
        """Take in one row."""
        rows, locals_ = self._rows[row.system, row.kind], self._locals[row.system, row.kind]
        for before in (known for known in rows.get(row.local, ()) if known.id == row.id):
            rows[row.local] = _without(rows[row.local], before)
            locals_[before.golden] = _without(locals_[before.golden], before)
        rows[row.local] = tuple(sorted((*rows.get(row.local, ()), row), key=_since, reverse=True))
        locals_[row.golden] = tuple(sorted((*locals_.get(row.golden, ()), row), key=lambda each: (each.local, _since(each))))
        self.know(row.kind, row.golden, row.local)

    def know(self, kind: str, golden: str, name: str = "") -> None:
        """An object exists under our code and may be called by this name or code, where candidates are sought."""
        self._known[kind].add(golden, golden)
        if name:
            self._known[kind].add(name, golden)

    def inbound(self, system: str, kind: str, local: str, day: date | None = None) -> str | None:
        """Our code for what the system calls ``local``; None if it has rows of this kind, but not this one on this day."""
        rows = self._rows.get((system, kind))
        if rows is None:
            return local
        return next((row.golden for row in rows.get(local, ()) if day is None or row.applies(day)), None)

    def outbound(self, system: str, kind: str, golden: str, day: date | None = None) -> str | None:
        """The system's code for our object, the least if it has several; None if it has rows of this kind, but not this one."""
        locals_ = self._locals.get((system, kind))
        if locals_ is None:
            return golden
        return next((row.local for row in locals_.get(golden, ()) if day is None or row.applies(day)), None)

    def candidates(self, kind: str, code: str, limit: int = 5) -> tuple[str, ...]:
        """Our codes of the objects whose codes or names look most like this one, best first."""
        return self._known[kind].find(code, limit) if kind in self._known else ()

    def collisions(self) -> tuple[Clash, ...]:
        """Every clash, by system, kind and code."""
        return tuple(
            sorted((*self._several(), *self._ambiguous(), *self._borrowed()), key=lambda clash: msgspec.structs.astuple(clash))
        )

    def orphans(self, known: Mapping[str, Collection[str]]) -> tuple[Crosswalk, ...]:
        """The rows that lead to an object which ``known`` (our codes by kind) does not have; other kinds are not judged."""
        return tuple(
            row
            for (_, kind), rows in sorted(self._rows.items())
            for _, alike in sorted(rows.items())
            for row in alike
            if kind in known and row.golden not in known[kind]
        )

    def _several(self) -> Iterator[Clash]:
        for (system, kind), locals_ in self._locals.items():
            for golden, rows in locals_.items():
                codes = {row.local for row in rows for other in rows if row.local != other.local and _overlap(row, other)}
                if codes:
                    yield Clash(system, kind, "several_locals", golden, tuple(sorted(codes)))

    def _ambiguous(self) -> Iterator[Clash]:
        for (system, kind), rows in self._rows.items():
            for local, alike in rows.items():
                for row in alike:
                    if any(row.golden != other.golden and _overlap(row, other) for other in alike):
                        yield Clash(system, kind, "ambiguous", row.golden, (local,))

    def _borrowed(self) -> Iterator[Clash]:
        ours: defaultdict[str, set[str]] = defaultdict(set)
        for (_, kind), rows in self._rows.items():
            ours[kind].update(row.golden for alike in rows.values() for row in alike)
        for (system, kind), rows in self._rows.items():
            for row in (row for alike in rows.values() for row in alike):
                if row.local != row.golden and row.local in ours[kind]:
                    yield Clash(system, kind, "borrowed", row.golden, (row.local,))


def _since(row: Crosswalk) -> date:
    return row.effective_from or date.min


def _without(rows: _Rows, row: Crosswalk) -> _Rows:
    return tuple(other for other in rows if other is not row)


def _overlap(one: Crosswalk, other: Crosswalk) -> bool:
    return max(_since(one), _since(other)) <= min(one.effective_to or date.max, other.effective_to or date.max)
