"""What we write: envelopes to the character, delimiters that fit the data, and nothing that we would refuse ourselves."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import structs

from suture.formats import Profile, Stamp, Unwritable
from suture.formats.x12 import FORMAT
from suture.model import Money, OrderLine, Price, PurchaseOrder, Quantity, StockLow
from tests.formats.x12.messages import ORDER, PROFILE, STAMP, body, message, one, read, segments, write

LINE = OrderLine(
    number=1,
    item="4711",
    quantity=Quantity(Decimal(10), "BX"),
    price=Price(Decimal("42.50"), "USD", Quantity(Decimal(1), "BX")),
    cost_center="4100",
)
PURCHASE = PurchaseOrder(
    id="PO-1",
    requisition="RQ-1",
    entity="ALPINE",
    facility="NORTH",
    ship_to="DOCK",
    supplier="GOODHAND",
    currency="USD",
    ordered_at=datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC),
    lines=(LINE,),
)


def test_an_order_to_the_letter() -> None:
    isa = "ISA*00*          *00*          *ZZ*STORKVALE      *ZZ*GOODHAND       *260302*0930*U*00401*000000042*0*P*>~"
    lines = (
        "GS*PO*STORKVALE*GOODHAND*20260302*0930*42*X*004010~ST*850*0001~BEG*00*SA*PO-1**20260302~CUR*BY*USD~REF*RQ*RQ-1~"
        "DTM*004*20260302*093015*UT~N1*BT**92*ALPINE~N1*BY**92*NORTH~N1*ST**92*DOCK~N1*SU**92*GOODHAND~"
        "PO1*1*10*BX*42.50**IN*4711~REF*DP*4100~CTT*1~SE*13*0001~GE*1*42~IEA*1*000000042~"
    )
    assert write(PURCHASE).decode() == isa + lines
    assert len(isa) == 106


def test_the_envelope_follows_the_agreement() -> None:
    options = {
        "isa_qualifier_us": "01",
        "isa_qualifier_partner": "08",
        "gs_us": "NORTH",
        "gs_partner": "GH",
        "version": "005010",
        "usage": "T",
    }
    isa, gs = segments(write(PURCHASE, Profile(us="123456789", partner="GOODHAND", options=options)))[:2]
    assert (isa[5], isa[7], isa[11], isa[12], isa[15]) == ("01", "08", "^", "00501", "T")
    assert (gs[2], gs[3], gs[8]) == ("NORTH", "GH", "005010")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert write(PURCHASE) == write(PURCHASE)
    assert write(PURCHASE) != write(PURCHASE, stamp=structs.replace(STAMP, number=43))


@pytest.mark.parametrize(
    ("per", "priced"),
    [
        (Quantity(Decimal(1), "BX"), "PO1*1*10*BX*42.50**IN*4711"),
        (Quantity(Decimal(1), "EA"), "PO1*1*10*BX*42.50*PE*IN*4711"),
        (Quantity(Decimal(12), "EA"), "PO1*1*10*BX*42.50*PD*IN*4711"),
        (Quantity(Decimal(1000), "EA"), "PO1*1*10*BX*42.50*TP*IN*4711"),
        (Quantity(Decimal(100), "BX"), "PO1*1*10*BX***IN*4711|CTP**UCP*42.50*100*BX"),
        (Quantity(Decimal("0.5"), "KGM"), "PO1*1*10*BX***IN*4711|CTP**UCP*42.50*0.5*KG"),
    ],
)
def test_a_price_basis_is_said_by_code_or_in_detail(per: Quantity, priced: str) -> None:
    line = structs.replace(LINE, price=Price(Decimal("42.50"), "USD", per))
    order = structs.replace(PURCHASE, lines=(line,))
    assert priced in "|".join(body(write(order)))
    assert one(write(order)) == order


def test_long_ids_go_where_there_is_room() -> None:
    order = structs.replace(PURCHASE, requisition="R" * 60)
    assert f"REF*RQ**{'R' * 60}" in body(write(order))
    assert one(write(order)) == order


def test_a_long_description_goes_into_several_segments() -> None:
    text = "gloves of nitrile, powder free, beaded cuff, blue,  textured fingertips, size M, a box of one hundred, " * 3
    order = structs.replace(PURCHASE, lines=(structs.replace(LINE, description=text.strip()),))
    assert len([line for line in body(write(order)) if line.startswith("PID")]) == 4
    assert one(write(order)) == order


def test_an_emergency_is_a_rush_order_with_a_note() -> None:
    urgent, emergency = (structs.replace(PURCHASE, urgency=urgency) for urgency in ("urgent", "emergency"))
    assert body(write(urgent))[0] == body(write(emergency))[0] == "BEG*00*RO*PO-1**20260302"
    assert [one(write(order)) for order in (urgent, emergency)] == [urgent, emergency]


def test_a_moment_is_carried_to_the_hundredth_of_a_second() -> None:
    moment = datetime(2026, 3, 2, 9, 30, 15, 129_999, tzinfo=UTC)
    assert "DTM*004*20260302*09301512*UT" in body(write(structs.replace(PURCHASE, ordered_at=moment)))


def test_text_is_written_in_the_partners_charset() -> None:
    order = structs.replace(PURCHASE, requester="m.küng")
    latin = structs.replace(PROFILE, charset="latin-1")
    assert "küng".encode("latin-1") in write(order, latin)
    assert one(write(order, latin), latin) == order
    with pytest.raises(Unwritable, match="ascii"):
        write(order, structs.replace(PROFILE, charset="ascii"))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "P" * 23},
        {"id": "PO\n1"},
        {"requisition": "R" * 81},
        {"entity": "A" * 81},
        {"requester": "x" * 61},
        {"lines": (structs.replace(LINE, quantity=Quantity(Decimal(1), "XYZ")),)},
        {"lines": (structs.replace(LINE, item="I" * 49),)},
        {"lines": (structs.replace(LINE, description="x" * 81),)},
        {"lines": (structs.replace(LINE, price=Price(Decimal(1), "EUR", Quantity(Decimal(1), "BX"))),)},
        {"lines": (structs.replace(LINE, quantity=Quantity(Decimal("0.12345678901234567"), "BX")),)},
        {"lines": ()},
    ],
)
def test_what_does_not_fit_is_not_sent(change: dict[str, object]) -> None:
    with pytest.raises(Unwritable):
        write(structs.replace(PURCHASE, **change))


@pytest.mark.parametrize(
    "profile",
    [
        Profile(us="A" * 16),
        Profile(us=""),
        Profile(partner="Zürich"),
        Profile(timezone="Nowhere/Land"),
        Profile(charset="utf-16"),
        Profile(charset="no-such"),
        Profile(options={"version": "4010"}),
        Profile(options={"usage": ""}),
    ],
)
def test_an_agreement_that_does_not_fit_is_unwritable(profile: Profile) -> None:
    with pytest.raises(Unwritable):
        write(PURCHASE, profile)


@pytest.mark.parametrize("stamp", [Stamp(number=0, at=STAMP.at), Stamp(number=10**9, at=STAMP.at), Stamp(number=1, at="today")])
def test_a_stamp_must_be_one(stamp: Stamp) -> None:
    with pytest.raises(Unwritable):
        write(PURCHASE, stamp=stamp)


def test_there_is_no_set_for_every_document() -> None:
    low = StockLow(
        item="4711",
        place="DOCK",
        balance=Quantity(Decimal(1), "EA"),
        reorder_point=Quantity(Decimal(2), "EA"),
        at=PURCHASE.ordered_at,
    )
    with pytest.raises(Unwritable, match="StockLow"):
        write(low)


def test_thousandths_do_not_fit_a_total() -> None:
    invoice = read(FORMAT.samples[4].raw).documents[0]
    with pytest.raises(Unwritable):
        write(structs.replace(invoice, total=Money(Decimal("323.755"), "USD")))


def test_what_we_write_reads_back_byte_for_byte() -> None:
    for sample in FORMAT.samples:
        for document in read(sample.raw).documents:
            if type(document) in FORMAT.writes:
                assert write(one(write(document))) == write(document)


def test_a_plain_order_of_a_partner_is_ours_to_write() -> None:
    order = one(message("850", ORDER))
    assert one(write(order)) == order
