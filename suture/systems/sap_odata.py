"""SAP S/4HANA over its OData V2 services: orders, goods movements and supplier invoices, each looked for before it is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from suture.model import Document, GoodsReceipt, Invoice, InvoiceLine, OrderChange, OrderLine, PurchaseOrder, ReceivedLine
from suture.systems.sap_odata_talk import (
    BILLS,
    MOVEMENTS,
    ORDERS,
    Ended,
    Row,
    Seen,
    Talk,
    amount,
    change,
    create,
    day,
    equal,
    kept,
    look,
    reference,
    refused,
)
from suture.systems.system import Again, Call, Done, Operation, Outcome, OutcomeClass, Platform, Steps, System

#: What a look found: the outcome if SAP has the document as it should be, and what a write must carry along.
Found = tuple[Outcome | None, Seen]
Find = Callable[[Any, Call], Talk[Found]]
Bring = Callable[[Any, Call, Seen], Talk[Outcome]]
#: An order that SAP does not have yet is looked for again after this long.
LATER_S = 30.0
#: Where our order number stands: S/4HANA lets nobody choose a header field of 40 characters to be searched by.
_ORDER = "PurchaseOrderItemText"
_ITEMS = "A_PurchaseOrderItem"
#: Receipt for an order, and its reversal.
_RECEIPT, _REVERSAL = "101", "102"


def _looked_up(find: Find, bring: Bring, outcome: OutcomeClass = "lookup") -> Operation:
    """Look under our reference first, always: the token for the write comes with the answer, so that it costs nothing."""

    def send(document: Document, call: Call) -> Steps:
        def talk() -> Talk[Outcome]:
            told, seen = yield from find(document, call)
            return told or (yield from bring(document, call, seen))

        return _ending(talk())

    def probe(document: Document, call: Call) -> Steps:
        def talk() -> Talk[Outcome]:
            told, _ = yield from find(document, call)
            return told or Again(reason="SAP does not have it")

        return _ending(talk())

    return Operation(send=send, outcome=outcome, probe=probe)


def _ending(talk: Talk[Outcome]) -> Steps:
    try:
        return (yield from talk)
    except Ended as end:
        return end.outcome


# -- orders


def find_order(order: PurchaseOrder, call: Call) -> Talk[Found]:
    """The order whose items bear our number."""
    number, seen = yield from _ordered(order.id)
    return (Done(reference=number) if number else None), seen


def _ordered(order: str) -> Talk[tuple[str, Seen]]:
    """SAP's number for our order, or nothing, and its items."""
    seen = yield from look(ORDERS, _ITEMS, equal(_ORDER, reference(order, 40)))
    numbers = sorted({str(row["PurchaseOrder"]) for row in seen.rows})
    if len(numbers) > 1:
        raise refused(f"SAP has {len(numbers)} orders under our number {order}: {', '.join(numbers)}")
    return (numbers[0] if numbers else ""), seen


def bring_order(order: PurchaseOrder, call: Call, seen: Seen) -> Talk[Outcome]:
    """Make the order with all its items in one request."""
    values = {
        "PurchaseOrderType": call.options.get("order_type", "NB"),
        "CompanyCode": _company(call, order.entity),
        "PurchasingOrganization": call.options.get("purchasing_organization", ""),
        "PurchasingGroup": call.options.get("purchasing_group", ""),
        "Supplier": kept(order.supplier, 10, "a supplier's number"),
        "DocumentCurrency": order.currency,
        "PurchaseOrderDate": day(order.ordered_at.date()),
        "to_PurchaseOrderItem": [_order_item(order, line, call) for line in order.lines],
    }
    made = yield from create(ORDERS, "A_PurchaseOrder", seen, values)
    return Done(reference=str(made["PurchaseOrder"]))


def _order_item(order: PurchaseOrder, line: OrderLine, call: Call) -> dict[str, Any]:
    facility = call.options.get(f"plant.{order.facility}", call.options.get("plant", order.facility))
    return {
        "PurchaseOrderItem": _item(line.number),
        _ORDER: reference(order.id, 40),
        "Material": kept(line.item, 40, "a material's number"),
        "Plant": kept(facility, 4, "a plant"),
        "StorageLocation": kept(call.options.get(f"storage.{order.ship_to}", ""), 4, "a storage location"),
        "PurchaseOrderQuantityUnit": _unit(call, line.quantity.unit),
        "DocumentCurrency": order.currency,
        **_terms(line),
    }


def _terms(line: OrderLine) -> dict[str, str]:
    """How much, at which price for how many."""
    if line.price.per.unit != line.quantity.unit:
        raise refused(f"the price is per {line.price.per.unit}, the quantity in {line.quantity.unit}")
    return {
        "OrderQuantity": amount(line.quantity.value, 13, 3),
        "NetPriceAmount": amount(line.price.amount, 16, 2),
        "NetPriceQuantity": amount(line.price.per.value, 13, 3),
    }


