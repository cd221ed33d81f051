"""Create a purchase order: a requisition is handed over, judged, approved where needed, and ordered."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Requisition


async def about(document: Requisition, inside: Inside) -> Sequence[About]:
    """The entity that pays and the facility that needs it."""
    return (About(entity=document.entity, facility=document.facility),)


async def fits(given: Given, document: Requisition, inside: Inside) -> str:
    """A person requests in its own name; an application says who requested."""
    own = given.caller.kind == "machine" or document.requester == given.caller.subject
    return "" if own else f"you are {given.caller.subject}: a requisition names as requester who hands it over"


OPERATION = Operation(
    name="create_order",
    title="Create a purchase order",
    text=(
        "Hands over a requisition. It is checked against suppliers, items, cost centres and contract prices, approved where the "
        "limits want it, and ordered once the ERP has committed it. The order's number is told by the submission's status."
    ),
    layer="process",
    method="POST",
    path="/orders",
    takes=(Requisition,),
    permission="requisitions.submit",
    owner="supply_chain",
    data_class="internal",
    quota="critical",
    latency_ms=250,
    criticality=Criticality(tolerance_s=60, volume_per_day=5_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("requisition_to_order",),
    examples=(Example(document=samples.REQUISITION, answer=samples.accepted("Requisition:R-1")),),
)
