"""Orders and receipts in Tryton: purchases with our number as reference, shipments that take over their pending moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, DivisionByZero, Inexact, InvalidOperation, localcontext
from typing import Any

from msgspec import Struct

from suture.model import GoodsReceipt, OrderChange, OrderLine, Price, PurchaseOrder, ReceivedLine
from suture.systems.system import Again, Done, Outcome
from suture.systems.tryton_rpc import (
    Ended,
    Row,
    Session,
    Talk,
    company,
    currency,
    day,
    exact,
    measure,
    party,
    product,
    refused,
    unit,
)

#: An order that Tryton does not have yet, or has not processed yet, is looked for again after this long.
LATER_S = 30.0
PURCHASE = "purchase.purchase"
SHIPMENT = "stock.shipment.in"
RETURN = "stock.shipment.in.return"


def found(session: Session, model: str, domain: list[Any], fields: list[str]) -> Talk[Row | None]:
    """Our document in Tryton, or None; raises Ended if somebody copied it, or threw ours away."""
    rows = yield from session.rows(model, domain, ["state", "number", *fields])
    if len(rows) > 1:
        raise refused(f"Tryton has {len(rows)} {model} under our key {domain[0][2]}: {[row['number'] for row in rows]}")
    if rows and rows[0]["state"] == "cancelled":
        raise refused(f"{model} {rows[0]['number']} was cancelled in Tryton")
    return rows[0] if rows else None


def number_of(row: Row) -> str:
    """Tryton's own number, or the record's id while it has none."""
    return str(row["number"] or f"id {row['id']}")


# -- orders


def find_order(session: Session, order: PurchaseOrder) -> Talk[Row | None]:
    """The purchase under our order number."""
    return (yield from found(session, PURCHASE, [["reference", "=", order.id]], []))


def bring_order(session: Session, order: PurchaseOrder, row: Row | None) -> Talk[Outcome]:
    """Create the purchase unless it is there, then quote, confirm and process it from wherever it stands."""
    id = row["id"] if row else (yield from _create_order(session, order))
    row = yield from session.advance(PURCHASE, id, {"draft": "quote", "quotation": "confirm"}, ["number"])
    if row["state"] == "confirmed":
        yield from _process(session, id)
    return Done(reference=number_of(row))


def _process(session: Session, id: int) -> Talk[None]:
    """Processing is Tryton's own next step, by its worker where it has one; the button may be an administrator's alone."""
    try:
        yield from session.call(f"model.{PURCHASE}.process", [id])
    except Ended as end:
        if isinstance(end.outcome, Again):
            raise


def _create_order(session: Session, order: PurchaseOrder) -> Talk[int]:
    at = yield from company(session, order.entity)
    session = session.within(at["id"])
    supplier = yield from party(session, order.supplier)
    lines = []
    for line in order.lines:
        lines.append((yield from _order_line(session, line)))
    values = {
        "company": at["id"],
        "reference": order.id,
        "description": f"Requisition {order.requisition}",
        "party": supplier["id"],
        "invoice_address": supplier["addresses"][0] if supplier["addresses"] else None,
        "payment_term": supplier["supplier_payment_term"],
        "warehouse": (yield from _warehouse(session, order.ship_to)),
        "currency": (yield from currency(session, order.currency)),
        "purchase_date": day(order.ordered_at.date()),
        # The supplier's bill makes the invoice, not the order: otherwise Tryton drafts a second one.
        "invoice_method": "manual",
        "lines": [["create", lines]],
    }
    return (yield from session.create(PURCHASE, values))


def _order_line(session: Session, line: OrderLine) -> Talk[dict[str, Any]]:
    item = yield from product(session, line.item)
    return {
        "type": "line",
        "sequence": line.number,
        "product": item["id"],
        "unit": (yield from unit(session, line.quantity.unit)),
        "quantity": measure(line.quantity.value),
        "unit_price": exact(unit_price(line.price, line.quantity.unit)),
        "note": f"Cost center {line.cost_center}",
    }


def unit_price(price: Price, per: str) -> Decimal:
    """The price of one ``per``; raises Ended if the price is for another unit or does not divide."""
    if price.per.unit != per:
        raise refused(f"the price is per {price.per.unit}, the quantity in {per}")
    with localcontext() as context:
        context.traps[Inexact] = True
        try:
            return price.amount / price.per.value
        except (Inexact, DivisionByZero, InvalidOperation):
            raise refused(f"the price {price} has no exact price of one") from None


def _warehouse(session: Session, place: str) -> Talk[int]:
    """Tryton's warehouse for a place: the option ``warehouse.PLACE``, else ``warehouse``, else the place is its code."""
    code = session.options.get(f"warehouse.{place}", session.options.get("warehouse", place))
    domain = [["type", "=", "warehouse"], ["code", "=", code]]
    row = yield from session.only("stock.location", domain, ["id"], f"warehouse with code {code}")
    return int(row["id"])


