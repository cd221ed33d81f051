"""What a finished run has come to: everything that the twins hold, and a hash over that and every event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from suture.journal import Journal
from suture.sandbox.stage import Stage


def state_hash(journal: Journal, stage: Stage) -> str:
    """A hash over every event and over all that the twins hold."""
    digest = hashlib.sha256()
    for position, body in pages(journal):
        digest.update(position.to_bytes(8, "big") + body)
    digest.update(msgspec.json.encode(holdings(stage)))
    return digest.hexdigest()


def pages(journal: Journal) -> Iterator[tuple[int, bytes]]:
    """Every stored event's position and bytes."""
    after = 0
    while page := journal.bodies(after, 2000):
        yield from page
        after = page[-1][0]


def holdings(stage: Stage) -> Mapping[str, object]:
    """All that the twins hold."""
    held: dict[str, object] = {}
    for name, erp in stage.erps.items():
        held[name] = [erp.orders, erp.changes, erp.receipts, erp.invoices, erp.entries, erp.payments, erp.failed_payments]
    for name, inventory in stage.inventories.items():
        held[name] = [inventory.expected, inventory.movements, inventory.receipts]
    for name, supplier in stage.suppliers.items():
        held[name] = [supplier.orders, supplier.changes, supplier.invoices, supplier.remittances, supplier.repeats]
    held["bank"] = [stage.bank.payments, stage.bank.settled, stage.bank.duplicates]
    held["ap"] = [stage.ap.orders, stage.ap.receipts, stage.ap.statuses, stage.ap.remittances]
    suite = stage.procurement
    held["procurement"] = [suite.statuses, suite.orders, suite.invoices, suite.remittances]
    held["ehr"] = [[ehr.usages for ehr in stage.ehrs.values()], dict(stage.bank.sent)]
    return held
