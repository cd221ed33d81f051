"""Master data as one more process: what the group knows of its suppliers, items, places, prices and policies."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

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
from suture.processes.cases import case_id, close_case, open_case
from suture.processes.course import Course
from suture.processes.process import Effect, Example, Process, Seen, Step
from suture.processes.rehearsal import filings
from suture.rules.approvals import same_person

NAME = "masters"
#: Versions of one policy that are kept at hand; the journal has them all.
VERSIONS_KEPT = 50
#: Prices of one supplier for one item (facilities, tiers, periods); one more is refused, aloud.
PRICES_MOST = 2000


class Filed(Struct, frozen=True, omit_defaults=True):
    """Everything filed under one key: one document, or all prices of a pair, or all versions of a policy."""

    phase: str = "filed"
    documents: tuple[AnyDocument, ...] = ()
    cases: tuple[str, ...] = ()


def _identity(document: Document) -> object:
    return document.version if isinstance(document, Policy) else getattr(document, "id", "")


def file(state: Filed, event: Event, seen: Seen) -> tuple[Filed, Sequence[Effect]]:
    """The newest word about a thing replaces the older one about the same thing; raises OverflowError over the limit."""
    if event.data in state.documents:
        return state, ()
    kept = tuple(document for document in state.documents if _identity(document) != _identity(event.data))
    if len(kept) >= PRICES_MOST:
        raise OverflowError(f"{seen.key} has {PRICES_MOST} documents already; retire some of them")
    return structs.replace(state, documents=(*kept, event.data)), ()


def enact(state: Filed, event: Event, seen: Seen) -> tuple[Filed, Sequence[Effect]]:
    """A policy takes effect only if another person than its author approved it; a version, once given, stays as it is.

    To go back is to publish the earlier values as a new version.
    """
    turn, policy = Course(state, seen), event.data
    assert isinstance(policy, Policy)
    if same_person(policy.author, policy.approver):
        text = f"policy {policy.id} version {policy.version} was written and approved by the same person; it is not in force"
        _refuse(turn, policy, "sod_violation", text, "have another person approve it and publish it again")
    elif any(known.version == policy.version and known != policy for known in _versions(state)):
        text = f"policy {policy.id} has a version {policy.version} with another content; the first one stays in force"
        _refuse(turn, policy, "version_taken", text, "publish it under the next version")
    else:
        others = (known for known in _versions(state) if known.version != policy.version)
        versions = sorted((*others, policy), key=lambda each: each.version)
        turn.become(documents=tuple(versions[-VERSIONS_KEPT:]))
        for case in state.cases:
            if int(case.rpartition("/")[2]) <= policy.version:
                close_case(turn, case, "published", policy.approver)
    return turn.end()


def _versions(state: Filed) -> list[Policy]:
    return [document for document in state.documents if isinstance(document, Policy)]


def _refuse(turn: Course[Filed], policy: Policy, reason: str, text: str, suggestion: str) -> None:
    case = Case(
        id=case_id(NAME, f"Policy:{policy.id}", reason, str(policy.version)),
        reason=reason,
        text=text,
        objects=(Ref("Policy", policy.id), Ref("Person", policy.author, "author")),
        owner="steward",
        at=turn.seen.now,
        suggestion=suggestion,
    )
    open_case(turn, case)


def key_of(document: Document) -> tuple[str, ...]:
    """Under which keys decisions look for this document."""
    return tuple(f"{type(document).__name__}:{id}" for id in filings(document))


def shelf(kind: str, id: str) -> tuple[str, str]:
    """The state (process, key) in which documents of a kind are filed under an id."""
    return NAME, f"{kind}:{id}"


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
    name=NAME,
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