def _item(number: int) -> str:
    """SAP counts items in tens."""
    return kept(f"{number * 10:05d}", 5, "an item's number")


def _unit(call: Call, unit: str) -> str:
    return kept(call.options.get(f"unit.{unit}", unit), 3, "a unit")


def _company(call: Call, entity: str) -> str:
    return kept(call.options.get(f"company_code.{entity}", call.options.get("company_code", entity)), 4, "a company code")


# -- changes of orders


def find_change(document: OrderChange, call: Call) -> Talk[Found]:
    """The order's items; settled if they stand as they should. Raises Ended for a line that SAP does not have."""
    number, seen = yield from _ordered(document.order)
    if not number:
        raise Ended(Again(reason=f"SAP does not have order {document.order} yet", after_s=LATER_S))
    there = {str(row["PurchaseOrderItem"]) for row in seen.rows}
    if missing := [line.number for line in document.lines if _item(line.number) not in there]:
        raise refused(f"the order has no line {', '.join(map(str, missing))} in SAP")
    left = [row for row in seen.rows if _wanted(document, row)]
    return (None if left else Done(reference=number)), seen


def bring_change(document: OrderChange, call: Call, seen: Seen) -> Talk[Outcome]:
    """Set what differs, item by item, against the ETag of what was read; a cancelled item is delivered as far as it goes."""
    for row in seen.rows:
        if values := _wanted(document, row):
            keys = f"PurchaseOrder='{row['PurchaseOrder']}',PurchaseOrderItem='{row['PurchaseOrderItem']}'"
            yield from change(ORDERS, f"{_ITEMS}({keys})", seen, row, values)
    return Done(reference=str(seen.rows[0]["PurchaseOrder"]))


def _wanted(document: OrderChange, row: Row) -> dict[str, Any]:
    """What this item still lacks."""
    line = next((line for line in document.lines if _item(line.number) == row["PurchaseOrderItem"]), None)
    if document.kind == "cancel" or (line is not None and not line.quantity.value):
        return {} if row["IsCompletelyDelivered"] else {"IsCompletelyDelivered": True}
    terms = _terms(line) if line is not None else {}
    return {name: value for name, value in terms.items() if Decimal(str(row[name])) != Decimal(value)}


# -- goods movements


def find_receipt(receipt: GoodsReceipt, call: Call) -> Talk[Found]:
    """The material document whose delivery note is our receipt's number."""
    condition = equal("ReferenceDocument", reference(receipt.id, 16))
    seen = yield from look(MOVEMENTS, "A_MaterialDocumentHeader", condition)
    numbers = [f"{row['MaterialDocument']}/{row['MaterialDocumentYear']}" for row in seen.rows]
    if len(numbers) > 1:
        raise refused(f"SAP has {len(numbers)} material documents under our receipt {receipt.id}: {', '.join(numbers)}")
    return (Done(reference=numbers[0]) if numbers else None), seen


def bring_receipt(receipt: GoodsReceipt, call: Call, seen: Seen) -> Talk[Outcome]:
    """Post what was counted against SAP's own order, or take it back."""
    ordered = yield from _items_of(receipt.order)
    values: dict[str, Any] = {
        "DocumentDate": day(receipt.received_at.date()),
        "PostingDate": day(receipt.received_at.date()),
        "ReferenceDocument": reference(receipt.id, 16),
        "to_MaterialDocumentItem": [_movement(receipt, line, ordered, call) for line in receipt.lines],
    }
    if code := call.options.get("goods_movement_code"):
        values["GoodsMovementCode"] = code
    made = yield from create(MOVEMENTS, "A_MaterialDocumentHeader", seen, values)
    return Done(reference=f"{made['MaterialDocument']}/{made['MaterialDocumentYear']}")


def _items_of(order: str) -> Talk[dict[str, Row]]:
    """SAP's items of our order, by number; raises Ended while it does not have it."""
    number, seen = yield from _ordered(order)
    if not number:
        raise Ended(Again(reason=f"SAP does not have order {order} yet", after_s=LATER_S))
    return {str(row["PurchaseOrderItem"]): row for row in seen.rows}


def _movement(receipt: GoodsReceipt, line: ReceivedLine, ordered: dict[str, Row], call: Call) -> dict[str, Any]:
    row = ordered.get(_item(line.line))
    if row is None:
        raise refused(f"order {receipt.order} has no line {line.line} in SAP")
    return {
        "Material": kept(line.item, 40, "a material's number"),
        "Plant": row["Plant"],
        "PurchaseOrder": row["PurchaseOrder"],
        "PurchaseOrderItem": row["PurchaseOrderItem"],
        "GoodsMovementType": _REVERSAL if receipt.reverses else _RECEIPT,
        "QuantityInEntryUnit": amount(line.quantity.value, 13, 3),
        "EntryUnit": _unit(call, line.quantity.unit),
    }


