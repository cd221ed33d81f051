"""Any identifier finds the journey: ours, the partner's, the one on the paper, the one on the implant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from suture.journal import Event, MemoryJournal, Unit
from suture.model import (
    CAUSE,
    Delivered,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Money,
    OrderLine,
    PaymentStatus,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Ref,
    Remittance,
    RemittedInvoice,
    ShipNotice,
    ShippedLine,
    Usage,
)
from suture.views import journey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = Quantity(Decimal(1), "EA")
PRICE = Price(Decimal(1450), "USD", ONE)
MONEY = Money(Decimal(1450), "USD")


def done(role: str, document: Ref, reference: str, *causes: Ref) -> Delivered:
    """A delivery that the peer filed under its own number."""
    key = f"D/{role}/{document}"
    return Delivered(
        delivery=key, role=role, instance=role, document=document, outcome="done", at=NOON, reference=reference, causes=causes
    )


def bought(order: str, number: str) -> list[Document]:
    """An order that was shipped, received, billed under the supplier's number and paid."""
    invoice, payment = f"ALDER:{number}", f"PAY-{order}"
    return [
        PurchaseOrder(
            id=order,
            requisition=f"REQ-{order}",
            entity="NORTH",
            facility="NSH",
            supplier="ALDER",
            ship_to="NSH-DOCK",
            currency="USD",
            ordered_at=NOON,
            lines=(OrderLine(number=1, item="STENT", quantity=ONE, price=PRICE, cost_center="CC-1"),),
        ),
        done("erp", Ref("PurchaseOrder", order), f"45-{order}"),
        ShipNotice(
            number=f"ASN-{order}",
            supplier="ALDER",
            shipped_at=NOON,
            lines=(ShippedLine(order=order, line=1, item="STENT", quantity=ONE, lot=f"LOT-{order}"),),
        ),
        GoodsReceipt(
            id=f"GR-{order}",
            order=order,
            place="NSH-DOCK",
            received_at=NOON,
            lines=(ReceivedLine(line=1, item="STENT", quantity=ONE, lot=f"LOT-{order}", serials=(f"SN-{order}",)),),
        ),
        Invoice(
            number=number,
            supplier="ALDER",
            issued_on=date(2026, 3, 3),
            currency="USD",
            total=MONEY,
            lines=(InvoiceLine(number=1, item="STENT", quantity=ONE, price=PRICE, amount=MONEY, order=order, order_line=1),),
        ),
        PaymentStatus(payment=payment, status="settled", at=NOON, bank_reference=f"BK-{order}"),
        Remittance(
            payment=payment,
            supplier="ALDER",
            amount=MONEY,
            paid_on=date(2026, 3, 4),
            lines=(RemittedInvoice(invoice=invoice, paid=MONEY),),
        ),
        done("erp", Ref("Remittance", payment), f"20-{order}"),
    ]


def implanted() -> list[Document]:
    """A usage, and what inventory and ledger made of it."""
    usage = Usage(
        id="USE-1",
        kind="used",
        item="STENT",
        quantity=ONE,
        place="NSH-OR",
        used_at=NOON,
        encounter="E1",
        patient="P1",
        lot="LOT-U",
        serial="SN-U",
    )
    cause = Ref("Usage", "USE-1", CAUSE)
    return [
        usage,
        done("inventory", Ref("StockMovement", "MV-USE-1"), "M-77", cause),
        done("erp", Ref("Posting", "CP-USE-1"), "19-1", cause),
    ]


@pytest.fixture(scope="module")
def journal() -> MemoryJournal:
    """Two orders of one supplier, and a usage."""
    made = MemoryJournal(b"k" * 32)
    documents = [*bought("PO-1", "77"), *bought("PO-2", "78"), *implanted()]
    events = [Event(once=str(n), kind="accepted", source="x", at=NOON, data=each) for n, each in enumerate(documents)]
    made.commit([Unit(events=events)])
    return made


OURS = ("PO-1", "REQ-PO-1", "ALDER:ASN-PO-1", "GR-PO-1", "ALDER:77", "PAY-PO-1")
THEIRS = ("45-PO-1", "ASN-PO-1", "LOT-PO-1", "SN-PO-1", "77", "BK-PO-1", "20-PO-1")


@pytest.mark.parametrize("id", [*OURS, *THEIRS])
def test_any_identifier_of_an_order_finds_all_of_its_journey_and_no_other(journal: MemoryJournal, id: str) -> None:
    assert [row.position for row in journey(journal, id).events] == list(range(1, 9))


@pytest.mark.parametrize("id", ["USE-1", "E1", "LOT-U", "SN-U", "MV-USE-1", "M-77", "CP-USE-1", "19-1"])
def test_a_usage_is_found_with_what_became_of_it(journal: MemoryJournal, id: str) -> None:
    assert [row.position for row in journey(journal, id).events] == [17, 18, 19]


def test_what_nobody_knows_has_no_journey(journal: MemoryJournal) -> None:
    assert journey(journal, "PO-99").events == ()
