"""One system: how it is declared, how it stands, how it is sent to, and what one may decide about that."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Missing, Page
from suture.console.pages import systems
from suture.console.pages.systems import Counterpart
from suture.model import Decision
from suture.runtime.pauses import VERBS, allowed, decided_at
from suture.views.ledger import AGES, DUE_ASKED, balance

#: Decisions about it that are shown, the latest first.
DECISIONS = 10


class Declared(Struct, frozen=True, kw_only=True):
    """What the network file says of it, with the system's own bounds where it says nothing."""

    system: str
    title: str
    role: str
    mode: str
    owner: str
    entities: tuple[str, ...]
    facilities: tuple[str, ...]
    rate_per_s: float
    concurrency: int
    timeout_s: float
    outcomes: dict[str, str]


class Verb(Struct, frozen=True, kw_only=True):
    """Something that one may decide about it, what it does, and why not, where one may not."""

    name: str
    does: str
    denied: str


class Made(Struct, frozen=True, kw_only=True):
    """A decision about it."""

    at: datetime
    actor: str
    verb: str
    reason: str
    position: int


class Owes(Struct, frozen=True, kw_only=True):
    """What it is still owed of one kind, by age (``OneSystem.ages``)."""

    kind: str
    oldest: datetime
    ages: tuple[int, ...]


class Trying(Struct, frozen=True, kw_only=True):
    """How sending stands as the service itself wrote it down: of the open deliveries that were looked at, so many have been tried
    in vain, the most often tried so often, what it was told last, and when the next of them all goes."""

    looked_at: int
    in_vain: int
    attempts: int
    said: str
    next: datetime | None


class OneSystem(Struct, frozen=True, kw_only=True):
    """A counterpart in whole; ``position`` is what a decision made on this page rests on."""

    one: Counterpart
    declared: Declared | None
    verbs: tuple[Verb, ...]
    position: int
    decided: tuple[Made, ...]
    owes: tuple[Owes, ...]
    trying: Trying | None
    ages: tuple[str, ...] = AGES


def load(ask: Ask) -> OneSystem:
    """Query: ``name``. Raises Missing."""
    name, known = ask.query.get("name", ""), systems.load(ask).counterparts
    one = next((each for each in known if each.name == name), None)
    if one is None:
        raise Missing(f"no counterpart is called {name}", tuple(each.name for each in known))
    verdict = ask.may(f"systems.{next(iter(VERBS))}")
    denied = "" if one.declared and verdict else verdict.reason or "start the console with --network NETWORK.TOML to decide this"
    items = [item for item in balance(ask.books, now=ask.now).open_items if item.instance == name]
    made = [each for each in ask.trail.decisions if (each.decision.subject.type, each.decision.subject.id) == ("Instance", name)]
    return OneSystem(
        one=one,
        declared=_declared(ask, name),
        verbs=tuple(Verb(name=verb, does=VERBS[verb][1], denied=denied) for verb in allowed(one.pause.phase)),
        position=max(ask.trail.position, decided_at(ask.wiring, name)),
        decided=tuple(_made(each.position, each.decision) for each in reversed(made[-DECISIONS:])),
        owes=tuple(Owes(kind=item.kind, oldest=item.oldest, ages=item.ages) for item in items),
        trying=_trying(ask, name),
    )


def _trying(ask: Ask, name: str) -> Trying | None:
    rows = [row for row in ask.journal.open_deliveries(name, limit=DUE_ASKED) if row.status != "parked"]
    if not rows:
        return None
    tried = [row for row in rows if row.attempts]
    most = max(tried, key=lambda row: row.attempts, default=None)
    return Trying(
        looked_at=len(rows),
        in_vain=len(tried),
        attempts=most.attempts if most else 0,
        said=most.note if most else "",
        next=min(row.due for row in rows),
    )


def _made(position: int, decision: Decision) -> Made:
    return Made(at=decision.at, actor=decision.actor, verb=decision.verb, reason=decision.reason, position=position)


def _declared(ask: Ask, name: str) -> Declared | None:
    instance = ask.wiring.instances.get(name)
    if instance is None:
        return None
    system = ask.wiring.system(instance)
    return Declared(
        system=system.name,
        title=system.title,
        role=instance.role or system.role,
        mode=instance.mode,
        owner=instance.owner,
        entities=instance.entities,
        facilities=instance.facilities,
        rate_per_s=instance.rate_per_s or system.rate_per_s,
        concurrency=instance.concurrency or system.concurrency,
        timeout_s=instance.timeout_s or system.timeout_s,
        outcomes={kind.__name__: operation.outcome for kind, operation in system.accepts.items()},
    )


PAGE = Page(path="/system", title="System", allow="systems.read", load=load, template="system.html")
