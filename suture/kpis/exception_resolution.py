"""How long an exception stays open."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from suture.journal import Event
from suture.kpis.kpi import Dropped, Known, Kpi, Measure, hours
from suture.kpis.stages import stage_of
from suture.model import Case, CaseResolved


def step(event: Event, known: Known) -> Iterable[Measure | Dropped]:
    """An exception is opened, or closed; each time that it is opened is measured by itself."""
    match event.data:
        case Case() as case if known.measure(case.id) is None:
            yield _opened(case, event, known)
        case CaseResolved(case=id, at=at):
            before = known.measure(id)
            if before is not None and before.since is not None:
                yield Dropped(id)
                yield replace(before, subject=f"{id} of {before.since.isoformat()}", at=at, value=hours(before.since, at))


def _opened(case: Case, event: Event, known: Known) -> Measure:
    whose = known.where(event)
    named = next((stage for ref in case.objects if (stage := stage_of(ref.type))), "")
    return Measure(
        subject=case.id,
        about=next((ref.id for ref in case.objects), case.id),
        since=case.at,
        facility=whose.facility,
        supplier=whose.supplier,
        stage=stage_of(event.source) or named,
        kind=case.reason,
    )


KPI = Kpi(
    name="exception_resolution",
    title="Time to resolve an exception",
    unit="hours",
    good="down",
    target=Decimal(24),
    definition="hours from the opening of an exception to its end, by a person or by itself; the median",
    owner="operations",
    hears=(Case, CaseResolved),
    step=step,
    kind="reason",
)
