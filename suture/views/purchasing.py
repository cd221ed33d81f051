"""Purchasing at a glance: orders and matches by state, and money committed, received, invoiced and paid per entity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from suture.journal import Recorded
from suture.model import (
    Invoice,
    InvoiceStatus,
    MatchResult,
    OrderStatus,
    PurchaseOrder,
    ReceiptPosted,
    Remittance,
)

STAGES = ("committed", "received", "invoiced", "paid")


class Purchasing(Struct, frozen=True):
    """Counts by state, and amounts per legal entity and stage in the group's currency."""

    orders: dict[str, int]
    matches: dict[str, int]
    money: dict[str, dict[str, Decimal]]


def purchasing(history: Iterable[Recorded]) -> Purchasing:
    """Fold the journal; the last word about an order or a match counts."""
    fold = _Fold()
    for row in history:
        fold.enter(row)
    return Purchasing(
        orders=dict(sorted(Counter(fold.states.values()).items())),
        matches=dict(sorted(Counter(fold.matches.values()).items())),
        money={
            entity: {stage: amounts.get(stage, Decimal(0)) for stage in STAGES} for entity, amounts in sorted(fold.money.items())
        },
    )


class _Fold:
    def __init__(self) -> None:
        self.orders: dict[str, PurchaseOrder] = {}
        self.states: dict[str, str] = {}
        self.matches: dict[tuple[str, str], str] = {}
        self.invoices: dict[str, Invoice] = {}
        self.posted: set[str] = set()
        self.money: dict[str, dict[str, Decimal]] = {}

    def enter(self, row: Recorded) -> None:
        data = row.event.data
        match data:
            case PurchaseOrder():
                self.orders[data.id] = data
                self._add(data.entity, "committed", data.total().amount)
            case OrderStatus():
                self.states[data.order] = data.state
            case ReceiptPosted():
                self._received(data)
            case Invoice():
                self.invoices.setdefault(data.id, data)
            case InvoiceStatus(state="posted"):
                self._posted(data.invoice)
            case MatchResult():
                self.matches[data.invoice, data.order] = data.outcome
            case Remittance():
                for line in data.lines:
                    self._add(self._entity_of(line.invoice), "paid", line.paid.amount)

    def _received(self, posted: ReceiptPosted) -> None:
        order = self.orders.get(posted.receipt.order)
        if order is None:
            return
        sign = -1 if posted.receipt.reverses else 1
        lines = {line.number: line for line in order.lines}
        for received in posted.receipt.lines:
            line = lines.get(received.line)
            if line is not None and received.quantity.unit == line.quantity.unit:
                self._add(order.entity, "received", sign * line.price.of(received.quantity).rounded().amount)

    def _posted(self, invoice: str) -> None:
        document = self.invoices.get(invoice)
        if document is not None and invoice not in self.posted:
            self.posted.add(invoice)
            self._add(self._entity_of(invoice), "invoiced", document.total.amount)

    def _entity_of(self, invoice: str) -> str:
        document = self.invoices.get(invoice)
        orders = [self.orders[order] for order in document.orders() if order in self.orders] if document else []
        return orders[0].entity if orders else "?"

    def _add(self, entity: str, stage: str, amount: Decimal) -> None:
        stages = self.money.setdefault(entity, {})
        stages[stage] = stages.get(stage, Decimal(0)) + amount
