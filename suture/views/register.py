"""The register: every order, invoice, payment and shipment with whose it is and how it stands, in order of appearance.

A fold over the journal kept in SQLite, in memory or in a file beside the journal. The file says how far it goes and what stands
in the journal there; one that belongs to another past is made anew, and it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from suture.journal import Journal, Recorded
from suture.journal.rows import instant, micros
from suture.model import (
    Invoice,
    InvoiceStatus,
    OrderStatus,
    PaymentInstruction,
    PaymentStatus,
    PurchaseOrder,
    ShipmentStatus,
    ShipNotice,
)

#: Raised whenever the register would be entered otherwise than before: older files are then made anew.
VERSION = 1
PAGE = 2000
_TABLES = """
create table documents (
    kind text not null, id text not null, supplier text not null, entity text not null, facility text not null,
    state text not null, at integer not null, position integer not null, primary key (kind, id)
) without rowid;
create index documents_by_supplier on documents (kind, supplier, position);
create index documents_in_order on documents (kind, position);
create table mark (position integer not null, last blob not null);
insert into mark values (0, x'');
"""


class Entry(Struct, frozen=True, kw_only=True):
    """One document: "order", "invoice", "payment" or "shipment", whose it is, and its state since ``at``."""

    kind: str
    id: str
    supplier: str
    entity: str
    facility: str
    state: str
    at: datetime
    position: int


class Register:
    """Ask after ``catch_up``; not safe for two threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._db = self._opened()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def rows(self, kind: str, *, supplier: str = "", state: str = "", after: int = 0, limit: int = 50) -> list[Entry]:
        """Documents of a kind in order of first appearance, after a position; a blank does not narrow."""
        wanted, values = ["kind = ?", "position > ?"], [kind, after]
        for column, value in (("supplier", supplier), ("state", state)):
            if value:
                wanted.append(f"{column} = ?")
                values.append(value)
        query = f"select * from documents where {' and '.join(wanted)} order by position limit ?"
        return [_entry(row) for row in self._db.execute(query, (*values, limit))]

    def one(self, kind: str, id: str) -> Entry | None:
        """One document."""
        row = self._db.execute("select * from documents where kind = ? and id = ?", (kind, id)).fetchone()
        return _entry(row) if row else None

    # -- entering

    def catch_up(self, journal: Journal) -> bool:
        """Enter one page of the journal; whether there may be more. Raises Unavailable."""
        [(position,)] = self._db.execute("select position from mark")
        rows = journal.read(position, PAGE)
        if not rows:
            return False
        self._db.execute("begin")
        try:
            for row in rows:
                self._enter(row)
            end = rows[-1].position
            self._db.execute("update mark set position = ?, last = ?", (end, journal.bodies(end - 1, 1)[0][1]))
            self._db.execute("commit")
        except BaseException:
            self._db.execute("rollback")
            raise
        return len(rows) == PAGE

    def believe(self, journal: Journal) -> None:
        """Begin anew if the journal does not hold what stood at the mark; once, before catching up."""
        [(position, last)] = self._db.execute("select position, last from mark")
        if position and journal.bodies(position - 1, 1) != [(position, last)]:
            self._db.execute("delete from documents")
            self._db.execute("update mark set position = 0, last = x''")

    def _enter(self, row: Recorded) -> None:
        match row.event.data:
            case PurchaseOrder() as order:
                self._add(row, "order", order.id, order.supplier, "confirmed", order.entity, order.facility)
            case Invoice() as invoice:
                self._add(row, "invoice", invoice.id, invoice.supplier, "received", invoice.entity)
            case PaymentInstruction() as payment:
                self._add(row, "payment", payment.id, payment.supplier, "instructed", payment.entity)
            case ShipNotice() as notice:
                self._add(row, "shipment", notice.id, notice.supplier, "announced")
            case OrderStatus() as status:
                self._become(row, "order", status.order, status.state)
            case InvoiceStatus() as status:
                self._become(row, "invoice", status.invoice, status.state)
            case PaymentStatus() as status:
                self._become(row, "payment", status.payment, status.status)
            case ShipmentStatus() as status:
                self._become(row, "shipment", f"{status.supplier}:{status.shipment}", status.state)

    def _add(self, row: Recorded, kind: str, id: str, supplier: str, state: str, entity: str = "", facility: str = "") -> None:
        values = (kind, id, supplier, entity, facility, state, micros(row.event.at), row.position)
        self._db.execute("insert into documents values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing", values)

    def _become(self, row: Recorded, kind: str, id: str, state: str) -> None:
        self._db.execute(
            "update documents set state = ?, at = ? where kind = ? and id = ?", (state, micros(row.event.at), kind, id)
        )

    # -- the file

    def _opened(self) -> sqlite3.Connection:
        if self._path is not None:
            for _ in range(2):
                try:
                    return _made(self._path)
                except sqlite3.OperationalError:
                    break
                except sqlite3.DatabaseError:
                    self._path.unlink(missing_ok=True)
                except OSError:
                    break
        return _with_tables(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))


def _made(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(FileExistsError):
        # it repeats what the journal says, so only the journal's owner may read it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        [(version,)] = db.execute("pragma user_version")
        if version == VERSION:
            return db
        if version or db.execute("select 1 from sqlite_master").fetchone():
            raise sqlite3.DatabaseError("made by another version")
        return _with_tables(db)
    except BaseException:
        db.close()
        raise


def _with_tables(db: sqlite3.Connection) -> sqlite3.Connection:
    db.executescript(f"{_TABLES} pragma user_version = {VERSION};")
    return db


def _entry(row: tuple[str, str, str, str, str, str, int, int]) -> Entry:
    kind, id, supplier, entity, facility, state, at, position = row
    return Entry(
        kind=kind,
        id=id,
        supplier=supplier,
        entity=entity,
        facility=facility,
        state=state,
        at=instant(at),
        position=position,
    )
