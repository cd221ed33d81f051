"""A table without patients: every column whose header leads to one holds pseudonyms before it is kept."""

from __future__ import annotations

import codecs
from itertools import chain

from suture.formats.csv_tables.rows import Row, dialect, rows
from suture.formats.csv_tables.writing import quoted
from suture.formats.persons import LEADS, QUICK, Pseudonym, withheld

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def minimise(raw: bytes, pseudonym: Pseudonym) -> bytes:
    """``raw`` with pseudonyms in every column whose header leads to a patient; a table without one stays byte for byte.

    Rows are cut as ``read`` cuts them. Of a damaged row stay the cells before the damage, in a row too long to be accepted; a
    table whose header is damaged cannot be judged, and is withheld. Letters that are none become U+FFFD, as in ``read``.
    """
    charset = next((name for mark, name in _MARKS if raw.startswith(mark)), "latin-1")
    text = raw.decode(charset, "replace")
    if not QUICK.search(text.encode("utf-8", "replace")):
        return raw
    delimiter, start = dialect(text, "")
    table = rows(text, delimiter, start)
    header = next((row for row in table if row.problem or any(row.cells)), Row(1))
    if header.problem:
        return withheld(raw)
    about = [number for number, cell in enumerate(header.cells) if LEADS.search(cell)]
    if not about:
        return raw
    end = "\r\n" if "\r\n" in text else "\n"
    # lines before the header are empty, and stay so that findings name the same line
    above = text[:start] + end * (header.line - 1 - (start > 0))
    kept = chain([header.cells], (_kept(row, about, len(header.cells), pseudonym) for row in table))
    lines = (delimiter.join(quoted(cell, delimiter) for cell in cells) + end for cells in kept)
    return (above + "".join(lines)).encode(charset, "replace")


def _kept(row: Row, about: list[int], width: int, pseudonym: Pseudonym) -> tuple[str, ...]:
    cells = list(row.cells)
    for number in about:
        if number < len(cells) and cells[number].strip():
            cells[number] = pseudonym(cells[number].strip())
    return (*cells, *[""] * (width + 1 - len(cells))) if row.problem else tuple(cells)
