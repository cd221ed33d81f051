"""The share of counted positions at which the shelf held what the books said."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import StockCount


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Each position of a count sheet, as it was first told."""
    sheet = event.data
    if not isinstance(sheet, StockCount):
        return
    whose = known.where(event)
    for line in sheet.lines:
        subject = f"{sheet.id}/{line.item}"
        if known.measure(subject) is None:
            yield share(subject, sheet.id, line.counted == line.book, sheet.counted_at, whose, stage="clinical", kind=line.item)


KPI = Kpi(
    name="inventory_accuracy",
    title="Inventory accuracy",
    unit="percent",
    good="up",
    target=Decimal(97),
    definition="positions at which a cycle count found exactly what the books said, divided by all that were counted",
    owner="supply chain",
    hears=(StockCount,),
    step=step,
    kind="item",
)
