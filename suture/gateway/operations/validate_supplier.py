"""Whether a supplier may be ordered from, as version 1 said it: yes or no."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from suture.gateway.access import ANYTHING
from suture.gateway.answers import Valid
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said
from suture.model import Supplier


class Asked(Struct, frozen=True):
    """Which supplier, in the group's codes."""

    supplier: str


async def answer(given: Given, inside: Inside) -> Said:
    """From the master data; a supplier that is not known is not valid."""
    found = next((each for each in await inside.filed(Supplier, given.asked.supplier)), None)
    reason = "unknown" if found is None else "" if found.status == "active" else found.status
    value = Valid(id=given.asked.supplier, valid=not reason, reason=reason)
    return Said(value=value, about=(ANYTHING,), etag=f"{int(not reason)}{reason}")


OPERATION = Operation(
    name="validate_supplier",
    title="Validate a supplier (yes or no)",
    text="Version 2 tells each check by itself, and what the ERP says; use that.",
    layer="process",
    method="GET",
    path="/suppliers/{supplier}/validation",
    asks=Asked,
    gives=Valid,
    answer=answer,
    permission="documents.read",
    owner="steward",
    data_class="internal",
    latency_ms=200,
    criticality=Criticality(tolerance_s=5, volume_per_day=10_000, recovery="retry"),
    rests_on=("masters",),
    state="deprecated",
    deprecated_on=date(2026, 6, 1),
    sunset_on=date(2027, 6, 30),
    examples=(Example(given={"supplier": "ALDER"}, answer=Valid(id="ALDER", valid=True)),),
)
