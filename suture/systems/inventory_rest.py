"""An inventory system: it is told what to expect and what moved, and tells what its docks received."""

from __future__ import annotations

from typing import Any

from suture.model import ExpectedReceipt, GoodsReceipt, StockMovement
from suture.systems.rest import keyed, quantity
from suture.systems.system import Call, Channel, System


def expected(document: ExpectedReceipt, call: Call) -> dict[str, Any]:
    """What a dock is to expect; a higher version replaces a lower one."""
    return {
        "poNumber": document.order,
        "version": document.version,
        "dock": document.place,
        "supplier": document.supplier,
        "due": document.expected_on.isoformat() if document.expected_on else None,
        "lines": [
            {"line": line.line, "sku": line.item, "quantity": quantity(line.quantity), "lots": list(line.lots)}
            for line in document.lines
        ],
    }


def movement(document: StockMovement, call: Call) -> dict[str, Any]:
    """A signed change of stock."""
    return {
        "movementId": document.id,
        "sku": document.item,
        "location": document.place,
        "quantity": quantity(document.quantity),
        "reason": document.reason,
        "lot": document.lot,
        "serial": document.serial,
        "cause": document.cause,
    }


SYSTEM = System(
    name="inventory_rest",
    title="Inventory system (REST and events)",
    role="inventory",
    accepts={
        ExpectedReceipt: keyed(lambda document: "/api/expected-receipts", expected),
        StockMovement: keyed(lambda document: "/api/stock-movements", movement),
    },
    channels=(Channel(name="events", transport="http", format="json"),),
    emits=(GoodsReceipt, StockMovement),
    codes=("item",),
    rate_per_s=400.0,
    concurrency=8,
)
