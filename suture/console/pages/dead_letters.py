"""Dead letters: messages that cannot go on and deliveries that nobody tries any more, each to be mended, released or given up."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.authority import may, named
from suture.console.page import Ask, Page
from suture.console.pages.exceptions import chosen, filters_of, system_of
from suture.console.queue import queue
from suture.model import Money
from suture.views.exceptions import at_stake
from suture.views.impact import Ranked

#: Rows on one page.
PAGE_ROWS = 25


class Letter(Struct, frozen=True):
    """One of them: a message that came or a delivery that should go, why it lies here, how often it was tried, and since when."""

    id: str
    kind: str
    system: str
    reason: str
    text: str
    owner: str
    since: datetime
    attempts: str
    money: Money | None
    about: tuple[str, ...]
    #: What lets it go on, as it is called and as it stands on the button; "" where nothing does.
    verb: str
    release: str
    denied: str


class Pile(Struct, frozen=True):
    """How many lie here of one cause at one system."""

    system: str
    reason: str
    count: int
    oldest: datetime


class DeadLetters(Struct, frozen=True):
    """Everything that lies here, narrowed where asked; ``position`` is what a release from this page rests on."""

    count: int
    money: tuple[Money, ...]
    piles: tuple[Pile, ...]
    letters: tuple[Letter, ...]
    filters: dict[str, str]
    position: int
    more: int


def load(ask: Ask) -> DeadLetters:
    """Query: the filters of the exceptions, and ``skip``."""
    filters, skip = {**filters_of(ask.query), "dead": "yes"}, ask.number("skip")
    found = sorted(chosen(queue(ask), filters, ask.caller.subject), key=lambda each: each.row.position)
    return DeadLetters(
        count=len(found),
        money=at_stake(each.row for each in found),
        piles=tuple(_piles(found)),
        letters=tuple(_letter(ask, each) for each in found[skip : skip + PAGE_ROWS]),
        filters=filters,
        position=ask.trail.position,
        more=skip + PAGE_ROWS if skip + PAGE_ROWS < len(found) else 0,
    )


def _piles(found: list[Ranked]) -> list[Pile]:
    piles: dict[tuple[str, str], list[datetime]] = {}
    for each in found:
        piles.setdefault((system_of(each.row.case), each.row.case.reason), []).append(each.row.case.at)
    return [Pile(*key, len(since), min(since)) for key, since in sorted(piles.items(), key=lambda pile: -len(pile[1]))]


def _letter(ask: Ask, each: Ranked) -> Letter:
    case = each.row.case
    verb = "release" if "release" in case.actions else next(iter(case.actions), "")
    return Letter(
        id=case.id,
        kind="message in" if case.id.startswith("intake/") else "delivery out",
        system=system_of(case),
        reason=case.reason,
        text=case.text,
        owner=case.owner,
        since=case.at,
        attempts=case.context.get("attempts", ""),
        money=case.money,
        about=tuple(dict.fromkeys(ref.id for ref in case.objects if ref.type not in ("Message", "Delivery")))[:3],
        verb=verb,
        release=named(verb) if verb else "",
        denied=may(ask, case, verb).reason if verb else "it ends by itself",
    )


PAGE = Page(
    path="/dead_letters",
    title="Dead letters",
    allow="exceptions.read",
    section="Work",
    rank=50,
    load=load,
    template="dead_letters.html",
)
