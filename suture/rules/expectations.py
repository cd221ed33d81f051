"""What must follow what, and within which time: one place for every wait of the processes for a partner's word.

A process waits with a durable timer and raises the exception when it fires; what was awaited ends timer and exception. The policy
``waits`` overrules the hours by name. What nobody can expect, because nothing comes before it, is found by its running number or
by its feed's silence: see ``rules.feeds``.
"""

from __future__ import annotations

from msgspec import Struct


class Expectation(Struct, frozen=True, kw_only=True):
    """One wait: ``after`` something, somebody ``expects`` something within ``hours``, or ``reason`` is raised to ``owner``.

    ``name`` is its name in the policy ``waits``, ``timer`` that of the timer in ``process``; ``impact`` says what is at stake.
    """

    name: str
    after: str
    expects: str
    hours: int
    process: str
    timer: str
    reason: str
    owner: str
    impact: str


EXPECTATIONS = (
    Expectation(
        name="approval_hours",
        after="a requisition above the limit is asked about",
        expects="the approver's answer",
        hours=48,
        process="requisition_to_order",
        timer="approval",
        reason="approval_overdue",
        owner="buyer",
        impact="what was requested; procedure for an emergency",
    ),
    Expectation(
        name="acknowledgement_hours",
        after="an order is committed",
        expects="the supplier's acknowledgement, or the goods",
        hours=48,
        process="order_to_receipt",
        timer="acknowledgement",
        reason="acknowledgement_overdue",
        owner="buyer",
        impact="what is still to come of the order; procedure for implants and emergencies",
    ),
    Expectation(
        name="shipment_hours",
        after="an order is committed, answered, shipped or received in part, from the end of the promised day",
        expects="a ship notice or a receipt, until all has come",
        hours=120,
        process="order_to_receipt",
        timer="shipment",
        reason="shipment_overdue",
        owner="buyer",
        impact="what is still to come of the order; procedure for implants and emergencies",
    ),
    Expectation(
        name="unknown_order_hours",
        after="an acknowledgement, ship notice, receipt or change for an order that nobody knows",
        expects="the order",
        hours=24,
        process="order_to_receipt",
        timer="order",
        reason="unknown_order",
        owner="supply_chain",
        impact="goods that nobody ordered; unknown in money",
    ),
    Expectation(
        name="unknown_usage_hours",
        after="a cancellation or correction of a usage that never came",
        expects="the usage",
        hours=24,
        process="usage_to_replenishment",
        timer="usage",
        reason="unknown_usage",
        owner="supply_chain",
        impact="stock and charge of a procedure",
    ),
    Expectation(
        name="invoice_hours",
        after="goods are received and not billed",
        expects="the supplier's invoice",
        hours=240,
        process="invoice_match",
        timer="invoice",
        reason="invoice_overdue",
        owner="ap",
        impact="the goods at the order's prices: owed, and not yet in the ledger",
    ),
    Expectation(
        name="receipt_hours",
        after="goods are billed and not received",
        expects="the receipt",
        hours=240,
        process="invoice_to_payment",
        timer="receipt_overdue",
        reason="receipt_overdue",
        owner="supply_chain",
        impact="what is billed beyond what was received",
    ),
    Expectation(
        name="release_hours",
        after="a payment waits for its release",
        expects="the answer of whoever may release it",
        hours=48,
        process="invoice_to_payment",
        timer="release_overdue",
        reason="release_overdue",
        owner="treasury",
        impact="the payment, and its discount or its due day",
    ),
    Expectation(
        name="payment_status_hours",
        after="a payment is sent, and again after each word of the bank that is not the last",
        expects="the bank's status or booking",
        hours=72,
        process="payment",
        timer="status_overdue",
        reason="payment_unknown",
        owner="treasury",
        impact="the payment",
    ),
)
HOURS = {expectation.name: expectation.hours for expectation in EXPECTATIONS}
