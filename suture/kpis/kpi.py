"""The door for KPIs: what is measured of which object, event by event, so that totals and parts are sums of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, Protocol

from msgspec import Struct

from suture.journal import Event
from suture.model import Document, Supplier

#: How fine measures are: a ten-thousandth of an hour, of a unit of money, of a thing counted.
FINEST = Decimal("0.0001")
#: Where in a purchase something happens, in order; "" where it belongs to none.
STAGES = ("ordering", "receiving", "invoicing", "paying", "clinical", "masters", "")


class Origin(Struct, frozen=True):
    """Since when an object is known, and whose it is; blank where nobody has said."""

    at: datetime
    facility: str = ""
    supplier: str = ""


class Measure(Struct, frozen=True, kw_only=True):
    """One thing measured: ``subject`` is its key within the KPI; a later measure of the same subject replaces it.

    ``about`` is the business number to look up. Without ``at`` it is begun (``since``) and not counted yet; with
    neither it is a note of the KPI's own, which is shown to nobody. What ``value`` and
    ``weight`` mean depends on the KPI's unit: hours; money in ``currency``; or hits among ``weight`` for a share.
    """

    subject: str
    about: str
    at: datetime | None = None
    since: datetime | None = None
    value: Decimal = Decimal(0)
    weight: Decimal = Decimal(1)
    currency: str = ""
    facility: str = ""
    supplier: str = ""
    stage: str = ""
    #: What the KPI's ``kind`` names: a reason, a kind of document.
    kind: str = ""


class Dropped(Struct, frozen=True):
    """This subject is no longer measured."""

    subject: str


class Known(Protocol):
    """What a step may look at: everything said before, of this history alone."""

    def origin(self, type: str, id: str) -> Origin | None:
        """Since when an object is known and whose it is; None for one that nobody has named."""

    def where(self, event: Event) -> Origin:
        """Whose an event is: what it says itself, else what the objects say that it is about, else the message it stems from."""

    def document(self, type: str, id: str) -> Document | None:
        """The last word of this policy, item, order or invoice."""

    def measure(self, subject: str) -> Measure | None:
        """What this KPI has measured of a subject so far."""

    def marks(self, supplier: Supplier) -> Iterable[str]:
        """By what this supplier is recognised (``masters.suppliers.marks``): an event read from a kept journal holds tax numbers
        and bank accounts locked, so they cannot be compared here."""


class Kpi(Struct, frozen=True, kw_only=True):
    """A key performance indicator over what its ``step`` measures at each event of a type that it ``hears``; a step is pure.

    ``definition`` says in one sentence what is measured, or divided by what; it stands on the tile. The figure is, by ``unit``:
    ``hours`` the median of the values (see ``measures.percentile``), ``percent`` and ``per_thousand`` the sum of the values over
    the sum of the weights, ``money`` the sum of the values; each currency by itself. With ``standing`` it tells of what is begun
    and not counted: hours from ``since`` until now. ``again(once, times, known)`` hears how often a message came again.
    """

    name: str
    title: str
    unit: Literal["hours", "percent", "per_thousand", "money"]
    good: Literal["up", "down"]
    target: Decimal
    definition: str
    owner: str
    hears: tuple[type[Document], ...]
    step: Callable[[Event, Known], Iterable[Measure | Dropped]]
    #: What a measure's kind says, as people call it.
    kind: str = "kind"
    standing: bool = False
    again: Callable[[str, int, Known], Iterable[Measure]] | None = None

    def spoils(self, measure: Measure) -> bool:
        """Whether this measure is one to look at: it pulls the figure to the bad side, or beyond the target."""
        match self.unit:
            case "hours":
                return measure.value > self.target
            case "money":
                return measure.value != 0
            case _:
                return measure.value < measure.weight if self.good == "up" else measure.value > 0


def hours(begin: datetime, end: datetime) -> Decimal:
    """The hours from one moment to another, never below 0: clocks of two partners may differ."""
    seconds = Decimal(max(0, (end - begin).days * 86_400 + (end - begin).seconds))
    return (seconds / 3600).quantize(FINEST, ROUND_HALF_UP)


def took(subject: str, about: str, begin: Origin, end: datetime, *, stage: str, kind: str = "") -> Measure:
    """The hours that something took, from its origin, whose it is, to its end."""
    return Measure(
        subject=subject,
        about=about,
        at=end,
        since=begin.at,
        value=hours(begin.at, end),
        facility=begin.facility,
        supplier=begin.supplier,
        stage=stage,
        kind=kind,
    )


def share(subject: str, about: str, hit: bool, at: datetime, whose: Origin, *, stage: str, kind: str = "") -> Measure:
    """One thing that counts, and whether it is a hit."""
    return Measure(
        subject=subject,
        about=about,
        at=at,
        value=Decimal(int(hit)),
        facility=whose.facility,
        supplier=whose.supplier,
        stage=stage,
        kind=kind,
    )
