"""Counting in the peers, past Suture and past the peer's own API where there is a way: in Tryton's database itself."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from typing import Any

import psycopg

from live.database import NAME, Database

#: What Tryton holds, each row a document: its key of ours, its state. Cancelled ones count too: they were made.
_TABLES = {
    "orders": "select reference, state from purchase_purchase order by id",
    "receipts": "select reference, state from stock_shipment_in order by id",
    "returns": "select reference, state from stock_shipment_in_return order by id",
    "bills": "select reference, state from account_invoice where type = 'in' order by id",
    "moves": "select description, state from account_move where description is not null order by id",
}


def in_tryton(base: Database) -> dict[str, list[tuple[str, str]]]:
    """Every order, receipt, return, bill and named move in Tryton's database: (our key, Tryton's state), oldest first."""
    if base.kind == "sqlite":
        with sqlite3.connect(f"file:{base.folder / NAME}.sqlite?mode=ro", uri=True) as lite:
            return {name: [tuple(row) for row in lite.execute(question)] for name, question in _TABLES.items()}
    with psycopg.connect(host="127.0.0.1", port=base.port, user="postgres", dbname=NAME) as connection:
        return {name: connection.execute(question).fetchall() for name, question in _TABLES.items()}


def asked(url: str) -> Any:
    """What a simulator's control plane says, asked directly and not through any proxy."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.loads(reply.read())


def in_supplier(address: str) -> list[tuple[str, str]]:
    """Every order that the supplier took, with its state; the two that mock-edi is seeded with are left out."""
    rows = asked(f"{address}/_mock/orders?limit=1000")
    return [(row["po_number"], row["status"]) for row in rows if row.get("source") != "seed"]


def in_bank(address: str) -> list[tuple[str, str]]:
    """Every payment that the bank decided on: end-to-end id and state, oldest first."""
    return [(row["end_to_end_id"], row["status"]) for row in reversed(asked(f"{address}/_mock/payments"))]
