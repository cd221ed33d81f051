"""The books of the conservation ledger: one row per accepted document, one per delivery owed, kept in SQLite.

Double entry over obligations. Accepting a document leads to debits (``owes`` of MessageReceived, Decided and Repaired: who is
owed what, since when); Delivered credits one: done, refused, parked or cancelled. A person who releases or repairs what was
parked or refused takes the credit back: it is owed again. A delivery routed elsewhere is cancelled here and owed there, which is
no compensation. SQLite holds the books in memory for one question, or in a file
for many.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from suture.journal import Recorded
from suture.journal.rows import micros
from suture.kpis.tables import opened
from suture.model import (
    Case,
    CaseResolved,
    Decided,
    Decision,
    Delivered,
    Document,
    GoodsReceipt,
    MessageReceived,
    Owed,
    Parked,
    Repaired,
    Requisition,
    RequisitionStatus,
    Usage,
    decode,
    encode,
)
from suture.views.exceptions import OpenException, gravest

#: Events of the accepting side that are not documents of a partner.
NOT_DOCUMENTS = (MessageReceived, Case)
#: What a person says to have a delivery go out again.
AGAIN = ("release", "repair")
#: Credits that have not come: what still weighs on us.
LEFT = "fate in ('open', 'parked')"

#: In which state an accepted document is: the first that fits. Most end delivered, so only the others are indexed.
_STATE = """case when open then 'in_flight' when waits or cases or parked then 'parked'
when rejected or refused then 'refused' when undone or cancelled then 'compensated' else 'delivered' end"""

TABLES = f"""
create table documents (
    number integer primary key, once text not null unique, name text not null,
    waits integer not null, rejected integer not null default 0, undone integer not null default 0,
    cases integer not null default 0, open integer not null default 0, done integer not null default 0,
    refused integer not null default 0, parked integer not null default 0, cancelled integer not null default 0,
    state text generated always as ({_STATE}) virtual
);
create index documents_unsettled on documents (name, state) where state <> 'delivered';
create table accepted (name text primary key, number integer not null) without rowid;
create table named (kind text, id text, document integer not null, primary key (kind, id)) without rowid;
create table debts (
    delivery text primary key, document integer, instance text not null, kind text not null, since integer not null,
    fate text not null
) without rowid;
create index debts_left on debts (instance, kind, since) where {LEFT};
create table tallies (
    instance text, kind text, fate text, number integer not null, primary key (instance, kind, fate)
) without rowid;
create table cases (id text primary key, document integer, position integer not null, body blob not null) without rowid;
create table strays (number integer primary key, what text not null);
"""
_TALLY = """insert into tallies values (?, ?, ?, ?)
on conflict do update set number = number + excluded.number"""
_FATES = ("open", "done", "refused", "parked", "cancelled")
_MOVE = {
    (was, now): f"update documents set {was} = {was} - 1, {now} = {now} + 1 where number = ?"
    for was in _FATES
    for now in _FATES
    if was != now
}


class Books:
    """The fold: ``enter`` every event in order, then ask for ``rows``. Not safe for two threads."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        """Books in a database that holds ``TABLES``; without one, empty books in memory."""
        self._ask = opened(TABLES, db).execute

    def enter(self, row: Recorded) -> None:
        """Take one event into the books."""
        event, data = row.event, row.event.data
        if event.kind == "accepted" and not isinstance(data, NOT_DOCUMENTS):
            self._accept(event.once, event.root, data)
        match data:
            case MessageReceived() | Decided() | Repaired():
                if isinstance(data, Repaired) and data.found == "routed":
                    self._routed(data.delivery)
                if data.owes:
                    self._debit(self._document(event.root or event.once), data.owes, micros(event.at))
            case Delivered():
                self._credit(data.delivery, data.outcome)
            case Decision() if data.subject.type == "Delivery" and data.verb in AGAIN:
                self._owed_again(data.subject.id)
            case Case():
                self._opened(row.position, data, self._document(event.root))
            case CaseResolved():
                self._resolved(data)
            case RequisitionStatus(state="cancelled"):
                self._undo("Requisition", data.requisition)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the books answer to a query over ``TABLES``."""
        return self._ask(query, values).fetchall()

    def _document(self, once: str) -> int | None:
        found = self._ask("select number from documents where once = ?", (once,)).fetchone()
        return found[0] if found else None

    # -- what was accepted

    def _accept(self, once: str, root: str, document: Document) -> None:
        if root != once:
            self._ask("update documents set waits = 0 where once = ?", (root,))
        waits = isinstance(document, Parked)
        name = document.reason if isinstance(document, Parked) else type(document).__name__
        written = self._ask(
            "insert into documents (once, name, waits) values (?, ?, ?) on conflict do nothing returning number",
            (once, name, waits),
        ).fetchone()
        if written:
            self._ask("insert into accepted values (?, 1) on conflict do update set number = number + 1", (name,))
        if written and isinstance(document, Requisition | GoodsReceipt | Usage):
            self._ask("insert into named values (?, ?, ?) on conflict do nothing", (name, document.id, written[0]))
            if isinstance(document, GoodsReceipt | Usage) and document.reverses:
                self._undo(name, document.reverses)

    def _undo(self, kind: str, id: str) -> None:
        self._ask(
            "update documents set undone = 1 where number = (select document from named where kind = ? and id = ?)", (kind, id)
        )

    # -- debits and credits

    def _debit(self, document: int | None, owes: Iterable[Owed], since: int) -> None:
        for owed in owes:
            debt = (owed.delivery, document, owed.instance, owed.document.type, since, "open")
            if not self._ask("insert into debts values (?, ?, ?, ?, ?, ?) on conflict do nothing", debt).rowcount:
                self._stray(f"{owed.delivery} is owed twice")
                continue
            for column in ("owed", "open"):
                self._ask(_TALLY, (owed.instance, owed.document.type, column, 1))
            self._ask("update documents set open = open + 1 where number = ?", (document,))

    def _credit(self, delivery: str, fate: str) -> None:
        debt = self._ask("select document, instance, kind, fate from debts where delivery = ?", (delivery,)).fetchone()
        if debt is None:
            self._stray(delivery)
            return
        document, instance, kind, was = debt
        if was != fate:
            self._ask("update debts set fate = ? where delivery = ?", (fate, delivery))
            self._ask(_TALLY, (instance, kind, was, -1))
            self._ask(_TALLY, (instance, kind, fate, 1))
            self._ask(_MOVE[was, fate], (document,))

    def _routed(self, delivery: str) -> None:
        """What was cancelled because somebody else is owed it instead: only the other's end tells what became of the document."""
        debt = self._ask("select document from debts where delivery = ? and fate = 'cancelled'", (delivery,)).fetchone()
        if debt:
            self._ask("update documents set cancelled = cancelled - 1 where number = ?", debt)

    def _owed_again(self, delivery: str) -> None:
        found = self._ask("select 1 from debts where delivery = ? and fate in ('parked', 'refused')", (delivery,))
        if found.fetchone():
            self._credit(delivery, "open")

    def _stray(self, what: str) -> None:
        self._ask("insert into strays (what) values (?)", (what,))

    def doubt(self, what: str) -> None:
        """Something about the journal itself that keeps the books from being believed."""
        self._stray(what)

    # -- exceptions

    def _opened(self, position: int, case: Case, document: int | None) -> None:
        known = self._ask("select 1 from cases where id = ?", (case.id,)).fetchone()
        self._ask("insert or replace into cases values (?, ?, ?, ?)", (case.id, document, position, encode(case)))
        if not known:
            self._ask("update documents set cases = cases + 1 where number = ?", (document,))

    def _resolved(self, resolved: CaseResolved) -> None:
        found = self._ask("delete from cases where id = ? returning document, body", (resolved.case,)).fetchone()
        if found is None:
            return
        document, body = found
        self._ask("update documents set cases = cases - 1 where number = ?", (document,))
        if resolved.action == "reject":
            self._ask("update documents set rejected = 1, waits = 0 where number = ?", (document,))
        if resolved.action in AGAIN:
            for ref in _case(body).objects:
                if ref.type == "Delivery":
                    self._owed_again(ref.id)

    def exception(self, id: str) -> list[OpenException]:
        """The open exception of this id, if it is open."""
        rows = self._ask("select position, body from cases where id = ?", (id,))
        return [OpenException(position, _case(body)) for position, body in rows]

    def exceptions(self) -> list[OpenException]:
        """What is open, the gravest first."""
        return gravest(OpenException(position, _case(body)) for position, body in self._ask("select position, body from cases"))


def _case(body: bytes) -> Case:
    case = decode(body)
    assert isinstance(case, Case)
    return case
