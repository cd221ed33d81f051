"""A process as a picture: its example as a river of phases, with what came in on the left and what went out on the right."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from suture.processes import Process, Step

#: Sizes in the picture's own units; at 360 pixels of width its letters are nine pixels high.
WIDTH, LINE, PILL, LEFT, RIGHT = 640, 23, 34, 46, 318
STYLE = """
    text { font: 17px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1b2733; }
    .heard { font-weight: 600; }
    .said { fill: #4a5a68; }
    .raised { fill: #a8521c; }
    .phase { text-anchor: middle; }
    .water { stroke: #9cc9e4; stroke-width: 12; stroke-linecap: round; }
    .pill { fill: #ffffff; stroke: #2f7199; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .said { fill: #a9b7c3; }
      .raised { fill: #e8a06c; }
      .water { stroke: #1f4e6b; }
      .pill { fill: #10202b; stroke: #68b0da; }
    }
"""


def picture(process: Process) -> str:
    """The SVG of a process's example, for light and dark pages; the same process gives the same bytes.

    Raises ValueError for a process without an example.
    """
    if process.example is None:
        raise ValueError(f"{process.name} has no example to draw")
    phase = str(getattr(process.state(), "phase", ""))
    parts, y = [*_pill(phase, 10)], 10 + PILL
    for step in process.example.steps:
        parts += _step(step, y)
        y += _height(step)
        if step.state != phase:
            parts += _pill(step.state, y)
            y += PILL
        phase = step.state
    river = f'<line class="water" x1="28" y1="{10 + PILL}" x2="28" y2="{y - 6}"/>'
    return _svg(process, [river, *parts], y + 10)


def _height(step: Step) -> int:
    return LINE * max(1, len(step.effects)) + 20


def _step(step: Step, y: int) -> Iterator[str]:
    base = y + 10 + 18
    yield f'<circle class="pill" cx="28" cy="{base - 6}" r="7"/>'
    yield _text(LEFT, base, "heard", type(step.given).__name__)
    for index, effect in enumerate(step.effects or ("nothing",)):
        verb, _, rest = effect.partition(" ")
        kind = "raised" if verb == "Raise" else "said"
        yield _text(RIGHT, base + LINE * index, kind, f"{verb.lower()} {rest.replace('_', ' ')}".strip())


def _pill(phase: str, y: int) -> Iterator[str]:
    words = phase.replace("_", " ")
    width = 10 * len(words) + 40
    yield f'<rect class="pill" x="8" y="{y}" width="{width}" height="{PILL}" rx="{PILL // 2}"/>'
    yield _text(8 + width // 2, y + 23, "phase", words)


def _text(x: int, y: int, kind: str, words: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(words)}</text>'


def _svg(process: Process, parts: list[str], height: int) -> str:
    assert process.example is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title what">',
        f'  <title id="title">{escape(process.title)}</title>',
        f'  <desc id="what">{escape(process.example.text)}</desc>',
        f"  <style>{STYLE}  </style>",
    )
    return "\n".join((*head, *(f"  {part}" for part in parts), "</svg>")) + "\n"
