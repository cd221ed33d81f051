"""Where a payment stands: settlement in the ERP, the bank's acknowledgement, and the remittance."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import PaymentStanding
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


class Asked(Struct, frozen=True):
    """Which payment: its end-to-end id."""

    payment: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The payment's own state, and what ERP, bank and payee have been told or say; never an account."""
    found = await standing.payment(given.asked.payment, inside)
    if found is None:
        return None
    value = PaymentStanding(
        payment=found.instruction.id,
        supplier=found.instruction.supplier,
        amount=found.instruction.amount,
        execute_on=found.instruction.execute_on,
        invoices=found.instruction.invoices,
        state=found.state.phase,
        version=found.version,
        erp=await standing.settlement(found, inside),
        bank=await standing.bank(found, inside, given.now),
        remittance=await standing.remittance(found, inside, given.now),
    )
    return standing.versioned(value, found.about, found.version)


OPERATION = Operation(
    name="payment_status",
    title="Where a payment stands",
    text="Each part names its source and its age; bank accounts are never told.",
    layer="process",
    method="GET",
    path="/payments/{payment}",
    asks=Asked,
    gives=PaymentStanding,
    answer=answer,
    permission="payments.read",
    owner="treasury",
    data_class="financial",
    latency_ms=500,
    criticality=Criticality(tolerance_s=60, volume_per_day=5_000, recovery="retry"),
    rests_on=("payment", "erp", "bank"),
    examples=(
        Example(
            given={"payment": "PAY-ALDER:71-1"},
            answer=PaymentStanding(
                payment="PAY-ALDER:71-1",
                supplier="ALDER",
                amount=samples.FORTY,
                execute_on=samples.AT.date(),
                invoices=("ALDER:71",),
                state="settled",
                version=3,
                erp=samples.UNKNOWN,
                bank=samples.SETTLED,
                remittance=samples.SENT,
            ),
        ),
    ),
)
