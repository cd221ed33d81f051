"""Charts over time: strings of SVG in which every one has the same range, its target drawn in, and outages and changes as marks.

An outage is a shaded span from top to bottom, a pause a bar at the foot, a change a dotted line with a head; each says in words
what it is to whoever points at it or hears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from markupsafe import Markup
from msgspec import Struct

from suture.console.times import Times
from suture.views.flows import FlowDay
from suture.views.marks import Mark

_NOON = timedelta(hours=12)


class Point(Protocol):
    """What something came to on a day; None where nothing told."""

    @property
    def day(self) -> datetime: ...
    @property
    def value(self) -> Decimal | None: ...


class Frame(Struct, frozen=True):
    """The size of a picture in its own units; ``foot`` and ``left`` are kept for words."""

    style: str
    width: int
    height: int
    left: int = 0
    foot: int = 0

    def x(self, times: Times, at: datetime) -> float:
        """Where a moment stands, at an edge if it lies beyond."""
        share = (at - times.first) / (times.last - times.first)
        return self.left + (self.width - self.left) * min(1.0, max(0.0, share))

    def y(self, value: Decimal, low: Decimal, high: Decimal) -> float:
        """Where a value stands."""
        room = self.height - self.foot - 12
        return 6 + room * (1 - float((value - low) / (high - low)))


TILE, COURSE = Frame("spark", 240, 56), Frame("course", 900, 190, 64, 24)


def trend(points: Sequence[Point], target: Decimal, times: Times, label: str) -> Markup:
    """A line through the days that told something, small; nothing for fewer than two days."""
    told = _told(points, times)
    if len(told) < 2:
        return Markup("")
    low, high = _reach([value for _, value in told], target)
    line = _line(TILE, told, times, low, high)
    return _framed(TILE, label, times, _together(TILE, times), _target(TILE, target, low, high), line)


def course(points: Sequence[Point], target: Decimal | None, times: Times, label: str, unit: str) -> Markup:
    """The same large: with its scale, a word for each day and for each mark; nothing for fewer than two days."""
    told = _told(points, times)
    if len(told) < 2:
        return Markup("")
    low, high = _reach([value for _, value in told], target)
    dots = Markup("").join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4"><title>{:%Y-%m-%d}: {}</title></circle>').format(
            COURSE.x(times, day + _NOON), COURSE.y(value, low, high), day, _said(value, unit)
        )
        for day, value in told
    )
    scale = (_scale(value, low, high, unit) for value in (low, high))
    goal = _target(COURSE, target, low, high) if target is not None else Markup("")
    parts = (_each(COURSE, times), goal, _line(COURSE, told, times, low, high), dots, *scale, _ends(COURSE, times))
    return _framed(COURSE, label, times, *parts)


def spoken(points: Sequence[Point], times: Times, unit: str) -> str:
    """A line in words, for where its scale has no room: how far it reaches, and where it ends."""
    told = _told(points, times)
    low, high, (day, last) = min(value for _, value in told), max(value for _, value in told), told[-1]
    return (
        f"Between {_said(low, unit)} and {_said(high, unit)} on {len(told)} days; {_said(last, unit)} on {day:%Y-%m-%d}, the last"
    )


def daily(counts: Iterable[tuple[datetime, int]], times: Times, label: str) -> Markup:
    """A bar for each day on which something was counted, small; nothing where all are 0."""
    told = [(day, count) for day, count in counts if times.first <= day < times.last and count]
    if not told:
        return Markup("")
    most, width = max(count for _, count in told), (TILE.width / times.length) * 0.8
    bars = (
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{:%Y-%m-%d}: {:,}</title></rect>').format(
            TILE.x(times, day) + width / 8, TILE.height - tall, width, tall, day, count
        )
        for day, count in told
        if (tall := max(2.0, (TILE.height - 8) * count / most))
    )
    return _framed(TILE, label, times, Markup("").join(bars), _together(TILE, times))


def by_day(each: FlowDay, name: str) -> tuple[datetime, int]:
    """One of a day's numbers with the day, as ``daily`` draws them."""
    return each.day, getattr(each, name)


# -- marks


