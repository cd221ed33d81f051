"""The share of deliveries that needed more than one attempt."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.kpis.owing import whose
from suture.kpis.stages import stage_of
from suture.model import Delivered


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A delivery came to its first end."""
    end = event.data
    if not isinstance(end, Delivered) or end.outcome == "cancelled" or known.measure(end.delivery) is not None:
        return
    document, origin = end.document, whose(end.document, event, known)
    again, kind = attempts(event.once) > 1, f"{document.type} to {end.role}"
    yield share(end.delivery, document.id, again, end.at, origin, stage=stage_of(document.type), kind=kind)


def attempts(once: str) -> int:
    """How often a delivery had been tried when it ended: the number at the end of the fact's key (``runtime.settle``)."""
    number = once.rpartition("/")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else 1


KPI = Kpi(
    name="retried_deliveries",
    title="Retried deliveries",
    unit="percent",
    good="down",
    target=Decimal(5),
    definition="deliveries that had been tried more than once when they first came to an end, divided by all that came to one",
    owner="operations",
    hears=(Delivered,),
    step=step,
    kind="flow",
)
