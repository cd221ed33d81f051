"""How much of people's time what the network carries has taken.

The policy ``effort`` says how many minutes a touch takes; these are its defaults: ``{"approval": "2", "decision": "5"}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.kpis.manual_touches import CARRIED, touches
from suture.model import Approval, Decision, Policy

#: The policy, and the minutes of a touch where it says nothing.
NAME, APPROVAL, DECISION = "effort", Decimal(2), Decimal(5)


def step(event: Event, known: Known) -> Iterable[Measure]:
    """Each touch by the minutes that it takes, each document that came in as one to share them."""
    policy = known.document("Policy", NAME)
    values = policy.values if isinstance(policy, Policy) else {}
    approval, decision = (Decimal(str(values.get(*each))) for each in (("approval", APPROVAL), ("decision", DECISION)))
    return touches(event, known, approval if isinstance(event.data, Approval) else decision)


KPI = Kpi(
    name="manual_minutes",
    title="Manual minutes",
    unit="per_thousand",
    good="down",
    target=Decimal(400),
    definition="minutes of decisions and approvals, by the policy effort, for each thousand business documents that came in",
    owner="operations",
    hears=(*CARRIED, Decision, Approval),
    step=step,
    kind="what",
)
