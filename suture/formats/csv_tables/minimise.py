"""A table without patients: every column whose header leads to one holds pseudonyms before it is kept."""

from __future__ import annotations

import codecs
import csv
import io

from suture.formats.csv_tables.rows import dialect
from suture.formats.persons import LEADS, QUICK, Pseudonym

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def minimise(raw: bytes, pseudonym: Pseudonym) -> bytes:
    """``raw`` with pseudonyms in every column whose header leads to a patient; a table without one stays byte for byte."""
    charset = next((name for mark, name in _MARKS if raw.startswith(mark)), "latin-1")
    text = raw.decode(charset)
    if not QUICK.search(text.encode("utf-8")):
        return raw
    delimiter, start = dialect(text, "")
    rows = list(csv.reader(io.StringIO(text[start:], newline=""), delimiter=delimiter))
    header = next((number for number, row in enumerate(rows) if any(row)), -1)
    about = [number for number, cell in enumerate(rows[header]) if LEADS.search(cell.strip())] if header >= 0 else []
    if not about:
        return raw
    for row in rows[header + 1 :]:
        for number in about:
            if number < len(row) and row[number].strip():
                row[number] = pseudonym(row[number].strip())
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(rows)
    return (text[:start] + out.getvalue()).encode(charset)
