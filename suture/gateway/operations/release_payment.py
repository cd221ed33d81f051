"""Release the payment of an invoice, or refuse to: one person, in its own name, within its limit."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from suture.gateway import samples, standing
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Approval, Ref


async def about(document: Approval, inside: Inside) -> Sequence[About]:
    """Whose the invoice is, and how much it is over."""
    found = await standing.bill(document.subject.id, inside)
    if found is None:
        return (ANYTHING,)
    return (About(entity=found.about.entity, facility=found.about.facility, amount=found.bill.total),)


async def fits(given: Given, document: Approval, inside: Inside) -> str:
    """Nobody answers for another, and only payments are released here."""
    if document.subject.type != "Invoice":
        return "this releases payments of invoices; a requisition is approved by approve"
    return standing.in_own_name(given, document)


OPERATION = Operation(
    name="release_payment",
    title="Release a payment",
    text=(
        "The answer of one person to one release request. Whether it counts is for the process to say: who made the supplier, "
        "requested the goods or released it before may not, and the limit of the person's authority holds."
    ),
    layer="process",
    method="POST",
    path="/releases",
    takes=(Approval,),
    permission="payments.release",
    owner="treasury",
    data_class="financial",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=500, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("invoice_to_payment",),
    examples=(
        Example(
            document=structs.replace(
                samples.APPROVAL, request="ALDER:71/release/1", subject=Ref("Invoice", "ALDER:71"), approver="treasurer-1"
            ),
            answer=samples.accepted("Approval:AP-1"),
        ),
    ),
)
