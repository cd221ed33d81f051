"""One KPI: its definition, its figure in parts that add up, how it went, how it is spread, and the documents behind it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.console.pages.kpis import Narrowing, Tile, narrowing_of, tile_of
from suture.console.times import Times, times_of
from suture.kpis import Measure
from suture.kpis.figures import Figure, figures, parts
from suture.kpis.measures import PARTS

#: Documents on a page, and parts that are shown of one kind.
ROWS, PARTS_MOST = 25, 40
WHICH = ("spoils", "begun", "all")


class Part(Struct, frozen=True):
    """One value of a part, with what it comes to; "" is what nobody has said."""

    name: str
    figures: tuple[Figure, ...]


class Split(Struct, frozen=True):
    """The parts of one kind; ``more`` were left out."""

    by: str
    title: str
    parts: tuple[Part, ...]
    more: int


class OneKpi(Struct, frozen=True, kw_only=True):
    """A KPI in whole. ``which`` documents are shown: those that spoil it, those begun and not counted, or all; ``more`` is where
    the next page begins, 0 for none. ``query`` recomputes the figure."""

    tile: Tile
    owner: str
    kind: str
    splits: tuple[Split, ...]
    which: Literal["spoils", "begun", "all"]
    behind: tuple[Measure, ...]
    skip: int
    more: int
    query: str
    narrowing: Narrowing
    times: Times


def load(ask: Ask) -> OneKpi:
    """Query: ``name``; ``which``, ``skip``; ``facility``, ``supplier``, ``stage``, ``days``. Raises Missing."""
    name, skip = ask.query.get("name", ""), ask.number("skip")
    with ask.figures() as kept:
        kpi = kept.kpis.get(name)
        if kpi is None:
            raise Missing(f"there is no KPI {name}", tuple(kept.kpis))
        narrowing, narrowed = narrowing_of(ask, kept.measures)
        which = _which(ask.query.get("which", "begun" if kpi.standing else "spoils"))
        behind = kept.measures.about(name, narrowed, which=which, limit=ROWS + 1, skip=skip)
        whole = figures(kept.measures, [kpi], narrowed, ask.now)[name]
        splits = [_split(by, kpi.kind, parts(kept.measures, kpi, by, narrowed, ask.now)) for by in PARTS]
        tile = tile_of(kept.measures, kpi, whole, narrowed, ask.now)
        times = times_of(ask, kept)
    return OneKpi(
        tile=tile,
        owner=kpi.owner,
        kind=kpi.kind,
        splits=tuple(split for split in splits if len(split.parts) > 1),
        which=which,
        behind=tuple(behind[:ROWS]),
        skip=skip,
        more=skip + ROWS if len(behind) > ROWS else 0,
        query=_query(name, narrowing, ask.place),
        narrowing=narrowing,
        times=times,
    )


def _which(said: str) -> Literal["spoils", "begun", "all"]:
    return "begun" if said == "begun" else "all" if said == "all" else "spoils"


def _split(by: str, kind: str, found: dict[str, tuple[Figure, ...]]) -> Split:
    ordered = sorted(found.items(), key=lambda pair: (-sum(figure.number for figure in pair[1]), pair[0]))
    shown = tuple(Part(name, of) for name, of in ordered[:PARTS_MOST])
    return Split(by, f"By {kind if by == 'kind' else by}", shown, max(0, len(ordered) - PARTS_MOST))


def _query(name: str, narrowing: Narrowing, place: str) -> str:
    said = {part: getattr(narrowing, part) for part in ("facility", "supplier", "stage", "days")}
    options = "".join(f" --{part} {value}" for part, value in said.items() if value)
    return f"suture kpis {name}{options} --journal {place}"


PAGE = Page(path="/kpi", title="KPI", allow="kpis.read", load=load, template="kpi.html")
