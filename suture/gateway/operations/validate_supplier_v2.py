"""Whether a supplier may be ordered from and paid: each check by itself, with its source."""

from __future__ import annotations

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.access import ANYTHING
from suture.gateway.answers import Check, Validity
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Part, Said
from suture.gateway.verdicts import checked, verdict
from suture.model import Supplier
from suture.rules.payments import payee_fault


class Asked(Struct, frozen=True):
    """Which supplier, in the group's codes, and for which legal entity."""

    supplier: str
    entity: str = ""


async def answer(given: Given, inside: Inside) -> Said:
    """From the master data as decisions see them, and the ERP's own word where it can be asked."""
    asked = given.asked
    found: Supplier | None = next((each for each in await inside.filed(Supplier, asked.supplier)), None)
    checks = [checked("known", found is not None, f"{asked.supplier} is not among the group's suppliers")]
    if found is not None:
        fault = payee_fault(found, asked.entity or "any")
        checks += [
            checked("active", found.status == "active", f"it is {found.status}"),
            checked("payable", fault is None, fault.text if fault else ""),
        ]
    sources = (Part(source="masters", state="known" if found else "unknown"),)
    value = Validity(id=asked.supplier, verdict=verdict(checks), checks=tuple(checks), sources=sources)
    return Said(value=value, about=(ANYTHING,), etag="-".join(f"{check.name}.{check.result}" for check in checks))


OPERATION = Operation(
    name="validate_supplier_v2",
    title="Validate a supplier",
    text="Each check by itself: known, active, payable. A supplier may be ordered from if it is known and active.",
    layer="process",
    method="GET",
    path="/suppliers/{supplier}/validation",
    version=2,
    replaces="validate_supplier",
    asks=Asked,
    gives=Validity,
    answer=answer,
    permission="documents.read",
    owner="steward",
    data_class="internal",
    quota="critical",
    latency_ms=200,
    criticality=Criticality(tolerance_s=5, volume_per_day=10_000, recovery="retry"),
    rests_on=("masters",),
    examples=(
        Example(
            given={"supplier": "ALDER", "entity": "NORTH"},
            answer=Validity(
                id=samples.SUPPLIER.id,
                verdict="valid",
                checks=(Check(name="known", result="passed"), Check(name="active", result="passed")),
                sources=(Part(source="masters", state="known"),),
            ),
        ),
    ),
)
