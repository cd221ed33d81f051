"""Where an invoice and its payment stand: match, ERP, bank and remittance in one answer, each with source and age."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import InvoiceStanding
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Part, Said


class Asked(Struct, frozen=True):
    """Which invoice: SUPPLIER:NUMBER."""

    invoice: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The claim's own state, and what ERP, bank and payee have been told or say."""
    found = await standing.bill(given.asked.invoice, inside)
    if found is None:
        return None
    payments = tuple(paying.id for paying in found.state.payments)
    paid = await standing.payment(payments[-1], inside) if payments else None
    told = found.state.told
    value = InvoiceStanding(
        invoice=found.bill.id,
        supplier=found.bill.supplier,
        number=found.bill.number,
        total=found.bill.total,
        state=found.state.phase,
        version=found.version,
        reasons=told.reasons if told else (),
        match=tuple(
            Part(source=result.order, state=result.outcome, at=result.at, age_s=(given.now - result.at).total_seconds())
            for result in found.state.results
        ),
        erp=await inside.holds("erp", found.bill, found.about),
        payments=payments,
        bank=await standing.bank(paid, inside, given.now),
        remittance=await standing.remittance(paid, inside, given.now),
    )
    return standing.versioned(value, found.about, found.version, str(paid.version if paid else 0))


OPERATION = Operation(
    name="invoice_status",
    title="Where an invoice and its payment stand",
    text=(
        "ERP settlement, bank acknowledgement and remittance in one answer. Each part names its source and age; a source that "
        'does not answer in time is "unknown", with what it said last.'
    ),
    layer="process",
    method="GET",
    path="/invoices/{invoice}",
    asks=Asked,
    gives=InvoiceStanding,
    answer=answer,
    permission="invoices.read",
    owner="ap",
    data_class="financial",
    latency_ms=500,
    criticality=Criticality(tolerance_s=60, volume_per_day=10_000, recovery="retry"),
    rests_on=("invoice_to_payment", "payment", "erp"),
    examples=(Example(given={"invoice": "ALDER:71"}, answer=samples.INVOICE_STANDING),),
)
