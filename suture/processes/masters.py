"""Master data as one more process: what the group knows of its suppliers, items, places, prices and policies."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.journal import Event
from suture.model import (
    AnyDocument,
    Case,
    ContractPrice,
    CostCenter,
    Crosswalk,
    Document,
    Entity,
    Item,
    Person,
    Place,
    Policy,
    Ref,
    StockPolicy,
    Supplier,
)
from suture.processes.process import Effect, Example, Process, Raise, Seen, Step
from suture.processes.rehearsal import filings

#: Versions of one policy that are kept at hand.
VERSIONS_KEPT = 50


class Filed(Struct, frozen=True, omit_defaults=True):
    """Everything filed under one key: one document, or all prices of a pair, or all versions of a policy."""

    phase: str = "filed"
    documents: tuple[AnyDocument, ...] = ()


def _identity(document: Document) -> object:
    return document.version if isinstance(document, Policy) else getattr(document, "id", "")


def file(state: Filed, event: Event, seen: Seen) -> tuple[Filed, Sequence[Effect]]:
    """The newest word about a thing replaces the older one about the same thing."""
    kept = tuple(document for document in state.documents if _identity(document) != _identity(event.data))
    return Filed(documents=(*kept, event.data)[-VERSIONS_KEPT:]), ()


def enact(state: Filed, event: Event, seen: Seen) -> tuple[Filed, Sequence[Effect]]:
    """A policy takes effect only if another person than its author approved it."""
    policy = event.data
    assert isinstance(policy, Policy)
    if policy.author != policy.approver:
        return file(state, event, seen)
    case = Case(
        id=f"masters/Policy:{policy.id}/sod_violation/{policy.version}",
        reason="sod_violation",
        text=f"policy {policy.id} version {policy.version} was written and approved by the same person; it is not in force",
        objects=(Ref("Policy", policy.id), Ref("Person", policy.author, "author")),
        owner="steward",
        at=seen.now,
        suggestion="have another person approve it and publish it again",
    )
    return state, (Raise(case=case),)


def key_of(document: Document) -> tuple[str, ...]:
    """Under which keys decisions look for this document."""
    return tuple(f"{type(document).__name__}:{id}" for id in filings(document))


KINDS: tuple[type[Document], ...] = (
    ContractPrice,
    CostCenter,
    Crosswalk,
    Entity,
    Item,
    Person,
    Place,
    StockPolicy,
    Supplier,
)

PROCESS = Process(
    name="masters",
    title="Master data and policies",
    version=1,
    owner="steward",
    key=key_of,
    state=Filed,
    on={**dict.fromkeys(KINDS, file), Policy: enact},
    needs=lambda state, event: (),
    phases=("filed",),
    example=Example(
        text="An item is filed; its successor replaces it.",
        masters=(),
        steps=(
            Step(given=Item(id="I-1", name="Glove, nitrile, M", unit="EA"), state="filed"),
            Step(given=Item(id="I-1", name="Glove, nitrile, medium", unit="EA"), state="filed"),
        ),
    ),
)
