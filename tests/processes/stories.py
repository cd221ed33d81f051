"""How tests of the supply processes tell a story and look at what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from suture.model import Case, Document, TimerFired
from suture.processes import Emit, Process, Raise, Resolve, Send
from suture.processes.cast import CAST, MORNING
from suture.processes.rehearsal import Turn, rehearse, said

D = TypeVar("D", bound=Document)


def run(process: Process, *documents: Document, masters: Iterable[Document] = CAST, key: str | None = None) -> list[Turn]:
    """The turns of these documents, all at one moment."""
    return rehearse(process, documents, masters, every=timedelta(0), key=key)


def but(*changed: Document) -> tuple[Document, ...]:
    """The cast, with some of its documents replaced by others of the same type and id."""
    taken = {(type(document), getattr(document, "id", "")) for document in changed}
    return (*(known for known in CAST if (type(known), getattr(known, "id", "")) not in taken), *changed)


def without(*ids: str) -> tuple[Document, ...]:
    """The cast without some of its documents."""
    return tuple(document for document in CAST if getattr(document, "id", "") not in ids)


def fired(name: str) -> TimerFired:
    """A timer has come to its end."""
    return TimerFired(name=name, due=MORNING)


def words(turn: Turn) -> list[str]:
    """What one turn said, in words."""
    return [said(effect) for effect in turn.effects]


def stated(turns: Sequence[Turn], kind: type[D]) -> list[D]:
    """Every document of a type that was stated to all."""
    return [
        effect.document
        for turn in turns
        for effect in turn.effects
        if isinstance(effect, Emit) and isinstance(effect.document, kind)
    ]


def sent(turns: Sequence[Turn], role: str, kind: type[D]) -> list[D]:
    """Every document of a type that was sent to a role."""
    return [
        effect.document
        for turn in turns
        for effect in turn.effects
        if isinstance(effect, Send) and effect.role == role and isinstance(effect.document, kind)
    ]


def opened(turns: Sequence[Turn]) -> list[Case]:
    """Every exception that was opened."""
    return [effect.case for turn in turns for effect in turn.effects if isinstance(effect, Raise)]


def reasons(turns: Sequence[Turn]) -> list[str]:
    """The reasons of the exceptions that are open at the end."""
    open_cases: dict[str, str] = {}
    for effect in (effect for turn in turns for effect in turn.effects):
        if isinstance(effect, Raise):
            open_cases[effect.case.id] = effect.case.reason
        elif isinstance(effect, Resolve):
            del open_cases[effect.case]
    return sorted(open_cases.values())


def phases(turns: Sequence[Turn]) -> list[str]:
    """The phase after each turn."""
    return [turn.state.phase for turn in turns]  # type: ignore[attr-defined]  # a state begins with its phase


def business(turns: Sequence[Turn]) -> list[tuple[str, str, str]]:
    """Everything that binds others: to whom (or to all), which type, which number; exactly once each, if all is well."""
    found = []
    for effect in (effect for turn in turns for effect in turn.effects):
        if isinstance(effect, Send | Emit) and not type(effect.document).__name__.endswith("Status"):
            to = effect.role if isinstance(effect, Send) else "all"
            found.append((to, type(effect.document).__name__, str(getattr(effect.document, "id", ""))))
    return found
