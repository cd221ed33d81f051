"""Post a financial event to the books of the entity that it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation
from suture.model import Money, Posting
from suture.processes.handed_on import unbalanced


async def about(document: Posting, inside: Inside) -> Sequence[About]:
    """The entity and facility, and the sum of its debits in each currency."""
    debits: dict[str, Decimal] = {}
    for line in document.lines:
        amount = max(Decimal(0), line.amount.amount)
        debits[line.amount.currency] = debits.get(line.amount.currency, Decimal(0)) + amount
    whose = About(entity=document.entity, facility=document.facility)
    sums = [Money(amount, currency) for currency, amount in debits.items()]
    return [whose, *(About(entity=whose.entity, facility=whose.facility, amount=each) for each in sums)]


async def fits(given: Given, document: Posting, inside: Inside) -> str:
    """Debits and credits are equal in every currency."""
    return "its debits and credits differ" if unbalanced(document) else ""


OPERATION = Operation(
    name="post_financial_event",
    title="Post a financial event",
    text="A balanced posting, debits positive; it is made once under its number, in the ERP of the entity.",
    layer="process",
    method="POST",
    path="/postings",
    takes=(Posting,),
    permission="postings.submit",
    owner="finance",
    data_class="financial",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=20_000, recovery="retry"),
    about=about,
    fits=fits,
    rests_on=("handed_on",),
    examples=(Example(document=samples.POSTING, answer=samples.accepted("Posting:ACC-1")),),
)
