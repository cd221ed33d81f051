"""Documents written as a table: a header, and a row for each document or each of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suture.formats.csv_tables.cells import write_cell
from suture.formats.csv_tables.rows import DELIMITERS, LONGEST_CELL
from suture.formats.csv_tables.tables import TABLES, Column, Table
from suture.formats.format import Profile, Stamp, Unwritable
from suture.model import Document


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """A table of one document; raises Unwritable if its type has no table or the character set no such letter."""
    return write_all((document,), profile)


def write_all(documents: Iterable[Document], profile: Profile) -> bytes:
    """A table of documents of one type; raises Unwritable for none, for several types, and as ``write`` does."""
    kept = tuple(documents)
    names = {type(document).__name__ for document in kept}
    if len(names) != 1 or not names <= set(TABLES):
        raise Unwritable("a table holds one type of document, of those that have a table")
    table = TABLES[names.pop()]
    delimiter = _delimiter(profile)
    lines = [delimiter.join(column.header for column in table.every)]
    lines += [
        delimiter.join(quoted(cell, delimiter) for cell in row) for document in kept for row in _rows(document, table, profile)
    ]
    text = "".join(f"{line}\r\n" for line in lines)
    try:
        return ("\ufeff" + text if profile.options.get("bom") == "yes" else text).encode(profile.charset)
    except (UnicodeEncodeError, LookupError) as error:
        raise Unwritable(f"not in the character set {profile.charset}") from error


def _delimiter(profile: Profile) -> str:
    agreed = profile.options.get("delimiter", "")
    return agreed if len(agreed) == 1 and agreed in DELIMITERS else ";" if profile.options.get("decimal") == "," else ","


def _rows(document: Document, table: Table, profile: Profile) -> Iterator[list[str]]:
    head = [_cell(document, column, profile) for column in table.columns]
    lines = getattr(document, table.lines) if table.lines else ()
    for line in lines:
        yield head + [_cell(line, column, profile) for column in table.line_columns]
    if not lines:
        yield head + [""] * len(table.line_columns)


def _cell(holder: object, column: Column, profile: Profile) -> str:
    value: object = holder
    for step in column.path:
        value = None if value is None else getattr(value, step)
    cell = "" if value is None else write_cell(value, column.kind, column.header, profile)
    if len(cell) > LONGEST_CELL or (column.required and not cell):
        raise Unwritable(f"{column.header}: longer than a cell may be, or empty, which a table cannot tell from absent")
    return cell


def quoted(cell: str, delimiter: str) -> str:
    """The cell as it stands between delimiters, in quotes where it would otherwise read as something else."""
    needed = cell != cell.strip() or any(sign in cell for sign in (delimiter, '"', "\r", "\n"))
    return '"' + cell.replace('"', '""') + '"' if needed else cell
