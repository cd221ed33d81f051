"""The history of the tables: numbered SQL files, applied in order, each once."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


class SchemaTooNew(RuntimeError):
    """The database was written by a later version of Suture than this one: upgrade the program, not the data."""


def scripts(database: str) -> list[tuple[int, str]]:
    """Number and text of every file ``sql/DATABASE/NNN_name.sql``, in order."""
    folder: Traversable = files("suture.journal") / "sql" / database
    found = [(int(file.name[:3]), file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted(found)


def pending(stored: int, known: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The scripts that a database of version ``stored`` has yet to see; raises SchemaTooNew if it has seen more than we know."""
    newest = known[-1][0]
    if stored > newest:
        raise SchemaTooNew(f"the database has schema {stored}, this program knows none after {newest}: upgrade the program")
    return [(number, text) for number, text in known if number > stored]
