"""How often more is used than a shelf holds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.model import Case, Usage

#: What the shelf's process raises when its balance falls below nothing.
REASON = "negative_stock"


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Something was used; or a shelf came to hold less than nothing, each time that it did."""
    data, whose = event.data, known.where(event)
    if isinstance(data, Usage) and known.measure(data.id) is None:
        yield _counted(data.id, data.id, event, Decimal(0), whose.facility, data.kind)
    if isinstance(data, Case) and data.reason == REASON:
        item = next((ref.id for ref in data.objects if ref.type == "Item"), data.id)
        yield _counted(f"{data.id} at {data.at.isoformat()}", item, event, Decimal(1), whose.facility, REASON)


def _counted(subject: str, about: str, event: Event, out: Decimal, facility: str, kind: str) -> Measure:
    return Measure(
        subject=subject,
        about=about,
        at=event.at,
        value=out,
        weight=1 - out,
        facility=facility,
        stage="clinical",
        kind=kind,
    )


KPI = Kpi(
    name="stockouts",
    title="Stockouts",
    unit="per_thousand",
    good="down",
    target=Decimal(5),
    definition="times that a shelf came to hold less than nothing by the books, for each thousand clinical usages",
    owner="supply chain",
    hears=(Usage, Case),
    step=step,
    kind="what",
)
