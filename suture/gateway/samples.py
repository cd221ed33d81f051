"""Invented documents and answers of one purchase: what examples show and mocks say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from suture.gateway import answers
from suture.gateway.operation import Accepted, Part
from suture.model import (
    Approval,
    Asset,
    ContractPrice,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Money,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Ref,
    Requisition,
    RequisitionLine,
    ShipmentStatus,
    ShipNotice,
    ShippedLine,
    Supplier,
    WorkOrder,
)

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TEN = Quantity(Decimal(10), "EA")
PRICE = Price(Decimal("4.00"), "USD", Quantity(Decimal(1), "EA"))
FORTY = Money(Decimal("40.00"), "USD")

SUPPLIER = Supplier(id="ALDER", name="Alder Medical Supply Co", created_by="vendor-desk")
_WANTED = RequisitionLine(number=1, item="GLOVE", supplier="ALDER", quantity=TEN, cost_center="CC-1")
REQUISITION = Requisition(
    id="R-1", entity="NORTH", facility="NSH", ship_to="NSH-DOCK", requester="nurse-1", requested_at=AT, lines=(_WANTED,)
)
LINE = OrderLine(number=1, item="GLOVE", quantity=TEN, price=PRICE, cost_center="CC-1", contract="C-1")
ORDER = PurchaseOrder(
    id="PO-R-1",
    requisition="R-1",
    entity="NORTH",
    facility="NSH",
    ship_to="NSH-DOCK",
    supplier="ALDER",
    currency="USD",
    ordered_at=AT,
    lines=(LINE,),
    requester="nurse-1",
)
CHANGE = OrderChange(order="PO-R-1", version=2, supplier="ALDER", at=AT, kind="cancel", reason="the case was cancelled")
ACKNOWLEDGEMENT = OrderAcknowledgement(number="A-1", order="PO-R-1", supplier="ALDER", at=AT, status="accepted")
NOTICE = ShipNotice(
    number="SN-1",
    supplier="ALDER",
    shipped_at=AT,
    lines=(ShippedLine(order="PO-R-1", line=1, item="GLOVE", quantity=TEN, lot="L-1"),),
)
ON_ITS_WAY = ShipmentStatus(shipment="SN-1", supplier="ALDER", state="in_transit", at=AT, orders=("PO-R-1",), carrier="Swift")
RECEIPT = GoodsReceipt(
    id="GR-1",
    order="PO-R-1",
    place="NSH-DOCK",
    received_at=AT,
    receiver="dock-1",
    lines=(ReceivedLine(line=1, item="GLOVE", quantity=TEN),),
)
_BILLED = InvoiceLine(number=1, item="GLOVE", quantity=TEN, price=PRICE, amount=FORTY, order="PO-R-1", order_line=1)
INVOICE = Invoice(number="71", supplier="ALDER", issued_on=AT.date(), currency="USD", lines=(_BILLED,), total=FORTY, route="api")
APPROVAL = Approval(
    id="AP-1", request="R-1/approval/1", subject=Ref("Requisition", "R-1"), approver="manager-1", decision="approve", at=AT
)
ASSET = Asset(id="AS-1", name="Infusion pump", kind="medical_device", entity="NORTH", facility="NSH", at=AT, serial="SN-4711")
WORK = WorkOrder(
    number="WO-1", version=1, asset="AS-1", facility="NSH", kind="repair", state="open", at=AT, text="alarm will not clear"
)
POSTING = Posting(
    id="ACC-1",
    entity="NORTH",
    facility="NSH",
    kind="accrual",
    at=AT,
    cause="month-end",
    lines=(PostingLine(account="6100", amount=FORTY), PostingLine(account="2100", amount=Money(Decimal("-40.00"), "USD"))),
)
CONTRACT = ContractPrice(id="CP-1", contract="C-1", supplier="ALDER", item="GLOVE", price=PRICE, effective_from=date(2026, 1, 1))

#: All of these documents.
DOCUMENTS: tuple[Document, ...] = (
    *(REQUISITION, ORDER, CHANGE, ACKNOWLEDGEMENT, NOTICE, ON_ITS_WAY, RECEIPT, INVOICE),
    *(APPROVAL, ASSET, WORK, POSTING, SUPPLIER, CONTRACT),
)

HELD = Part(source="erp-north", state="held", at=AT, age_s=0.4, reference="4500000017")
UNKNOWN = Part(source="erp-north", state="unknown", last="held", at=AT, age_s=5400.0, why="it did not answer in time")
SETTLED = Part(source="bank", state="settled", at=AT, age_s=60.0)
SENT = Part(source="suture", state="sent", at=AT, age_s=60.0)


def accepted(document: str) -> Accepted:
    """The answer to this document handed over."""
    return Accepted(outcome="accepted", documents=(document,), status="/api/process/v1/submissions/8e03978e")


LISTED = answers.Page(
    items=(answers.Listed(id="PO-R-1", supplier="ALDER", state="acknowledged", at=AT, entity="NORTH", facility="NSH"),)
)
INVOICE_STANDING = answers.InvoiceStanding(
    invoice="ALDER:71",
    supplier="ALDER",
    number="71",
    total=FORTY,
    state="paid",
    version=7,
    reasons=(),
    match=(Part(source="PO-R-1", state="matched", at=AT, age_s=7200.0),),
    erp=UNKNOWN,
    payments=("PAY-ALDER:71-1",),
    bank=SETTLED,
    remittance=SENT,
)
