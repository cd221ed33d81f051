"""The fifteen pitfalls of X12 that our survey of real messages names, in its order; each test says which it is.

Pitfall 13 is about the 832 (price catalogues), which we do not speak yet: it is refused as a set that is not supported.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from suture.formats import Profile, Stamp
from suture.formats.x12 import FORMAT
from suture.model import (
    CreditNote,
    FunctionalAcknowledgement,
    Invoice,
    Money,
    OrderAcknowledgement,
    OrderChange,
    Price,
    PurchaseOrder,
    Quantity,
    Remittance,
    ShipNotice,
)
from tests.formats.x12.messages import (
    ADVICE,
    ANSWER,
    CHANGE,
    INVOICE,
    NOTICE,
    ORDER,
    PROFILE,
    STAMP,
    acknowledge,
    acknowledged,
    body,
    group,
    interchange,
    isa,
    message,
    one,
    read,
    replaced,
    segments,
    told,
    write,
)


class TestPitfall01Delimiters:
    """Delimiters per interchange, ISA not padded, odd terminators, no last terminator, BOM, two interchanges."""

    @pytest.mark.parametrize("end", ["~", "\r", "\n", "~\r\n", "\x1c", "\x1d", "\x15", "!", "\\"])
    def test_terminators(self, end: str) -> None:
        assert isinstance(one(message("850", ORDER, end=end)), PurchaseOrder)

    def test_isa_not_padded_is_a_warning(self) -> None:
        raw = message("850", ORDER).replace(b" " * 10, b" ")
        assert told(read(raw)) == {"x12.isa": "ISA"}
        assert one(raw) == one(message("850", ORDER))

    def test_bom_blanks_and_a_missing_last_terminator(self) -> None:
        assert one(b"\xef\xbb\xbf \r\n" + message("850", ORDER)[:-1]) == one(message("850", ORDER))

    def test_two_interchanges_with_different_delimiters(self) -> None:
        second = message("855", ANSWER, control="000000092", end="\n").replace(b"*", b"|").replace(b">", b":")
        reading = read(message("850", ORDER) + second)
        assert [type(document) for document in reading.documents] == [PurchaseOrder, OrderAcknowledgement]
        assert reading.kind == "850+855"


class TestPitfall02Repetition:
    """ISA11 separates repetitions only from 00402 on and if not alphanumeric; ISX may bring a release character."""

    def test_a_caret_is_data_in_4010(self) -> None:
        raw = message("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**IN*47^11"))
        assert one(raw).lines[0].item == "47^11"
        assert not read(raw).findings

    def test_a_caret_is_no_simple_data_in_5010(self) -> None:
        header = isa(version="00501", repetition="^")
        lines = group("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**IN*47^11"), release="005010")
        assert told(read(interchange(lines, header=header))) == {"x12.repeat": "PO1[1]-07"}

    def test_u_is_data_whatever_the_version(self) -> None:
        lines = group("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**IN*U47U"), release="005010")
        reading = read(interchange(lines, header=isa(version="00501")))
        assert not reading.findings
        assert reading.documents[0].lines[0].item == "U47U"

    def test_a_release_character_by_isx(self) -> None:
        lines = group("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**IN*47?*11"), release="008010")
        raw = interchange(["ISX*?", *lines], header=isa(version="00801", repetition="^"))
        assert one(raw).lines[0].item == "47*11"


class TestPitfall03Counts:
    """Counts and control numbers as findings; a set, a group, an interchange is refused and no more."""

    def test_se01_refuses_its_set_alone(self) -> None:
        raw = message("810", INVOICE, replaced(INVOICE, "BIG", "BIG*20260305*INV-2**PO-1***DI*00"))
        raw = raw.replace(b"SE*6*0002", b"SE*7*0002")
        reading = read(raw)
        assert [document.number for document in reading.documents] == ["INV-1"]
        assert told(reading) == {"x12.count": "ST[2]/SE-01"}
        written = body(acknowledged(reading))
        assert written == [
            *("AK1*IN*91", "AK2*810*0001", "AK5*A", "AK2*810*0002", "AK5*R*4", "AK9*P*2*2*1"),
        ]

    def test_se02_must_be_that_of_st02(self) -> None:
        reading = read(message("810", INVOICE).replace(b"SE*6*0001", b"SE*6*0009"))
        assert told(reading) == {"x12.control": "SE-02"}
        assert "AK5*R*3" in body(acknowledged(reading, "refused"))

    @pytest.mark.parametrize(
        ("right", "wrong", "path", "code"),
        [(b"GE*1*91", b"GE*2*91", "GE[1]-01", "5"), (b"GE*1*91", b"GE*1*92", "GE[1]-02", "4")],
    )
    def test_ge_refuses_its_group(self, right: bytes, wrong: bytes, path: str, code: str) -> None:
        reading = read(message("810", INVOICE).replace(right, wrong))
        assert reading.documents == ()
        assert list(told(reading, "error").values()) == [path]
        assert body(acknowledged(reading, "refused"))[-1].startswith("AK9*R*")
        assert body(acknowledged(reading, "refused"))[-1].endswith(f"*1*0*{code}")

    @pytest.mark.parametrize(
        ("right", "wrong", "note"),
        [
            (b"IEA*1*000000091", b"IEA*2*000000091", "021"),
            (b"IEA*1*000000091", b"IEA*1*000000092", "001"),
            (b"IEA*1*000000091~", b"", "023"),
            (b"000000091*0*P", b"00000009A*0*P", "018"),
            (b"*00401*", b"*00300*", "017"),
            (b"GE*1*91~", b"GE*1*91~ZZZ*1~", "024"),
        ],
    )
    def test_a_broken_envelope_gets_a_ta1(self, right: bytes, wrong: bytes, note: str) -> None:
        reading = read(message("810", INVOICE).replace(right, wrong))
        assert reading.documents == ()
        assert reading.errors
        ta1 = segments(acknowledged(reading, "refused"))[1]
        assert ta1[0] == "TA1"
        assert ta1[-2:] == ["R", note]
        assert ta1[2:4] == ["260302", "0930"]

    def test_numbers_are_compared_as_numbers_and_zeros_are_noted(self) -> None:
        raw = message("810", INVOICE).replace(b"GE*1*91", b"GE*01*0091").replace(b"SE*6*0001", b"SE*06*1")
        reading = read(raw)
        assert len(reading.documents) == 1
        assert {found.severity for found in reading.findings} == {"warning"}

    def test_a_control_number_twice_in_a_file_is_refused(self) -> None:
        reading = read(message("810", INVOICE) * 2)
        assert len(reading.documents) == 1
        assert told(reading) == {"x12.control": "ISA[2]/ISA-13"}

    def test_a_group_number_twice_in_an_interchange_is_refused(self) -> None:
        lines = [*group("810", INVOICE), *group("855", ANSWER, control="0091")]
        reading = read(interchange(lines, groups=2))
        assert [type(document) for document in reading.documents] == [Invoice]
        assert told(reading) == {"x12.control": "GS[2]-06"}

    def test_a_resend_is_told_from_a_duplicate_by_its_message_id(self) -> None:
        first, again = message("810", INVOICE), message("810", INVOICE, control="000000092")
        assert read(first).message_id == "ZZ:GOODHAND:000000091"
        assert read(again).message_id == "ZZ:GOODHAND:000000092"
        assert read(first).documents == read(again).documents


class TestPitfall04NoEscape:
    """No escape: data with a delimiter changes the delimiters; never a trailing empty element."""

    def test_delimiters_give_way_to_the_data(self) -> None:
        order = one(message("850", ORDER))
        tricky = order.__class__(**{name: getattr(order, name) for name in order.__struct_fields__} | {"requester": "a*b~c>d|e"})
        raw = write(tricky, PROFILE, STAMP)
        assert raw[3:4] == b"+"
        assert raw[104:106] == b":'"
        assert one(raw) == tricky

    @pytest.mark.parametrize("sample", FORMAT.samples, ids=lambda sample: sample.name)
    def test_no_segment_ends_in_an_empty_element(self, sample: object) -> None:
        for document in read(sample.raw).documents:
            if type(document) in FORMAT.writes:
                rows = segments(write(document, PROFILE, STAMP))
                assert all(row[-1] for row in rows)


class TestPitfall05Numbers:
    """Implied against explicit decimals, negatives, a leading plus, no exponent, no decimal point."""

    def test_tds_and_sac_count_hundredths(self) -> None:
        lines = replaced(INVOICE, "TDS", "TDS*42600", "SAC*C*D240***100")
        invoice = one(message("810", lines))
        assert isinstance(invoice, Invoice)
        assert invoice.total == Money(Decimal("426.00"), "USD")
        assert str(invoice.total.amount) == "426.00"
        assert invoice.charges[0].amount.amount == Decimal("1.00")

    @pytest.mark.parametrize(("said", "value"), [("+10", "10"), ("10.", "10"), (".5", "0.5"), ("010.50", "10.50"), ("12", "12")])
    def test_r_says_its_own_point(self, said: str, value: str) -> None:
        order = one(message("850", replaced(ORDER, "PO1", f"PO1*1*{said}*BX*1**IN*4711")))
        assert order.lines[0].quantity == Quantity(Decimal(value), "BX")

    @pytest.mark.parametrize("said", ["1E2", "1e400", "NaN", "Infinity", "1_000", "1,000", "１２", "0x1F", "--1", "-", "."])
    def test_what_is_no_decimal_is_refused(self, said: str) -> None:
        reading = read(message("850", replaced(ORDER, "PO1", f"PO1*1*{said}*BX*42.50**IN*4711")))
        assert reading.documents == ()
        assert told(reading) == {"x12.type": "PO1[1]-02"}
        assert "AK4*2**6" in body(acknowledged(reading, "refused"))

    @pytest.mark.parametrize("said", ["42.50", "1E5", "4 2"])
    def test_an_implied_decimal_has_no_point(self, said: str) -> None:
        assert told(read(message("810", replaced(INVOICE, "TDS", f"TDS*{said}")))) == {"x12.type": "TDS[1]-01"}


class TestPitfall06ProductIds:
    """Pairs in any order, up to ten; the buyer's before the vendor's before a GTIN; leading zeros; a pack level per qualifier."""

    @pytest.mark.parametrize(
        ("pairs", "item", "vendors"),
        [
            ("VN*V1*IN*B1", "B1", "V1"),
            ("UP*012345678905*BP*00042", "00042", ""),
            ("VC*C1*VN*V1*UK*10012345678902", "V1", "V1"),
            ("UK*10012345678902*UP*012345678905", "10012345678902", ""),
            ("EN*4006381333931", "4006381333931", ""),
            ("MF*ACME*MG*M-1*N4*00409488850", "00409488850", ""),
            ("MF*ACME*MG*M-1", "M-1", ""),
            ("A1*1*A2*2*A3*3*A4*4*A5*5*A6*6*A7*7*A8*8*A9*9*IN*LAST", "LAST", ""),
        ],
    )
    def test_the_item_is_found_among_pairs(self, pairs: str, item: str, vendors: str) -> None:
        order = one(message("850", replaced(ORDER, "PO1", f"PO1*1*10*BX*42.50**{pairs}")))
        assert (order.lines[0].item, order.lines[0].supplier_item) == (item, vendors)

    def test_the_agreed_qualifier_comes_first(self) -> None:
        profile = Profile(options={"item_qualifier": "UK"})
        order = one(message("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**IN*B1*UK*10012345678902")), profile)
        assert order.lines[0].item == "10012345678902"

    @pytest.mark.parametrize(("pairs", "path"), [("IN**VN*V1", "PO1[1]-07"), ("*4711", "PO1[1]-06"), ("IN", "PO1[1]-07")])
    def test_half_a_pair_is_refused(self, pairs: str, path: str) -> None:
        assert told(read(message("850", replaced(ORDER, "PO1", f"PO1*1*10*BX*42.50**{pairs}")))) == {"x12.missing": path}

    def test_a_line_without_any_item_is_refused(self) -> None:
        assert told(read(message("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50**ST*1")))) == {"x12.missing": "PO1[1]-07"}


class TestPitfall07Units:
    """The price basis against the unit; X12's unit codes are not UN/ECE's; an unknown one is refused."""

    @pytest.mark.parametrize(
        ("unit", "basis", "per"),
        [
            ("BX", "", Quantity(Decimal(1), "BX")),
            ("BX", "CA", Quantity(Decimal(1), "BX")),
            ("BX", "CT", Quantity(Decimal(1), "BX")),
            ("BX", "PE", Quantity(Decimal(1), "EA")),
            ("EA", "HP", Quantity(Decimal(100), "EA")),
            ("EA", "TP", Quantity(Decimal(1000), "EA")),
            ("EA", "PD", Quantity(Decimal(12), "EA")),
            ("YD", "WE", Quantity(Decimal(1), "YRD")),
            ("KG", "PP", Quantity(Decimal(1), "LBR")),
        ],
    )
    def test_the_price_basis_says_for_how_much(self, unit: str, basis: str, per: Quantity) -> None:
        order = one(message("850", replaced(ORDER, "PO1", f"PO1*1*10*{unit}*42.50*{basis}*IN*4711")))
        assert order.lines[0].price == Price(Decimal("42.50"), "USD", per)

    @pytest.mark.parametrize(
        ("code", "unit"), [("EA", "EA"), ("CA", "CS"), ("CT", "CT"), ("BX", "BX"), ("DZ", "DZN"), ("LT", "LTR"), ("HR", "HUR")]
    )
    def test_units_are_mapped_one_by_one(self, code: str, unit: str) -> None:
        order = one(message("850", replaced(ORDER, "PO1", f"PO1*1*10*{code}*42.50**IN*4711")))
        assert order.lines[0].quantity.unit == unit

    @pytest.mark.parametrize("code", ["C6", "ZZ", "ea", "XB"])
    def test_an_unknown_unit_is_refused(self, code: str) -> None:
        reading = read(message("850", replaced(ORDER, "PO1", f"PO1*1*10*{code}*42.50**IN*4711")))
        assert told(reading) == {"x12.unit": "PO1[1]-03"}

    def test_an_unknown_basis_is_refused(self) -> None:
        reading = read(message("850", replaced(ORDER, "PO1", "PO1*1*10*BX*42.50*NQ*IN*4711")))
        assert told(reading) == {"x12.price_basis": "PO1[1]-05"}

    def test_a_price_in_another_unit_bills_nothing_by_guess(self) -> None:
        lines = replaced(INVOICE, "IT1", "IT1*1*10*BX*42.50*PE*IN*4711")
        assert told(read(message("810", lines))) == {"x12.price_basis": "IT1[1]-05"}
        said = replaced(lines, "IT1", "IT1*1*10*BX*42.50*PE*IN*4711", "PAM****1*425")
        assert one(message("810", said)).lines[0].amount == Money(Decimal(425), "USD")


class TestPitfall08Orders:
    """850: dropship in the detail, SDQ, SCH, blanket orders and releases, duplicates, allowances, CTT optional."""

    def test_dropship_to_one_place_in_the_detail(self) -> None:
        lines = replaced(replaced(ORDER, "N1*ST"), "REF", "REF*DP*4100", "N1*ST**92*WARD-7")
        assert one(message("850", lines)).ship_to == "WARD-7"

    def test_dropship_to_several_places_is_refused(self) -> None:
        lines = replaced(ORDER, "REF", "REF*DP*4100", "N1*ST**92*WARD-7")
        assert told(read(message("850", lines))) == {"x12.unsupported": "N1[2]-04"}

    def test_several_stores_are_refused(self) -> None:
        lines = replaced(ORDER, "REF", "SDQ*BX*92*WARD-1*4*WARD-2*6")
        assert "x12.unsupported" in told(read(message("850", lines)), "error")

    def test_one_schedule_is_the_day_of_need(self) -> None:
        lines = replaced(ORDER, "REF", "REF*DP*4100", "SCH*10*BX***002*20260309")
        assert one(message("850", lines)).needed_by == date(2026, 3, 9)

    def test_split_schedules_are_refused(self) -> None:
        lines = replaced(ORDER, "REF", "SCH*4*BX***002*20260309", "SCH*6*BX***002*20260316")
        assert told(read(message("850", lines)), "error") == {"x12.unsupported": "SCH[2]-01"}

    def test_a_release_of_a_blanket_order_has_its_own_number(self) -> None:
        assert one(message("850", replaced(ORDER, "BEG", "BEG*00*RL*PO-1*7*20260302"))).id == "PO-1-7"

    @pytest.mark.parametrize("kind", ["BK", "BE", "ST"])
    def test_a_blanket_order_asks_for_nothing_yet(self, kind: str) -> None:
        reading = read(message("850", replaced(ORDER, "BEG", f"BEG*00*{kind}*PO-1**20260302")))
        assert told(reading) == {"x12.order_type": "BEG[1]-02"}

    def test_a_duplicate_is_the_same_order(self) -> None:
        again = replaced(ORDER, "BEG", "BEG*07*SA*PO-1**20260302")
        assert one(message("850", again)) == one(message("850", ORDER))

    def test_allowances_are_told_as_not_carried(self) -> None:
        reading = read(message("850", replaced(ORDER, "CTT", "SAC*A*C310***500", "CTT*1")))
        assert len(reading.documents) == 1
        assert told(reading) == {"x12.unsupported": "SAC[1]"}

    def test_ctt_is_optional_but_must_be_right(self) -> None:
        assert one(message("850", replaced(ORDER, "CTT"))) == one(message("850", ORDER))
        assert told(read(message("850", replaced(ORDER, "CTT", "CTT*2")))) == {"x12.count": "CTT[1]-01"}
        hashed = read(message("850", replaced(ORDER, "CTT", "CTT*1*11")))
        assert (told(hashed), len(hashed.documents)) == ({"x12.count": "CTT[1]-02"}, 1)


class TestPitfall09Answers:
    """855: BAK02 codes, several ACKs a line, substitution, price and date change, quantities that do not sum."""

    @pytest.mark.parametrize(
        ("code", "status"),
        [("AC", "changed"), ("AD", "accepted"), ("AT", "accepted"), ("AK", "accepted"), ("RD", "rejected"), ("RJ", "rejected")],
    )
    def test_the_verdict_on_the_whole(self, code: str, status: str) -> None:
        answer = one(message("855", replaced(ANSWER, "BAK", f"BAK*00*{code}*PO-1*20260302****SO-1*20260303")))
        assert isinstance(answer, OrderAcknowledgement)
        assert (answer.status, answer.number, answer.order) == (status, "SO-1", "PO-1")

    def test_on_hold_is_no_answer(self) -> None:
        reading = read(message("855", replaced(ANSWER, "BAK", "BAK*00*AH*PO-1*20260302")))
        assert told(reading) == {"x12.code": "BAK[1]-02"}

    def test_a_line_split_over_several_acks(self) -> None:
        lines = replaced(
            ANSWER,
            "ACK",
            *("ACK*IA*4*BX*068*20260304", "ACK*IB*3*BX*068*20260316", "ACK*IS*2*BX****VN*V-9", "ACK*IR*1*BX"),
        )
        answer = one(message("855", lines))
        assert [(line.number, line.status, line.quantity.value, line.ships_on, line.substitute) for line in answer.lines] == [
            (1, "accepted", 4, date(2026, 3, 4), ""),
            (1, "backordered", 3, date(2026, 3, 16), ""),
            (1, "substituted", 2, None, "V-9"),
            (1, "rejected", 1, None, ""),
        ]

    @pytest.mark.parametrize(
        ("ack", "status"),
        [
            ("ACK*IP*10*BX", "price_changed"),
            ("ACK*DR*10*BX*068*20260304", "date_changed"),
            ("ACK*IQ*9*BX", "quantity_changed"),
            ("ACK*IC*9*BX", "quantity_changed"),
            ("ACK*IC*10*BX*068*20260304", "date_changed"),
            ("ACK*IC*10*BX", "price_changed"),
            ("ACK*ID", "rejected"),
        ],
    )
    def test_what_a_line_status_says(self, ack: str, status: str) -> None:
        line = one(message("855", replaced(ANSWER, "ACK", ack))).lines[0]
        assert line.status == status
        assert line.price == Price(Decimal("42.50"), "USD", Quantity(Decimal(1), "BX"))

    def test_part_now_and_the_rest_later(self) -> None:
        answer = one(message("855", replaced(ANSWER, "ACK", "ACK*BP*6*BX")))
        assert [(line.status, line.quantity.value) for line in answer.lines] == [("accepted", 6), ("backordered", 4)]

    def test_quantities_that_do_not_sum_are_told(self) -> None:
        reading = read(message("855", replaced(ANSWER, "ACK", "ACK*IA*4*BX", "ACK*IB*3*BX")))
        assert len(reading.documents) == 1
        assert told(reading) == {"x12.quantity": "PO1[1]-02"}

    def test_a_line_on_hold_says_neither_yes_nor_no(self) -> None:
        assert told(read(message("855", replaced(ANSWER, "ACK", "ACK*IH*10*BX")))) == {"x12.code": "ACK[1]-01"}

    def test_silence_is_not_acceptance(self) -> None:
        """An interchange that holds no 855 yields no acknowledgement of any order."""
        reading = read(interchange([], groups=0))
        assert reading.documents == ()


class TestPitfall10ShipNotices:
    """856: HL trees, pick-and-pack against standard pack, SSCC, lot, serial, expiry, several orders."""

    ITEM = ("LIN*1*IN*4711*LT*L1", "SN1*1*10*BX", "DTM*036*20290331")

    def notice(self, *levels: str) -> ShipNotice:
        lines = ["BSN*00*SH-1*20260304*1630", *levels, f"CTT*{sum(line.startswith('HL') for line in levels)}"]
        found = one(message("856", lines))
        assert isinstance(found, ShipNotice)
        return found

    def test_shipment_order_item(self) -> None:
        notice = self.notice("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", *self.ITEM)
        (line,) = notice.lines
        assert (line.order, line.line, line.item, line.quantity) == ("PO-1", 1, "4711", Quantity(Decimal(10), "BX"))
        assert (line.lot, line.expires, line.sscc) == ("L1", date(2029, 3, 31), "")

    @pytest.mark.parametrize(
        "levels",
        [
            ("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*T", "HL*4*3*P", "MAN*GM*00340123450000000019", "HL*5*4*I"),
            ("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*P", "MAN*GM*00340123450000000019", "HL*4*3*T", "HL*5*4*I"),
            ("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*T", "MAN*GM*00340123450000000019", "HL*4*3*I"),
            ("HL*1**S", "HL*2*1*P", "MAN*AA*340123450000000019", "HL*3*2*O", "PRF*PO-1", "HL*4*3*I"),
        ],
        ids=["S-O-T-P-I", "S-O-P-T-I", "S-O-T-I", "S-P-O-I"],
    )
    def test_levels_in_any_order(self, levels: tuple[str, ...]) -> None:
        (line,) = self.notice(*levels, *self.ITEM).lines
        assert (line.order, line.sscc) == ("PO-1", "340123450000000019")

    def test_the_nearest_parcel_counts(self) -> None:
        levels = ("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*T", "MAN*GM*00340123450000000019", "HL*4*3*P")
        notice = self.notice(*levels, "MAN*GM*00340123450000000026", "HL*5*4*I", *self.ITEM)
        assert notice.lines[0].sscc == "340123450000000026"

    def test_standard_pack_counts_what_is_in_each_pack(self) -> None:
        levels = ("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", *self.ITEM)
        packs = ("HL*4*3*P", "SN1**6*BX", "MAN*GM*00340123450000000019", "HL*5*3*P", "SN1**4*BX", "MAN*GM*00340123450000000026")
        notice = self.notice(*levels, *packs)
        assert [(line.quantity.value, line.sscc) for line in notice.lines] == [
            (6, "340123450000000019"),
            (4, "340123450000000026"),
        ]

    def test_several_orders_and_several_lots(self) -> None:
        notice = self.notice(
            *("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", *self.ITEM),
            *("HL*4*2*I", "LIN*1*IN*4711", "SN1*1*2*BX", "REF*LT*L2"),
            *("HL*5*1*O", "PRF*PO-2*3", "HL*6*5*I", "LIN*2*IN*0815*SN*S-1", "SN1*2*2*EA", "REF*SE*S-2"),
        )
        assert notice.orders() == ("PO-1", "PO-2-3")
        assert [line.lot for line in notice.lines] == ["L1", "L2", ""]
        assert notice.lines[2].serials == ("S-1", "S-2")

    def test_a_notice_that_ships_more_than_ordered_is_read_as_it_is(self) -> None:
        notice = self.notice("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", "LIN*1*IN*4711", "SN1*1*999*BX**10*BX")
        assert notice.lines[0].quantity.value == 999

    @pytest.mark.parametrize(
        ("levels", "code", "path"),
        [
            (("HL*1**S", "HL*2*9*O", "PRF*PO-1"), "x12.hl", "HL[2]-02"),
            (("HL*1**S", "HL*1*1*O", "PRF*PO-1"), "x12.hl", "HL[2]-01"),
            (("HL*1*1*S",), "x12.hl", "HL[1]-02"),
            (("HL*1**S", "HL*2*1*I", "LIN*1*IN*4711", "SN1*1*1*BX"), "x12.missing", "HL[2]"),
            (("HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", "LIN*1*IN*4711"), "x12.missing", "HL[3]"),
        ],
        ids=["no such parent", "number twice", "its own parent", "no order", "no quantity"],
    )
    def test_a_broken_tree_is_refused(self, levels: tuple[str, ...], code: str, path: str) -> None:
        reading = read(message("856", ["BSN*00*SH-1*20260304*1630", *levels]))
        assert reading.documents == ()
        assert told(reading, "error") == {code: path}

    def test_a_wrong_check_digit_is_told(self) -> None:
        levels = replaced(NOTICE, "PRF", "PRF*PO-1", "MAN*GM*00340123450000000018")
        assert told(read(message("856", levels))) == {"x12.sscc": "MAN[1]-02"}


class TestPitfall11Invoices:
    """810: several orders or none, credits by code or by sign, sums within rounding, duplicates, corrections."""

    def test_several_orders(self) -> None:
        lines = [
            "BIG*20260305*INV-1",
            "IT1*1*10*BX*42.50**IN*4711*PO*PO-1*PL*3",
            "IT1*1*1*BX*42.50**IN*4711",
            "REF*PO*PO-2",
            "TDS*46750",
        ]
        invoice = one(message("810", lines))
        assert isinstance(invoice, Invoice)
        assert [(line.number, line.order, line.order_line) for line in invoice.lines] == [(1, "PO-1", 3), (2, "PO-2", 1)]

    def test_no_order(self) -> None:
        invoice = one(message("810", replaced(INVOICE, "BIG", "BIG*20260305*INV-1")))
        assert [(line.order, line.order_line) for line in invoice.lines] == [("", 0)]

    @pytest.mark.parametrize("kind", ["CR", "CN"])
    def test_a_credit_by_its_code(self, kind: str) -> None:
        credit = one(message("810", replaced(INVOICE, "BIG", f"BIG*20260305*CN-1**PO-1***{kind}*00", "REF*OI*INV-1")))
        assert isinstance(credit, CreditNote)
        assert (credit.total.amount, credit.corrects) == (Decimal("425.00"), "INV-1")

    def test_a_credit_by_its_sign_is_positive(self) -> None:
        lines = ["BIG*20260305*CN-1**PO-1***DI*00", "IT1*1*-10*BX*42.50**IN*4711", "TDS*-42600", "SAC*A*D240***100", "CTT*1"]
        credit = one(message("810", lines))
        assert isinstance(credit, CreditNote)
        assert credit.total.amount == Decimal("426.00")
        assert credit.lines[0].quantity.value == 10
        assert credit.lines[0].amount.amount == Decimal("425.00")
        assert credit.charges[0].amount.amount == Decimal("1.00")

    @pytest.mark.parametrize(
        ("tds", "extra", "told_codes"),
        [
            ("42500", (), {}),
            ("42501", (), {}),
            ("42502", (), {"x12.total": "TDS[1]-01"}),
            ("43600", ("TXI*TX*8.50", "SAC*C*D240***250"), {}),
            ("42250", ("SAC*A*C310***250",), {}),
            ("42500", ("SAC*N*B840***250",), {}),
        ],
    )
    def test_lines_charges_and_tax_make_the_total(self, tds: str, extra: tuple[str, ...], told_codes: dict[str, str]) -> None:
        reading = read(message("810", replaced(INVOICE, "TDS", f"TDS*{tds}", *extra)))
        assert len(reading.documents) == 1
        assert told(reading) == told_codes

    @pytest.mark.parametrize("summary", [("SAC*C*D240***300", "TXI*TX*5"), ()], ids=["repeated in the summary", "at the lines"])
    def test_charges_at_the_lines_are_counted_once(self, summary: tuple[str, ...]) -> None:
        lines = ["BIG*20260305*INV-1", "IT1*1*1*EA*10**IN*A", "SAC*C*D240***300", "TXI*TX*5", "TDS*1800", *summary]
        invoice = one(message("810", lines))
        assert isinstance(invoice, Invoice)
        assert not read(message("810", lines)).findings
        assert [charge.amount.amount for charge in invoice.charges] == [3]
        assert invoice.tax == Money(Decimal(5), "USD")

    @pytest.mark.parametrize(
        ("code", "told_codes", "documents"),
        [
            ("00", {}, 1),
            ("05", {"x12.correction": "BIG[1]-08"}, 1),
            ("07", {"x12.duplicate": "BIG[1]-08"}, 1),
            ("01", {"x12.unsupported": "BIG[1]-08"}, 0),
        ],
    )
    def test_corrections_say_so(self, code: str, told_codes: dict[str, str], documents: int) -> None:
        reading = read(message("810", replaced(INVOICE, "BIG", f"BIG*20260305*INV-1**PO-1***DI*{code}")))
        assert (told(reading), len(reading.documents)) == (told_codes, documents)

    def test_a_duplicate_with_another_control_number_is_the_same_invoice(self) -> None:
        assert one(message("810", INVOICE)) == one(message("810", INVOICE, control="000000099"))


class TestPitfall12Remittances:
    """820: the payment is its open items and adjustments, discount, CTX pieces, reversal."""

    def test_net_of_discount_and_adjustment(self) -> None:
        lines = [
            *("BPR*I*405.00*C*ACH************20260404", "TRN*1*PAY-1", "ENT*1"),
            *("RMR*IV*INV-1**400.00*425.00*10.00", "ADX*-15.00*59*CM*INV-1", "RMR*IV*INV-2***5.00"),
        ]
        advice = one(message("820", lines))
        assert isinstance(advice, Remittance)
        assert [(line.invoice, line.paid.amount, line.discount) for line in advice.lines] == [
            ("GOODHAND:INV-1", Decimal("400.00"), Money(Decimal("10.00"), "USD")),
            ("GOODHAND:INV-2", Decimal("5.00"), None),
        ]
        assert not read(message("820", lines)).findings

    def test_a_sum_that_differs_is_told(self) -> None:
        reading = read(message("820", replaced(ADVICE, "BPR", "BPR*I*424.00*C*ACH************20260404")))
        assert len(reading.documents) == 1
        assert told(reading) == {"x12.total": "BPR[1]-02"}

    def test_an_adjustment_of_the_payment_itself(self) -> None:
        lines = replaced(ADVICE, "BPR", "BPR*I*400.00*C*ACH************20260404")
        lines = replaced(lines, "ENT", "ENT*1", "ADX*-25.00*59*CM*INV-0")
        advice = one(message("820", lines))
        assert isinstance(advice, Remittance)
        assert ("GOODHAND:INV-0", Decimal("-25.00")) in [(line.invoice, line.paid.amount) for line in advice.lines]

    def test_inside_ctx_addenda(self) -> None:
        """NACHA cuts it into pieces of 80 characters, with a backslash for terminator; put together it is an 820."""
        whole = message("820", ADVICE, end="\\")
        pieces = [whole[at : at + 80] for at in range(0, len(whole), 80)]
        assert one(b"".join(pieces)) == one(message("820", ADVICE))

    def test_a_reversal_is_no_remittance(self) -> None:
        reading = read(message("820", replaced(ADVICE, "BPR", "BPR*I*425.00*D*ACH************20260404")))
        assert told(reading) == {"x12.unsupported": "BPR[1]-03"}

    def test_a_premium_payment_names_no_invoice(self) -> None:
        assert told(read(message("820", replaced(ADVICE, "RMR", "RMR*AZ*POLICY**425.00")))) == {"x12.code": "RMR[1]-01"}


def test_pitfall_13_catalogues_are_refused_by_name() -> None:
    lines = group("850", ORDER)
    raw = interchange([line.replace("ST*850", "ST*832") for line in lines])
    reading = read(raw)
    assert told(reading) == {"x12.set": "ST[1]-01"}
    assert "AK5*R*1" in body(acknowledged(reading, "refused"))


class TestPitfall14Changes:
    """860: POC02 codes; POC03 is the new total and POC04 is not; absolute, never a difference."""

    @pytest.mark.parametrize("verb", ["AI", "CA", "CT", "PC", "PQ", "QD", "QI", "RZ"])
    def test_poc03_is_the_new_total(self, verb: str) -> None:
        change = one(message("860", replaced(CHANGE, "POC", f"POC*1*{verb}*6*4*BX*42.50**IN*4711")))
        assert isinstance(change, OrderChange)
        assert (change.version, change.lines[0].quantity) == (2, Quantity(Decimal(6), "BX"))

    def test_what_is_left_to_receive_is_no_total(self) -> None:
        assert told(read(message("860", replaced(CHANGE, "POC", "POC*1*QD**4*BX*42.50**IN*4711")))) == {
            "x12.missing": "POC[1]-03"
        }

    def test_a_deleted_line_is_zero(self) -> None:
        change = one(message("860", replaced(CHANGE, "POC", "POC*1*DI*****" + "*IN*4711")))
        assert change.lines[0].quantity.value == 0

    def test_an_unchanged_line_is_no_change(self) -> None:
        lines = replaced(CHANGE, "CTT", "POC*2*NC*1**EA*1**IN*0815", "CTT*2")
        assert [line.number for line in one(message("860", lines)).lines] == [1]

    def test_an_unknown_verb_is_refused(self) -> None:
        assert told(read(message("860", replaced(CHANGE, "POC", "POC*1*OA*6**BX*42.50**IN*4711")))) == {"x12.code": "POC[1]-02"}

    def test_a_cancelled_order(self) -> None:
        change = one(message("860", ["BCH*01*SA*PO-1**3*20260302"]))
        assert isinstance(change, OrderChange)
        assert (change.kind, change.version, change.lines) == ("cancel", 3, ())

    def test_changes_out_of_order_can_be_told_apart(self) -> None:
        later = replaced(CHANGE, "BCH", "BCH*04*SA*PO-1**3*20260302")
        reading = read(message("860", later, CHANGE))
        assert [change.version for change in reading.documents] == [3, 2]
        unnumbered = read(message("860", replaced(CHANGE, "BCH", "BCH*04*SA*PO-1***20260302")))
        assert unnumbered.documents[0].version == 91
        assert told(unnumbered) == {"x12.defaulted": "BCH[1]-05"}


class TestPitfall15Acknowledgements:
    """997 and TA1: never acknowledged themselves; 999, 824 and 864 only where agreed."""

    WORD = ("AK1*PO*17", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1")

    def test_a_997_is_never_acknowledged(self) -> None:
        reading = read(message("997", list(self.WORD)))
        for outcome in ("accepted", "refused", "busy"):
            assert acknowledge(reading, outcome, PROFILE) is None

    def test_not_even_a_997_that_cannot_be_read_or_asks_for_a_ta1(self) -> None:
        raw = interchange(group("997", ["AK1*PO*17"]), header=isa(wants_ta1="1"))
        for broken in (raw, raw.replace(b"IEA*1", b"IEA*2")):
            reading = read(broken)
            assert reading.errors
            assert acknowledge(reading, "refused", PROFILE) is None

    def test_nor_is_a_ta1(self) -> None:
        raw = interchange(["TA1*000000017*260302*0930*R*006"], groups=0, header=isa(wants_ta1="1"))
        reading = read(raw)
        assert isinstance(reading.documents[0], FunctionalAcknowledgement)
        assert acknowledge(reading, "accepted", PROFILE) is None

    def test_a_997_for_what_we_never_sent_is_still_a_word(self) -> None:
        """Whether we sent it is for the delivery that waits for the reference to know."""
        word = one(message("997", ["AK1*PO*000099999", "AK9*R*1*1*0*5"]))
        assert isinstance(word, FunctionalAcknowledgement)
        assert (word.reference, word.accepted) == ("99999", False)

    @pytest.mark.parametrize("code", ["999", "824", "864"])
    def test_what_is_not_agreed_on_is_refused(self, code: str) -> None:
        raw = interchange([line.replace("ST*997", f"ST*{code}") for line in group("997", list(self.WORD))])
        reading = read(raw)
        assert told(reading) == {"x12.set": "ST[1]-01"}
        assert "not agreed" in str(reading.findings[0])

    def test_what_we_send_can_be_matched_and_missed(self) -> None:
        """AK102 is the number of our stamp, so that an answer that does not come is missed under it."""
        raw = write(one(message("850", ORDER)), PROFILE, Stamp(number=77, at=STAMP.at))
        assert [row[6] for row in segments(raw) if row[0] == "GS"] == ["77"]
        reading = FORMAT.read(raw, PROFILE)
        word = FORMAT.read(acknowledged(reading), PROFILE).documents[0]
        assert isinstance(word, FunctionalAcknowledgement)
        assert (word.reference, word.accepted, word.partial) == ("77", True, False)


def test_a_date_without_zone_is_in_the_partners_zone() -> None:
    """From the pitfalls of all formats: a moment without zone is where the partner is."""
    lines = replaced(ORDER, "N1*ST", "DTM*004*20260302*0930", "N1*ST**92*DOCK")
    profile = Profile(timezone="America/Chicago")
    assert one(message("850", lines), profile).ordered_at == datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
    said = replaced(lines, "DTM", "DTM*004*20260302*0930*ET")
    assert one(message("850", said), profile).ordered_at == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
