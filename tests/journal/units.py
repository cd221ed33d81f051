"""Invented events, deliveries and units for the journal's tests: small, and valid where a test does not say otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from suture.journal import Delivery, Event, Route, Settlement, Unit
from suture.model import Document, OrderLine, OrderStatus, Price, PurchaseOrder, Quantity

KEY = bytes(range(32))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def order(id: str) -> PurchaseOrder:
    """An order of three lines."""
    each = Quantity(Decimal(1), "EA")
    return PurchaseOrder(
        id=id,
        requisition=f"R-{id}",
        entity="north",
        facility="north-1",
        ship_to="dock-1",
        supplier="S-100",
        currency="USD",
        ordered_at=NOON,
        lines=tuple(
            OrderLine(
                number=number,
                item=f"I-{number}",
                quantity=Quantity(Decimal(number), "EA"),
                price=Price(Decimal("12.50"), "USD", each),
                cost_center="CC-1",
            )
            for number in (1, 2, 3)
        ),
    )


def event(once: str, document: Document | None = None, **fields: Any) -> Event:
    """An event about an order, unless another document is given."""
    given = {"kind": "accepted", "source": "erp", "at": NOON, "root": once, **fields}
    return Event(once=once, data=document or OrderStatus(order=f"PO-{once}", state="confirmed", at=NOON), **given)


def said(once: str, *keys: str, process: str = "matching") -> Unit:
    """A unit with one event, to be decided under these keys."""
    return Unit(events=[event(once)], routes=[Route(0, process, key) for key in keys])


def delivery(id: str, **fields: Any) -> Delivery:
    """A delivery that is due at noon, in a lane of its own unless a key is given."""
    given = {"instance": "erp", "role": "erp", "key": id, "document": OrderStatus(order=id, state="confirmed", at=NOON)}
    rest = {"due": NOON, "process": "matching", "process_key": id, "cause": "c", "root": "r", "created": NOON}
    return Delivery(**{"id": id, **given, **rest, **fields})


def settled(id: str, status: Any, was: Any = "queued", attempts: int = 0, **fields: Any) -> Settlement:
    """A settlement of a delivery that was tried ``attempts`` times before; a step into ``sending`` is a try."""
    after = attempts + (status == "sending")
    return Settlement(
        **{"id": id, "was": was, "status": status, "attempts_was": attempts, "attempts": after, "due": NOON, **fields}
    )
