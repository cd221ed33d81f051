"""Processes: a picture of each from its declaration, with how many conversations stand in which phase now."""

from __future__ import annotations

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.gateway.governance.runbooks import runbook_for
from suture.processes import Process
from suture.views.phases import Standing

#: Conversations on a page, and documents that lead from one phase to the next that a picture names.
ROWS, NAMED = 30, 3


class Phase(Struct, frozen=True, kw_only=True):
    """One phase: how many stand in it now, what brings a conversation there in the example, and what undoes it."""

    name: str
    number: int
    brought_by: tuple[str, ...]
    undone_by: str


class Declared(Struct, frozen=True, kw_only=True):
    """One process as it declares itself, and as it stands; ``elsewhere`` counts phases that it does not declare."""

    name: str
    title: str
    version: int
    owner: str
    criticality: str
    text: str
    hears: tuple[str, ...]
    phases: tuple[Phase, ...]
    total: int
    elsewhere: int
    #: The title of the runbook for when it stands still.
    runbook: str


class Behind(Struct, frozen=True, kw_only=True):
    """The conversations that stand in one phase, the longest first; ``more`` is where the next page begins, 0 for none."""

    process: str
    title: str
    phase: str
    number: int
    rows: tuple[Standing, ...]
    more: int


class Processes(Struct, frozen=True):
    """Every process; and who stands in one phase, where it was asked for."""

    processes: tuple[Declared, ...]
    behind: Behind | None


def load(ask: Ask) -> Processes:
    """Query: ``process`` and ``phase``; ``skip``. Raises Missing."""
    name, phase, known = ask.query.get("process", ""), ask.query.get("phase", ""), ask.wiring.processes
    with ask.figures() as kept:
        counts = kept.phases.counts()
        declared = [_declared(process, counts.get(process.name, {})) for process in known.values()]
        if not name:
            return Processes(tuple(declared), None)
        if name not in known or phase not in {*known[name].phases, *counts.get(name, {})}:
            raise Missing(f"no process {name} stands in {phase}", tuple(known))
        skip = ask.number("skip")
        rows = kept.phases.behind(name, phase, limit=ROWS + 1, skip=skip)
    behind = Behind(
        process=name,
        title=known[name].title,
        phase=phase,
        number=counts.get(name, {}).get(phase, 0),
        rows=tuple(rows[:ROWS]),
        more=skip + ROWS if len(rows) > ROWS else 0,
    )
    return Processes((), behind)


def _declared(process: Process, counts: dict[str, int]) -> Declared:
    brought = brought_by(process)
    phases = [
        Phase(
            name=phase,
            number=counts.get(phase, 0),
            brought_by=brought.get(phase, ()),
            undone_by=process.compensation.get(phase, ""),
        )
        for phase in process.phases
    ]
    total = sum(counts.values())
    return Declared(
        name=process.name,
        title=process.title,
        version=process.version,
        owner=process.owner,
        criticality=process.criticality,
        text=process.example.text if process.example else "",
        hears=tuple(kind.__name__ for kind in process.on),
        phases=tuple(phases),
        total=total,
        elsewhere=total - sum(phase.number for phase in phases),
        runbook=runbook_for(process.name).title,
    )


def brought_by(process: Process) -> dict[str, tuple[str, ...]]:
    """Which documents bring a conversation into each phase, as the process's own example tells it."""
    found: dict[str, dict[str, None]] = {}
    before = str(getattr(process.state(), "phase", ""))
    for step in process.example.steps if process.example else ():
        if step.state != before:
            found.setdefault(step.state, {})[type(step.given).__name__] = None
        before = step.state
    return {phase: tuple(names)[:NAMED] for phase, names in found.items()}


PAGE = Page(
    path="/processes", title="Processes", allow="documents.read", section="Run", rank=25, load=load, template="processes.html"
)