# -- supplier invoices


def find_bill(bill: Invoice, call: Call) -> Talk[Found]:
    """The bill under supplier and supplier's number, whoever entered it; raises Ended if it is there with another amount."""
    number = kept(bill.number, 16, "a supplier's bill number")
    condition = f"{equal('InvoicingParty', bill.supplier)} and {equal('SupplierInvoiceIDByInvcgParty', number)}"
    seen = yield from look(BILLS, "A_SupplierInvoice", condition)
    standing = [row for row in seen.rows if not row.get("ReverseDocument")]
    others = [row for row in standing if not _same(bill, row)]
    if others or len(standing) > 1:
        numbers = ", ".join(str(row["SupplierInvoice"]) for row in standing)
        raise refused(f"SAP already has bill {bill.number} of this supplier otherwise: {numbers}; a person must decide")
    return (Done(reference=_bill_number(standing[0])) if standing else None), seen


def _same(bill: Invoice, row: Row) -> bool:
    return (Decimal(str(row["InvoiceGrossAmount"])), row["DocumentCurrency"]) == (bill.total.amount, bill.currency)


def _bill_number(row: Row) -> str:
    return f"{row['SupplierInvoice']}/{row['FiscalYear']}"


def bring_bill(bill: Invoice, call: Call, seen: Seen) -> Talk[Outcome]:
    """Post the bill with a reference to SAP's own order items."""
    if bill.charges or (bill.tax and bill.tax.amount) or any(not line.order for line in bill.lines):
        raise refused("the service takes lines that were ordered, and no charge or tax beside them: a person must enter it")
    ordered: dict[str, dict[str, Row]] = {}
    for order in bill.orders():
        ordered[order] = yield from _items_of(order)
    values = {
        "CompanyCode": _company(call, bill.entity),
        "InvoicingParty": kept(bill.supplier, 10, "a supplier's number"),
        "SupplierInvoiceIDByInvcgParty": bill.number,
        "DocumentDate": day(bill.issued_on),
        "PostingDate": day(date.fromisoformat(call.stamp.at[:10])),
        "InvoiceGrossAmount": amount(bill.total.amount, 16, 2),
        "DocumentCurrency": bill.currency,
        "to_SuplrInvcItemPurOrdRef": [_billed(line, ordered, call) for line in bill.lines],
    }
    made = yield from create(BILLS, "A_SupplierInvoice", seen, values)
    return Done(reference=_bill_number(made))


def _billed(line: InvoiceLine, ordered: dict[str, dict[str, Row]], call: Call) -> dict[str, Any]:
    row = ordered[line.order].get(_item(line.order_line))
    if row is None:
        raise refused(f"order {line.order} has no line {line.order_line} in SAP")
    return {
        "PurchaseOrder": row["PurchaseOrder"],
        "PurchaseOrderItem": row["PurchaseOrderItem"],
        "SupplierInvoiceItemAmount": amount(line.amount.amount, 16, 2),
        "QuantityInPurchaseOrderUnit": amount(line.quantity.value, 13, 3),
        "PurchaseOrderQuantityUnit": _unit(call, line.quantity.unit),
    }


SYSTEM = System(
    name="sap_odata",
    title="SAP S/4HANA (OData V2)",
    role="erp",
    accepts={
        PurchaseOrder: _looked_up(find_order, bring_order),
        OrderChange: _looked_up(find_change, bring_change, "readback"),
        GoodsReceipt: _looked_up(find_receipt, bring_receipt),
        Invoice: _looked_up(find_bill, bring_bill),
    },
    codes=("item", "supplier"),
    evidence=("simulator",),
    rate_per_s=20.0,
    concurrency=4,
    timeout_s=30.0,
    platform=Platform(months=(2, 8), source="SAP S/4HANA Cloud Public Edition: release upgrade schedule"),
    notes=(
        "Proven against mock-sap 0.22 (somebody else's simulator), not against S/4HANA. SAP knows no repeat, so each document is "
        "looked for under our reference, and the look fetches the CSRF token for the write: our order number is the text of the "
        "order's items, our receipt's number the delivery note, the supplier's number is the bill's own. Options: company_code, "
        "company_code.ENTITY, plant or plant.FACILITY, storage.PLACE, unit.CODE (SAP's unit for a UN/ECE one), order_type (NB), "
        "purchasing_organization, purchasing_group, goods_movement_code (01 where the service asks for it). A cancelled item is "
        "marked as completely delivered. A bill with charges or tax beside its lines, or that SAP has with another amount, is "
        "refused for a person to decide. No credit memos, lots, journal entries or payments."
    ),
)
