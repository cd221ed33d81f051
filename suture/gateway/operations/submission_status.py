"""What became of what was handed over: the status resource that every changing operation names."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said, Submission
from suture.gateway.standing import own


class Asked(Struct, frozen=True):
    """The Idempotency-Key under which it was handed over."""

    key: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """Of the caller's own instance alone."""
    found = await inside.submission(given.caller, given.asked.key)
    return Said(value=found, about=(own(given.caller.supplier),)) if found else None


OPERATION = Operation(
    name="submission_status",
    title="What became of a submission",
    text="Accepted, parked until a person has looked, or refused; who has its documents by now, and who is still owed them.",
    layer="process",
    method="GET",
    path="/submissions/{key}",
    asks=Asked,
    gives=Submission,
    answer=answer,
    permission="submissions.read",
    owner="operations",
    data_class="internal",
    latency_ms=500,
    criticality=Criticality(tolerance_s=60, volume_per_day=20_000, recovery="retry"),
    examples=(
        Example(
            given={"key": "8e03978e"},
            answer=Submission(
                key="8e03978e",
                at=samples.AT,
                outcome="accepted",
                documents=("Requisition:R-1",),
                led_to=("PurchaseOrder:PO-R-1",),
                has=(samples.HELD,),
            ),
        ),
    ),
)
