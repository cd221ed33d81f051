"""Tables: spreadsheets in all their dialects and damages, and what we write into them.

The pitfalls of the survey (files: CSV) are named in the tests that cover them.
"""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.formats import Profile, Reading, Stamp, Unwritable
from suture.formats.csv_tables import FORMAT, TABLES, write_all
from suture.formats.csv_tables.cells import read_cell, read_day, read_decimal
from suture.formats.csv_tables.reading import MOST_FINDINGS, MOST_ROWS
from suture.formats.csv_tables.rows import LONGEST_CELL, rows
from suture.model import ContractPrice, Document, Entity, GoodsReceipt, Item, Pack, Place, Supplier
from tests.strategies import document, documents

STAMP = Stamp(number=1, at="2026-03-02T09:30:00Z")
PRICES = "contract_price,contract,supplier,item,price,price_currency,price_per,price_per_unit,effective_from\n"
RECEIPTS = "receipt,order,place,received_at,line,item,quantity,quantity_unit,lot\n"
PLACES = "place,name,kind,entity,facility\n"


def read(text: str | bytes, charset: str = "utf-8", timezone: str = "UTC", **options: str) -> Reading:
    raw = text.encode() if isinstance(text, str) else text
    return FORMAT.read(raw, Profile(charset=charset, timezone=timezone, options=options))


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


def where(reading: Reading) -> list[tuple[str, str]]:
    return [(finding.code, finding.path) for finding in reading.findings]


def written(made: Document, **options: str) -> str:
    assert FORMAT.write is not None
    return FORMAT.write(made, Profile(options=options), STAMP).decode()


# what is written is read


@pytest.mark.parametrize("kind", [table.document for table in TABLES.values()], ids=TABLES)
@pytest.mark.parametrize(
    "options", [{}, {"decimal": ",", "date": "DD.MM.YYYY"}, {"delimiter": "\t", "date": "MM/DD/YYYY", "bom": "yes"}]
)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_document_comes_back_whole(kind: type[Document], options: dict[str, str], data: st.DataObject) -> None:
    made = data.draw(document(kind))
    reading = read(written(made, **options), **options)
    assert reading.documents == (made,)
    assert reading.findings == ()
    assert reading.kind == kind.__name__


