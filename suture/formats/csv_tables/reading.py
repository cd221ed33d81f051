"""A table read row by row: header to columns, cells to fields, rows to documents."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import cast

from msgspec import Struct

from suture.formats.csv_tables.cells import Misread, read_cell
from suture.formats.csv_tables.rows import Row, dialect, lines_in, rows
from suture.formats.csv_tables.tables import TABLES, Column, Table
from suture.formats.format import LARGEST_MESSAGE, Profile, Reading
from suture.formats.shape import Misshapen, shaped
from suture.model import Document, Finding, Severity

MOST_ROWS = 100_000
#: Lines, of which most may be empty: spreadsheets save as many as they can show.
MOST_LINES = 1_048_576
MOST_FINDINGS = 1_000
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class _Part(Struct):
    """One document in the making: its fields, its lines, where it began, and whether a row of it was bad."""

    line: int
    fields: dict[str, object]
    lines: list[dict[str, object]]
    good: bool = True


class _Sheet:
    """What reading one file collects."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.findings: list[Finding] = []
        #: Damaged rows of which nobody can say to which document they belong.
        self.strays: list[int] = []

    def note(self, code: str, text: str, line: int, header: str = "", severity: Severity = "error") -> None:
        """Add a finding with its address, up to the limit, which is the last one."""
        if len(self.findings) < MOST_FINDINGS:
            path = f"line {line}, column {header}" if header else f"line {line}"
            self.findings.append(Finding(code=code, text=text, path=path, severity=severity))
        elif len(self.findings) == MOST_FINDINGS:
            self.findings.append(Finding(code="csv.more", text=f"more than {MOST_FINDINGS} findings; the others are not listed"))


def read(raw: bytes, profile: Profile) -> Reading:
    """The documents of a table; ``kind`` is their type. A document is left out if any of its rows is bad."""
    if len(raw) > LARGEST_MESSAGE:
        return _refused("csv.size", f"{len(raw)} bytes, more than {LARGEST_MESSAGE}")
    try:
        text = _decoded(raw, profile.charset)
    except (LookupError, ValueError):
        return _refused("csv.charset", "no such character set is known, or the file is not in it")
    if lines_in(text) > MOST_LINES:
        return _refused("csv.limit", f"more than {MOST_LINES} lines")
    sheet = _Sheet(profile)
    delimiter, start = dialect(text, profile.options.get("delimiter", ""))
    body = (row for row in rows(text, delimiter, start) if row.problem or any(row.cells))
    header = next(body, None)
    if header is None or header.problem:
        return _refused("csv.header", "no header row" if header is None else header.problem)
    table = _table(header, sheet)
    if table is None:
        return Reading(findings=tuple(sheet.findings))
    columns = _columns(header, table, sheet)
    parts: dict[object, _Part] = {}
    for number, row in enumerate(body):
        if number == MOST_ROWS:  # a document may have its last lines beyond the limit
            return _refused("csv.limit", f"more than {MOST_ROWS} rows")
        _row(row, table, columns, sheet, parts)
    documents = _documents(table, parts, sheet)
    if not parts and not sheet.findings:
        sheet.note("csv.empty", "a header without rows", header.line)
    return Reading(kind=table.document.__name__, documents=tuple(documents), findings=tuple(sheet.findings))


def _decoded(raw: bytes, charset: str) -> str:
    """The text; bytes that are none become U+FFFD, which refuses their row instead of the file."""
    named = next((name for mark, name in _BOMS if raw.startswith(mark)), charset)
    return raw.decode(named, errors="replace")


def _normal(header: str, options: Mapping[str, str]) -> str:
    ours = options.get(f"header.{header}", header)
    return "_".join(ours.strip().lower().replace("-", " ").split())


def _table(header: Row, sheet: _Sheet) -> Table | None:
    """The agreed table, else the only one that needs no more than these headers and knows most of them."""
    headers = {_normal(cell, sheet.profile.options) for cell in header.cells}
    agreed = TABLES.get(sheet.profile.options.get("table", ""))
    fitting = [table for table in (agreed,) if table] or [table for table in TABLES.values() if headers.issuperset(table.needed)]
    known = {table.document.__name__: len(headers & {column.header for column in table.every}) for table in fitting}
    best = [table for table in fitting if known[table.document.__name__] == max(known.values())]
    if len(best) != 1:
        told = "several tables have these headers" if best else "no table has these headers; known are " + _needs()
        sheet.note("csv.table", told, header.line)
        return None
    lacking = [name for name in best[0].needed if name not in headers]
    for name in lacking:
        sheet.note("csv.header", "the column is missing", header.line, name)
    return None if lacking else best[0]


