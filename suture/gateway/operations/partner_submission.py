"""What became of what a partner handed over: taken, parked until a person has looked, or refused."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said, Submission
from suture.gateway.standing import own


class Asked(Struct, frozen=True):
    """The Idempotency-Key under which it was handed over."""

    key: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """Of the caller's own alone, without what goes on inside the house."""
    found = await inside.submission(given.caller, given.asked.key)
    if found is None:
        return None
    value = Submission(key=given.asked.key, at=found.at, outcome=found.outcome, documents=found.documents)
    return Said(value=value, about=(own(given.caller.supplier),))


OPERATION = Operation(
    name="partner_submission",
    title="What became of your submission",
    text="Accepted, parked until a person has looked, or refused.",
    layer="partner",
    method="GET",
    path="/submissions/{key}",
    asks=Asked,
    gives=Submission,
    answer=answer,
    permission="submissions.read",
    owner="supplier_relations",
    data_class="internal",
    latency_ms=500,
    criticality=Criticality(tolerance_s=60, volume_per_day=20_000, recovery="retry"),
    examples=(
        Example(
            given={"key": "8e03978e"},
            answer=Submission(key="8e03978e", at=samples.AT, outcome="accepted", documents=("Invoice:ALDER:71",)),
        ),
    ),
)
