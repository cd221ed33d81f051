"""Whether a cost centre may be charged: known, active, and of the entity and facility that buy."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway.access import About
from suture.gateway.answers import Check, Validity
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Part, Said
from suture.gateway.verdicts import checked, verdict
from suture.model import CostCenter


class Asked(Struct, frozen=True):
    """Which cost centre, and who wants to charge it."""

    cost_center: str
    entity: str = ""
    facility: str = ""


async def answer(given: Given, inside: Inside) -> Said:
    """From the master data as decisions see them."""
    asked = given.asked
    found: CostCenter | None = next((each for each in await inside.filed(CostCenter, asked.cost_center)), None)
    checks = [checked("known", found is not None, f"{asked.cost_center} is not among the group's cost centres")]
    if found is not None:
        of_entity, of_facility = asked.entity in ("", found.entity), asked.facility in ("", found.facility)
        checks += [
            checked("active", found.status == "active", f"it is {found.status}"),
            checked("entity", of_entity, f"it belongs to {found.entity}"),
            checked("facility", of_facility, f"it belongs to {found.facility}"),
        ]
    sources = (Part(source="masters", state="known" if found else "unknown"),)
    value = Validity(id=asked.cost_center, verdict=verdict(checks), checks=tuple(checks), sources=sources)
    about = About(entity=found.entity, facility=found.facility) if found else About(entity=asked.entity)
    return Said(value=value, about=(about,), etag="-".join(f"{check.name}.{check.result}" for check in checks))


OPERATION = Operation(
    name="validate_cost_center",
    title="Validate a cost centre",
    text="Each check by itself: known, active, of this legal entity, of this facility.",
    layer="process",
    method="GET",
    path="/cost-centers/{cost_center}/validation",
    asks=Asked,
    gives=Validity,
    answer=answer,
    permission="documents.read",
    owner="finance",
    data_class="internal",
    quota="critical",
    latency_ms=200,
    criticality=Criticality(tolerance_s=5, volume_per_day=10_000, recovery="retry"),
    rests_on=("masters",),
    examples=(
        Example(
            given={"cost_center": "CC-1", "entity": "NORTH"},
            answer=Validity(
                id="CC-1",
                verdict="valid",
                checks=(Check(name="known", result="passed"), Check(name="active", result="passed")),
                sources=(Part(source="masters", state="known"),),
            ),
        ),
    ),
)