@given(name=st.text(min_size=1, max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back_or_is_not_written(name: str) -> None:
    """Quotes, delimiters, newlines, formulas, apostrophes: nothing is changed on the way."""
    made = Entity(id="E1", name=name, currency="CHF")
    try:
        text = written(made)
    except Unwritable:
        return
    assert read(text).documents == (made,)


@given(st.lists(documents(GoodsReceipt), max_size=5, unique_by=lambda made: made.id))
def test_many_documents_make_one_table(made: list[Document]) -> None:
    if not made:
        with pytest.raises(Unwritable):
            write_all(made, Profile())
        return
    assert read(write_all(made, Profile())).documents == tuple(made)


@given(documents(Supplier), st.sampled_from([";", ",", "\t", "|"]))
def test_others_read_what_we_write(made: Document, delimiter: str) -> None:
    """The standard library's reader is the oracle of RFC 4180."""
    text = written(made, delimiter=delimiter)
    header, row = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    assert header == [column.header for column in TABLES["Supplier"].every]
    assert len(row) == len(header)
    assert row[0] == getattr(made, "id", "")


@given(st.lists(st.lists(st.text(st.sampled_from('ab,"\n\r x'), max_size=6), min_size=2, max_size=4), min_size=1, max_size=4))
def test_we_read_what_others_write(table: list[list[str]]) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows(table)
    assert [list(row.cells) for row in rows(sink.getvalue(), ",", 0)] == table


def test_what_has_no_table_is_not_written() -> None:
    with pytest.raises(Unwritable):
        write_all([Entity(id="E1", name="A", currency="CHF"), Supplier(id="S", name="B")], Profile())
    with pytest.raises(Unwritable, match="character set"):
        write_all([Entity(id="E1", name="北京", currency="CHF")], Profile(charset="latin-1"))
    with pytest.raises(Unwritable, match="name"):
        write_all([Entity(id="E1", name="", currency="CHF")], Profile())
    with pytest.raises(Unwritable, match="supplier"):
        write_all([Supplier(id="2E+05", name="a spreadsheet would not return this")], Profile())


# dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(delimiter: str) -> None:
    """Pitfall: CSV with semicolons."""
    text = "entity,name,currency\nE1,Alpine,CHF\n".replace(",", delimiter)
    assert read(text).documents == (Entity(id="E1", name="Alpine", currency="CHF"),)


def test_a_delimiter_may_be_declared_or_agreed() -> None:
    assert read("sep=;\r\nentity;name;currency\r\nE1;A, B, C;CHF\r\n").documents
    assert read('entity|"name, or, so, on"|currency\nE1|x|CHF', delimiter="|").findings[0].code == "csv.table"


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        ("entity,name,currency\nE1,Zürich,CHF".encode("utf-8-sig"), "utf-8"),
        ("entity,name,currency\nE1,Zürich,CHF".encode("utf-16"), "utf-8"),
        ("entity,name,currency\nE1,Zürich,CHF".encode("cp1252"), "cp1252"),
        ("entity,name,currency\rE1,Zürich,CHF\r".encode(), "utf-8"),
        ("\r\n \r\nentity,name,currency\r\n,,\r\nE1,Zürich,CHF\r\n\r\n".encode(), "utf-8"),
    ],
)
def test_marks_character_sets_and_line_ends(raw: bytes, charset: str) -> None:
    """Pitfalls: CSV with BOM; charset is per partner."""
    assert read(raw, charset).documents == (Entity(id="E1", name="Zürich", currency="CHF"),)


def test_bytes_that_are_no_characters_refuse_their_row_only() -> None:
    reading = read("entity,name,currency\nE1,Zürich,CHF\nE2,Basel,CHF\n".encode("latin-1"))
    assert [getattr(each, "id", "") for each in reading.documents] == ["E2"]
    assert where(reading) == [("csv.character", "line 2, column name")]
    assert codes(read(b"entity,name,currency\n", charset="klingon")) == ["csv.charset"]


def test_quotes_and_embedded_newlines() -> None:
    """Pitfalls: quotes, embedded newlines. The line of a later finding still counts lines of the file."""
    reading = read('entity,name,currency\r\nE1,"Alpine ""A""\r\nCare",CHF\r\nE2,B,franc\r\n')
    assert reading.documents == (Entity(id="E1", name='Alpine "A"\r\nCare', currency="CHF"),)
    assert where(reading) == [("csv.value", "line 4, column currency")]


def test_a_stray_quote_costs_its_row_and_no_other() -> None:
    reading = read('entity,name,currency\nE1,"Wire 2" long,CHF\nE2,12" ruler,CHF\nE3,"never closed,CHF\nE4,D,CHF\n')
    assert [getattr(each, "id", "") for each in reading.documents] == ["E2", "E4"]
    assert where(reading) == [("csv.quote", "line 2"), ("csv.quote", "line 4")]


def test_headers_are_recognised_in_any_order_case_and_by_agreed_names() -> None:
    reading = read("Whg;Konzern-Nr;Name\nCHF;E1;Alpine\n", **{"header.Whg": "currency", "header.Konzern-Nr": "entity"})
    assert reading.documents == (Entity(id="E1", name="Alpine", currency="CHF"),)
    assert read("ENTITY, Name ,Currency\nE1,Alpine,CHF").documents


def test_merged_and_unknown_headers_are_left_out_with_a_word() -> None:
    """Pitfall: merged headers."""
    reading = read("entity,name,,currency,colour,name\nE1,Alpine,x,CHF,red,Other\n")
    assert reading.documents == (Entity(id="E1", name="Alpine", currency="CHF"),)
    assert codes(reading) == ["csv.unknown_column"] * 3
    assert not reading.errors