def told_marks(marks: Iterable[Mark]) -> str:
    """How many of each kind: "1 outage, 2 changes"; "" for none."""
    kinds = [mark.kind for mark in marks]
    each = ((kinds.count(kind), kind) for kind in dict.fromkeys(kinds))
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in each)


def lasted(mark: Mark) -> str:
    """A mark in words, with its moments and their zone."""
    if mark.kind == "change":
        return f"{mark.text}, from {mark.at:%Y-%m-%d %H:%M} UTC"
    until = f"to {mark.until:%Y-%m-%d %H:%M} UTC" if mark.until else "UTC until now"
    return f"{mark.text}, {mark.at:%Y-%m-%d %H:%M} {until}"


def _together(frame: Frame, times: Times) -> Markup:
    """All marks of a small picture, one shape for each kind; the list beside the charts names them."""
    paths: dict[str, str] = {}
    for mark in times.marks:
        paths[mark.kind] = paths.get(mark.kind, "") + _shape(frame, times, mark)
    shapes = (Markup('<path class="{}" d="{}"/>').format(kind, path) for kind, path in paths.items())
    title = Markup("<title>{}</title>").format(told_marks(times.marks))
    return Markup("<g>{}{}</g>").format(title, Markup("").join(shapes)) if paths else Markup("")


def _each(frame: Frame, times: Times) -> Markup:
    return Markup("").join(
        Markup('<path class="{}" d="{}"><title>{}</title></path>').format(mark.kind, _shape(frame, times, mark), lasted(mark))
        for mark in times.marks
    )


def _shape(frame: Frame, times: Times, mark: Mark) -> str:
    x, floor = frame.x(times, mark.at), frame.height - frame.foot
    if mark.kind == "change":
        return f"M{x:.1f} {floor}V6m-3-6h6l-3 6z"
    width = max(2.0, frame.x(times, mark.until or times.now) - x)
    top = 0 if mark.kind == "outage" else floor - 6
    return f"M{x:.1f} {top}h{width:.1f}V{floor}h-{width:.1f}z"


# -- lines and words


def _told(points: Sequence[Point], times: Times) -> list[tuple[datetime, Decimal]]:
    return [(point.day, point.value) for point in points if point.value is not None and times.first <= point.day < times.last]


def _line(frame: Frame, told: Sequence[tuple[datetime, Decimal]], times: Times, low: Decimal, high: Decimal) -> Markup:
    places = [f"{frame.x(times, day + _NOON):.0f},{frame.y(value, low, high):.0f}" for day, value in told]
    x, y = places[-1].split(",")
    return Markup('<polyline points="{}"/><circle cx="{}" cy="{}" r="3"/>').format(" ".join(places), x, y)


def _target(frame: Frame, target: Decimal, low: Decimal, high: Decimal) -> Markup:
    y = frame.y(target, low, high)
    line = '<line class="target" x1="{0}" y1="{2:.1f}" x2="{1}" y2="{2:.1f}"><title>the target, {3:,}</title></line>'
    return Markup(line).format(frame.left, frame.width, y, target)


def _scale(value: Decimal, low: Decimal, high: Decimal, unit: str) -> Markup:
    y = COURSE.y(value, low, high) + 5
    return Markup('<text class="late" x="{}" y="{:.0f}">{}</text>').format(COURSE.left - 8, y, _said(value, unit))


def _said(value: Decimal, unit: str) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") + unit


def _ends(frame: Frame, times: Times) -> Markup:
    y, until = frame.height - 6, times.last - timedelta(days=1)
    ends = Markup('<text x="{}" y="{}">{:%Y-%m-%d}</text><text class="late" x="{}" y="{}">{:%Y-%m-%d} UTC</text>')
    return ends.format(frame.left, y, times.first, frame.width, y, until)


def _framed(frame: Frame, label: str, times: Times, *parts: Markup) -> Markup:
    marked = told_marks(times.marks)
    said = f"{label}; marked: {marked}" if marked else label
    svg = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return svg.format(frame.style, frame.width, frame.height, said, Markup("").join(parts))


def _reach(values: Sequence[Decimal], target: Decimal | None) -> tuple[Decimal, Decimal]:
    """From the lowest to the highest of what is drawn, never a single point."""
    wanted = [*values, target] if target is not None else values
    low, high = min(wanted), max(wanted)
    return (low, high) if low < high else (low - 1, high + 1)
