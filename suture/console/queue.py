"""The queue: everything that is open, the dearest to leave first, as every page tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from msgspec import Struct

from suture.console.page import Ask
from suture.journal import Journal
from suture.runtime.policies import in_force
from suture.views.exceptions import OpenException, gravest
from suture.views.impact import Facts, Impact, Ranked, Terms, facts_of, impact, items_of, ranked, terms
from suture.views.search import Index

#: The process whose states say how much of an item a place has.
_SHELVES = "usage_to_replenishment"


#: What an exception costs is worked out anew after so long, for so many at a time; but no place in the queue rests on what is
#: older than ``OLDEST``: after a night without a look the first look may take longer, and is right.
GOOD_FOR, AGAIN_MOST, OLDEST = timedelta(minutes=1), 60, timedelta(hours=1)


class _Shelf(Struct):
    balance: Decimal = Decimal(0)


_shelf = msgspec.json.Decoder(_Shelf)


def queue(ask: Ask) -> list[Ranked]:
    """Everything open, the dearest to leave first; what sleeps comes last."""
    if "queue" not in ask.memo:
        known = terms_of(ask.journal, ask.now)
        weighed = [(each.row, each.facts, each.impact) for each in _weighed(ask, known)]
        ask.memo["queue"] = ranked(weighed, ask.index, known, ask.now)
    found: list[Ranked] = ask.memo["queue"]
    return found


def open_ones(ask: Ask) -> list[OpenException]:
    """Everything open as it was raised, the gravest first."""
    if "open" not in ask.memo:
        ask.memo["open"] = gravest(each.row for each in queue(ask))
    found: list[OpenException] = ask.memo["open"]
    return found


class Weighed(Struct, frozen=True):
    """An open exception with what it costs, and when that was worked out."""

    row: OpenException
    facts: Facts
    impact: Impact
    at: datetime


def _weighed(ask: Ask, terms: Terms) -> list[Weighed]:
    """Everything open; what is new is weighed now, and what was weighed long ago a few at a time."""
    lasting: dict[str, Weighed] = ask.memo.setdefault("lasting", {}).setdefault("weighed", {})
    positions = {str(id): position for id, position in ask.books.rows("select id, position from cases")}
    for id in lasting.keys() - positions.keys():
        del lasting[id]
    fresh = [id for id, position in positions.items() if id not in lasting or lasting[id].row.position != position]
    known = sorted((each.at, id) for id, each in lasting.items() if abs(ask.now - each.at) >= GOOD_FOR)
    again = [id for number, (at, id) in enumerate(known) if number < AGAIN_MOST or abs(ask.now - at) >= OLDEST]
    for each in _weigh(ask, terms, [*fresh, *again]):
        lasting[each.row.case.id] = each
    return list(lasting.values())


def _weigh(ask: Ask, terms: Terms, ids: list[str]) -> Iterator[Weighed]:
    rows = [row for id in ids for row in ask.books.exception(id)]
    stocks = balances(ask.journal, ask.index, items_of(ask.index, (row.case for row in rows)))
    for row in rows:
        facts = facts_of(ask.index, row.case, stocks, ask.now)
        yield Weighed(row, facts, impact(row.case, facts, terms, ask.now), ask.now)


def terms_of(journal: Journal, now: datetime) -> Terms:
    """The policy ``impact`` in force; its defaults where there is none."""
    policy = in_force(journal, "impact", now)
    return terms(policy.values if policy else {})


def balances(journal: Journal, index: Index, items: Iterable[str]) -> dict[tuple[str, str], Decimal]:
    """How much of these items the places have that use them, by item and place."""
    used = [(item, str(place)) for item in items for (place,) in index.rows("select place from used where item = ?", item)]
    states = journal.states((_SHELVES, f"{item}@{place}") for item, place in used)
    known = ((pair, states.get((_SHELVES, f"{pair[0]}@{pair[1]}"))) for pair in used)
    return {pair: _shelf.decode(state.data).balance for pair, state in known if state}