def test_a_table_that_is_none_says_what_is_known() -> None:
    reading = read("colour,size\nred,5\n")
    assert codes(reading) == ["csv.table"]
    assert "Entity: entity, name, currency" in reading.findings[0].text
    assert where(read("name,currency\nA,CHF\n", table="Entity")) == [("csv.header", "line 1, column entity")]


# cells


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("1.234,56", ",", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("1.234", ",", "1234"),
        ("1.234", ".", "1.234"),
        ("1'080.00", ".", "1080.00"),
        ("1 234 567,10", ",", "1234567.10"),
        ("-5,00", ",", "-5.00"),
        ("12", ",", "12"),
    ],
)
def test_a_number_is_read_with_the_agreed_decimal_sign(text: str, sign: str, value: str) -> None:
    """Pitfall: 1.234,56. The scale is kept."""
    assert str(read_decimal(text, {"decimal": sign})) == value


@pytest.mark.parametrize(
    "text", ["1.2.3", "1,23.4", "12.34,5", "NaN", "1e3", "1_000", "１２", "", "-", ".5", "5.", "1,2345", "+1", "0x1", "$5"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_decimal(text, {})


@pytest.mark.parametrize(
    ("text", "pattern", "day"),
    [
        ("2026-03-04", "", date(2026, 3, 4)),
        ("04.03.2026", "DD.MM.YYYY", date(2026, 3, 4)),
        ("4.3.2026", "DD.MM.YYYY", date(2026, 3, 4)),
        ("03/04/2026", "MM/DD/YYYY", date(2026, 3, 4)),
        ("04/03/2026", "DD/MM/YYYY", date(2026, 3, 4)),
        ("46085", "excel", date(2026, 3, 4)),
        ("46085.5", "excel", date(2026, 3, 4)),
        ("61", "excel", date(1900, 3, 1)),
    ],
)
def test_a_date_is_read_in_the_agreed_pattern(text: str, pattern: str, day: date) -> None:
    assert read_day(text, {"date": pattern}) == day


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("04.03.26", "DD.MM.YYYY"),
        ("2026-3-4-5", ""),
        ("2026-02-30", ""),
        ("٢٠٢٦-03-04", ""),
        ("03.04.2026", "DD.DD.DD"),
        ("1", "excel"),
        ("99999999", "excel"),
        ("soon", "excel"),
    ],
)
def test_what_is_no_date_is_refused(text: str, pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_day(text, {"date": pattern})


@pytest.mark.parametrize(
    ("header", "cell", "code"),
    [
        ("item", "1E+15", "csv.excel_exponent"),
        ("item", "2,5E+07", "csv.excel_exponent"),
        ("gtin", "9506000134352"[:11], "csv.leading_zeros"),
        ("item", "12", "csv.leading_zeros"),
        ("name", "#REF!", "csv.excel_error"),
        ("name", "a\x00b", "csv.character"),
        ("lot_tracked", "maybe", "csv.flag"),
    ],
)
def test_what_a_spreadsheet_destroyed_is_a_finding(header: str, cell: str, code: str) -> None:
    """Pitfalls: Excel 1E+15, 00012 become 12 (an agreed width or a GTIN's length tells)."""
    values = {"item": "00012", "name": "Gauze", "unit": "EA", header: cell}
    text = ",".join(values) + "\n" + ",".join(f'"{value}"' for value in values.values()) + "\n"
    reading = read(text, **{"width.item": "5"})
    assert reading.documents == ()
    assert where(reading) == [(code, f"line 2, column {header}")]


def test_a_date_as_a_serial_number_is_a_finding() -> None:
    """Pitfall: dates as serials."""
    reading = read(PRICES + "CP,C,S,I,1.50,CHF,,BX,46085\n")
    assert where(reading) == [("csv.excel_date", "line 2, column effective_from")]
    (price,) = read(PRICES + "CP,C,S,I,1.50,CHF,,BX,46085\n", date="excel").documents
    assert isinstance(price, ContractPrice)
    assert price.effective_from == date(2026, 3, 4)
    assert (price.price.per.value, price.price.per.unit) == (Decimal(1), "BX")


def test_text_that_a_spreadsheet_was_told_to_leave_alone_is_unwrapped() -> None:
    assert read_cell('="00012"', "text", "item", Profile()) == "00012"
    assert read_cell("'-5", "text", "item", Profile()) == "-5"
    assert read_cell("O'Brien", "text", "item", Profile()) == "O'Brien"
    assert read_cell("'tis", "text", "item", Profile()) == "'tis"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '="5"'])
