"""A carrier says where a shipment is."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import ShipmentStatus


class Asked(Struct, frozen=True):
    """Which shipment: the number of its ship notice."""

    shipment: str


async def about(document: ShipmentStatus, inside: Inside) -> Sequence[About]:
    """The supplier whose goods are on the way."""
    return (About(supplier=document.supplier),)


async def fits(given: Given, document: ShipmentStatus, inside: Inside) -> str:
    """The word is about the shipment in the address, which this supplier announced, and about its orders."""
    if document.shipment != given.asked.shipment:
        return f"this is about shipment {document.shipment}, the address names {given.asked.shipment}"
    if await inside.registered("shipment", f"{document.supplier}:{document.shipment}") is None:
        return f"{document.supplier} has announced no shipment {document.shipment}"
    return await standing.orders_of(document.supplier, document.orders, inside)


OPERATION = Operation(
    name="report_shipment",
    title="Report where a shipment is",
    text="Picked up, in transit, delayed, out for delivery, delivered, returned or lost.",
    layer="partner",
    method="POST",
    path="/shipments/{shipment}/status",
    asks=Asked,
    takes=(ShipmentStatus,),
    permission="shipments.submit",
    owner="logistics",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=10_000, recovery="retry"),
    about=about,
    fits=fits,
    examples=(
        Example(
            given={"shipment": "SN-1"},
            document=samples.ON_ITS_WAY,
            answer=samples.accepted("ShipmentStatus:ALDER:SN-1/in_transit"),
        ),
    ),
)
