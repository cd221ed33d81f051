"""Bulk: one decision about everything that a filter names, told before it is made and counted while it is carried out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.console.authority import does, may, mildest_first, named
from suture.console.page import Ask, Page
from suture.console.pages.exceptions import chosen, filters_of
from suture.console.queue import queue
from suture.model import Money
from suture.views.exceptions import at_stake
from suture.views.impact import Ranked

#: Verbs that need more than a reason.
SINGLE = ("repair", "route")


class Choice(Struct, frozen=True):
    """One verb: on how many of them it can be used, what it does, and why this person may not, if so."""

    verb: str
    name: str
    count: int
    money: tuple[Money, ...]
    partners: int
    does: str
    denied: str


class Progress(Struct, frozen=True):
    """What is decided in the background: so many of how many, what became of them, and why it stopped, if it did."""

    done: int
    total: int
    fates: dict[str, int]
    stopped: str


class Bulk(Struct, frozen=True):
    """What the filters name, and which verbs can be used on how many of it; ``run`` counts what has been decided so far."""

    filters: dict[str, str]
    count: int
    money: tuple[Money, ...]
    partners: int
    choices: tuple[Choice, ...]
    position: int
    run: str
    done: int
    progress: Progress | None


def load(ask: Ask) -> Bulk:
    """Query: the filters of the exceptions; ``run`` a bulk decision under way."""
    filters, run = filters_of(ask.query), ask.query.get("run", "")
    found = chosen(queue(ask), filters, ask.caller.subject)
    verbs = mildest_first(dict.fromkeys(verb for each in found for verb in each.row.case.actions if verb not in SINGLE))
    return Bulk(
        filters=filters,
        count=len(found),
        money=at_stake(each.row for each in found),
        partners=partners(found),
        choices=tuple(_choice(ask, verb, found) for verb in verbs),
        position=ask.trail.position,
        run=run,
        done=sum(each.decision.id.startswith(f"{run}/") for each in ask.trail.decisions) if run else 0,
        progress=_progress(ask, run),
    )


def _progress(ask: Ask, run: str) -> Progress | None:
    errand = ask.errand(run)
    return Progress(errand.done, errand.total, dict(errand.fates), errand.stopped) if errand else None


def _choice(ask: Ask, verb: str, found: Sequence[Ranked]) -> Choice:
    able = [each for each in found if verb in each.row.case.actions]
    allowed = [each for each in able if may(ask, each.row.case, verb)]
    denied = "" if allowed else next((may(ask, each.row.case, verb).reason for each in able), "")
    money = at_stake(each.row for each in allowed)
    return Choice(verb, named(verb), len(allowed), money, partners(allowed), does(verb), denied)


def partners(found: Sequence[Ranked]) -> int:
    """How many suppliers these are with."""
    return len({each.facts.supplier for each in found if each.facts.supplier})


PAGE = Page(path="/bulk", title="Decide about many", allow="exceptions.read", load=load, template="bulk.html")
