"""In which stage of a purchase a document or an exception belongs, by its type or by the process that says so."""

from __future__ import annotations

_OF: dict[str, tuple[str, ...]] = {
    "ordering": (
        *("Requisition", "RequisitionCancellation", "RequisitionStatus", "ApprovalRequest", "Approval", "PurchaseOrder"),
        *("OrderChange", "OrderAcknowledgement", "OrderStatus", "requisition_to_order"),
    ),
    "receiving": ("ShipNotice", "ExpectedReceipt", "GoodsReceipt", "ReceiptPosted", "order_to_receipt"),
    "invoicing": ("Invoice", "CreditNote", "MatchResult", "InvoiceStatus", "invoice_match", "invoice_to_payment"),
    "paying": ("PaymentInstruction", "PaymentStatus", "Payment", "Remittance", "BankStatement", "payment"),
    "clinical": ("Usage", "StockMovement", "StockLow", "Posting", "usage_to_replenishment"),
    "masters": ("Supplier", "Item", "Place", "CostCenter", "ContractPrice", "Crosswalk", "StockPolicy", "Entity", "masters"),
}
_STAGE = {name: stage for stage, names in _OF.items() for name in names}


def stage_of(name: str) -> str:
    """The stage of a document's type or a process's name; "" where it belongs to none."""
    return _STAGE.get(name, "")
