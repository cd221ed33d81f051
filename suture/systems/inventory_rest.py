"""An inventory system: it is told what to expect and what moved, and tells what its docks received."""

from __future__ import annotations

from typing import Any

from suture.model import ExpectedReceipt, GoodsReceipt, Held, StockCount, StockMovement
from suture.systems.listed import Body, listed, moment, quantities
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


def counted(document: GoodsReceipt, call: Call) -> dict[str, Any]:
    """A receipt as the dock lists it."""
    return {
        "id": document.id,
        "poNumber": document.order,
        "reverses": document.reverses,
        "lines": [{"line": line.line, "sku": line.item, "quantity": quantity(line.quantity)} for line in document.lines],
    }


def _held_expectation(said: Body) -> Held:
    lines = quantities(said["lines"], "line", "sku")
    return Held(reference=str(said["poNumber"]), lines=lines, state=f"version {said['version']}")


def _held_movement(said: Body) -> Held:
    return Held(reference=str(said["movementId"]), lines=quantities([said], "sku", "location"), state=str(said["reason"]))


def _held_receipt(said: Body) -> Held:
    state = "reversal" if said["reverses"] else "receipt"
    return Held(reference=str(said["id"]), lines=quantities(said["lines"], "line", "sku"), state=state, at=moment(said.get("at")))


LISTS = (
    listed(
        "expected receipts",
        "/api/expected-receipts",
        {ExpectedReceipt: expected},
        _held_expectation,
        reference=lambda document: str(document.order),
        stands=lambda bodies: max(bodies, key=lambda body: int(body["version"])),
    ),
    listed("movements", "/api/stock-movements", {StockMovement: movement}, _held_movement),
    listed("receipts", "/api/receipts", {GoodsReceipt: counted}, _held_receipt),
)

SYSTEM = System(
    name="inventory_rest",
    title="Inventory system (REST and events)",
    role="inventory",
    accepts={
        ExpectedReceipt: keyed(lambda document: "/api/expected-receipts", expected),
        StockMovement: keyed(lambda document: "/api/stock-movements", movement),
    },
    channels=(Channel(name="events", transport="http", format="json"),),
    lists=LISTS,
    emits=(GoodsReceipt, StockMovement, StockCount),
    codes=("item",),
    rate_per_s=400.0,
    concurrency=8,
)
