"""The door for KPIs: a name, a unit, a good direction, a target, and one fold over the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from suture.journal import Event, Recorded


class Kpi(Struct, frozen=True, kw_only=True):
    """A key performance indicator. ``step(state, event) -> state`` may change and return the
    state that ``start`` made; ``value(state)`` is None where nothing counts yet.

    ``definition`` says in one sentence what is divided by what; it stands on the tile and in the report.
    """

    name: str
    title: str
    unit: Literal["percent", "hours", "money", "count"]
    good: Literal["up", "down"]
    target: Decimal
    definition: str
    owner: str
    start: Callable[[], Any]
    step: Callable[[Any, Event], Any]
    value: Callable[[Any], Decimal | None]

    def of(self, history: Iterable[Recorded]) -> Decimal | None:
        """The indicator over a history."""
        state = self.start()
        for row in history:
            state = self.step(state, row.event)
        return self.value(state)
