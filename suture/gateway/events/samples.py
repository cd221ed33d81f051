"""An example of every event that crosses the border: one order from the need to the money, in an invented hospital."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from suture.gateway.events.contract import CONTRACTS, EventContract
from suture.journal import Event, Recorded
from suture.model import (
    Approval,
    ApprovalRequest,
    BankAccount,
    ContractPrice,
    CostCenter,
    CreditNote,
    Delivered,
    Document,
    Entity,
    ExpectedLine,
    ExpectedReceipt,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    Item,
    MatchedLine,
    MatchResult,
    Money,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    OrderStatus,
    PaymentInstruction,
    PaymentStatus,
    Place,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceiptPosted,
    ReceivedLine,
    Ref,
    Remittance,
    RemittedInvoice,
    Requisition,
    RequisitionCancellation,
    RequisitionLine,
    RequisitionStatus,
    ShipNotice,
    ShippedLine,
    StockLow,
    StockMovement,
    StockPolicy,
    Supplier,
)
from suture.views.events import CloudEvent, crossing

_MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_BOXES = Quantity(Decimal(10), "BX")
_PRICE = Price(Decimal("40.00"), "USD", Quantity(Decimal(1), "BX"))
_TOTAL = Money(Decimal("400.00"), "USD")
_ORDER, _INVOICE, _PAYMENT = "PO-REQ-7", "ALDER:INV-7", "PAY-7"


def _hour(hours: int) -> datetime:
    return _MORNING + timedelta(hours=hours)


_LINE = OrderLine(number=1, item="I-1", quantity=_BOXES, price=_PRICE, cost_center="CC-OR", contract="C-1")
_BILLED = InvoiceLine(number=1, item="I-1", quantity=_BOXES, price=_PRICE, amount=_TOTAL, order=_ORDER, order_line=1)
_RECEIPT = GoodsReceipt(
    id="GR-7",
    order=_ORDER,
    place="NORTH-DOCK",
    received_at=_hour(49),
    lines=(ReceivedLine(line=1, item="I-1", quantity=_BOXES, lot="L-24", expires=date(2028, 1, 31)),),
)

_BUYING: tuple[Document, ...] = (
    StockLow(
        item="I-1",
        place="NORTH-OR",
        balance=Quantity(Decimal(3), "BX"),
        reorder_point=Quantity(Decimal(4), "BX"),
        at=_hour(0),
        requisition="REQ-7",
    ),
    Requisition(
        id="REQ-7",
        entity="E-1",
        facility="NORTH",
        ship_to="NORTH-DOCK",
        requester="nurse-1",
        requested_at=_hour(0),
        lines=(RequisitionLine(number=1, item="I-1", supplier="ALDER", quantity=_BOXES, cost_center="CC-OR", price=_PRICE),),
    ),
    ApprovalRequest(
        id="AR-7",
        subject=Ref("Requisition", "REQ-7"),
        requester="nurse-1",
        role="department_head",
        amount=_TOTAL,
        reason="over the limit of automatic approval",
        at=_hour(0),
    ),
    Approval(
        id="A-7",
        request="AR-7",
        subject=Ref("Requisition", "REQ-7"),
        approver="department-head-1",
        decision="approve",
        at=_hour(1),
    ),
    RequisitionStatus(requisition="REQ-7", state="ordered", at=_hour(2), orders=(_ORDER,)),
    RequisitionCancellation(requisition="REQ-8", reason="asked for twice", at=_hour(2)),
    PurchaseOrder(
        id=_ORDER,
        requisition="REQ-7",
        entity="E-1",
        facility="NORTH",
        ship_to="NORTH-DOCK",
        supplier="ALDER",
        currency="USD",
        ordered_at=_hour(2),
        lines=(_LINE,),
    ),
    OrderAcknowledgement(number="ACK-7", order=_ORDER, supplier="ALDER", at=_hour(3), status="accepted"),
    OrderChange(order=_ORDER, version=2, supplier="ALDER", at=_hour(4), lines=(_LINE,), reason="needed a day earlier"),
    OrderStatus(order=_ORDER, state="acknowledged", at=_hour(4)),
)

_RECEIVING: tuple[Document, ...] = (
    ShipNotice(
        number="ASN-7",
        supplier="ALDER",
        shipped_at=_hour(24),
        lines=(ShippedLine(order=_ORDER, line=1, item="I-1", quantity=_BOXES, lot="L-24"),),
        expected_on=date(2026, 3, 4),
    ),
    ExpectedReceipt(
        order=_ORDER,
        version=1,
        place="NORTH-DOCK",
        supplier="ALDER",
        lines=(ExpectedLine(line=1, item="I-1", quantity=_BOXES),),
    ),
    _RECEIPT,
    ReceiptPosted(receipt=_RECEIPT, entity="E-1"),
    StockMovement(
        id="MV-7", item="I-1", place="NORTH-OR", quantity=_BOXES, reason="adjustment", at=_hour(50), cause="COUNT-3", lot="L-24"
    ),
)

_PAYING: tuple[Document, ...] = (
    Invoice(
        number="INV-7", supplier="ALDER", issued_on=date(2026, 3, 4), currency="USD", lines=(_BILLED,), total=_TOTAL, entity="E-1"
    ),
    CreditNote(
        number="CR-7",
        supplier="ALDER",
        issued_on=date(2026, 3, 9),
        currency="USD",
        lines=(_BILLED,),
        total=_TOTAL,
        entity="E-1",
        corrects="INV-6",
    ),
    MatchResult(
        invoice=_INVOICE,
        order=_ORDER,
        version=1,
        outcome="matched",
        lines=(MatchedLine(number=1, outcome="matched", order_line=1),),
        at=_hour(51),
        policy="tolerances/1",
    ),
    InvoiceStatus(invoice=_INVOICE, state="paid", at=_hour(72), orders=(_ORDER,), payment=_PAYMENT),
    PaymentInstruction(
        id=_PAYMENT,
        entity="E-1",
        supplier="ALDER",
        creditor=BankAccount(holder="Alder Medical Supply Co", number="0000000000"),
        amount=_TOTAL,
        execute_on=date(2026, 3, 5),
        invoices=(_INVOICE,),
        released_by=("treasury-1",),
    ),
    PaymentStatus(payment=_PAYMENT, status="settled", at=_hour(72), amount=_TOTAL, bank_reference="B-991"),
    Remittance(
        payment=_PAYMENT,
        supplier="ALDER",
        amount=_TOTAL,
        paid_on=date(2026, 3, 5),
        lines=(RemittedInvoice(invoice=_INVOICE, paid=_TOTAL),),
    ),
    Posting(
        id="PST-7",
        entity="E-1",
        facility="NORTH",
        kind="accrual",
        at=_hour(50),
        cause="GR-7",
        lines=(PostingLine(account="1400", amount=_TOTAL), PostingLine(account="2100", amount=Money(Decimal("-400.00"), "USD"))),
    ),
    Delivered(
        delivery="erp-north/PO-REQ-7",
        role="erp",
        instance="erp-north",
        document=Ref("PurchaseOrder", _ORDER),
        outcome="done",
        at=_hour(2),
        reference="4500000007",
    ),
)

_MASTERS: tuple[Document, ...] = (
    Supplier(id="ALDER", name="Alder Medical Supply Co", created_by="steward-1"),
    Item(id="I-1", name="Glove, nitrile, M", unit="BX"),
    ContractPrice(id="CP-1", contract="C-1", supplier="ALDER", item="I-1", price=_PRICE, effective_from=date(2026, 1, 1)),
    StockPolicy(
        item="I-1",
        place="NORTH-OR",
        reorder_point=Quantity(Decimal(4), "BX"),
        reorder_quantity=_BOXES,
        supplier="ALDER",
        cost_center="CC-OR",
    ),
    Place(id="NORTH-DOCK", name="Dock, North", kind="dock", entity="E-1", facility="NORTH"),
    CostCenter(id="CC-OR", name="Operating rooms", entity="E-1", facility="NORTH"),
    Entity(id="E-1", name="North Hospital", currency="USD"),
)

#: One document of each type that crosses.
SAMPLES: Mapping[type[Document], Document] = {
    type(document): document for document in (*_BUYING, *_RECEIVING, *_PAYING, *_MASTERS)
}


def sample(contract: EventContract, kind: str) -> CloudEvent:
    """The example of one event type as it would cross the border; raises LookupError for a document without one."""
    document = SAMPLES[contract.document]
    position = 1 + list(CONTRACTS).index(contract.document)
    event = Event(once=f"example/{contract.name}/{kind}", kind=kind, source="example", at=_hour(position), data=document)  # type: ignore[arg-type]  # one of the contract's kinds
    crossed = crossing(Recorded(position, event), "north")
    if crossed is None:
        raise LookupError(f"the example of {contract.name} does not cross the border")
    return crossed
