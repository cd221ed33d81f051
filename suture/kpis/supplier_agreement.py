"""How far systems agree about suppliers, field by field."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.model import SuppliersCompared

#: The field under which it is told whether a system knows a supplier at all.
LISTED = "listed"


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A system's suppliers were compared: each that differs in a field is a measure, and so are all others of that field."""
    told = event.data
    if not isinstance(told, SuppliersCompared):
        return
    yield from _field(told, LISTED, told.suppliers, len(told.missing), told.missing)
    for each in told.fields:
        yield from _field(told, each.field, each.compared, each.differences, each.differing)


def _field(told: SuppliersCompared, field: str, compared: int, differences: int, named: tuple[str, ...]) -> Iterable[Measure]:
    rest, agreeing = compared - len(named), compared - differences
    kind = f"{told.instance}: {field}"
    if rest > 0:
        subject = f"{told.id}/{field}"
        value, weight = Decimal(agreeing), Decimal(rest)
        yield Measure(subject=subject, about=told.id, at=told.at, value=value, weight=weight, stage="masters", kind=kind)
    for supplier in named:
        subject = f"{told.id}/{field}/{supplier}"
        yield Measure(
            subject=subject, about=supplier, at=told.at, value=Decimal(0), supplier=supplier, stage="masters", kind=kind
        )


KPI = Kpi(
    name="supplier_agreement",
    title="Supplier data in agreement",
    unit="percent",
    good="up",
    target=Decimal(99),
    definition="fields of suppliers that a system has as the group has them, divided by all compared, at each comparison",
    owner="steward",
    hears=(SuppliersCompared,),
    step=step,
    kind="system and field",
)
