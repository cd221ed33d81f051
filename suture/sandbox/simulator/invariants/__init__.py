"""The promise in business words, checked against what the twins hold; shares no code with the engine that it judges."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from suture.sandbox.simulator.invariants import agreement, cursors, ends, fences, goods, messages, money, orders
from suture.sandbox.simulator.invariants.facts import Check, Facts
from suture.sandbox.simulator.world import World

#: Every promise by its name. The last ones try to break the journal, so they come when all others have been judged.
PROMISES: Mapping[str, Check] = {
    **messages.PROMISES,
    **goods.PROMISES,
    **orders.PROMISES,
    **money.PROMISES,
    **agreement.PROMISES,
    **ends.PROMISES,
    **cursors.PROMISES,
    **fences.PROMISES,
}


class Violation(Struct, frozen=True):
    """A broken promise: which, and what was seen."""

    promise: str
    text: str


def violations(world: World) -> list[Violation]:
    """Every promise that this finished run has broken."""
    facts = Facts(world)
    return [Violation(promise, text) for promise, check in PROMISES.items() for text in check(facts)]


__all__ = ["PROMISES", "Violation", "violations"]
