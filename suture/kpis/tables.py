"""Where a fold keeps what it has counted: the tables of a database."""

from __future__ import annotations

import sqlite3


def opened(tables: str, db: sqlite3.Connection | None) -> sqlite3.Connection:
    """The database that was given, which holds ``tables``; without one, empty ones in memory."""
    if db is None:
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(tables)
    return db
