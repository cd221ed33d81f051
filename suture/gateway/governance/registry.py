"""The register of everything that is governed: APIs, events, documents, mappings, flows and systems, each with whoever answers.

What a thing says of itself is taken from it; what follows from its parts is derived: a mapping is as confidential and as critical
as the documents that it carries, and belongs to whoever answers for most of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from suture.extensions import found
from suture.formats import Format
from suture.gateway.events.contract import CONTRACTS
from suture.gateway.governance.levels import LEVELS, Level
from suture.gateway.operation import Criticality, Operation
from suture.model import DOCUMENTS, Document
from suture.model.classes import CLASSES, DataClass, classes_of
from suture.model.schema import SCHEMA_VERSION
from suture.processes import Process
from suture.systems import System

Kind = Literal["operation", "event", "document", "mapping", "flow", "system"]

#: Who answers for the documents that never leave; those that do are owned by their contracts.
INSIDE: Mapping[str, tuple[str, ...]] = {
    "operations": (
        *(
            "Acknowledgement",
            "CallsAnswered",
            "Case",
            "CaseResolved",
            "Decided",
            "Decision",
            "FunctionalAcknowledgement",
            "MessageReceived",
        ),
        *("Parked", "Reconciled", "Repaired", "TimerFired"),
    ),
    "steward": ("Crosswalk", "Person", "Policy", "SuppliersCompared"),
    "supply_chain": ("Usage", "ShipmentStatus", "StockCount"),
    "biomedical": ("Asset", "WorkOrder", "PartsUse"),
}


class Governed(Struct, frozen=True, kw_only=True):
    """One thing that somebody answers for; blank, or None, where nobody has said."""

    kind: Kind
    name: str
    title: str
    owner: str
    version: str
    data_class: str
    criticality: Criticality | None

    @property
    def path(self) -> str:
        """How findings name it."""
        return f"{self.kind}s.{self.name}"


def governed(
    operations: Iterable[Operation], systems: Iterable[System], formats: Iterable[Format], processes: Iterable[Process]
) -> tuple[Governed, ...]:
    """Everything, in order of kind and name."""
    flows = list(processes)
    things = [
        *map(_operation, operations),
        *_events(),
        *(_document(kind, flows) for kind in DOCUMENTS.values()),
        *(_mapping(format, flows) for format in formats),
        *map(_flow, flows),
        *(_system(system, flows) for system in systems),
    ]
    return tuple(sorted(things, key=lambda thing: (thing.kind, thing.name)))


def everything(operations: Iterable[Operation]) -> tuple[Governed, ...]:
    """The register of whatever is installed."""
    return governed(
        operations,
        found("suture.systems", "SYSTEM", System).values(),
        found("suture.formats", "FORMAT", Format).values(),
        found("suture.processes", "PROCESS", Process).values(),
    )


def owner_of(kind: type[Document]) -> str:
    """Who answers for a document; "" if nobody has said."""
    if contract := CONTRACTS.get(kind):
        return contract.owner
    return next((owner for owner, names in INSIDE.items() if kind.__name__ in names), "")


def class_of(kinds: Iterable[type[Document]]) -> DataClass:
    """The most confidential class of any field of these documents."""
    seen = {kind for document in kinds for kind in classes_of(document).values()}
    return max(seen, key=CLASSES.index, default="public")


def level_of(kinds: Iterable[type[Document]], flows: Iterable[Process]) -> Level:
    """The level of the most critical flow that hears one of these documents."""
    wanted = set(kinds)
    levels = {flow.criticality for flow in flows if wanted & flow.on.keys()}
    return next((level for level in ("critical", "important") if level in levels), "background")


def carried(system: System) -> tuple[type[Document], ...]:
    """What goes to and comes from a system."""
    return tuple(dict.fromkeys((*system.accepts, *system.emits)))


def _operation(operation: Operation) -> Governed:
    return Governed(
        kind="operation",
        name=operation.name,
        title=operation.title,
        owner=operation.owner,
        version=str(operation.version),
        data_class=operation.data_class,
        criticality=operation.criticality,
    )


def _events() -> Iterator[Governed]:
    for contract in CONTRACTS.values():
        for type in contract.types:
            yield Governed(
                kind="event",
                name=type,
                title=contract.title,
                owner=contract.owner,
                version=contract.version,
                data_class=contract.data_class,
                criticality=contract.criticality,
            )


def _document(kind: type[Document], flows: Iterable[Process]) -> Governed:
    return Governed(
        kind="document",
        name=kind.__name__,
        title=(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip(),
        owner=owner_of(kind),
        version=SCHEMA_VERSION,
        data_class=class_of([kind]),
        criticality=LEVELS[level_of([kind], flows)],
    )


def _mapping(format: Format, flows: Iterable[Process]) -> Governed:
    kinds = (*format.reads, *format.writes)
    owners = Counter(filter(None, map(owner_of, kinds)))
    return Governed(
        kind="mapping",
        name=format.name,
        title=format.title,
        owner=owners.most_common(1)[0][0] if owners else "",
        version=str(format.version),
        data_class=class_of(kinds),
        criticality=LEVELS[level_of(kinds, flows)],
    )


def _flow(process: Process) -> Governed:
    return Governed(
        kind="flow",
        name=process.name,
        title=process.title,
        owner=process.owner,
        version=str(process.version),
        data_class=class_of(process.on),
        criticality=LEVELS.get(process.criticality),
    )


def _system(system: System, flows: Iterable[Process]) -> Governed:
    kinds = carried(system)
    owners = Counter(filter(None, map(owner_of, kinds)))
    return Governed(
        kind="system",
        name=system.name,
        title=system.title,
        # the instance has an owner of its own; the connector belongs to whoever answers for what it carries
        owner=owners.most_common(1)[0][0] if owners else "",
        version=SCHEMA_VERSION,
        data_class=class_of(kinds),
        criticality=LEVELS[level_of(kinds, flows)],
    )
