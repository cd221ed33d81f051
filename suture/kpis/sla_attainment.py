"""The share of deliveries that were made within their flow's service level."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure
from suture.kpis.owing import OWING, owed, whose
from suture.kpis.stages import stage_of
from suture.model import Delivered, Policy
from suture.rules.service_levels import NAME, levels


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """Something is owed; or it was brought, in time or late, or failed, which is late for good."""
    if isinstance(event.data, Delivered):
        yield from _ended(event.data, known)
        return
    for debt in owed(event):
        origin = whose(debt.document, event, known)
        yield Measure(
            subject=debt.delivery,
            about=debt.document.id,
            since=event.at,
            facility=origin.facility,
            supplier=origin.supplier,
            stage=stage_of(debt.document.type),
            kind=debt.document.type,
        )


def _ended(end: Delivered, known: Known) -> Iterable[Measure | Dropped]:
    begun = known.measure(end.delivery)
    if begun is None or begun.since is None or begun.at is not None:
        return
    if end.outcome == "cancelled":
        yield Dropped(end.delivery)
        return
    policy = known.document("Policy", NAME)
    level = levels(policy if isinstance(policy, Policy) else None).of(begun.kind)
    kept = end.outcome == "done" and end.at - begun.since <= level.within
    yield replace(begun, at=end.at, value=Decimal(int(kept)))


KPI = Kpi(
    name="sla_attainment",
    title="Service level attainment",
    unit="percent",
    good="up",
    target=Decimal(99),
    definition="deliveries done within the time of the policy service_levels for their flow, divided by all done or failed",
    owner="operations",
    hears=(*OWING, Delivered),
    step=step,
    kind="flow",
)
