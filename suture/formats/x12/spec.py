"""Transaction sets as declarations: segments, loops and usage; and the tree that a set's segments make under one.

A declaration lists what we use and nothing more. A segment that it does not list is left alone where it stands, for the
standard has hundreds that concern nobody here; one that is listed must be well-formed, complete and not too often there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Struct

from suture.formats.x12.elements import Element, Type
from suture.formats.x12.faults import Fault, Notes, Segment
from suture.model import Severity

#: Loops of one kind in one place, unless the declaration says fewer.
MOST_LOOPS = 100_000


def required(number: int, type: Type, least: int = 1, most: int = 80, codes: str = "") -> Element:
    """A mandatory element; ``codes`` are separated by blanks."""
    return Element(number, type, least, most, True, frozenset(codes.split()))


def optional(number: int, type: Type, least: int = 1, most: int = 80, codes: str = "") -> Element:
    """An optional element; ``codes`` are separated by blanks."""
    return Element(number, type, least, most, False, frozenset(codes.split()))


@dataclass(frozen=True)
class SegmentSpec:
    """The elements of a segment that we use, in the order of their numbers."""

    name: str
    elements: tuple[Element, ...] = ()

    @cached_property
    def mandatory(self) -> tuple[int, ...]:
        """The numbers of the elements that must be there."""
        return tuple(element.number for element in self.elements if element.required)

    def check(self, segment: Segment, notes: Notes) -> None:
        """Note what is wrong with the segment's elements; a value too short is noted, but refuses nothing."""
        values = segment.elements
        for element in self.elements:
            if element.number >= len(values):
                break
            value = values[element.number]
            if value:
                self._check_value(segment, element, value.rstrip(" "), notes)
        for number in self.mandatory:
            if not segment[number]:
                notes.add(segment.fault("x12.missing", "the element is mandatory", number, ack="1"))

    def _check_value(self, segment: Segment, element: Element, value: str, notes: Notes) -> None:
        if notes.marks and notes.marks.search(value):
            text = "a component or a repetition, where one simple value is due; it is taken as it stands"
            notes.add(segment.fault("x12.repeat", text, element.number, severity="warning"))
        ack, problem = element.problem(value) if value else ("", "")
        if problem:
            severity: Severity = "warning" if ack == "4" else "error"
            notes.add(segment.fault(_CODES.get(ack, "x12.type"), problem, element.number, ack=ack, severity=severity))


_CODES = {"4": "x12.length", "5": "x12.length", "7": "x12.code", "8": "x12.date", "9": "x12.time"}


def segment(name: str, *elements: Element) -> SegmentSpec:
    """A declared segment."""
    return SegmentSpec(name, elements)


class Use(Struct, frozen=True):
    """A segment's usage in one place of a set."""

    segment: SegmentSpec
    required: bool = False
    most: int = MOST_LOOPS


@dataclass(frozen=True)
class LoopSpec:
    """A repeated group: it begins with its first segment (the set itself begins with ST)."""

    head: SegmentSpec
    uses: tuple[Use | SegmentSpec, ...] = ()
    loops: tuple[LoopSpec, ...] = ()
    required: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, Use]:
        """The segments allowed within, by id."""
        uses = [use if isinstance(use, Use) else Use(use) for use in self.uses]
        return {use.segment.name: use for use in uses}

    @cached_property
    def loop_by_name(self) -> Mapping[str, LoopSpec]:
        """The loops allowed within, by the id that begins them."""
        return {loop.head.name: loop for loop in self.loops}


@dataclass
class Loop:
    """One occurrence of a loop: its first segment, the other listed segments and the inner loops, in order."""

    spec: LoopSpec
    head: Segment
    segments: list[Segment] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def all(self, name: str) -> list[Segment]:
        """The segments of this loop (not of inner ones) with the id."""
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        """The first segment of this loop with the id."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def inner(self, name: str) -> list[Loop]:
        """The loops directly within that begin with the id."""
        return [loop for loop in self.loops if loop.head.name == name]

    def one(self, name: str) -> Segment:
        """The segment with the id, whose presence the declaration demands and ``tree`` has noted if missing."""
        found = self.first(name)
        assert found is not None, f"{name} is mandatory in the declaration"
        return found


def tree(spec: LoopSpec, segments: Sequence[Segment], notes: Notes) -> Loop:
    """The set's segments (ST first) as a tree; what is malformed, missing or too much is noted."""
    root = Loop(spec, segments[0])
    stack = [root]
    for item in segments[1:]:
        _place(item, stack, notes)
    for loop in stack:
        _check_complete(loop, segments[-1].position, notes)
    return root


def _place(item: Segment, stack: list[Loop], notes: Notes) -> None:
    """Into the innermost open loop that lists the segment; loops further in are complete then."""
    for depth in range(len(stack) - 1, -1, -1):
        loop = stack[depth]
        use = loop.spec.by_name.get(item.name)
        inner = loop.spec.loop_by_name.get(item.name)
        if use is None and inner is None:
            continue
        for closed in stack[depth + 1 :]:
            _check_complete(closed, item.position, notes)
        del stack[depth + 1 :]
        if use is not None:
            _take(item, loop, use, notes)
        elif inner is not None:
            inner.head.check(item, notes)
            child = Loop(inner, item)
            loop.loops.append(child)
            stack.append(child)
        return


def _take(item: Segment, loop: Loop, use: Use, notes: Notes) -> None:
    use.segment.check(item, notes)
    loop.segments.append(item)
    loop.counts[item.name] += 1
    if loop.counts[item.name] > use.most:
        notes.add(item.fault("x12.repeat", f"more than {use.most} here", ack="5"))


def _check_complete(loop: Loop, position: int, notes: Notes) -> None:
    for name, use in loop.spec.by_name.items():
        if use.required and not loop.counts[name]:
            notes.add(_missing(name, position, f"{name} is mandatory in {loop.head.name}"))
    for name, inner in loop.spec.loop_by_name.items():
        if inner.required and not loop.inner(name):
            notes.add(_missing(name, position, f"at least one {name} is due"))
    if len(loop.loops) > MOST_LOOPS:
        notes.add(loop.head.fault("x12.limit", f"more than {MOST_LOOPS} loops", ack="4"))


def _missing(name: str, position: int, text: str) -> Fault:
    return Fault(code="x12.missing", text=text, segment=name, position=position, ack="3")