def _needs() -> str:
    return "; ".join(f"{name}: {', '.join(table.needed)}" for name, table in TABLES.items())


def _columns(header: Row, table: Table, sheet: _Sheet) -> list[Column | None]:
    """The column under each header, None for one that is unknown, empty (a merged cell) or there for the second time."""
    known = {column.header: column for column in table.every}
    found: list[Column | None] = []
    for cell in header.cells:
        column = known.pop(_normal(cell, sheet.profile.options), None)
        if column is None:
            sheet.note(
                "csv.unknown_column",
                "an unknown, empty or repeated header; the column was left out",
                header.line,
                cell[:40],
                "warning",
            )
        found.append(column)
    return found


def _row(row: Row, table: Table, columns: list[Column | None], sheet: _Sheet, parts: dict[object, _Part]) -> None:
    """Add a row to its document; a bad row spoils the document that it belongs to, or would belong to."""
    whole = _is_whole(row, columns, sheet)
    values, good = _values(row, columns, sheet)
    head = _tree({column: values[column.header] for column in table.columns if column.header in values})
    line = _tree({column: values[column.header] for column in table.line_columns if column.header in values})
    key = head.get(table.columns[0].path[0]) if table.lines else row.line
    if key is None:  # its own document, unless it may be a line of another
        filled = dict(zip(columns, row.cells, strict=False)).get(table.columns[0])
        sheet.strays += [row.line] if not filled and (line or not whole) else []
        key = ("line", row.line)
    part = parts.setdefault(key, _Part(row.line, head, []))
    if whole and part.good and part.fields != head:
        sheet.note("csv.contradiction", "this row says something else of the document than its first row", row.line)
        good = False
    part.lines += [line] if line else []
    part.good = part.good and good and whole


def _is_whole(row: Row, columns: list[Column | None], sheet: _Sheet) -> bool:
    short = len(row.cells) < len(columns) and sheet.profile.options.get("short_rows") != "blank"
    if row.problem:
        sheet.note("csv.quote", row.problem, row.line)
    elif short or len(row.cells) > len(columns):
        sheet.note("csv.columns", f"{len(row.cells)} cells under {len(columns)} headers", row.line)
    else:
        return True
    return False


def _values(row: Row, columns: list[Column | None], sheet: _Sheet) -> tuple[dict[str, object], bool]:
    """What the row's filled cells say, by header, and whether all could be read."""
    values: dict[str, object] = {}
    good = True
    for column, cell in zip(columns, row.cells, strict=False):
        filled = cell or (column.blank if column else "")
        if column is None or not filled:
            continue
        try:
            values[column.header] = read_cell(filled, column.kind, column.header, sheet.profile)
        except Misread as error:
            sheet.note(error.code, str(error), row.line, column.header)
            good = False
    return values, good


def _tree(values: Mapping[Column, object]) -> dict[str, object]:
    """Fields by name, with parts inside parts."""
    tree: dict[str, object] = {}
    for column, value in values.items():
        *above, name = column.path
        inner = tree
        for step in above:
            inner = cast("dict[str, object]", inner.setdefault(step, {}))
        inner[name] = value
    return tree


def _documents(table: Table, parts: Mapping[object, _Part], sheet: _Sheet) -> list[Document]:
    documents: list[Document] = []
    seen: set[str] = set()
    if table.lines and sheet.strays:
        sheet.note("csv.stray", "this damaged row may belong to any document of the file", sheet.strays[0])
        return documents
    for part in parts.values():
        if not part.good:
            continue
        if table.lines:
            part.fields[table.lines] = part.lines
        try:
            document = shaped(part.fields, table.document)
        except Misshapen as error:
            sheet.note("csv.missing" if error.missing else "csv.value", str(error), part.line, _header(table, error.path))
            continue
        name = str(getattr(document, "id", ""))
        if name in seen:
            sheet.note("csv.repeated", "a second row of the same document", part.line, severity="warning")
        seen.add(name)
        documents.append(document)
    return documents


def _header(table: Table, path: str) -> str:
    """The header of the column that fills the field at ``path`` (``.price.per.unit``, ``.lines[0].item``)."""
    inside = re.fullmatch(rf"\.{table.lines or '-'}\[[0-9]+\](.*)", path)
    steps = tuple((inside[1] if inside else path).strip(".").split("."))
    of = table.line_columns if inside else table.columns
    return next((column.header for column in of if column.path[: len(steps)] == steps), "")


def _refused(code: str, text: str) -> Reading:
    return Reading(findings=(Finding(code=code, text=text, path="line 1"),))
