"""The share of invoices that matched at the first attempt, against all whose first match was decided."""

from __future__ import annotations

from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Kpi
from suture.model import MatchResult

State = dict[tuple[str, str], bool]


def step(state: State, event: Event) -> State:
    """The first decided outcome of an invoice against an order counts; waiting is not an outcome."""
    data = event.data
    if isinstance(data, MatchResult) and data.outcome != "waiting" and (data.invoice, data.order) not in state:
        state[data.invoice, data.order] = data.outcome == "matched"
    return state


def value(state: State) -> Decimal | None:
    """Percent, or None before the first outcome."""
    return (Decimal(100) * sum(state.values()) / len(state)).quantize(Decimal("0.1")) if state else None


KPI = Kpi(
    name="first_pass_match",
    title="First-pass match rate",
    unit="percent",
    good="up",
    target=Decimal(90),
    definition="invoices (per order) whose first decided three-way match was within tolerance, divided by all that were decided",
    owner="accounts payable",
    start=dict,
    step=step,
    value=value,
)
