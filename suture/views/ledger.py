"""The conservation ledger: every document that was accepted is in exactly one end state, or still owed with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from suture.journal import Journal, Recorded
from suture.journal.rows import instant, micros
from suture.views.books import LEFT, Books

#: How old an open item is: the bounds between the buckets, and what people call the buckets.
EDGES = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24), timedelta(days=7))
AGES = ("<1 h", "1-4 h", "4-24 h", "1-7 d", ">7 d")
#: Strays that are named one by one.
STRAYS_TOLD = 100
#: So many of a counterpart's open deliveries are asked when the next of them is due.
DUE_ASKED = 200

_ENDS = ("done", "refused", "parked", "cancelled")
_STATES = ("delivered", "refused", "compensated", "parked", "in_flight")
#: How many documents of each kind are in which state other than delivered; answered from an index of those alone.
UNSETTLED = "select name, state, count(*) from documents where state <> 'delivered' group by 1, 2 order by 1, 2"
_OPEN_ITEMS = f"""select instance, kind, min(since), count(*), {", ".join(["sum(since <= ?)"] * len(EDGES))}
from debts where {LEFT} group by instance, kind"""


class OpenItem(Struct, frozen=True):
    """Deliveries of one kind of document that a counterpart is still owed (open or parked): how many of which age (``AGES``)."""

    instance: str
    kind: str
    oldest: datetime
    ages: tuple[int, ...]


class Ledger(Struct, frozen=True, kw_only=True):
    """The balance: what was accepted is what ended in one of five ways; deliveries are debits, their fates credits.

    ``by_name`` counts accepted documents by kind and state; ``by_instance`` and ``by_kind`` count deliveries by counterpart,
    and by counterpart and kind of document: owed, and what became of them. ``open_items`` are aged as of ``at``.
    """

    accepted: int
    delivered: int
    refused: int
    compensated: int
    parked: int
    in_flight: int
    repeated: int
    debits: int
    credits: int
    open: int
    by_name: dict[str, dict[str, int]]
    by_instance: dict[str, dict[str, int]]
    by_kind: dict[str, dict[str, dict[str, int]]]
    open_items: tuple[OpenItem, ...]
    strays: tuple[str, ...]
    at: datetime | None = None

    @property
    def balanced(self) -> bool:
        """Whether both sums hold and no credit lacks its debit."""
        ends = self.delivered + self.refused + self.compensated + self.parked + self.in_flight
        return self.accepted == ends and self.debits == self.credits + self.open and not self.strays


def ledger(history: Iterable[Recorded], repeats: int = 0, now: datetime | None = None) -> Ledger:
    """Fold the journal into the balance. ``repeats`` is the journal's own count of messages that came again."""
    books = Books()
    for row in history:
        books.enter(row)
    return balance(books, repeats, now)


def balance(books: Books, repeats: int = 0, now: datetime | None = None) -> Ledger:
    """The balance of everything entered; open items are told where ``now`` says how old they are."""
    names = _by_name(books)
    kinds: dict[str, dict[str, dict[str, int]]] = {}
    for instance, kind, fate, number in books.rows("select * from tallies where number > 0 order by instance, kind, fate"):
        kinds.setdefault(instance, {}).setdefault(kind, {})[fate] = number
    instances = {instance: _sum(by_kind.values()) for instance, by_kind in kinds.items()}
    states, fates = _sum(names.values()), _sum(instances.values())
    return Ledger(
        accepted=sum(number for _, number in books.rows("select * from accepted")),
        **{state: states.get(state, 0) for state in _STATES},
        repeated=repeats,
        debits=fates.get("owed", 0),
        credits=sum(fates.get(end, 0) for end in _ENDS),
        open=fates.get("open", 0),
        by_name=names,
        by_instance={instance: _without_open(counts) for instance, counts in instances.items()},
        by_kind={name: {kind: _without_open(counts) for kind, counts in by_kind.items()} for name, by_kind in kinds.items()},
        open_items=_open_items(books, now) if now else (),
        strays=tuple(what for (what,) in books.rows("select what from strays order by number limit ?", STRAYS_TOLD)),
        at=now,
    )


def next_due(journal: Journal, instances: Iterable[str]) -> dict[str, datetime]:
    """When each counterpart's next open delivery goes, or its word is overdue; a parked one waits for a person, not for time."""
    found: dict[str, datetime] = {}
    for instance in instances:
        waiting = [row.due for row in journal.open_deliveries(instance, limit=DUE_ASKED) if row.status != "parked"]
        if waiting:
            found[instance] = min(waiting)
    return found


def _by_name(books: Books) -> dict[str, dict[str, int]]:
    """How many documents of each kind are in which state: what is delivered is what was accepted without the others."""
    unsettled: dict[str, dict[str, int]] = {}
    for name, state, number in books.rows(UNSETTLED):
        unsettled.setdefault(name, {})[state] = number
    found: dict[str, dict[str, int]] = {}
    for name, number in books.rows("select * from accepted order by name"):
        others = unsettled.get(name, {})
        delivered = number - sum(others.values())
        found[name] = {"delivered": delivered, **others} if delivered else others
    return found


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _without_open(counts: dict[str, int]) -> dict[str, int]:
    """What is open is what is owed without its ends."""
    return {fate: number for fate, number in counts.items() if fate != "open"}


def _open_items(books: Books, now: datetime) -> tuple[OpenItem, ...]:
    edges = [micros(now - age) for age in EDGES]
    return tuple(
        OpenItem(instance, kind, instant(oldest), tuple(more - less for more, less in pairwise((*older, 0))))
        for instance, kind, oldest, *older in books.rows(_OPEN_ITEMS, *edges)
    )
