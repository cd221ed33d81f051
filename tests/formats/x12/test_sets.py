"""What each set cannot say, one by one: refused or noted at the place that says it, and nothing guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from suture.formats import Profile, Unwritable
from suture.formats.x12 import FORMAT, spec
from suture.model import Money
from tests.formats.x12.messages import (
    ADVICE,
    ANSWER,
    CHANGE,
    INVOICE,
    NOTICE,
    ORDER,
    group,
    interchange,
    message,
    one,
    read,
    replaced,
    told,
    write,
)

PACKED = [*NOTICE[:-1], "HL*4*3*P", "MAN*GM*00340123450000000019", "HL*5*3*P", "MAN*GM*00340123450000000026"]

REFUSED = {
    "850: N104 too long": ("850", replaced(ORDER, "N1*ST", f"N1*ST**92*{'D' * 65}"), "x12.length", "N1[1]-04"),
    "850: a ship-to without name or code": ("850", replaced(ORDER, "N1*ST", "N1*ST"), "x12.missing", "N1[1]-04"),
    "850: no place at all": ("850", replaced(ORDER, "N1*ST"), "x12.missing", "BEG[1]"),
    "850: no currency of ISO 4217": ("850", replaced(ORDER, "N1", "CUR*BY*U5D", "N1*ST**92*DOCK"), "x12.code", "CUR[1]-02"),
    "850: no price": ("850", replaced(ORDER, "PO1", "PO1*1*10*BX***IN*4711"), "x12.missing", "PO1[1]-04"),
    "850: less than nothing": ("850", replaced(ORDER, "PO1", "PO1*1*-1*BX*1**IN*4711"), "x12.value", "PO1[1]-02"),
    "850: a price for nothing": (
        "850",
        replaced(ORDER, "PO1", "PO1*1*10*BX***IN*4711", "CTP***42.50*0*EA"),
        "x12.price_basis",
        "CTP[1]-04",
    ),
    "850: a line number twice": (
        "850",
        replaced(replaced(ORDER, "CTT", "CTT*2"), "REF", "PO1*1*1*EA*1**IN*0815"),
        "x12.line",
        "PO1[1]-01",
    ),
    "850: a time of no zone": (
        "850",
        replaced(ORDER, "N1", "DTM*004*20260302*0930*QQ", "N1*ST**92*DOCK"),
        "x12.time",
        "DTM[1]-04",
    ),
    "850: a moment without date": ("850", replaced(ORDER, "BEG", "BEG*00*SA*PO-1"), "x12.missing", "BEG[1]-05"),
    "850: BEG twice": ("850", [ORDER[0], *ORDER], "x12.repeat", "BEG[2]"),
    "855: taken back": ("855", replaced(ANSWER, "BAK", "BAK*01*AC*PO-1*20260302"), "x12.unsupported", "BAK[1]-01"),
    "855: neither ACK nor quantity": ("855", replaced(replaced(ANSWER, "ACK"), "PO1", "PO1*1"), "x12.missing", "PO1[1]-02"),
    "855: no quantity anywhere": (
        "855",
        replaced(replaced(ANSWER, "ACK", "ACK*IA"), "PO1", "PO1*1"),
        "x12.missing",
        "ACK[1]-02",
    ),
    "856: an item without LIN": ("856", replaced(NOTICE, "LIN"), "x12.missing", "HL[3]"),
    "856: levels that are not there": ("856", replaced(NOTICE, "CTT", "CTT*9"), "x12.count", "CTT[1]-01"),
    "856: a notice taken back": ("856", replaced(NOTICE, "BSN", "BSN*01*SH-1*20260304*1630"), "x12.code", "BSN[1]-01"),
    "810: a charge without amount": ("810", replaced(INVOICE, "CTT", "SAC*C*D240", "CTT*1"), "x12.missing", "SAC[1]-05"),
    "820: a prenote": ("820", replaced(ADVICE, "BPR", "BPR*P*0*C*ACH************20260404"), "x12.unsupported", "BPR[1]-01"),
    "820: no day": ("820", replaced(ADVICE, "BPR", "BPR*I*425.00*C*ACH"), "x12.missing", "BPR[1]-16"),
    "820: no amount": ("820", replaced(ADVICE, "RMR", "RMR*IV*INV-1"), "x12.missing", "RMR[1]-04"),
}

NOTED = {
    "855: accepted as it is, but not": (
        "855",
        replaced(replaced(ANSWER, "BAK", "BAK*00*AD*PO-1*20260302"), "ACK", "ACK*IR*10*BX"),
        {"x12.contradiction": "BAK[1]-02"},
    ),
    "855: a day of delivery": ("855", replaced(ANSWER, "ACK", "ACK*IA*10*BX*067*20260304"), {"x12.defaulted": "ACK[1]-04"}),
    "856: a notice that replaces": (
        "856",
        replaced(NOTICE, "BSN", "BSN*05*SH-1*20260304*1630"),
        {"x12.correction": "BSN[1]-01"},
    ),
    "856: several parcels of unknown content": ("856", PACKED, {"x12.packing": "HL[3]"}),
    "856: no order line": (
        "856",
        replaced(replaced(NOTICE, "LIN", "LIN**IN*4711"), "SN1", "SN1**10*BX"),
        {"x12.line": "LIN[1]-01"},
    ),
    "856: another sum": ("856", replaced(NOTICE, "CTT", "CTT*3*11"), {"x12.count": "CTT[1]-02"}),
    "820: no TRN": ("820", replaced(ADVICE, "TRN"), {"x12.defaulted": "BPR[1]"}),
    "820: gross and net": ("820", replaced(ADVICE, "RMR", "RMR*IV*INV-1**425.00*430.00*1.00"), {"x12.total": "RMR[1]-04"}),
    "820: an adjustment of no document": (
        "820",
        replaced(replaced(ADVICE, "BPR", "BPR*I*400.00*C*ACH************20260404"), "ENT", "ENT*1", "ADX*-25.00*01"),
        {"x12.adjustment": "ADX[1]-04"},
    ),
}


@pytest.mark.parametrize(("code", "body", "finding", "path"), REFUSED.values(), ids=REFUSED)
def test_what_a_set_cannot_say_is_refused(code: str, body: list[str], finding: str, path: str) -> None:
    reading = read(message(code, body))
    assert reading.documents == ()
    assert told(reading, "error") == {finding: path}


@pytest.mark.parametrize(("code", "body", "findings"), NOTED.values(), ids=NOTED)
def test_what_is_odd_is_noted(code: str, body: list[str], findings: dict[str, str]) -> None:
    reading = read(message(code, body))
    assert len(reading.documents) == 1
    assert not reading.errors
    assert told(reading) == findings


def test_an_answer_in_deliveries_without_acks() -> None:
    lines = replaced(ANSWER, "ACK", "SCH*4*BX***068*20260304", "SCH*6*BX***068*20260316")
    answer = one(message("855", lines))
    assert [(line.status, line.quantity.value, line.ships_on) for line in answer.lines] == [
        ("accepted", 4, date(2026, 3, 4)),
        ("accepted", 6, date(2026, 3, 16)),
    ]


def test_an_ack_without_unit_is_in_the_orders() -> None:
    (line,) = one(message("855", replaced(ANSWER, "ACK", "ACK*IA*8"))).lines
    assert (line.quantity.value, line.quantity.unit) == (8, "BX")


def test_terms_count_days_from_the_invoice() -> None:
    lines = replaced(INVOICE, "IT1", "ITD*01*3*2**10", "ITD*01*3*****30", INVOICE[1])
    assert one(message("810", lines)).due_on == date(2026, 4, 4)


def test_a_credit_with_negative_prices_turns_the_prices() -> None:
    lines = ["BIG*20260305*CN-1", "IT1*1*10*BX*-42.50**IN*4711", "TDS*-42500"]
    (line,) = one(message("810", lines)).lines
    assert (line.quantity.value, line.price.amount, line.amount.amount) == (10, Decimal("42.50"), Decimal("425.00"))


def test_a_tax_said_as_a_charge_is_a_tax() -> None:
    invoice = one(message("810", replaced(INVOICE, "TDS", "TDS*43000", "SAC*C*H850***500")))
    assert (invoice.tax, invoice.charges) == (Money(Decimal("5.00"), "USD"), ())


def test_a_day_without_time_begins_where_the_partner_is() -> None:
    order = one(message("850", ORDER), Profile(timezone="America/Chicago"))
    assert order.ordered_at == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_the_heading_speaks_for_lines_that_say_nothing() -> None:
    lines = replaced(ORDER, "REF")
    lines = replaced(lines, "BEG", "BEG*00*SA*PO-1**20260302*C-9", "REF*DP*4200", "N1*BY**92*NORTH")
    order = one(message("850", lines))
    assert (order.lines[0].cost_center, order.lines[0].contract) == ("4200", "C-9")
    assert (order.entity, order.facility, order.requisition, order.supplier) == ("NORTH", "NORTH", "PO-1", "GOODHAND")
    agreed = Profile(options={"cost_center": "4300", "currency": "CHF"})
    order = one(message("850", replaced(ORDER, "REF")), agreed)
    assert (order.lines[0].cost_center, order.currency) == ("4300", "CHF")


def test_loops_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "MOST_LOOPS", 1)
    assert "x12.limit" in told(read(message("850", ORDER)), "error")


def test_what_mixes_currencies_or_does_not_fit_is_unwritable() -> None:
    change, answer, invoice, advice = (
        one(message(*said)) for said in (("860", CHANGE), ("855", ANSWER), ("810", INVOICE), ("820", ADVICE))
    )
    foreign = Money(Decimal(1), "EUR")
    line = change.lines[0]
    other = structs.replace(line, number=2, price=structs.replace(line.price, currency="EUR"))
    said = structs.replace(answer.lines[0], price=other.price)
    for document in (
        structs.replace(change, lines=(line, other)),
        structs.replace(answer, lines=(*answer.lines, said)),
        structs.replace(invoice, total=foreign),
        structs.replace(invoice, tax=foreign),
        structs.replace(advice, lines=(structs.replace(advice.lines[0], paid=foreign),)),
        structs.replace(answer, number="N" * 31),
        structs.replace(answer, lines=(structs.replace(answer.lines[0], substitute="V-9"),)),
    ):
        with pytest.raises(Unwritable):
            write(document)


def test_segments_outside_of_their_envelopes_refuse_the_interchange() -> None:
    plain = group("850", ORDER)
    for lines in ([*plain[1:-1]], [*plain, "SE*1*0001"], [*plain, "GE*1*91"], [*plain, "BEG*00"]):
        reading = read(interchange(lines))
        assert reading.documents == ()
        assert "x12.structure" in told(reading, "error")


def test_a_set_or_group_that_does_not_end_is_refused() -> None:
    plain = group("850", ORDER)
    unended = read(interchange([line for line in plain if not line.startswith("SE*")]))
    assert told(unended) == {"x12.missing": "SE"}
    ungrouped = read(interchange([line for line in plain if not line.startswith("GE*")]))
    assert told(ungrouped) == {"x12.missing": "GE[1]"}
    doubled = read(interchange([*plain[:-2], *plain[1:-1], "GE*2*91"]))
    assert set(told(doubled)) == {"x12.missing", "x12.control"}


def test_a_set_needs_a_kind_and_a_number() -> None:
    plain = group("850", ORDER)
    assert "x12.set" in told(read(interchange([line.replace("ST*850", "ST*") for line in plain])))
    assert "x12.control" in told(read(interchange([line.replace("*0001", "*") for line in plain])))


def test_what_stands_around_interchanges_is_told() -> None:
    raw = message("850", ORDER)
    before = read(b"To whom it may concern\n" + raw)
    assert told(before) == {"x12.stray": "ISA"}
    assert len(before.documents) == 1
    after = read(raw + b"and so on")
    assert told(after, "error") == {"x12.stray": "IEA"}


def test_the_envelope_is_echoed() -> None:
    assert read(message("850", ORDER)).envelope == {
        "sender": "GOODHAND",
        "receiver": "STORKVALE",
        "control": "000000091",
        "version": "00401",
        "usage": "P",
    }


def test_the_format_names_its_sets() -> None:
    assert FORMAT.name == "x12"
    assert len(FORMAT.reads) == len(FORMAT.writes) + 1
