"""Impact: what it costs, in care and in money, if an exception waits, computed from data and shown as arithmetic.

Each reason is a loss and the moment from which it is lost. A loss that comes before anybody looks again (the horizon) counts in
full; a later one counts by the share of the horizon in the time that is left, since there will be another chance. The sum of
the reasons is what it costs to leave this exception and take another; whoever has time for one should take the dearest.

The policy ``impact`` reads, with these defaults::

    {"horizon_hours": "24", "late_percent_month": "1.5", "late_fee": "40", "cancelled": "5000", "short": "500", "waiting": "5",
     "discounts": {"SUPPLIER": {"percent": "2", "days": 10}}, "rates": {"EUR": "1.08"}}

``late_fee`` is what a supplier may ask once for a late payment, ``cancelled`` what a procedure costs that does not take place,
``short`` a shortage that does not reach one, ``waiting`` what each document costs that waits behind, all in the group's currency;
``rates`` are worth in it, and 1 where none is named. There are no discounts unless some are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from suture.journal.rows import instant
from suture.model import Case, Decision, Money
from suture.views.exceptions import OpenException
from suture.views.search import Index, unscaled

CURRENCY = "USD"
_CENT = Decimal("0.01")


class Reason(Struct, frozen=True):
    """One loss: what it is, how much (in the group's currency), from when on, and how much of it counts now."""

    kind: str
    text: str
    loss: Decimal
    at: datetime | None
    counts: Decimal


class Impact(Struct, frozen=True):
    """The reasons, those of care first; ``care`` and ``money`` are their sums."""

    reasons: tuple[Reason, ...]
    care: Decimal
    money: Decimal

    @property
    def score(self) -> Decimal:
        """What it costs to let it wait."""
        return self.care + self.money


class Terms(Struct, frozen=True, kw_only=True):
    """The policy ``impact`` as numbers."""

    horizon: timedelta
    late: Decimal
    fee: Decimal
    discounts: Mapping[str, tuple[Decimal, int]]
    cancelled: Decimal
    short: Decimal
    waiting: Decimal
    rates: Mapping[str, Decimal]

    def worth(self, money: Money) -> Decimal:
        """An amount in the group's currency."""
        return abs(money.amount) * self.rates.get(money.currency, Decimal(1))


def terms(policy: Mapping[str, Any]) -> Terms:
    """Read the policy; what it does not say is as in the module's description."""
    discounts: Mapping[str, Mapping[str, Any]] = policy.get("discounts", {})
    rates: Mapping[str, str] = policy.get("rates", {})
    return Terms(
        horizon=timedelta(hours=float(Decimal(str(policy.get("horizon_hours", "24"))))),
        late=Decimal(str(policy.get("late_percent_month", "1.5"))),
        fee=Decimal(str(policy.get("late_fee", "40"))),
        discounts={name: (Decimal(str(one["percent"])), int(one["days"])) for name, one in discounts.items()},
        cancelled=Decimal(str(policy.get("cancelled", "5000"))),
        short=Decimal(str(policy.get("short", "500"))),
        waiting=Decimal(str(policy.get("waiting", "5"))),
        rates={name: Decimal(rate) for name, rate in rates.items()},
    )


class Facts(Struct, frozen=True, kw_only=True):
    """What is known about an exception beyond its own words: the bill or order that it holds up, and the stock."""

    type: str = ""
    id: str = ""
    supplier: str = ""
    facility: str = ""
    amount: Money | None = None
    issued: datetime | None = None
    due: datetime | None = None
    #: Until when the goods are needed, from the order.
    needed: datetime | None = None
    #: For how many days the scarcest of the items lasts, and which that is.
    cover: Decimal | None = None
    scarce: str = ""
    #: Documents of the same orders that are not at an end.
    waiting: int = 0


def impact(case: Case, facts: Facts, terms: Terms, now: datetime) -> Impact:
    """What it costs if this exception waits."""
    care, money = tuple(_care(case, facts, terms, now)), tuple(_money(case, facts, terms, now))
    both = (sum((reason.counts for reason in reasons), Decimal(0)) for reasons in (care, money))
    return Impact((*care, *money), *both)


def _reason(kind: str, text: str, loss: Decimal, at: datetime | None, terms: Terms, now: datetime) -> Reason:
    left = (at - now) if at else timedelta(0)
    share = Decimal(1) if left <= terms.horizon else Decimal(terms.horizon / left)
    return Reason(kind, text, loss.quantize(_CENT), at, (loss * share).quantize(_CENT))


def _care(case: Case, facts: Facts, terms: Terms, now: datetime) -> Iterable[Reason]:
    if case.care == "none":
        return
    lasts = now + timedelta(days=float(min(facts.cover, Decimal(3650)))) if facts.cover is not None else None
    moments = [moment for moment in (facts.needed, lasts) if moment is not None]
    at = max(moments) if moments else case.deadline
    missed = facts.needed is not None and facts.needed < now
    if case.care == "procedure" and not missed:
        loss, what = terms.cancelled, "a procedure without its goods"
    elif missed:
        loss, what = terms.short, "its day has passed"
    else:
        loss, what = terms.short, "a shortage"
    stock = f"; {facts.scarce} lasts {facts.cover:.1f} days" if facts.cover is not None else ""
    needed = f", needed by {facts.needed:%Y-%m-%d}" if facts.needed else ""
    yield _reason("care", f"{what}{needed}{stock}", loss, at, terms, now)


def _money(case: Case, facts: Facts, terms: Terms, now: datetime) -> Iterable[Reason]:
    amount = facts.amount or case.money
    a_day = terms.late / 100 / 30
    if amount is not None and facts.type in ("Invoice", "Payment"):
        yield from _discount(amount, facts, terms, now)
        days = Decimal(terms.horizon / timedelta(days=1))
        loss = terms.worth(amount) * a_day * days
        due = f"due {facts.due:%Y-%m-%d}" if facts.due else "no due date known"
        yield _reason("late", f"{terms.late:g} % a month of {amount} for {_days(days)}, {due}", loss, facts.due, terms, now)
        if terms.fee and facts.due and facts.due >= now:
            yield _reason("fee", f"a late fee of {terms.fee:g}", terms.fee, facts.due, terms, now)
    elif amount is not None:
        loss = terms.worth(amount) * a_day
        yield _reason("held", f"{terms.late:g} % a month of {amount} held up for 1 day", loss, case.deadline, terms, now)
    if facts.waiting:
        loss = terms.waiting * facts.waiting
        yield _reason("waiting", f"{facts.waiting} waiting behind it at {terms.waiting:g} each", loss, None, terms, now)


def _days(days: Decimal) -> str:
    return "1 day" if days == 1 else f"{days:.3g} days"


def _discount(amount: Money, facts: Facts, terms: Terms, now: datetime) -> Iterable[Reason]:
    percent, days = terms.discounts.get(facts.supplier, (Decimal(0), 0))
    if not percent or facts.issued is None:
        return
    until = facts.issued + timedelta(days=days)
    if until >= now:
        loss = terms.worth(amount) * percent / 100
        yield _reason("discount", f"{percent:g} % of {amount} if paid by {until:%Y-%m-%d}", loss, until, terms, now)


# -- what is known


def items_of(index: Index, cases: Iterable[Case]) -> set[str]:
    """The items of which a stock should be known, to say how long it lasts."""
    found: set[str] = set()
    for case in cases:
        if case.care != "none":
            found.update(ref.id for ref in case.objects if ref.type == "Item")
            orders = [ref.id for ref in case.objects if ref.type == "PurchaseOrder"]
            found.update(str(item) for id in orders for (item,) in index.rows(_WANTED, id))
    return found


def facts_of(index: Index, case: Case, balances: Mapping[tuple[str, str], Decimal], now: datetime) -> Facts:
    """What the index knows about an exception; ``balances`` are stocks by item and place."""
    kinds = {"PaymentInstruction": "Payment", "CreditNote": "Invoice"}
    about = [(kinds.get(ref.type, ref.type), ref.id) for ref in case.objects if ref.role != "number"]
    rows = [(kind, id, row) for kind, id in about for row in index.rows(_ABOUT, kind, id)]
    if not rows:
        return Facts()
    kind, id, (supplier, facility, amount, currency, issued, due) = rows[0]
    order = next((id for kind, id, _ in rows if kind == "PurchaseOrder"), "")
    needed = next((row[5] for kind, _, row in rows if kind in ("PurchaseOrder", "Requisition")), None)
    cover, scarce = _cover(index, case, order, str(facility), balances, now) if case.care != "none" else (None, "")
    [(waiting,)] = index.rows(_WAITING, order) if order else [(0,)]
    return Facts(
        type=kind,
        id=id,
        supplier=str(supplier),
        facility=str(facility),
        amount=unscaled(amount, str(currency)) if isinstance(amount, int) and kind in ("Invoice", "Payment") else None,
        issued=_instant(issued),
        due=_instant(due),
        needed=_instant(needed),
        cover=cover,
        scarce=scarce,
        waiting=max(int(str(waiting)) - 1, 0),
    )


_WANTED = "select item from wanted where purchase = ?"
_ABOUT = "select supplier, facility, amount, currency, issued, due from documents where kind = ? and id = ?"
_ENDED = ("paid", "settled", "closed", "cancelled", "rejected", "posted", "accepted", "returned", "ordered", "shipped")
_WAITING = (
    "select count(*) from links join documents on number = document "
    f"where purchase = ? and state not in ({', '.join(repr(state) for state in _ENDED)})"
)


def _instant(at: object) -> datetime | None:
    return instant(at) if isinstance(at, int) else None


def _cover(
    index: Index, case: Case, order: str, facility: str, balances: Mapping[tuple[str, str], Decimal], now: datetime
) -> tuple[Decimal | None, str]:
    """For how many days the scarcest of the items lasts where it is used; None where no stock is known."""
    items = [ref.id for ref in case.objects if ref.type == "Item"]
    items += [str(item) for (item,) in index.rows(_WANTED, order)] if order else []
    place = next((ref.id for ref in case.objects if ref.type == "Place"), facility)
    lasting = [
        (max(balances[key], Decimal(0)) / rate, key[0])
        for key, rate in index.uses(items, place, now).items()
        if rate and key in balances
    ]
    return min(lasting, default=(None, ""))


# -- the queue


class Ranked(Struct, frozen=True):
    """One open exception in its place: what it costs to let it wait, until when it sleeps and why, and who has taken it on."""

    row: OpenException
    impact: Impact
    facts: Facts
    asleep: Decision | None = None
    taken_by: str = ""


def ranked(weighed: Iterable[tuple[OpenException, Facts, Impact]], index: Index, terms: Terms, now: datetime) -> list[Ranked]:
    """Everything open, the dearest to leave first, what sleeps last."""
    everything = list(weighed)
    rows = [row for row, _, _ in everything]
    snoozed, taken = index.notes("snooze"), index.notes("assign")
    found = []
    for row, facts, cost in everything:
        note = snoozed.get(row.case.id)
        sleeps = note if note and asleep(note, row.case, rows, terms, now) else None
        taker = taken[row.case.id].values.get("to", "") if row.case.id in taken else ""
        found.append(Ranked(row, cost, facts, sleeps, taker))
    return sorted(found, key=lambda each: (each.asleep is not None, -each.impact.score, each.row.position))


def asleep(note: Decision, case: Case, everything: Iterable[OpenException], terms: Terms, now: datetime) -> bool:
    """Whether none of the conditions has come true on which somebody wanted to be woken: a time, a count, a value."""
    alike = [row for row in everything if row.case.reason == case.reason]
    until, count, value = (note.values.get(name, "") for name in ("until", "count", "value"))
    if not (until or count or value):
        return False
    woken = (
        bool(until) and now >= datetime.fromisoformat(until),
        bool(count) and len(alike) >= int(count),
        bool(value) and sum(terms.worth(row.case.money) for row in alike if row.case.money) >= Decimal(value),
    )
    return not any(woken)
