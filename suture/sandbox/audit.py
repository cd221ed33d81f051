"""The count in the twins: what each counterpart really holds, compared with what the others say it should hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct, field

from suture.sandbox.stage import Stage


class Count(Struct):
    """One comparison: how many documents were due somewhere, how many are there, which are missing or there twice."""

    what: str
    due: int = 0
    held: int = 0
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


class Audit(Struct, frozen=True):
    """All comparisons of one run. ``lost`` is missing with no open exception that explains it."""

    counts: tuple[Count, ...]
    lost: tuple[str, ...]
    doubled: tuple[str, ...]


def audit(stage: Stage, explained: set[str]) -> Audit:
    """Count in the twins alone. ``explained`` are the business numbers that an open exception or refusal names."""
    counts = (
        _orders_in_erp(stage),
        _orders_at_suppliers(stage),
        _receipts(stage),
        _invoices(stage),
        _payments(stage),
        _usages(stage),
        _remittances(stage),
    )
    lost = tuple(f"{count.what}: {id}" for count in counts for id in count.missing if id.split()[0] not in explained)
    doubled = tuple(f"{count.what}: {id}" for count in counts for id in count.doubled)
    return Audit(counts, lost, doubled)


def _compare(what: str, due: Iterable[str], held: Iterable[str]) -> Count:
    wanted, there = set(due), Counter(held)
    return Count(
        what=what,
        due=len(wanted),
        held=sum(there.values()),
        missing=sorted(wanted - there.keys()),
        doubled=sorted(id for id, times in there.items() if times > 1),
    )


def _orders_in_erp(stage: Stage) -> Count:
    """Whatever the procurement suite was told has become an order stands in an ERP, once."""
    held = [booked.reference for erp in stage.erps.values() for booked in erp.orders]
    return _compare("orders in the ERPs", _told(stage), held)


def _told(stage: Stage) -> set[str]:
    """The orders of which the procurement suite was told."""
    return {
        order
        for statuses in stage.procurement.statuses.values()
        for status in statuses
        if status["state"] == "ordered"
        for order in status["orders"]
    }


def _orders_at_suppliers(stage: Stage) -> Count:
    """Whatever stands in an ERP has reached its supplier, once; not what was taken back before anybody was told of it."""
    cancelled = {
        change.body["order"] for erp in stage.erps.values() for change in erp.changes if change.body.get("kind") == "cancel"
    }
    standing = {booked.reference for erp in stage.erps.values() for booked in erp.orders} - (cancelled - _told(stage))
    held = [order.id for supplier in stage.suppliers.values() for order in supplier.orders]
    return _compare("orders at the suppliers", standing, held)


def _receipts(stage: Stage) -> Count:
    """Whatever a dock has counted stands in an ERP, once; a count that was taken back before it was posted is not due."""
    held = [booked.reference for erp in stage.erps.values() for booked in erp.receipts]
    counted = [receipt for inventory in stage.inventories.values() for receipt in inventory.receipts]
    undone = {receipt.reverses: receipt.id for receipt in counted if receipt.reverses}
    never = {id for pair in undone.items() if not set(pair) & set(held) for id in pair}
    return _compare("receipts in the ERPs", {receipt.id for receipt in counted} - never, held)


def _invoices(stage: Stage) -> Count:
    """Whatever a supplier has billed stands in an ERP as one payable."""
    billed = {f"{invoice.supplier}:{invoice.number}" for supplier in stage.suppliers.values() for invoice in supplier.invoices}
    return _compare("payables in the ERPs", billed, [booked.reference for erp in stage.erps.values() for booked in erp.invoices])


def _payments(stage: Stage) -> Count:
    """Whatever is posted as payable and due has been paid, once."""
    posted = {booked.reference for erp in stage.erps.values() for booked in erp.invoices if booked.body["kind"] == "invoice"}
    paid = [invoice for payment in stage.bank.payments for invoice in payment.invoices]
    return _compare("invoices paid by the bank", posted, paid)


def _usages(stage: Stage) -> Count:
    """Whatever theatre has documented has moved stock, once; what it took back has moved back, once."""
    due, used = set(), [usage for ehr in stage.ehrs.values() for usage in ehr.usages]
    for usage in used:
        if usage.kind != "cancelled":
            due.add(f"{usage.id} out")
        if usage.reverses:
            due.add(f"{usage.reverses} back")
    moves = [move for inventory in stage.inventories.values() for move in inventory.movements]
    held = [f"{move['cause']} {'back' if move['reason'] == 'reversal' else 'out'}" for move in moves]
    return _compare("stock movements for usage", due, held)


def _remittances(stage: Stage) -> Count:
    """Whatever the bank has settled has been told to its supplier, once."""
    told = [remittance.payment for supplier in stage.suppliers.values() for remittance in supplier.remittances]
    return _compare("remittances at the suppliers", set(stage.bank.settled), told)


def commitments(stage: Stage) -> dict[str, Decimal]:
    """What each ERP still has committed per order."""
    return {booked.reference: erp.commitment(booked.reference) for erp in stage.erps.values() for booked in erp.orders}
