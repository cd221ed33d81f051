"""Catalogue: every system, format, process and event that this network can speak, with its owner, its version and a sample."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

import msgspec
from msgspec import Struct, structs

from suture.console.page import Ask, Missing, Page
from suture.extensions import found as extensions
from suture.formats import Format, Profile
from suture.journal import Event, Recorded
from suture.model import Document
from suture.model.schema import SCHEMA_VERSION
from suture.processes import Process
from suture.views.events import CROSSING, MAJOR, CloudEvent, crossing, snake, written
from suture.views.figures import kpis

#: Letters of a sample that are shown.
SAMPLE_LETTERS = 6000


class Entry(Struct, frozen=True, kw_only=True):
    """One thing in the catalogue; ``facts`` are pairs of a name and what is to be said."""

    kind: str
    name: str
    title: str
    owner: str
    version: str
    facts: tuple[tuple[str, str], ...]
    sample: str = ""
    sample_of: str = ""


class Catalogue(Struct, frozen=True):
    """The entries of one kind, and the one that was asked for; ``counts`` says how many there are of each kind."""

    kind: str
    counts: dict[str, int]
    entries: tuple[Entry, ...]
    one: Entry | None


def load(ask: Ask) -> Catalogue:
    """Query: ``kind``, and ``name`` of an entry. Raises Missing."""
    every = {kind: tuple(entries(ask)) for kind, entries in _ENTRIES.items()}
    kind, name = ask.query.get("kind", "systems"), ask.query.get("name", "")
    if kind not in every:
        raise Missing(f"the catalogue has no {kind}", tuple(every))
    one = next((entry for entry in every[kind] if entry.name == name), None)
    if name and one is None:
        raise Missing(f"none of the {kind} is called {name}", tuple(entry.name for entry in every[kind]))
    shown = (one,) if one else every[kind]
    return Catalogue(kind, {each: len(entries) for each, entries in every.items()}, () if one else tuple(map(_brief, shown)), one)


def _brief(entry: Entry) -> Entry:
    return structs.replace(entry, sample="", facts=())


def _systems(ask: Ask) -> Iterator[Entry]:
    for system in ask.wiring.systems.values():
        mine = [instance for instance in ask.wiring.network.instances if instance.system == system.name]
        owners = dict.fromkeys(instance.owner for instance in mine if instance.owner)
        ways = [
            *(f"{channel.transport} channel {channel.name} ({channel.format})" for channel in system.channels),
            *(f"poll {poll.name} every {poll.every_s:g} s" for poll in system.polls),
        ]
        facts = {
            "Role": system.role,
            "In this network": ", ".join(f"{instance.name} ({instance.mode})" for instance in mine),
            "Proven against": ", ".join(system.evidence),
            "Accepts": ", ".join(f"{kind.__name__} ({operation.outcome})" for kind, operation in system.accepts.items()),
            "Sends": _names(system.emits),
            "Ways in": ", ".join(ways),
            "Its own codes for": ", ".join(system.codes),
            "Bounds": f"{system.rate_per_s:g} calls a second, {system.concurrency} at once, {system.timeout_s:g} s to answer",
            "Notes": system.notes,
        }
        fields = {"name": "NAME", "system": system.name, "role": system.role, "address": "…", "owner": "…"}
        sample = "\n".join(["[[instances]]", *(f'{field} = "{value}"' for field, value in fields.items())])
        yield _entry(
            "systems",
            system.name,
            system.title,
            ", ".join(owners),
            version("suture"),
            facts,
            sample,
            "How the network file declares it",
        )


def _formats(ask: Ask) -> Iterator[Entry]:
    for format in ask.wiring.formats.values():
        first = next(iter(format.samples), None)
        facts = {
            "Standard": format.standard,
            "Media type": format.media_type,
            "Reads": _names(format.reads),
            "Writes": _names(format.writes),
            "Acknowledges": "yes" if format.acknowledge else "no",
            "Samples": ", ".join(sample.name for sample in format.samples),
        }
        raw = first.raw.decode("utf-8", "replace") if first else ""
        told = f"A message written by us: {first.name}" if first else ""
        yield _entry("formats", format.name, format.title, "integration", str(format.version), facts, raw, told)


def _processes(ask: Ask) -> Iterator[Entry]:
    for process in ask.wiring.processes.values():
        steps = process.example.steps if process.example else ()
        facts = {
            "Criticality": process.criticality,
            "Hears": _names(process.on),
            "Phases": ", ".join(process.phases),
            "Example": process.example.text if process.example else "",
        }
        sample = "\n".join(
            f"{type(step.given).__name__} → {step.state}: {', '.join(step.effects) or 'nothing'}" for step in steps
        )
        yield _entry(
            "processes",
            process.name,
            process.title,
            process.owner,
            str(process.version),
            facts,
            sample,
            "Its example, step by step",
        )


def _events(ask: Ask) -> Iterator[Entry]:
    for kind, withheld in CROSSING.items():
        document = _examples().get(kind)
        event = _event(document, ask.wiring.network.name) if document else None
        facts = {
            "What it is": (kind.__doc__ or "").partition("\n")[0].replace("``", ""),
            "Fields": ", ".join(kind.__struct_fields__),
            "Never leaves": ", ".join(withheld),
            "Schema": f"urn:suture:events:{MAJOR}:{kind.__name__}",
        }
        name, sample = f"suture.{snake(kind.__name__)}", msgspec.json.format(written(event), indent=2).decode() if event else ""
        title = _WORDS.sub(" ", kind.__name__).lower()
        yield _entry("events", name, title, _owner(kind, ask), SCHEMA_VERSION, facts, sample, "As a subscriber hears it")


def _kpis(ask: Ask) -> Iterator[Entry]:
    for kpi in kpis().values():
        facts = {
            "Definition": kpi.definition,
            "Unit": kpi.unit,
            "Target": f"{'at most' if kpi.good == 'down' else 'at least'} {kpi.target}",
        }
        sample = f"suture kpis {kpi.name} --journal {ask.place}"
        yield _entry("kpis", kpi.name, kpi.title, kpi.owner, version("suture"), facts, sample, "How to recompute it")


_ENTRIES: Mapping[str, Callable[[Ask], Iterable[Entry]]] = {
    "systems": _systems,
    "formats": _formats,
    "processes": _processes,
    "events": _events,
    "kpis": _kpis,
}


def _entry(
    kind: str, name: str, title: str, owner: str, version: str, facts: Mapping[str, str], sample: str, sample_of: str
) -> Entry:
    said = tuple((word, text) for word, text in facts.items() if text)
    cut = sample if len(sample) <= SAMPLE_LETTERS else f"{sample[:SAMPLE_LETTERS]}\n…"
    return Entry(kind=kind, name=name, title=title, owner=owner, version=version, facts=said, sample=cut, sample_of=sample_of)


def _names(kinds: Iterable[type[Document]]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)


def _owner(kind: type[Document], ask: Ask) -> str:
    """Whoever owns the process that says it in its example, or else hears it first."""
    hearing = (process.owner for process in ask.wiring.processes.values() if kind in process.on)
    return next(hearing, "integration")


@cache  # samples and examples do not change under a running program
def _examples() -> dict[type[Document], Document]:
    """One invented document of each type that an example or a sample of ours holds."""
    found: dict[type[Document], Document] = {}
    for process in extensions("suture.processes", "PROCESS", Process).values():
        example = process.example
        for document in (*(step.given for step in example.steps), *example.masters) if example else ():
            found.setdefault(type(document), document)
    for format in extensions("suture.formats", "FORMAT", Format).values():
        for sample in format.samples:
            for document in format.read(sample.raw, Profile()).documents:
                found.setdefault(type(document), document)
    return found


def _event(document: Document, network: str) -> CloudEvent | None:
    event = Event(once="example", kind="emitted", source="example", at=datetime(2026, 3, 2, 9, tzinfo=UTC), data=document)
    return crossing(Recorded(1, event), network)


_WORDS = re.compile(r"(?<!^)(?=[A-Z])")

PAGE = Page(
    path="/catalogue", title="Catalogue", allow="catalogue.read", section="Govern", rank=5, load=load, template="catalogue.html"
)
