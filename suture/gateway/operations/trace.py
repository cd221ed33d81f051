"""Trace a business identifier: which systems have it, which are owed it, what is wrong, and its story."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said, Trace


class Asked(Struct, frozen=True):
    """Any identifier: ours, a partner's, of a document, a message, a file, a lot."""

    identifier: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """From the journal alone; nobody is asked."""
    found = await inside.trace(given.asked.identifier)
    if found is None:
        return None
    whose = [About(entity=entity) for entity in found.entities] + [About(facility=facility) for facility in found.facilities]
    return Said(value=found, about=whose or (ANYTHING,))


OPERATION = Operation(
    name="trace",
    title="Trace an identifier",
    text=(
        "The documents that an identifier stands for, who has them since when, who is still owed them and why, the story, and "
        "which versions of policies applied."
    ),
    layer="process",
    method="GET",
    path="/trace/{identifier}",
    asks=Asked,
    gives=Trace,
    answer=answer,
    permission="documents.read",
    owner="operations",
    data_class="internal",
    quota="bulk",
    latency_ms=1000,
    criticality=Criticality(tolerance_s=60, volume_per_day=2_000, recovery="retry"),
    # nobody knows what people look for: it may be a patient's number
    logged=False,
    examples=(
        Example(
            given={"identifier": "PO-R-1"},
            answer=Trace(
                subject="PO-R-1",
                documents=("PurchaseOrder:PO-R-1",),
                entities=("NORTH",),
                facilities=("NSH",),
                has=(samples.HELD,),
                owed=(),
                exceptions=(),
                story=((samples.AT, "order PO-R-1 is confirmed"),),
                policies=("approval_limits 1", "service_levels 2"),
            ),
        ),
    ),
)
