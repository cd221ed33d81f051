"""How often a person had to touch what the network carries."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.kpis.stages import stage_of
from suture.model import (
    Approval,
    Decision,
    GoodsReceipt,
    Invoice,
    OrderAcknowledgement,
    PaymentStatus,
    Requisition,
    ShipNotice,
    Usage,
)

#: The documents that people would otherwise key in by hand.
CARRIED = (Requisition, OrderAcknowledgement, ShipNotice, GoodsReceipt, Invoice, PaymentStatus, Usage)


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A document came in, or a person decided something."""
    return touches(event, known, Decimal(1))


def touches(event: Event, known: Known, worth: Decimal) -> Iterable[Measure]:
    """The same, a touch counted as much as it is ``worth``."""
    data, touch = event.data, isinstance(event.data, Decision | Approval)
    if not touch and (event.kind != "accepted" or not isinstance(data, CARRIED)):
        return
    whose, refs = known.where(event), data.refs()
    kind = data.verb if isinstance(data, Decision) else type(data).__name__
    yield Measure(
        subject=event.once,
        about=refs[0].id if refs else "",
        at=event.at,
        value=worth if touch else Decimal(0),
        weight=Decimal(int(not touch)),
        facility=whose.facility,
        supplier=whose.supplier,
        stage=stage_of(type(data).__name__),
        kind=kind,
    )


KPI = Kpi(
    name="manual_touches",
    title="Manual touches",
    unit="per_thousand",
    good="down",
    target=Decimal(100),
    definition="decisions and approvals of people, for each thousand business documents that came in",
    owner="operations",
    hears=(*CARRIED, Decision, Approval),
    step=step,
    kind="what",
)
