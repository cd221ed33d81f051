"""The course of one decision: the state as it becomes, and the effects in the order in which they are wanted."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct, structs

from suture.model import Policy
from suture.processes.process import Effect, Seen
from suture.rules import policies

S = TypeVar("S", bound=Struct)


class Course(Generic[S]):
    """Collects what a handler decides; it lives within one call, so that the handler stays pure."""

    def __init__(self, state: S, seen: Seen) -> None:
        self.state = state
        self.seen = seen
        self.effects: list[Effect] = []

    def become(self, **changes: Any) -> None:
        """Change fields of the state."""
        self.state = structs.replace(self.state, **changes)

    def want(self, *effects: Effect) -> None:
        """Add effects."""
        self.effects.extend(effects)

    def end(self) -> tuple[S, tuple[Effect, ...]]:
        """What the handler answers."""
        return self.state, tuple(self.effects)


def in_force(seen: Seen, name: str) -> Policy | None:
    """The version of a policy in force now, or None: then the strictest answer holds."""
    return policies.in_force(seen.all(Policy, name), seen.now)