def test_a_formula_does_not_leave_us(name: str) -> None:
    """Pitfall: formula injection on output; reading takes the apostrophe away again."""
    made = Entity(id="E1", name=name, currency="CHF")
    (_, row) = csv.reader(io.StringIO(written(made), newline=""))
    assert row[1] == f"'{name}"
    assert read(written(made)).documents == (made,)


def test_instants_have_a_zone_or_the_partners() -> None:
    row = "GR-1,PO-1,D-1,{},1,IT-1,2,EA,L1\n"
    for text, options in (
        ("2026-07-01T10:00:00+02:00", {}),
        ("2026-07-01T10:00:00", {}),
        ("01.07.2026 10:00", {"date": "DD.MM.YYYY"}),
    ):
        (receipt,) = read(RECEIPTS + row.format(text), timezone="Europe/Zurich", **options).documents
        assert isinstance(receipt, GoodsReceipt)
        assert receipt.received_at == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert codes(read(RECEIPTS + row.format("2026-07-01T10:00:00"), timezone="")) == ["csv.instant"]
    assert codes(read(RECEIPTS + row.format("2026-07-01 25:00"))) == ["csv.instant"]


# rows


def test_one_bad_row_never_stops_the_file() -> None:
    lines = [f"W-{number},Ward,{'ward' if number % 3 == 0 else 'storeroom'},E1,F1" for number in range(30)]
    reading = read(PLACES + "\n".join(lines))
    assert len(reading.documents) == 20
    assert all(isinstance(each, Place) for each in reading.documents)
    assert where(reading)[:2] == [("csv.value", "line 2, column kind"), ("csv.value", "line 5, column kind")]


def test_a_row_of_another_width_is_refused() -> None:
    text = PLACES + "W-1,A,dock,E1\nW-2,B,dock,E1,F1,extra\nW-3,C,dock,E1,F1\n"
    assert where(read(text)) == [("csv.columns", "line 2"), ("csv.columns", "line 3")]
    shorter = "entity,name,currency,status\n".replace(",status", "") + "E1,A\n"
    assert where(read(shorter, short_rows="blank")) == [("csv.missing", "line 2, column currency")]


def test_lines_of_one_document_need_not_be_neighbours() -> None:
    at = "2026-01-01T08:00:00Z"
    text = RECEIPTS + f"G1,P1,D,{at},1,I1,5,BX,\nG2,P2,D,{at},1,I2,5,EA,\nG1,P1,D,{at},2,I3,1,CS,L9\n"
    first, second = read(text).documents
    assert isinstance(first, GoodsReceipt)
    assert [(line.line, line.item, line.lot) for line in first.lines] == [(1, "I1", ""), (2, "I3", "L9")]
    assert isinstance(second, GoodsReceipt)
    assert len(second.lines) == 1


