"""Answer an approval request: one person, in its own name, within its limit."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples, standing
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Approval, Money, PurchaseOrder
from suture.processes.buying import Buying


async def about(document: Approval, inside: Inside) -> Sequence[About]:
    """What is decided on, and how much it is over: an invoice's total, or each order of a requisition."""
    if document.subject.type == "Invoice":
        bill = await standing.bill(document.subject.id, inside)
        return (_with(bill.about, bill.bill.total),) if bill else (ANYTHING,)
    state, _ = await inside.state("requisition_to_order", document.subject.id)
    orders: Sequence[PurchaseOrder] = state.orders if isinstance(state, Buying) else ()
    return [About(entity=order.entity, facility=order.facility, amount=order.total()) for order in orders] or (ANYTHING,)


def _with(about: About, amount: Money) -> About:
    return About(entity=about.entity, facility=about.facility, amount=amount)


async def fits(given: Given, document: Approval, inside: Inside) -> str:
    """Nobody answers for another."""
    own = given.caller.kind == "person" and document.approver == given.caller.subject
    return "" if own else "an approval is given by a person, in its own name: the approver is who hands it over"


OPERATION = Operation(
    name="approve",
    title="Approve or reject",
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
    rests_on=("requisition_to_order", "invoice_to_payment"),
    examples=(Example(document=samples.APPROVAL, answer=samples.accepted("Approval:AP-1")),),
)
