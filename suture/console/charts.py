"""Charts are strings of SVG: real text, a title for those who hear instead of see, colours from the style sheet.

Those over time are in ``over_time``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from urllib.parse import urlencode

from markupsafe import Markup

from suture.console.rows import Fact

#: Sizes in the picture's own units.
_WIDTH, _LEFT, _LANE = 900, 190, 26
#: A journey of more voices than this is told in words alone.
LANES_MOST = 14


def shares(counts: Sequence[int], names: Sequence[str], most: int) -> Markup:
    """One bar of parts side by side, as long as its sum is beside ``most``."""
    told = ", ".join(f"{name}: {count:,}" for name, count in zip(names, counts, strict=True) if count)
    parts, x = [], 0.0
    for index, count in enumerate(counts):
        width = 120 * count / max(most, 1)
        if count:
            parts.append(Markup('<rect class="age-{}" x="{:.1f}" y="1" width="{:.1f}" height="12"/>').format(index, x, width))
        x += width
    return Markup('<svg class="shares" viewBox="0 0 120 14" role="img" aria-label="{}">{}</svg>').format(
        told, Markup("").join(parts)
    )


def voices(marks: Sequence[Fact]) -> Markup:
    """Who spoke when: a line for each source, from its first mark to its last, on one axis of time.

    Nothing where there is nothing to compare: fewer than two moments, or too many lanes.
    """
    names = list(dict.fromkeys(mark.source for mark in marks))
    first, last = (min(mark.at for mark in marks), max(mark.at for mark in marks)) if marks else (None, None)
    if first is None or last is None or first == last or len(names) > LANES_MOST:
        return Markup("")
    scale = (_WIDTH - _LEFT - 20) / (last - first).total_seconds()
    height = _LANE * len(names) + 30
    rows = [_lane(name, index, [mark for mark in marks if mark.source == name], first, scale) for index, name in enumerate(names)]
    label = f"{len(marks)} facts of {len(names)} parties between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC"
    ends = Markup(
        '<text class="end" x="{}" y="{}">{:%d %b %H:%M}</text><text class="end late" x="{}" y="{}">{:%d %b %H:%M} UTC</text>'
    )
    axis = ends.format(_LEFT, height - 6, first, _WIDTH - 12, height - 6, last)
    frame = Markup('<svg class="lanes" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>')
    return frame.format(_WIDTH, height, label, Markup("").join(rows), axis)


def _lane(name: str, index: int, marks: Sequence[Fact], first: datetime, scale: float) -> Markup:
    y = _LANE * index + 16
    places = [_LEFT + scale * (mark.at - first).total_seconds() for mark in marks]
    text = Markup('<text x="0" y="{}">{}</text>').format(y + 5, name.replace("_", " "))
    line = Markup('<line x1="{:.1f}" y1="{}" x2="{:.1f}" y2="{}"/>').format(min(places), y, max(places), y)
    dots = (
        Markup('<circle cx="{:.1f}" cy="{}" r="5"><title>{:%d %b %H:%M} {}</title></circle>').format(x, y, mark.at, mark.text)
        for x, mark in zip(places, marks, strict=True)
    )
    return text + line + Markup("").join(dots)


#: The size of a tile's picture.
_TILE, _TALL = 240, 56


def counts(numbers: Sequence[int], label: str) -> Markup:
    """A bar for each number, small enough for a cell of a table; nothing where all are 0."""
    most = max(numbers, default=0)
    if not most:
        return Markup("")
    bars = Markup("").join(
        Markup('<rect x="{}" y="{:.1f}" width="5" height="{:.1f}"/>').format(6 * index, 20 - tall, tall)
        for index, number in enumerate(numbers)
        if (tall := max(2, 20 * number / most) if number else 0)
    )
    frame = Markup('<svg class="counts" viewBox="0 0 {} 20" role="img" aria-label="{}"><title>{}</title>{}</svg>')
    return frame.format(6 * len(numbers), label, label, bars)


def spread(values: Sequence[Decimal], target: Decimal, label: str, bars: int = 24) -> Markup:
    """How values in order of size are spread, from 0 up: a bar for each span, a line at the median, a dashed one at the target.

    Nothing for fewer than three values.
    """
    if len(values) < 3 or not values[-1]:
        return Markup("")
    width = max(values[-1], min(target, 2 * values[-1])) / bars
    counts = [0] * bars
    for value in values:
        counts[min(bars - 1, int(value / width))] += 1
    each, most = _TILE / bars, max(counts)
    shapes = [
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(index * each, 50 - tall, each - 1, tall)
        for index, count in enumerate(counts)
        if (tall := 44 * count / most)
    ]
    median = float(values[(len(values) + 1) // 2 - 1] / width) * each
    marks = Markup('<line class="median" x1="{0:.1f}" y1="2" x2="{0:.1f}" y2="52"/>').format(min(median, _TILE - 1))
    if target <= width * bars:
        marks += Markup('<line class="target" x1="{0:.1f}" y1="2" x2="{0:.1f}" y2="52"/>').format(float(target / width) * each)
    return _framed(label, *shapes, marks)


def _framed(label: str, *parts: Markup) -> Markup:
    frame = Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return frame.format(_TILE, _TALL, label, Markup("").join(parts))


#: Sizes of a process's picture, in its own units: a phase, its pill, where its bar begins, how far it reaches, the end.
_PHASE, _PILL, _BAR, _REACH, _END = 44, 172, 186, 56, 438
#: Letters of what brings a conversation into a phase that have room beside it.
_BROUGHT = 22


class Bend(Protocol):
    """One phase of a process: how many stand in it, and what brings them there."""

    @property
    def name(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def brought_by(self) -> Sequence[str]: ...


def river(name: str, title: str, phases: Sequence[Bend]) -> Markup:
    """A process as a river of its phases; each in which somebody stands opens who does."""
    most = max((phase.number for phase in phases), default=0) or 1
    height = _PHASE * len(phases) + 8
    parts = [Markup('<line class="water" x1="24" y1="24" x2="24" y2="{}"/>').format(height - 28)]
    parts += [_phase(name, each, _PHASE * index + 6, _REACH * each.number / most) for index, each in enumerate(phases)]
    told = ", ".join(f"{phase.number:,} {phase.name.replace('_', ' ')}" for phase in phases)
    frame = Markup('<svg class="river" viewBox="0 0 444 {}" role="group" aria-label="{}: {}">{}</svg>')
    return frame.format(height, title, told, Markup("").join(parts))


def _phase(process: str, phase: Bend, y: int, width: float) -> Markup:
    words, number = phase.name.replace("_", " "), phase.number
    pill = Markup('<rect class="pill{}" x="6" y="{}" width="{}" height="30" rx="15"/><text x="24" y="{}">{}</text>').format(
        " held" if number else "", y, _PILL, y + 20, words
    )
    href = f"/processes?{urlencode({'process': process, 'phase': phase.name})}"
    opened = Markup('<a href="{}" aria-label="{} {}">{}</a>').format(href, f"{number:,}", words, pill) if number else pill
    bar = Markup('<rect class="bar" x="{}" y="{}" width="{:.1f}" height="14"/>').format(_BAR, y + 8, width) if number else ""
    said = f"{number:,}" if number else "·"
    count = Markup('<text class="count" x="{:.0f}" y="{}">{}</text>').format(_BAR + width + 8, y + 20, said)
    brought_by = _fitting(phase.brought_by)
    by = Markup('<text class="by" x="{}" y="{}">{}</text>').format(_END, y + 20, brought_by) if brought_by else ""
    return opened + bar + count + by


def _fitting(names: Sequence[str]) -> str:
    """As many of the names as there is room for."""
    said = ""
    for name in names:
        if said and len(said) + len(name) > _BROUGHT:
            return f"{said} …"
        said = f"{said}, {name}" if said else name
    return said
