"""The index: documents by supplier, state, order, amount and place, questions that wait for an answer, and notes on exceptions.

A fold of the journal (see ``views.kept``). Amounts are held in ten-thousandths, so that they compare exactly.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from suture.journal import Recorded
from suture.journal.rows import instant, micros
from suture.model import (
    Approval,
    ApprovalRequest,
    Case,
    CaseResolved,
    Decision,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceStatus,
    Money,
    OrderStatus,
    Parked,
    PaymentInstruction,
    PaymentStatus,
    PurchaseOrder,
    ReceiptPosted,
    Ref,
    Requisition,
    RequisitionStatus,
    ShipNotice,
    Supplier,
    Usage,
    decode,
    encode,
)
from suture.views.kept import Fold

#: The type of the subject of a note: a decision about how people look at an exception, which changes nothing else.
NOTE = "Note"
_SCALE = 10_000

TABLES = """
create table documents (
    number integer primary key, kind text not null, id text not null, supplier text not null default '',
    facility text not null default '', entity text not null default '', amount integer, currency text not null default '',
    state text not null, at integer not null, issued integer, due integer, urgency text not null default '', unique (kind, id)
);
create index documents_supplier on documents (supplier, number);
create index documents_state on documents (state, number);
create index documents_facility on documents (facility, number);
create index documents_kind on documents (kind, number);
create index documents_amount on documents (amount);
create table links (purchase text, document integer, primary key (purchase, document)) without rowid;
create index links_document on links (document);
create table wanted (purchase text, item text, primary key (purchase, item)) without rowid;
create table terms (supplier text primary key, days integer not null) without rowid;
create table questions (
    id text primary key, subject text not null, body blob not null, position integer not null
) without rowid;
create index questions_subject on questions (subject);
create table answers (question text, approver text, decision text, primary key (question, approver)) without rowid;
create table notes (
    about text, verb text, body blob not null, position integer not null, primary key (about, verb)
) without rowid;
create table causes (id text primary key, reason text not null, at integer not null) without rowid;
create table endings (
    reason text, action text, number integer not null, seconds integer not null, primary key (reason, action)
) without rowid;
create table used (
    item text, place text, number text not null, since integer not null, primary key (item, place)
) without rowid;
create table doubts (what text);
"""
_KINDS = (
    *("Approval", "ApprovalRequest", "Case", "CaseResolved", "CreditNote", "Decision", "GoodsReceipt", "Invoice"),
    *("InvoiceStatus", "OrderStatus", "Parked", "PaymentInstruction", "PaymentStatus", "PurchaseOrder", "ReceiptPosted"),
    *("Requisition", "RequisitionStatus", "ShipNotice", "Supplier", "Usage"),
)


class Row(Struct, frozen=True):
    """One document as the index knows it."""

    type: str
    id: str
    supplier: str
    facility: str
    entity: str
    amount: Money | None
    state: str
    at: datetime


class Question(Struct, frozen=True):
    """A question that waits for a person with authority, and the position at which it was asked."""

    request: ApprovalRequest
    position: int
    answered_by: tuple[str, ...]


class Ending(Struct, frozen=True):
    """How exceptions of one cause have ended: by which action, how many, and after how many hours on average."""

    action: str
    count: int
    hours: float


class Index:
    """The fold: ``enter`` every event in order, then ask. Not safe for two threads."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """An index in a database that holds ``TABLES``."""
        self._ask = db.execute

    def enter(self, row: Recorded) -> None:
        """Take one event into the index."""
        at, data = micros(row.event.at), row.event.data
        match data:
            case Decision(subject=Ref(type="Note", id=about), verb="wake"):
                self._ask("delete from notes where about = ? and verb = 'snooze'", (about,))
            case Decision(subject=Ref(type="Note", id=about), verb=verb):
                self._ask("insert or replace into notes values (?, ?, ?, ?)", (about, verb, encode(data), row.position))
            case Case():
                self._ask("insert or replace into causes values (?, ?, ?)", (data.id, data.reason, at))
            case CaseResolved():
                self._ended(data, at)
            case ApprovalRequest():
                self._closed(data.subject)
                values = (data.id, str(data.subject), encode(data), row.position)
                self._ask("insert or replace into questions values (?, ?, ?, ?)", values)
            case Approval():
                self._ask("insert or replace into answers values (?, ?, ?)", (data.request, data.approver, data.decision))
            case Supplier():
                self._ask("insert or replace into terms values (?, ?)", (data.id, data.terms_days))
            case _:
                self._document(data, at)

    def doubt(self, what: str) -> None:
        """Something about the journal itself that keeps the index from being believed."""
        self._ask("insert into doubts values (?)", (what,))

    def state(self, document: Ref) -> str:
        """How a document stands, as ``state:`` finds it; "" for one of which no state is known."""
        kind = {"PaymentInstruction": "Payment", "CreditNote": "Invoice"}.get(document.type, document.type)
        row = self._ask("select state from documents where kind = ? and id = ?", (kind, document.id)).fetchone()
        return str(row[0]) if row else ""

    # -- documents

    def _document(self, data: Document, at: int) -> None:
        match data:
            case Requisition():
                more: dict[str, Any] = {"facility": data.facility, "entity": data.entity, "urgency": data.urgency}
                self._put("Requisition", data.id, at, "received", due=_day(data.needed_by), **more)
            case RequisitionStatus():
                self._state("Requisition", data.requisition, data.state)
                if data.state != "awaiting_approval":
                    self._closed(Ref("Requisition", data.requisition))
            case PurchaseOrder():
                self._ordered(data, at)
            case OrderStatus():
                self._state("PurchaseOrder", data.order, data.state)
            case ShipNotice():
                self._put("ShipNotice", data.id, at, "shipped", data.orders(), supplier=data.supplier)
            case GoodsReceipt():
                self._put("GoodsReceipt", data.id, at, "reversal" if data.reverses else "received", (data.order,))
            case ReceiptPosted():
                self._state("GoodsReceipt", data.receipt.id, "posted")
            case Usage():
                self._put("Usage", data.id, at, data.kind, facility=data.place.partition("-")[0])
                if data.kind == "used":
                    self._used(data, at)
            case Parked():
                self._put("Message", data.id, at, "parked")
            case _:
                self._money(data, at)

    def _money(self, data: Document, at: int) -> None:
        match data:
            case Invoice():
                kind = type(data).__name__
                days: dict[str, Any] = {"issued": _day(data.issued_on), "due": _day(data.due_on) or self._terms(data)}
                self._put(kind, data.id, at, "received", data.orders(), supplier=data.supplier, amount=data.total, **days)
            case InvoiceStatus():
                self._state("Invoice", data.invoice, data.state)
                if data.state in ("scheduled", "paid", "rejected", "returned"):
                    self._closed(Ref("Invoice", data.invoice))
            case PaymentInstruction():
                orders = self._orders(data.invoices)
                self._put("Payment", data.id, at, "instructed", orders, supplier=data.supplier, amount=data.amount)
            case PaymentStatus():
                self._state("Payment", data.payment, data.status)

    def _put(
        self,
        kind: str,
        id: str,
        at: int,
        state: str,
        orders: Iterable[str] = (),
        *,
        supplier: str = "",
        facility: str = "",
        entity: str = "",
        amount: Money | None = None,
        issued: int | None = None,
        due: int | None = None,
        urgency: str = "",
    ) -> None:
        """A document that is known by now; one that comes again changes nothing but what it hangs with."""
        value, currency = (scaled(amount.amount), amount.currency) if amount else (None, "")
        values = (kind, id, supplier, facility, entity, value, currency, state, at, issued, due, urgency)
        self._ask(
            "insert into documents (kind, id, supplier, facility, entity, amount, currency, state, at, issued, due, urgency) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
            values,
        )
        [(number,)] = self._ask("select number from documents where kind = ? and id = ?", (kind, id)).fetchall()
        for order in orders:
            self._ask("insert or ignore into links values (?, ?)", (order, number))
            self._inherit(order, "number = ?", number)

    def _ordered(self, order: PurchaseOrder, at: int) -> None:
        where: dict[str, Any] = {"supplier": order.supplier, "facility": order.facility, "entity": order.entity}
        when: dict[str, Any] = {"due": _day(order.needed_by), "urgency": order.urgency}
        self._put("PurchaseOrder", order.id, at, "confirmed", (), amount=order.total(), **where, **when)
        for line in order.lines:
            self._ask("insert or ignore into wanted values (?, ?)", (order.id, line.item))
        for kind, id in (("PurchaseOrder", order.id), ("Requisition", order.requisition)):
            self._ask(
                "insert or ignore into links select ?, number from documents where kind = ? and id = ?", (order.id, kind, id)
            )
        self._inherit(order.id, "number in (select document from links where purchase = ?)", order.id)

    def _inherit(self, order: str, which: str, value: object) -> None:
        """What belongs to an order is where the order is, and with its supplier."""
        known = self._ask(
            "select supplier, facility, entity from documents where kind = 'PurchaseOrder' and id = ?", (order,)
        ).fetchone()
        if known:
            self._ask(
                "update documents set supplier = iif(supplier = '', ?, supplier), facility = iif(facility = '', ?, facility), "
                f"entity = iif(entity = '', ?, entity) where {which}",
                (*known, value),
            )

    def _state(self, kind: str, id: str, state: str) -> None:
        self._ask("update documents set state = ? where kind = ? and id = ?", (state, kind, id))

    def _orders(self, invoices: Iterable[str]) -> list[str]:
        found = (
            self._ask(
                "select purchase from links join documents on number = document where kind = 'Invoice' and id = ?", (invoice,)
            )
            for invoice in invoices
        )
        return [order for rows in found for (order,) in rows]

    # -- what people are asked, and what becomes of exceptions

    def _closed(self, subject: Ref) -> None:
        self._ask("delete from questions where subject = ?", (str(subject),))

    def _ended(self, resolved: CaseResolved, at: int) -> None:
        self._ask("delete from notes where about = ?", (resolved.case,))
        found = self._ask("delete from causes where id = ? returning reason, at", (resolved.case,)).fetchone()
        if found:
            self._ask(
                "insert into endings values (?, ?, 1, ?) on conflict do update "
                "set number = number + 1, seconds = seconds + excluded.seconds",
                (found[0], resolved.action, (at - found[1]) // 1_000_000),
            )

    def _used(self, usage: Usage, at: int) -> None:
        where = (usage.item, usage.place)
        found = self._ask("select number, since from used where item = ? and place = ?", where).fetchone()
        number, since = (Decimal(found[0]), found[1]) if found else (Decimal(0), at)
        self._ask("insert or replace into used values (?, ?, ?, ?)", (*where, str(number + usage.quantity.value), since))

    def _terms(self, invoice: Invoice) -> int | None:
        found = self._ask("select days from terms where supplier = ?", (invoice.supplier,)).fetchone()
        return _day(invoice.issued_on + timedelta(days=found[0])) if found else None

    # -- answers

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What the index answers to a query over ``TABLES``."""
        return self._ask(query, values).fetchall()

    def questions(self, limit: int = -1, skip: int = 0) -> list[Question]:
        """What waits for an answer, the oldest first."""
        rows = self._ask("select id, body, position from questions order by position limit ? offset ?", (limit, skip)).fetchall()
        answered: dict[str, list[str]] = {}
        for id, _, _ in rows:
            for (approver,) in self._ask("select approver from answers where question = ?", (id,)):
                answered.setdefault(id, []).append(approver)
        return [
            Question(msgspec.convert(decode(body), ApprovalRequest), position, tuple(answered.get(id, ())))
            for id, body, position in rows
        ]

    def asked(self) -> int:
        """How many questions wait for an answer."""
        [(number,)] = self._ask("select count(*) from questions")
        return int(number)

    def notes(self, verb: str) -> dict[str, Decision]:
        """The latest note of a kind on each exception that has one."""
        found = self._ask("select about, body from notes where verb = ?", (verb,))
        decoded = ((about, decode(body)) for about, body in found)
        return {about: note for about, note in decoded if isinstance(note, Decision)}

    def endings(self, reason: str) -> list[Ending]:
        """How exceptions of a cause have ended so far, the most frequent way first."""
        rows = self._ask("select action, number, seconds from endings where reason = ? order by number desc", (reason,))
        return [Ending(action, number, seconds / number / 3600) for action, number, seconds in rows]

    def uses(self, items: Iterable[str], facility: str, now: datetime) -> dict[tuple[str, str], Decimal]:
        """How much of these items the places of a facility use in a day, on average since they first did."""
        found: dict[tuple[str, str], Decimal] = {}
        for item in items:
            for place, number, since in self._ask("select place, number, since from used where item = ?", (item,)):
                if place.partition("-")[0] in (facility.partition("-")[0], ""):
                    days = max(Decimal((now - instant(since)).total_seconds()) / 86_400, Decimal(1))
                    found[item, place] = Decimal(number) / days
        return found


def _day(day: date | None) -> int | None:
    """The end of a day, UTC: until then it is in time."""
    return micros(datetime.combine(day, time(23, 59), UTC)) if day else None


def scaled(amount: Decimal) -> int:
    """An amount as the index holds it."""
    return int((amount * _SCALE).to_integral_value())


def unscaled(amount: int | None, currency: str) -> Money | None:
    """An amount of the index as money."""
    if amount is None:
        return None
    exact = Decimal(amount) / _SCALE
    rounded = exact.quantize(Decimal("0.01"))
    return Money(rounded if rounded == exact else exact, currency)


INDEX = Fold(3, TABLES, Index, tuple(f'"{kind}"'.encode() for kind in _KINDS))
