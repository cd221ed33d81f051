"""Master data, price lists and receipts as CSV tables: one document type a file, one row a document or a line of one.

Law: a bad row is a finding with line and column and never stops the file; what is written is read back, cell for cell. Options
of a profile: ``table`` (a document type), ``header.THEIRS`` = ours, ``delimiter``, ``decimal`` (``.`` or ``,``), ``date`` (a
pattern such as ``DD.MM.YYYY``, or ``excel`` for serial numbers), ``width.COLUMN`` (digits that an identifier must have),
``short_rows`` = ``blank``, ``bom`` = ``yes``, ``patient`` (their columns that lead to a patient, with ``;`` between them).
"""

from suture.formats.csv_tables.minimise import minimise
from suture.formats.csv_tables.reading import read
from suture.formats.csv_tables.samples import SAMPLES
from suture.formats.csv_tables.tables import TABLES, Column, Table
from suture.formats.csv_tables.writing import write, write_all
from suture.formats.format import Format

__all__ = ["FORMAT", "TABLES", "Column", "Table", "write_all"]

FORMAT = Format(
    name="csv",
    title="Tables of master data, prices and receipts",
    version=1,
    standard="RFC 4180, with the dialects of spreadsheets",
    media_type="text/csv",
    reads=tuple(table.document for table in TABLES.values()),
    writes=tuple(table.document for table in TABLES.values()),
    read=read,
    write=write,
    minimise=minimise,
    samples=SAMPLES,
)
