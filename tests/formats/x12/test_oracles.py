"""Somebody else's reading of the standard: three independent packages judge what we write, and we read what one of them writes.

``mock-edi`` checks sets against its own, narrower dictionary: its notes that a code or a segment is not in its lists are listed
here by name, so that any other note fails. ``x12-tidy`` and ``ansi-x12`` check structure, counts and control numbers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from suture.formats import Profile
from suture.formats.x12 import FORMAT
from suture.model import Invoice, OrderAcknowledgement, ShipNotice
from tests.formats.x12.messages import PROFILE, STAMP, acknowledge, body, message, one, read, write

#: What mock-edi's dictionary does not list, though the standard does: set, place, and why we say it.
UNLISTED = {
    ("850", "REF01"): "RQ requisition, CT contract",
    ("850", "DTM01"): "004 purchase order",
    ("850", "PO108"): "VN vendor's item number",
    ("855", "PO106"): "an acknowledged line of ours names no item",
    ("855", "PO107"): "an acknowledged line of ours names no item",
    ("855", "ACK07"): "VN vendor's item number",
    ("856", "MAN"): "marks and numbers",
    ("856", "LIN04"): "LT lot",
    ("856", "DTM01"): "036 expiration",
    ("856", "REF01"): "SE serial number",
    ("810", "REF01"): "OI original invoice",
    ("820", "REF01"): "TN bank's reference",
    ("860", "N9"): "remark",
    ("860", "MSG"): "remark",
}


def everything() -> list[tuple[str, bytes]]:
    """Each document type as we write it, and the acknowledgements that we give."""
    found: dict[str, bytes] = {}
    for sample in FORMAT.samples:
        reading = read(sample.raw)
        for document in reading.documents:
            if type(document) in FORMAT.writes:
                found[type(document).__name__] = write(document, PROFILE, STAMP)
        outcome = "accepted" if reading.documents else "refused"
        answer = acknowledge(reading, outcome, PROFILE)
        if answer:
            found[f"997 for {sample.name}"] = answer
    return list(found.items())


WRITTEN = [pytest.param(raw, id=name) for name, raw in everything()]
SETS = [pytest.param(raw, id=name) for name, raw in everything() if b"GS*" in raw]


def test_all_sets_are_judged() -> None:
    names = {name for name, _ in everything()}
    assert {kind.__name__ for kind in FORMAT.writes} <= names
    assert len([name for name in names if name.startswith("997")]) >= 8


@pytest.mark.parametrize("raw", WRITTEN)
def test_mock_edi_finds_nothing_but_what_it_does_not_list(raw: bytes) -> None:
    x12 = pytest.importorskip("mockedi.x12")
    validate = pytest.importorskip("mockedi.validate")
    report = validate.validate(x12.parse(raw.decode()))
    assert not report.envelope_errors
    assert not report.interchange_findings
    for found in report.messages:
        assert [code for code, _ in found.set_errors] in ([], ["5"])
        assert {(found.code, place) for place in _noted(found)} <= set(UNLISTED)
        assert found.accepted or found.code == "855"


def _noted(report: Any) -> set[str]:
    places = set()
    for segment in report.segments:
        places |= {f"{segment.tag}{element.position:02d}" for element in segment.elements} or {segment.tag}
    return places


@pytest.mark.parametrize("raw", SETS)
def test_x12_tidy_finds_nothing(raw: bytes) -> None:
    tidy = pytest.importorskip("x12_tidy").tidy
    assert not tidy(raw).diagnostics
    assert tidy(_miscounted(raw)).diagnostics


@pytest.mark.parametrize("raw", SETS)
def test_ansi_x12_parses_it(raw: bytes) -> None:
    x12 = pytest.importorskip("x12")
    x12.parse_x12_interchange(x12.tokenize_x12(raw))
    with pytest.raises(x12.X12Error):
        x12.parse_x12_interchange(x12.tokenize_x12(_miscounted(raw)))


def _miscounted(raw: bytes) -> bytes:
    """The same with one segment more in its first set than SE01 says."""
    return raw.replace(b"~SE*", b"~NTE*GEN*ONE MORE~SE*", 1)


# -- what mock-edi writes


ORDER = {
    "po_number": "PO-1",
    "ordered_on": "2026-03-02",
    "seller_order": "SO-9",
    "currency": "USD",
    "ship_to_name": "North Dock",
    "ship_to_id": "DOCK",
}
ROWS = [
    {
        "line": "1",
        "sku": "GH-NIT-M",
        "quantity": "10",
        "uom": "BX",
        "price": "42.50",
        "status": "IQ",
        "confirmed": "6",
        "shipped": "6",
        "invoiced": "6",
        "scheduled_on": "2026-03-04",
        "description": "Nitrile gloves",
    },
    {
        "line": "2",
        "sku": "GH-GAZ",
        "upc": "012345678905",
        "quantity": "4",
        "uom": "EA",
        "price": "12.00",
        "status": "IR",
        "confirmed": "0",
    },
]
WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _theirs(code: str, group: str, rows: list[Any]) -> bytes:
    x12 = pytest.importorskip("mockedi.x12")
    wrapped = x12.wrap([x12.message(code, "0001", rows)], "GOODHAND", "STORKVALE", "91", "91", group, moment=WHEN)
    return x12.render(wrapped, newline=True).encode()


@pytest.fixture
def their() -> Any:
    return pytest.importorskip("mockedi.transactions")


@pytest.fixture
def us(their: Any) -> Any:
    return their.Party(name="Goodhand", identifier="GOODHAND")


def test_we_read_their_855(their: Any, us: Any) -> None:
    answer = one(_theirs("855", "PR", their.write_response("X12", us, {}, ORDER, ROWS, WHEN)))
    assert isinstance(answer, OrderAcknowledgement)
    assert (answer.number, answer.order, answer.supplier, answer.status) == ("SO-9", "PO-1", "GOODHAND", "changed")
    first, second = answer.lines
    assert (first.number, first.status, first.quantity.value, first.ships_on) == (1, "quantity_changed", 6, date(2026, 3, 4))
    assert (second.number, second.status) == (2, "rejected")
    assert first.price is not None
    assert first.price.amount == Decimal("42.50")


def test_we_read_their_856(their: Any, us: Any) -> None:
    shipment = {"shipment_id": "SH-5", "scac": "FAST", "shipped_on": "2026-03-04", "cartons": 1, "weight": "12", "bol": "B-1"}
    notice = one(_theirs("856", "SH", their.write_despatch("X12", us, {}, ORDER, ROWS, shipment, WHEN)))
    assert isinstance(notice, ShipNotice)
    assert (notice.number, notice.carrier, notice.shipped_at.date(), notice.orders()) == (
        "SH-5",
        "FAST",
        date(2026, 3, 4),
        ("PO-1",),
    )
    assert [(line.line, line.item, line.quantity.value, line.quantity.unit) for line in notice.lines] == [
        (1, "GH-NIT-M", 6, "BX")
    ]


def test_we_read_their_810(their: Any, us: Any) -> None:
    said = {"invoice_number": "INV-7", "invoiced_on": "2026-03-05", "currency": "USD", "total": "263.00", "tax": "8.00"}
    rows = their.write_invoice("X12", us, {"name": "Alpine", "id": "ALPINE"}, ORDER, ROWS, said, {}, WHEN)
    invoice = one(_theirs("810", "IN", rows))
    assert isinstance(invoice, Invoice)
    assert (invoice.number, invoice.total.amount, invoice.entity, invoice.due_on) == (
        *("INV-7", Decimal("263.00"), "ALPINE"),
        date(2026, 4, 4),
    )
    assert invoice.tax is not None
    assert [(line.order, line.order_line, line.item, line.amount.amount) for line in invoice.lines] == [
        ("PO-1", 1, "GH-NIT-M", Decimal("255.00"))
    ]


def test_they_read_our_850(their: Any) -> None:
    x12 = pytest.importorskip("mockedi.x12")
    lines = ["BEG*00*SA*PO-1**20260302", "N1*ST**92*DOCK", "PO1*1*10*BX*42.50**IN*4711", "REF*DP*4100"]
    profile = Profile(us="STORKVALE", partner="GOODHAND", options={"item_qualifier": "BP"})
    order = one(message("850", lines))
    raw = write(order, profile, STAMP)
    assert "PO1*1*10*BX*42.50**BP*4711" in body(raw)
    (sent,) = x12.parse(raw.decode()).groups[0].messages
    theirs = their.read_order(sent, "X12")
    (line,) = theirs.lines
    assert (theirs.po_number, line.number, line.sku, line.quantity, line.price) == ("PO-1", "1", "4711", 10, Decimal("42.50"))
