"""Tryton 8.2 as ERP over JSON-RPC: every document is looked for before it is made, and finished from wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suture.model import CreditNote, Document, GoodsReceipt, Invoice, OrderChange, Posting, PurchaseOrder, Remittance
from suture.systems.system import Again, Call, Done, Operation, Outcome, Platform, Steps, System
from suture.systems.tryton_books import (
    bring_bill,
    bring_payment,
    bring_posting,
    find_bill,
    find_payment,
    find_posting,
)
from suture.systems.tryton_goods import (
    bring_change,
    bring_order,
    bring_receipt,
    find_change,
    find_order,
    find_receipt,
    number_of,
)
from suture.systems.tryton_rpc import Row, Session, Talk, converse

Find = Callable[[Session, Any], Talk[Row | None]]
Bring = Callable[[Session, Any, Row | None], Talk[Outcome]]


def _looked_up(find: Find, bring: Bring, *settled: str) -> Operation:
    """Look under our key first, always: Tryton has no idempotency and files a second copy without a word.

    The probe answers Done only for a record in one of the ``settled`` states; otherwise ``send`` follows, which looks
    again and does what is left to do.
    """

    def send(document: Document, call: Call) -> Steps:
        def work(session: Session) -> Talk[Outcome]:
            return (yield from bring(session, document, (yield from find(session, document))))

        return converse(call, work)

    def probe(document: Document, call: Call) -> Steps:
        def work(session: Session) -> Talk[Outcome]:
            row = yield from find(session, document)
            if row is not None and row["state"] in settled:
                return Done(reference=number_of(row))
            return Again(reason="Tryton does not have it, or not finished")

        return converse(call, work)

    return Operation(send=send, outcome="lookup", probe=probe)


SYSTEM = System(
    name="tryton",
    title="Tryton 8.2 (JSON-RPC)",
    role="erp",
    accepts={
        PurchaseOrder: _looked_up(find_order, bring_order, "processing", "done"),
        OrderChange: _looked_up(find_change, bring_change, "cancelled"),
        GoodsReceipt: _looked_up(find_receipt, bring_receipt, "done"),
        Invoice: _looked_up(find_bill, bring_bill, "posted", "paid"),
        CreditNote: _looked_up(find_bill, bring_bill, "posted", "paid"),
        Posting: _looked_up(find_posting, bring_posting, "posted"),
        # A posted payment may still have bills to reconcile, so that sending, not looking, tells that it is finished.
        Remittance: _looked_up(find_payment, bring_payment),
    },
    codes=("item", "supplier"),
    evidence=("real",),
    rate_per_s=10.0,
    concurrency=2,
    timeout_s=20.0,
    platform=Platform(months=(5, 10), source="discuss.tryton.org: release process"),
    notes=(
        "The instance names its password. Options: database, user; unit.CODE (Tryton's symbol for a UN/ECE unit), "
        "warehouse.PLACE or warehouse, company.ENTITY, bank_account, expense_account, charge_account, discount_account (codes "
        "of accounts), journal, cash_journal (codes of journals). Items are known by product code, suppliers by party code. A "
        "bill entered by hand "
        "under the same supplier and number is refused for a person to decide; so is every warning: none is ever skipped. The "
        "user needs the groups Purchase, Stock, Stock Force Assignment, Stock Cancellation and Accounting. A confirmed order "
        "can be cancelled (what has not come is no longer expected) but not changed."
    ),
)
