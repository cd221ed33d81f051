"""The queue: everything that is open, the dearest to leave first, as every page tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from suture.console.page import Ask
from suture.journal import Journal
from suture.model import Policy
from suture.processes.masters import Filed
from suture.views.impact import Ranked, Terms, items_of, ranked, terms
from suture.views.search import Index

#: The process whose states say how much of an item a place has.
_SHELVES = "usage_to_replenishment"


class _Shelf(Struct):
    balance: Decimal = Decimal(0)


_shelf = msgspec.json.Decoder(_Shelf)
_filed = msgspec.json.Decoder(Filed)


def queue(ask: Ask) -> list[Ranked]:
    """Everything open, the dearest to leave first; what sleeps comes last."""
    if "queue" not in ask.memo:
        rows = ask.books.exceptions()
        stocks = balances(ask.journal, ask.index, items_of(ask.index, (row.case for row in rows)))
        ask.memo["queue"] = ranked(rows, ask.index, terms_of(ask.journal), stocks, ask.now)
    found: list[Ranked] = ask.memo["queue"]
    return found


def terms_of(journal: Journal) -> Terms:
    """The policy ``impact`` that was published last; its defaults where there is none."""
    key = ("masters", "Policy:impact")
    state = journal.states([key]).get(key)
    documents = _filed.decode(state.data).documents if state else ()
    latest = max((one for one in documents if isinstance(one, Policy)), key=lambda policy: policy.version, default=None)
    values: Mapping[str, Any] = latest.values if latest else {}
    return terms(values)


def balances(journal: Journal, index: Index, items: Iterable[str]) -> dict[tuple[str, str], Decimal]:
    """How much of these items the places have that use them, by item and place."""
    used = [(item, str(place)) for item in items for (place,) in index.rows("select place from used where item = ?", item)]
    states = journal.states((_SHELVES, f"{item}@{place}") for item, place in used)
    known = ((pair, states.get((_SHELVES, f"{pair[0]}@{pair[1]}"))) for pair in used)
    return {pair: _shelf.decode(state.data).balance for pair, state in known if state}
