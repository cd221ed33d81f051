"""Where a journal lives: one address, three kinds of store."""

from __future__ import annotations

from pathlib import Path

from suture.journal.journal import Journal
from suture.journal.memory import MemoryJournal
from suture.journal.shelves import Keys
from suture.journal.sqlite import SqliteJournal

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_journal(address: str | Path, key: bytes | Keys, partitions: int = 16) -> Journal:
    """The journal at ``memory:``, at a path or ``sqlite:///path``, or at ``postgresql://...``; made if there is none.

    ``key`` (32 bytes, see ``load_or_create_key``; with shelves, see ``load_keys``) encrypts blobs. ``partitions`` counts for a
    new journal only; an existing one keeps its own. Raises SchemaTooNew, Unavailable, ValueError for an address of another kind.
    """
    text = str(address)
    if text == "memory:":
        return MemoryJournal(key, partitions)
    if text.startswith(_POSTGRES):
        # psycopg is an extra: only who asks for PostgreSQL needs it
        from suture.journal.postgres import PostgresJournal

        return PostgresJournal(text, key, partitions)
    path = text.removeprefix(_SQLITE)
    if "://" in path:
        raise ValueError(f"no journal lives at {path.split('://')[0]}://; use memory:, a path, sqlite:/// or postgresql://")
    return SqliteJournal(path, key, partitions)
