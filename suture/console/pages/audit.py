"""Audit: what people decided, in order, each with who, why and the position that it rested on."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.model import Ref
from suture.views.trail import Decided

#: Decisions on one page.
PAGE_ROWS = 40


class Entry(Struct, frozen=True):
    """One decision: at which position it stands, and on which it rested."""

    position: int
    at: datetime
    actor: str
    verb: str
    subject: Ref
    reason: str
    rested_on: int


class Audit(Struct, frozen=True):
    """The latest decisions first; ``before`` asks for those before a position, 0 when there are none."""

    count: int
    entries: tuple[Entry, ...]
    before: int
    actor: str
    dropped: int


def load(ask: Ask) -> Audit:
    """Query: ``before`` a position, ``actor``."""
    text, actor = ask.query.get("before", ""), ask.query.get("actor", "")
    before = int(text) if text.isdecimal() and len(text) < 19 else 0
    made = [row for row in ask.trail.decisions if actor in ("", row.decision.actor)]
    older = [row for row in made if not before or row.position < before]
    shown = tuple(map(_entry, reversed(older[-PAGE_ROWS:])))
    return Audit(len(made), shown, shown[-1].position if len(older) > PAGE_ROWS else 0, actor, ask.trail.dropped)


def _entry(row: Decided) -> Entry:
    made = row.decision
    return Entry(row.position, made.at, made.actor, made.verb, made.subject, made.reason, made.position)


PAGE = Page(path="/audit", title="Audit", allow="audit.read", section="Govern", rank=20, load=load, template="audit.html")
