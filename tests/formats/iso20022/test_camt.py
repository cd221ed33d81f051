"""Bookings: payments settled, returned, pending, or nobody knows whose."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.formats import Unwritable
from suture.formats.iso20022 import FORMAT
from suture.model import Money, PaymentStatus
from tests.formats.iso20022.bank import STAMP, agreed, booked, codes, detail, entry, stated, statement, statuses
from tests.strategies import document


def test_a_booked_debit_is_a_settled_payment() -> None:
    (status,) = booked(entry(detail())).documents
    assert isinstance(status, PaymentStatus)
    assert (status.payment, status.status, status.bank_reference, status.message) == ("P-1", "settled", "REF-1", "N-1")
    assert status.amount == Money(Decimal("100.00"), "CHF")


@pytest.mark.parametrize(
    ("booking", "moment"),
    [
        ("<Dt>2026-03-04</Dt>", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("<Dt>2026-03-04+01:00</Dt>", datetime(2026, 3, 3, 23, tzinfo=UTC)),
        ("<DtTm>2026-03-04T13:15:00+01:00</DtTm>", datetime(2026, 3, 4, 12, 15, tzinfo=UTC)),
        ("<DtTm>2026-03-04T13:15:00.000000000</DtTm>", datetime(2026, 3, 4, 12, 15, tzinfo=UTC)),
        ("<DtTm>2026-07-04T13:15:00</DtTm>", datetime(2026, 7, 4, 11, 15, tzinfo=UTC)),
    ],
)
def test_a_booking_has_a_date_or_a_time(booking: str, moment: datetime) -> None:
    """Pitfall: Dt against DtTm in camt."""
    (status,) = booked(entry(detail(), booked=booking)).documents
    assert isinstance(status, PaymentStatus)
    assert status.at == moment


@pytest.mark.parametrize(
    "booking", ["<DtTm>yesterday</DtTm>", "<Dt>2026-02-30</Dt>", "", "<DtTm>0001-01-01T00:00:00+14:00</DtTm>"]
)
def test_a_booking_without_a_date_is_a_finding(booking: str) -> None:
    reading = booked(entry(detail(), booked=booking), entry(detail("P-2")))
    assert codes(reading) == ["iso.entry"]
    assert statuses(reading) == [("P-2", "settled", "")]


@pytest.mark.parametrize(
    ("direction", "extra", "inside", "status"),
    [
        ("DBIT", "", "", "settled"),
        ("DBIT", "<RvslInd>false</RvslInd>", "", "settled"),
        ("CRDT", "<RvslInd>true</RvslInd>", "", "returned"),
        ("CRDT", "<RvslInd>1</RvslInd>", "", "returned"),
        ("CRDT", "", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", "returned"),
        (
            "CRDT",
            "",
            "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd>",
            "returned",
        ),
        ("CRDT", "", "", None),
        ("DBIT", "<RvslInd>true</RvslInd>", "", None),
        ("DBIT", "", "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn></BkTxCd>", None),
        ("CRDT", "", "<CdtDbtInd>DBIT</CdtDbtInd>", "settled"),
    ],
)
def test_direction_and_reversal_say_whether_a_payment_left_or_came_back(
    direction: str, extra: str, inside: str, status: str | None
) -> None:
    """Pitfalls: reversal indicator; late return after accept. What is not ours is counted."""
    reading = booked(entry(detail(inside=inside), direction, extra))
    assert [found for _, found, _ in statuses(reading)] == ([status] if status else [])
    assert codes(reading) == ([] if status else ["iso.incoming"])


def test_a_sign_never_stands_in_for_the_direction() -> None:
    """Pitfall: CdtDbtInd against sign."""
    reading = booked(entry(detail(), amount="-100.00"))
    assert reading.documents == ()
    assert codes(reading) == ["iso.entry"]


def test_one_batch_booking_settles_many_payments() -> None:
    """Pitfall: batch-booked entries with many TxDtls."""
    parts = [detail(f"P-{number}", f'<Amt Ccy="CHF">{number}.00</Amt>') for number in range(1, 51)]
    reading = booked(entry("".join(parts), amount="1275.00"))
    assert [payment for payment, _, _ in statuses(reading)] == [f"P-{number}" for number in range(1, 51)]
    assert reading.findings == ()
    amounts = [each.amount for each in reading.documents if isinstance(each, PaymentStatus)]
    assert amounts[6] == Money(Decimal("7.00"), "CHF")
    assert codes(booked(entry("".join(parts), amount="1275.01"))) == ["iso.sum"]


def test_amounts_of_a_batch_are_not_guessed() -> None:
    one, _ = booked(entry(detail("P-1") + detail("P-2"))).documents
    assert isinstance(one, PaymentStatus)
    assert one.amount is None
    (instructed_in_dollars,) = booked(
        entry(detail(inside='<AmtDtls><InstdAmt><Amt Ccy="USD">110</Amt></InstdAmt></AmtDtls>'))
    ).documents
    assert isinstance(instructed_in_dollars, PaymentStatus)
    assert instructed_in_dollars.amount == Money(Decimal(110), "USD")


@pytest.mark.parametrize("name", ["NOTPROVIDED", "", "NONREF"])
def test_a_debit_that_names_no_payment_is_unmatched(name: str) -> None:
    """Pitfall: missing EndToEndId (NOTPROVIDED)."""
    reading = booked(entry(detail(name)), entry(detail("P-2")))
    assert statuses(reading) == [("P-2", "settled", "")]
    assert [(finding.code, finding.severity) for finding in reading.findings] == [("iso.unmatched", "warning")]
    assert reading.findings[0].path == "Ntfctn[1]/Ntry[1]/TxDtls[1]/Refs"


def test_a_booking_without_transactions_is_unmatched() -> None:
    assert codes(booked(entry(""))) == ["iso.unitemised"]
    assert codes(booked(entry("", "CRDT"))) == ["iso.incoming"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("<Sts>BOOK</Sts>", "settled"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "settled"),
        ("", "settled"),
        ("<Sts>PDNG</Sts>", "pending"),
        ("<Sts><Cd>FUTR</Cd></Sts>", "pending"),
        ("<Sts><Cd>INFO</Cd></Sts>", None),
    ],
)
def test_only_what_is_booked_is_settled(status: str, told: str | None) -> None:
    """Pitfall: PDNG/BOOK entries, in the shapes of both generations."""
    assert [found for _, found, _ in statuses(booked(entry(detail(), status=status)))] == ([told] if told else [])


def test_five_decimals_are_kept() -> None:
    """Pitfall: amounts with 5 decimals."""
    (status,) = booked(entry(detail(), amount="8.85000")).documents
    assert isinstance(status, PaymentStatus)
    assert str(status.amount.amount if status.amount else "") == "8.85000"


def test_several_statements_in_one_file_are_all_read() -> None:
    """Pitfall: several Stmt per file."""
    reading = stated(statement("500", "400", entry(detail("P-1"))), statement("100", "0", entry(detail("P-2"))))
    assert [payment for payment, _, _ in statuses(reading)] == ["P-1", "P-2"]
    assert reading.findings == ()
    assert reading.kind == "camt.053"


def test_balances_must_continue() -> None:
    """Pitfall: balance OPBD/CLBD and continuity; pending entries are in no balance."""
    assert codes(stated(statement("500", "401", entry(detail())))) == ["iso.balance"]
    assert codes(stated(statement("500", "400", entry(detail()), entry(detail("P-2"), status="<Sts>PDNG</Sts>")))) == []
    assert codes(stated(statement("500", "400", entry(detail()), currency="EUR"))) == [], "other currencies cannot be added"


@given(document(PaymentStatus), st.sampled_from(["03", "09"]))
@settings(max_examples=80, deadline=None)
def test_a_status_survives_the_message_that_it_takes(status: PaymentStatus, version: str) -> None:
    """camt.054 for what was booked, pain.002 for what was not; the code that a message adds by itself is all that changes."""
    profile = agreed(version=version, characters="utf-8")
    assert FORMAT.write is not None
    booking = status.status in ("settled", "returned")
    if booking and status.amount is None:
        with pytest.raises(Unwritable, match="amount"):
            FORMAT.write(status, profile, STAMP)
        return
    reading = FORMAT.read(FORMAT.write(status, profile, STAMP), profile)
    assert reading.kind == ("camt.054" if booking else "pain.002")
    (back,) = reading.documents
    assert isinstance(back, PaymentStatus)
    kept = {"code": status.code or back.code, "reason": status.reason or back.reason, "message": status.message or back.message}
    assert back == structs.replace(status, **kept)


def test_an_amount_that_rounds_beyond_the_largest_is_unwritable() -> None:
    largest = Money(Decimal("999999999999999999.999999999"), "CHF")
    status = PaymentStatus(payment="P-1", status="settled", at=datetime(2026, 3, 4, tzinfo=UTC), amount=largest)
    with pytest.raises(Unwritable, match="too large"):
        FORMAT.write(status, agreed(), STAMP)