# -- changes of orders


def find_change(session: Session, change: OrderChange) -> Talk[Row | None]:
    """The purchase that is to change, as long as there is something left to do; a cancelled one is settled."""
    row = yield from session.only(PURCHASE, [["reference", "=", change.order]], ["state", "number"], f"order {change.order}")
    return row


def bring_change(session: Session, change: OrderChange, row: Row | None) -> Talk[Outcome]:
    """Cancel what is still open of an order; Tryton changes no confirmed order in any other way."""
    assert row is not None
    if change.kind != "cancel":
        raise refused("Tryton does not change a confirmed order: cancel it and order anew")
    row = yield from session.advance(
        PURCHASE, row["id"], {"confirmed": "draft", "draft": "cancel", "quotation": "cancel"}, ["number"]
    )
    if row["state"] == "processing":
        yield from _give_up_moves(session, row["id"])
    return Done(reference=number_of(row))


def _give_up_moves(session: Session, purchase: int) -> Talk[None]:
    """Cancel the moves that wait for goods, and tell Tryton to expect them no more."""
    moves = yield from session.rows("stock.move", [["origin.purchase", "=", purchase, "purchase.line"]], ["state", "shipment"])
    waiting = [move["id"] for move in moves if move["state"] == "draft" and not move["shipment"]]
    if waiting:
        yield from session.call("model.stock.move.cancel", waiting)
    now = yield from session.read(PURCHASE, purchase, ["shipment_state"])
    if now["shipment_state"] == "exception":
        ids = waiting + [move["id"] for move in moves if move["state"] == "cancelled"]
        form = {"ask": {"recreate_moves": [], "ignore_moves": ids, "domain_moves": ids}}
        yield from session.wizard("purchase.handle.shipment.exception", PURCHASE, [purchase], {"handle": form})


# -- receipts


def find_receipt(session: Session, receipt: GoodsReceipt) -> Talk[Row | None]:
    """The supplier shipment (or the return, for a reversal) under our receipt number."""
    model = RETURN if receipt.reverses else SHIPMENT
    return (yield from found(session, model, [["reference", "=", receipt.id]], []))


def bring_receipt(session: Session, receipt: GoodsReceipt, row: Row | None) -> Talk[Outcome]:
    """Book what was counted, and no more; Tryton itself goes on expecting the rest."""
    if receipt.reverses:
        return (yield from _bring_return(session, receipt, row))
    id = row["id"] if row else (yield from _create_shipment(session, receipt))
    row = yield from session.advance(SHIPMENT, id, {"draft": "receive", "received": "do"}, ["number"])
    return Done(reference=number_of(row))


class _Part(Struct, frozen=True):
    """So much of one order line, of one lot."""

    line: int
    quantity: Decimal
    unit: str
    lot: str


def _parts(lines: tuple[ReceivedLine, ...]) -> Iterator[_Part]:
    for line in lines:
        if line.serials and Decimal(len(line.serials)) == line.quantity.value:
            yield from (_Part(line.line, Decimal(1), line.quantity.unit, serial) for serial in line.serials)
        else:
            yield _Part(line.line, line.quantity.value, line.quantity.unit, line.lot)


def _create_shipment(session: Session, receipt: GoodsReceipt) -> Talk[int]:
    """One shipment in one request: it takes over the moves that the order left waiting, with what was counted."""
    purchase = yield from _purchase_of(session, receipt)
    session = session.within(purchase["company"])
    at = yield from session.read("stock.location", purchase["warehouse"], ["input_location", "storage_location"])
    values = {
        "company": purchase["company"],
        "reference": receipt.id,
        "supplier": purchase["party"],
        "warehouse": purchase["warehouse"],
        "warehouse_input": at["input_location"],
        "warehouse_storage": at["storage_location"],
        "effective_date": day(receipt.received_at.date()),
        "incoming_moves": (yield from _moves(session, receipt, purchase)),
    }
    return (yield from session.create(SHIPMENT, values))


def _purchase_of(session: Session, receipt: GoodsReceipt) -> Talk[Row]:
    fields = ["state", "number", "company", "party", "warehouse", "currency"]
    rows = yield from session.rows(PURCHASE, [["reference", "=", receipt.order]], fields)
    if len(rows) > 1:
        raise refused(f"Tryton has {len(rows)} orders {receipt.order}")
    if not rows or rows[0]["state"] in ("draft", "quotation", "confirmed"):
        raise Ended(Again(reason=f"Tryton does not expect goods for order {receipt.order} yet", after_s=LATER_S))
    return rows[0]


