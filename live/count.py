"""Counting in the peers, past Suture and past the peer's own API where there is a way: in Tryton's database itself."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from decimal import Decimal
from typing import Any

import psycopg
from msgspec import Struct

from live.database import NAME, Database


class Found(Struct, frozen=True):
    """A document in a peer: our key for it, the peer's word for its state, and its amount where it has one."""

    key: str
    state: str
    amount: Decimal = Decimal(0)


#: What Tryton holds. Cancelled documents count too: they were made.
_TABLES = {
    "orders": "select reference, state, total_amount_cache from purchase_purchase order by id",
    "receipts": "select reference, state, 0 from stock_shipment_in order by id",
    "returns": "select reference, state, 0 from stock_shipment_in_return order by id",
    "bills": "select reference, state, total_amount_cache from account_invoice where type = 'in' order by id",
    "moves": (
        "select m.description, m.state, sum(l.debit) from account_move m join account_move_line l on l.move = m.id "
        "where m.description is not null group by m.id, m.description, m.state order by m.id"
    ),
}


def in_tryton(base: Database) -> dict[str, list[Found]]:
    """Every order, receipt, return, bill and named move in Tryton's database, oldest first."""
    return {name: [_found(*row) for row in rows] for name, rows in _rows(base).items()}


def _found(key: str, state: str, amount: Any) -> Found:
    text = amount.decode() if isinstance(amount, bytes) else str(amount or 0)  # SQLite holds Tryton's decimals as bytes
    return Found(key, state, Decimal(text).quantize(Decimal("0.01")))


def _rows(base: Database) -> dict[str, list[Any]]:
    if base.kind == "sqlite":
        with sqlite3.connect(f"file:{base.folder / NAME}.sqlite?mode=ro", uri=True) as lite:
            return {name: lite.execute(question).fetchall() for name, question in _TABLES.items()}
    with psycopg.connect(host="127.0.0.1", port=base.port, user="postgres", dbname=NAME) as connection:
        return {name: connection.execute(question.encode()).fetchall() for name, question in _TABLES.items()}


def asked(url: str) -> Any:
    """What a simulator's control plane says, asked directly and not through any proxy."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.loads(reply.read())


#: What mock-sap lists: the path, our key for a row, and SAP's number. Reversed ones count too: they were made.
_LISTS = {
    "orders": ("API_PURCHASEORDER_PROCESS_SRV/A_PurchaseOrderItem", "PurchaseOrderItemText", "PurchaseOrder"),
    "receipts": ("API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader", "ReferenceDocument", "MaterialDocument"),
    "bills": ("API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice", "SupplierInvoiceIDByInvcgParty", "SupplierInvoice"),
}


def in_sap(address: str) -> dict[str, list[Found]]:
    """Every order, material document and supplier invoice that mock-sap lists, its seeded ones too; the state is SAP's number."""
    found = {}
    for name, (path, key, number) in _LISTS.items():
        rows = asked(f"{address}/sap/opu/odata/sap/{path}?$format=json")["d"]["results"]
        found[name] = list(dict.fromkeys(Found(row[key], row[number]) for row in rows))
    return found


def in_supplier(address: str) -> list[Found]:
    """Every order that the supplier took from us, with its state (mock-edi is seeded with orders of others, too)."""
    return [Found(row["po_number"], row["status"]) for row in asked(f"{address}/_mock/orders?limit=1000")]


def advised(address: str) -> list[Found]:
    """Every remittance advice that the supplier has: the payment, its state, its total."""
    rows = asked(f"{address}/_mock/remittances?limit=1000")
    return [Found(row["trace"], row["status"], Decimal(row["total"])) for row in rows]


def in_bank(address: str) -> list[Found]:
    """Every payment that the bank decided on, oldest first; booked ones have left the account."""
    rows = reversed(asked(f"{address}/_mock/payments"))
    return [
        Found(row["end_to_end_id"], "booked" if row["booked_at"] else row["status"], Decimal(row["amount"]).scaleb(-2))
        for row in rows
    ]
