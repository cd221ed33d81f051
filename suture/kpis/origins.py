"""Where everything came from: since when an object is known, which facility and supplier it belongs to, and a few last words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.journal import Event
from suture.journal.rows import instant, micros
from suture.kpis.kpi import Origin
from suture.model import (
    Approval,
    Case,
    CreditNote,
    Document,
    GoodsReceipt,
    Invoice,
    Item,
    MatchResult,
    OrderAcknowledgement,
    PaymentInstruction,
    PaymentStatus,
    Place,
    Policy,
    PurchaseOrder,
    ReceiptPosted,
    Requisition,
    ShipNotice,
    Usage,
    decode,
    encode,
)

ORIGIN_TABLES = """
create table origins (
    type text, id text, at integer not null, facility text not null, supplier text not null, primary key (type, id)
) without rowid;
create table words (type text, id text, body blob not null, primary key (type, id)) without rowid;
"""
#: What has an origin, under the type by which others refer to it.
_NAMED: dict[type[Document], str] = {
    Requisition: "Requisition",
    PurchaseOrder: "PurchaseOrder",
    ShipNotice: "ShipNotice",
    GoodsReceipt: "GoodsReceipt",
    Invoice: "Invoice",
    CreditNote: "Invoice",
    MatchResult: "Invoice",
    PaymentInstruction: "Payment",
    Usage: "Usage",
    Case: "Case",
}
#: What is asked for again in whole.
_WORDS: dict[type[Document], str] = {
    Policy: "Policy",
    Item: "Item",
    PurchaseOrder: "PurchaseOrder",
    Invoice: "Invoice",
    CreditNote: "Invoice",
}
#: What others may stem from, so that whose it is tells whose they are.
_BEGINS: tuple[type[Document], ...] = (*_NAMED, Approval, OrderAcknowledgement, PaymentStatus)
#: Every type that is entered.
ENTERED: tuple[type[Document], ...] = tuple({*_BEGINS, *_WORDS, Place})
#: Objects of one event that are asked whose they are; an order of a thousand items names its supplier first.
_ASKED = 12
#: Origins that are kept at hand while events are entered.
MOST_AT_HAND = 20_000


class Origins:
    """The fold; ``ask`` executes a statement in a database that holds ``ORIGIN_TABLES``."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask
        self._at_hand: dict[tuple[str, str], Origin | None] = {}

    def enter(self, event: Event) -> None:
        """Note where an object comes from at its first word, and whose it is as soon as somebody says."""
        data = event.data
        if word := _WORDS.get(type(data)):
            self._ask("insert or replace into words values (?, ?, ?)", (word, _id(data), encode(data)))
        if isinstance(data, Place):
            self._note("Place", data.id, event.at, Origin(event.at, data.facility))
            return
        named, begins = _NAMED.get(type(data)), event.root == event.once and isinstance(data, _BEGINS)
        if not named and not begins:
            return
        whose = self.where(event)
        if begins:
            self._note("", event.once, event.at, whose)
        if named:
            self._note(named, data.invoice if isinstance(data, MatchResult) else _id(data), _moment(data, event.at), whose)

    def origin(self, type: str, id: str) -> Origin | None:
        """Since when an object is known and whose it is."""
        if (type, id) not in self._at_hand:
            if len(self._at_hand) > MOST_AT_HAND:
                self._at_hand.clear()
            row = self._ask("select at, facility, supplier from origins where type = ? and id = ?", (type, id)).fetchone()
            self._at_hand[type, id] = Origin(instant(row[0]), row[1], row[2]) if row else None
        return self._at_hand[type, id]

    def where(self, event: Event) -> Origin:
        """Whose an event is, see ``kpi.Known``."""
        data = event.data.receipt if isinstance(event.data, ReceiptPosted) else event.data
        facility, supplier = _said(data, "facility"), _said(data, "supplier")
        place = _said(data, "place") or _said(data, "ship_to")
        asked = [("Place", place)] if place and not facility else []
        asked += [(ref.type, ref.id) for ref in data.refs()[:_ASKED]]
        for type, id in (*asked, ("", event.root)):
            if facility and supplier:
                break
            found = self.origin(type, id)
            if found is not None:
                facility, supplier = facility or found.facility, supplier or found.supplier
        return Origin(event.at, facility, supplier)

    def document(self, type: str, id: str) -> Document | None:
        """The last word of a policy, item, order or invoice."""
        row = self._ask("select body from words where type = ? and id = ?", (type, id)).fetchone()
        return decode(row[0]) if row else None

    def _note(self, type: str, id: str, at: datetime, whose: Origin) -> None:
        self._at_hand.pop((type, id), None)
        self._ask(
            """insert into origins values (?, ?, ?, ?, ?) on conflict do update set
            facility = case when facility = '' then excluded.facility else facility end,
            supplier = case when supplier = '' then excluded.supplier else supplier end""",
            (type, id, micros(at), whose.facility, whose.supplier),
        )


def _id(document: Document) -> str:
    return str(getattr(document, "id", ""))


def _said(document: Document, field: str) -> str:
    value = getattr(document, field, "")
    return value if isinstance(value, str) else ""


def _moment(document: Document, heard: datetime) -> datetime:
    """The time that a request carries itself; anything else counts from when it was heard."""
    return document.requested_at if isinstance(document, Requisition) else heard
