"""One payment to a supplier: how much, for what, and whether the bank has settled it."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import PartnerPayment
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


class Asked(Struct, frozen=True):
    """Which payment: its end-to-end id, as the remittance names it."""

    payment: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The payment without any account."""
    found = await standing.payment(given.asked.payment, inside)
    if found is None:
        return None
    value = PartnerPayment(
        payment=found.instruction.id,
        amount=found.instruction.amount,
        execute_on=found.instruction.execute_on,
        invoices=found.instruction.invoices,
        state=found.state.phase,
        version=found.version,
        bank=await standing.bank(found, inside, given.now),
        remittance=await standing.remittance(found, inside, given.now),
    )
    return standing.versioned(value, found.about, found.version)


OPERATION = Operation(
    name="partner_payment",
    title="One payment to you",
    text="How much, for which invoices, and whether the bank has settled it.",
    layer="partner",
    method="GET",
    path="/payments/{payment}",
    asks=Asked,
    gives=PartnerPayment,
    answer=answer,
    permission="payments.read",
    owner="treasury",
    data_class="financial",
    latency_ms=300,
    criticality=Criticality(tolerance_s=300, volume_per_day=5_000, recovery="retry"),
    rests_on=("payment",),
    examples=(
        Example(
            given={"payment": "PAY-ALDER:71-1"},
            answer=PartnerPayment(
                payment="PAY-ALDER:71-1",
                amount=samples.FORTY,
                execute_on=samples.AT.date(),
                invoices=("ALDER:71",),
                state="settled",
                version=3,
                bank=samples.SETTLED,
                remittance=samples.SENT,
            ),
        ),
    ),
)
