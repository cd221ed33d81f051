"""What the counts found beyond and below the books, in money."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import FINEST, Known, Kpi, Measure
from suture.model import CountedLine, StockCount


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Each position of a count sheet that has a cost, as it was first told."""
    sheet = event.data
    if not isinstance(sheet, StockCount):
        return
    whose = known.where(event)
    for line in sheet.lines:
        subject, worth = f"{sheet.id}/{line.item}", difference(line)
        if line.cost is not None and worth is not None and known.measure(subject) is None:
            yield Measure(
                subject=subject,
                about=sheet.id,
                at=sheet.counted_at,
                value=worth,
                currency=line.cost.currency,
                facility=whose.facility,
                stage="clinical",
                kind=line.item,
            )


def difference(line: CountedLine) -> Decimal | None:
    """How far shelf and books were apart, either way, at cost; None where units do not allow it."""
    if line.cost is None or not line.counted.unit == line.book.unit == line.cost.per.unit or not line.cost.per.value:
        return None
    apart = abs(line.counted.value - line.book.value)
    return (apart * line.cost.amount / line.cost.per.value).quantize(FINEST)


KPI = Kpi(
    name="inventory_difference",
    title="Inventory difference",
    unit="money",
    good="down",
    target=Decimal(0),
    definition="what cycle counts found above or below the books, at cost, either way, summed",
    owner="supply chain",
    hears=(StockCount,),
    step=step,
    kind="item",
)