def _moves(session: Session, receipt: GoodsReceipt, purchase: Row) -> Talk[list[Any]]:
    fields = ["sequence", "product", "unit", "unit_price", "from_location", "to_location"]
    ordered = yield from session.rows("purchase.line", [["purchase", "=", purchase["id"]]], fields)
    by_number = {row["sequence"]: row for row in ordered}
    pending = yield from _pending(session, purchase["id"])
    taken: list[Any] = []
    made: list[dict[str, Any]] = []
    for part in _parts(receipt.lines):
        line = by_number.get(part.line)
        if line is None:
            raise refused(f"order {receipt.order} has no line {part.line} in Tryton")
        counted = yield from _counted(session, part, line)
        waiting = pending.pop(f"purchase.line,{line['id']}", None)
        if waiting is None:
            made.append({**counted, **_move(purchase, line)})
        else:
            taken += [["add", [waiting]], ["write", [waiting], counted]]
    return [*taken, ["create", made]] if made else taken


def _pending(session: Session, purchase: int) -> Talk[dict[str, int]]:
    """The move that waits for goods of each order line."""
    domain = [["origin.purchase", "=", purchase, "purchase.line"], ["state", "=", "draft"], ["shipment", "=", None]]
    rows = yield from session.rows("stock.move", domain, ["origin"])
    return {row["origin"]: row["id"] for row in rows}


def _counted(session: Session, part: _Part, line: Row) -> Talk[dict[str, Any]]:
    counted: dict[str, Any] = {
        "quantity": measure(part.quantity),
        "unit": (yield from unit(session, part.unit)),
    }
    if part.lot:
        counted["lot"] = yield from _lot(session, part.lot, line["product"])
    return counted


def _lot(session: Session, number: str, product_id: int) -> Talk[int]:
    rows = yield from session.rows("stock.lot", [["number", "=", number], ["product", "=", product_id]], ["id"])
    if rows:
        return int(rows[0]["id"])
    return (yield from session.create("stock.lot", {"number": number, "product": product_id}))


def _move(purchase: Row, line: Row) -> Mapping[str, Any]:
    return {
        "origin": f"purchase.line,{line['id']}",
        "product": line["product"],
        "from_location": line["from_location"],
        "to_location": line["to_location"],
        "company": purchase["company"],
        "currency": purchase["currency"],
        "unit_price": line["unit_price"],
    }


# -- reversals


def _bring_return(session: Session, receipt: GoodsReceipt, row: Row | None) -> Talk[Outcome]:
    """Goods received by mistake go back: a return of exactly the moves of the receipt, forced if the stock is gone."""
    id = row["id"] if row else (yield from _create_return(session, receipt))
    row = yield from session.advance(RETURN, id, {"draft": "wait"}, ["number"])
    if row["state"] == "waiting":
        yield from session.call(f"model.{RETURN}.assign_try", [id])
    row = yield from session.advance(RETURN, id, {"waiting": "assign_force", "assigned": "do"}, ["number"])
    return Done(reference=number_of(row))


def _create_return(session: Session, receipt: GoodsReceipt) -> Talk[int]:
    fields = ["state", "company", "supplier", "incoming_moves", "warehouse_storage"]
    rows = yield from session.rows(SHIPMENT, [["reference", "=", receipt.reverses]], fields)
    if not rows or rows[0]["state"] != "done":
        raise Ended(Again(reason=f"Tryton has not booked receipt {receipt.reverses} yet", after_s=LATER_S))
    shipment = rows[0]
    session = session.within(shipment["company"])
    fields = ["product", "unit", "quantity", "lot", "from_location", "currency", "unit_price"]
    came = yield from session.rows("stock.move", [["id", "in", shipment["incoming_moves"]]], fields)
    values = {
        "company": shipment["company"],
        "reference": receipt.id,
        "supplier": shipment["supplier"],
        "from_location": shipment["warehouse_storage"],
        "to_location": came[0]["from_location"],
        "moves": [["create", [_back(move, shipment) for move in came]]],
    }
    return (yield from session.create(RETURN, values))


def _back(move: Row, shipment: Row) -> dict[str, Any]:
    kept = {name: move[name] for name in ("product", "unit", "quantity", "lot", "currency", "unit_price")}
    way = {"from_location": shipment["warehouse_storage"], "to_location": move["from_location"]}
    return {**kept, **way, "company": shipment["company"], "origin": f"stock.move,{move['id']}"}
