"""Open a work order on an asset, or say how it stands."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import WorkOrder


class Asked(Struct, frozen=True):
    """Which work order."""

    number: str


async def about(document: WorkOrder, inside: Inside) -> Sequence[About]:
    """Where the work is done, and who pays for it."""
    return (About(entity=document.entity, facility=document.facility),)


async def fits(given: Given, document: WorkOrder, inside: Inside) -> str:
    """The work order is the one in the address."""
    same = document.number == given.asked.number
    return "" if same else f"the work order is {document.number}, the address names {given.asked.number}"


OPERATION = Operation(
    name="update_work_order",
    title="Update a work order",
    text="The whole work order as it stands now; a higher version replaces a lower one, which then changes nothing.",
    layer="process",
    method="PUT",
    path="/work-orders/{number}",
    asks=Asked,
    takes=(WorkOrder,),
    permission="workorders.update",
    owner="biomed",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=1_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("handed_on",),
    examples=(Example(given={"number": "WO-1"}, document=samples.WORK, answer=samples.accepted("WorkOrder:WO-1/1")),),
)
