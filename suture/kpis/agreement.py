"""How far the systems agree: orders, receipts, stock movements, invoices and payments, each against its holder's own list."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.model import Reconciled


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A counterpart's lists were compared with what we believe that it holds."""
    told = event.data
    if not isinstance(told, Reconciled):
        return
    compared = sum(told.compared.values())
    # one document may differ in more than one way
    differing = min(compared, sum(told.differences.values()))
    yield Measure(
        subject=told.id,
        about=told.id,
        at=told.at,
        value=Decimal(compared - differing),
        weight=Decimal(compared),
        kind=told.instance,
    )


KPI = Kpi(
    name="agreement",
    title="Agreement between systems",
    unit="percent",
    good="up",
    target=Decimal("99.5"),
    definition="documents that a counterpart lists as we believe them, divided by all that were compared, at each comparison",
    owner="operations",
    hears=(Reconciled,),
    step=step,
    kind="system",
)
