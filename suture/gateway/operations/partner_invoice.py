"""One of a supplier's own invoices: where it stands, and whether the money is on its way."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import PartnerInvoice
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


class Asked(Struct, frozen=True):
    """Which invoice: SUPPLIER:NUMBER."""

    invoice: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The claim's state without the house's own reasons, the bank's word, and the remittance."""
    found = await standing.bill(given.asked.invoice, inside)
    if found is None:
        return None
    payments = found.state.payments
    paid = await standing.payment(payments[-1].id, inside) if payments else None
    value = PartnerInvoice(
        invoice=found.bill.id,
        number=found.bill.number,
        total=found.bill.total,
        state=found.state.phase,
        version=found.version,
        orders=found.bill.orders(),
        bank=await standing.bank(paid, inside, given.now),
        remittance=await standing.remittance(paid, inside, given.now),
    )
    return standing.versioned(value, found.about, found.version, str(paid.version if paid else 0))


OPERATION = Operation(
    name="partner_invoice",
    title="One of your invoices",
    text="Where it stands, whether the bank has the payment, and whether its remittance was sent.",
    layer="partner",
    method="GET",
    path="/invoices/{invoice}",
    asks=Asked,
    gives=PartnerInvoice,
    answer=answer,
    permission="invoices.read",
    owner="ap",
    data_class="financial",
    latency_ms=300,
    criticality=Criticality(tolerance_s=300, volume_per_day=10_000, recovery="retry"),
    rests_on=("invoice_to_payment", "payment"),
    examples=(
        Example(
            given={"invoice": "ALDER:71"},
            answer=PartnerInvoice(
                invoice="ALDER:71",
                number="71",
                total=samples.FORTY,
                state="paid",
                version=7,
                orders=("PO-R-1",),
                bank=samples.SETTLED,
                remittance=samples.SENT,
            ),
        ),
    ),
)
