"""The share of invoices that matched at the first attempt, against all whose first match was decided."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure, share
from suture.model import MatchResult


def step(event: Event, known: Known) -> Iterable[Measure]:
    """The first decided outcome of an invoice against an order counts; waiting is not an outcome."""
    result = event.data
    if not isinstance(result, MatchResult) or result.outcome == "waiting":
        return
    subject = f"{result.invoice}/{result.order}"
    if known.measure(subject) is None:
        matched = result.outcome == "matched"
        yield share(subject, result.invoice, matched, result.at, known.where(event), stage="invoicing", kind=result.outcome)


KPI = Kpi(
    name="first_pass_match",
    title="First-pass match rate",
    unit="percent",
    good="up",
    target=Decimal(90),
    definition="invoices (per order) whose first decided three-way match was within tolerance, divided by all that were decided",
    owner="accounts payable",
    hears=(MatchResult,),
    step=step,
    kind="outcome",
)