def test_a_receipt_with_a_bad_line_is_left_out_whole() -> None:
    """Half a receipt would be a wrong fact: less would have arrived than did."""
    at = "2026-01-01T08:00:00Z"
    text = RECEIPTS + f"G1,P1,D,{at},1,I1,5,BX,\nG2,P2,D,{at},1,I2,5,EA,\nG1,P1,D,{at},2,I3,five,CS,\n"
    reading = read(text)
    assert [getattr(each, "id", "") for each in reading.documents] == ["G2"]
    assert where(reading) == [("csv.decimal", "line 4, column quantity")]
    for damaged in (f'G1,P1,D,{at},2,"I3" x,5,CS,\n', f"G1,P1,D,{at},2\n"):
        assert [getattr(each, "id", "") for each in read(text.rsplit("G1", 1)[0] + damaged).documents] == ["G2"]


def test_a_row_that_may_belong_to_any_document_refuses_them_all() -> None:
    at = "2026-01-01T08:00:00Z"
    text = RECEIPTS + f"G1,P1,D,{at},1,I1,5,BX,\nG2,P2,D,{at},1,I2,5,EA,\n"
    for stray in (f",P1,D,{at},2,I3,5,CS,\n", '"G1" x,P1\n'):
        reading = read(text + stray)
        assert reading.documents == ()
        assert codes(reading)[-1] == "csv.stray"


def test_rows_that_contradict_each_other_are_no_document() -> None:
    at = "2026-01-01T08:00:00Z"
    reading = read(RECEIPTS + f"G1,P1,D,{at},1,I1,5,BX,\nG1,P2,D,{at},2,I2,5,EA,\n")
    assert reading.documents == ()
    assert codes(reading) == ["csv.contradiction"]


def test_packs_are_lines_of_an_item() -> None:
    reading = read(
        "item,name,unit,pack_unit,pack_factor\nI1,Gauze,EA,BX,12\nI1,Gauze,EA,CS,144\nI2,Tape,EA,,\nI3,Wire,EA,BX,0\nI4,Pin,EA,BX,\n"
    )
    boxes, bare = reading.documents
    assert boxes == Item(id="I1", name="Gauze", unit="EA", packs=(Pack("BX", Decimal(12)), Pack("CS", Decimal(144))))
    assert isinstance(bare, Item)
    assert bare.packs == ()
    assert where(reading) == [("csv.value", "line 5"), ("csv.missing", "line 6, column pack_factor")]


def test_the_same_document_twice_is_told() -> None:
    reading = read("entity,name,currency\nE1,A,CHF\nE1,B,CHF\n")
    assert len(reading.documents) == 2
    assert [(finding.code, finding.severity) for finding in reading.findings] == [("csv.repeated", "warning")]


def test_a_finding_quotes_no_cell() -> None:
    reading = read("supplier,name,account_holder,account_number,terms_days\nS1,A,B,CH9300762011623852957,CH9300762011623852957\n")
    assert reading.errors
    assert all("CH93" not in f"{finding.text}{finding.path}" for finding in reading.findings)


# limits


def test_there_is_a_limit_to_everything() -> None:
    reading = read("entity,name,currency\n" + "E1,A\n" * (MOST_FINDINGS + 500))
    assert len(reading.findings) == MOST_FINDINGS + 1
    assert reading.findings[-1].code == "csv.more"
    assert codes(read(f'entity,name,currency\nE1,"{"x" * (LONGEST_CELL + 1)}",CHF\n')) == ["csv.quote"]
    assert codes(read("entity,name,currency\n" + "E,A,C\n" * (MOST_ROWS + 1))) == ["csv.limit"]


@pytest.mark.parametrize("hostile", ['"', '""', '"""', '"a', 'a"', '"\n', '""x\n', ',"', '"",', '"x"y\n', "\r"])
def test_hostile_quoting_takes_no_more_than_linear_time(hostile: str) -> None:
    text = "entity,name,currency\n" + hostile * (300_000 // len(hostile))
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", ",\n", '"\n"'])
def test_lines_are_limited_even_if_they_say_nothing(end: str) -> None:
    raw = ("item,name,unit\n" + end * 1_048_577).encode()
    began = time.process_time()
    reading = FORMAT.read(raw, Profile())
    assert [finding.code for finding in reading.findings] == ["csv.limit"]
    assert time.process_time() - began < 2
