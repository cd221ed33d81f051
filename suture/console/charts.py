"""Charts are strings of SVG: real text, a title for those who hear instead of see, colours from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

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
        '<text class="end" x="{}" y="{}">{:%d %b %H:%M}</text><text class="end late" x="{}" y="{}">{:%d %b %H:%M}</text>'
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
