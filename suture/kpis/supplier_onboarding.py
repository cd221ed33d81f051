"""How long it takes until a new supplier may be ordered from."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure, hours
from suture.model import Supplier


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """A supplier is pending from its first word on, until it becomes active; one that never does is no measure."""
    supplier = event.data
    if not isinstance(supplier, Supplier):
        return
    begun = known.measure(supplier.id)
    if begun is None and supplier.status == "pending":
        id = supplier.id
        yield Measure(subject=id, about=id, since=event.at, supplier=id, stage="masters", kind=supplier.category)
    elif begun is not None and begun.at is None and begun.since is not None:
        if supplier.status == "active":
            yield replace(begun, at=event.at, value=hours(begun.since, event.at))
        elif supplier.status != "pending":
            yield Dropped(supplier.id)


KPI = Kpi(
    name="supplier_onboarding",
    title="Supplier onboarding",
    unit="hours",
    good="down",
    target=Decimal(240),
    definition="hours from the first word about a supplier, as pending, until it is active; the median",
    owner="steward",
    hears=(Supplier,),
    step=step,
    kind="category",
)
