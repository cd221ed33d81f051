"""Answer an approval request: one person, in its own name, within its limit."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples, standing
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Approval, PurchaseOrder
from suture.processes.buying import Buying


async def about(document: Approval, inside: Inside) -> Sequence[About]:
    """Whose orders are decided on, and how much each is over."""
    state, _ = await inside.state("requisition_to_order", document.subject.id)
    orders: Sequence[PurchaseOrder] = state.orders if isinstance(state, Buying) else ()
    return [About(entity=order.entity, facility=order.facility, amount=order.total()) for order in orders] or (ANYTHING,)


async def fits(given: Given, document: Approval, inside: Inside) -> str:
    """Nobody answers for another, and money is released by another operation, which others may call."""
    if document.subject.type != "Requisition":
        return "this approves requisitions; a payment is released by release_payment"
    return standing.in_own_name(given, document)


OPERATION = Operation(
    name="approve",
    title="Approve or reject a requisition",
    text=(
        "The answer of one person to one approval request. Whether it counts is for the process to say: who requested may not "
        "approve, and the limit of the person's authority holds."
    ),
    layer="process",
    method="POST",
    path="/approvals",
    takes=(Approval,),
    permission="approvals.decide",
    owner="supply_chain",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=2_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("requisition_to_order",),
    examples=(Example(document=samples.APPROVAL, answer=samples.accepted("Approval:AP-1")),),
)
