"""Create a supplier in the group's master data, or say what has become of one."""

from __future__ import annotations

from suture.gateway import samples
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Supplier


async def fits(given: Given, document: Supplier, inside: Inside) -> str:
    """Who creates a supplier stands in its record: whoever pays it must be somebody else."""
    before = await inside.filed(Supplier, document.id)
    creator = before[-1].created_by if before else given.caller.subject
    return "" if document.created_by == creator else f"its created_by is {creator}"


OPERATION = Operation(
    name="register_supplier",
    title="Create a supplier",
    text="Files the supplier for all decisions from now on; its bank account is never told again in full.",
    layer="process",
    method="POST",
    path="/suppliers",
    takes=(Supplier,),
    permission="masters.write",
    owner="steward",
    data_class="financial",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=50, recovery="retry"),
    fits=fits,
    rests_on=("masters",),
    examples=(Example(document=samples.SUPPLIER, answer=samples.accepted("Supplier:ALDER")),),
)
