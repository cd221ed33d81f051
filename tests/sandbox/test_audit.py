"""The count in the twins finds what is lost and what is there twice, on stages made by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from suture.model import BankAccount, Invoice, Money, PaymentInstruction, Remittance
from suture.sandbox.audit import audit
from suture.sandbox.group import invent
from suture.sandbox.stage import Stage
from suture.sandbox.twins.erp import Booked
from tests.sandbox.test_twins import ORDER, receipt, usage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FIVE = Money(Decimal(5), "USD")
INVOICE = Invoice(number="I-1", supplier="ALDER", issued_on=NOW.date(), currency="USD", lines=(), total=FIVE)
PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="NORTH",
    supplier="ALDER",
    creditor=BankAccount("Alder", "DE89370400440532013000"),
    amount=FIVE,
    execute_on=date(2026, 3, 4),
    invoices=("ALDER:I-1",),
)
REMITTANCE = Remittance(payment="PAY-1", supplier="ALDER", amount=FIVE, paid_on=date(2026, 3, 4), lines=())


def booked(reference: str, **body: Any) -> Booked:
    return Booked(number="1", reference=reference, body=body)


def stage(**copies: int) -> Stage:
    """One order from requisition to payment and one usage; each is there once, or as often as asked."""

    def times(what: str) -> int:
        return copies.get(what, 1)

    made = Stage(invent(1), 1)
    supplier, erp = made.suppliers["ALDER"], made.erps["erp-north"]
    inventory = made.inventories["inventory-main"]
    made.procurement.statuses["REQ-1"] = [{"state": "ordered", "orders": ["PO-1"]}]
    erp.orders.extend([booked("PO-1")] * times("orders"))
    supplier.orders.extend([ORDER] * times("at_supplier"))
    inventory.receipts.append(receipt("GR-1", 1))
    erp.receipts.extend([booked("GR-1", order="PO-1", lines=[])] * times("receipts"))
    supplier.invoices.append(INVOICE)
    erp.invoices.extend([booked("ALDER:I-1", kind="invoice")] * times("payables"))
    made.bank.payments.extend([PAYMENT] * times("payments"))
    made.bank.settled.append("PAY-1")
    supplier.remittances.extend([REMITTANCE] * times("remittances"))
    made.ehrs["ehr-main"].usages.append(usage(1, "MRN0000001"))
    inventory.movements.extend([{"movementId": "MV-1", "cause": "USE-1", "reason": "usage"}] * times("moves"))
    return made


def test_a_stage_where_everything_is_everywhere_once_is_whole() -> None:
    said = audit(stage(), set())
    assert (said.lost, said.doubled) == ((), ())
    assert all((count.due, count.held) == (1, 1) for count in said.counts)


@pytest.mark.parametrize(("told", "lost"), [(False, ()), (True, ("orders at the suppliers: PO-2",))])
def test_an_order_that_was_taken_back_before_anybody_was_told_of_it_is_not_missed(told: bool, lost: tuple[str, ...]) -> None:
    made = stage()
    erp = made.erps["erp-north"]
    erp.orders.append(booked("PO-2"))
    erp.changes.append(booked("PO-2/1", order="PO-2", kind="cancel", lines=[]))
    made.procurement.statuses["REQ-2"] = (
        [{"state": "ordered", "orders": ["PO-2"]}] if told else [{"state": "cancelled", "orders": []}]
    )
    assert audit(made, set()).lost == lost


LOST = {
    "orders": "orders in the ERPs: PO-1",
    "at_supplier": "orders at the suppliers: PO-1",
    "receipts": "receipts in the ERPs: GR-1",
    "payables": "payables in the ERPs: ALDER:I-1",
    "payments": "invoices paid by the bank: ALDER:I-1",
    "moves": "stock movements for usage: USE-1 out",
    "remittances": "remittances at the suppliers: PAY-1",
}


@pytest.mark.parametrize(("what", "told"), LOST.items())
def test_what_is_missing_is_found_unless_an_exception_names_it(what: str, told: str) -> None:
    assert told in audit(stage(**{what: 0}), set()).lost
    assert told not in audit(stage(**{what: 0}), {told.split(": ")[1].split()[0]}).lost


@pytest.mark.parametrize(("what", "told"), LOST.items())
def test_what_is_there_twice_is_found_and_nothing_explains_it(what: str, told: str) -> None:
    assert audit(stage(**{what: 2}), {told.split(": ", 1)[1]}).doubled == (told,)


def test_what_theatre_takes_back_has_to_move_back_once() -> None:
    made = stage()
    made.ehrs["ehr-main"].usages.append(structs.replace(usage(2, "MRN0000001"), kind="cancelled", reverses="USE-1"))
    assert audit(made, set()).lost == ("stock movements for usage: USE-1 back",)
    made.inventories["inventory-main"].movements += [{"movementId": "MV-1/back", "cause": "USE-1", "reason": "reversal"}]
    assert audit(made, set()).lost == ()


def test_a_count_taken_back_before_it_was_posted_is_not_due() -> None:
    made = stage()
    inventory = made.inventories["inventory-main"]
    inventory.receipts.append(receipt("GR-2", 1))
    inventory.receipts.append(structs.replace(receipt("GR-2-R", 1), reverses="GR-2"))
    assert audit(made, set()).lost == ()
    made.erps["erp-north"].receipts.append(booked("GR-2", order="PO-1", lines=[]))
    assert audit(made, set()).lost == ("receipts in the ERPs: GR-2-R",), "what was posted must be taken back"
