"""A supplier announces a shipment for one or several of its orders."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples, standing
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import ShipNotice


async def about(document: ShipNotice, inside: Inside) -> Sequence[About]:
    """The supplier that ships."""
    return (About(supplier=document.supplier),)


async def fits(given: Given, document: ShipNotice, inside: Inside) -> str:
    """All orders that it serves are this supplier's."""
    return await standing.orders_of(document.supplier, document.orders(), inside)


OPERATION = Operation(
    name="announce_shipment",
    title="Announce a shipment",
    text="The dock learns of lots, serial numbers and the expected day.",
    layer="partner",
    method="POST",
    path="/shipments",
    takes=(ShipNotice,),
    permission="shipments.submit",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=5_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("order_to_receipt",),
    examples=(Example(document=samples.NOTICE, answer=samples.accepted("ShipNotice:ALDER:SN-1")),),
)
