"""What every KPI owes: it says what it counts, is a fold without memory of its own, and tells what a recount by hand tells.

Recounts stand in ``RECOUNTS``: a few facts, and what a person with a pencil makes of them.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.extensions import found
from suture.journal import Event, Recorded
from suture.kpis import Kpi
from suture.model import Document, MatchResult
from tests.strategies import documents

Outcome = Literal["matched", "waiting", "exception"]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KPIS = found("suture.kpis", "KPI", Kpi)
every_kpi = pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.name)
settings.register_profile("folds", max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def told(*facts: Document) -> list[Recorded]:
    """Facts as the journal tells them."""
    events = [Event(once=f"E{number}", kind="emitted", source="test", at=NOW, data=fact) for number, fact in enumerate(facts)]
    return [Recorded(position, event) for position, event in enumerate(events, 1)]


def match(invoice: str, outcome: Outcome, version: int = 1, order: str = "PO-1") -> MatchResult:
    """What matching said about an invoice against an order."""
    return MatchResult(invoice=invoice, order=order, version=version, outcome=outcome, lines=(), at=NOW)


#: For each KPI some facts in order, and what they come to.
RECOUNTS: dict[str, list[tuple[list[Document], Decimal]]] = {
    "first_pass_match": [
        ([match("A:1", "matched")], Decimal("100.0")),
        # waiting decides nothing; what is decided first counts, whatever comes later: 1 of 3
        (
            [
                match("A:1", "waiting"),
                match("A:1", "matched", 2),
                match("A:2", "exception"),
                match("A:2", "matched", 2),
                match("A:3", "exception"),
                match("A:4", "waiting"),
            ],
            Decimal("33.3"),
        ),
        # one invoice over two orders is two matches
        ([match("A:1", "matched"), match("A:1", "exception", order="PO-2")], Decimal("50.0")),
    ],
}

every_recount = pytest.mark.parametrize(
    ("kpi", "facts", "worth"),
    [pytest.param(KPIS[name], facts, worth, id=f"{name}:{worth}") for name, rows in RECOUNTS.items() for facts, worth in rows],
)


@every_kpi
def test_a_kpi_says_what_it_counts(kpi: Kpi) -> None:
    assert kpi.title
    assert kpi.owner
    assert kpi.unit in ("percent", "hours", "money", "count")
    assert kpi.good in ("up", "down")
    assert isinstance(kpi.target, Decimal)
    assert kpi.unit != "percent" or 0 <= kpi.target <= 100
    assert len(kpi.definition.split()) > 5
    assert kpi.definition[-1] != "."


@every_kpi
def test_before_anything_counts_there_is_no_number(kpi: Kpi) -> None:
    assert kpi.of([]) is None


@every_kpi
@given(facts=st.lists(documents(), max_size=6))
@settings(settings.get_profile("folds"))
def test_two_runs_over_any_history_agree_and_change_nothing(kpi: Kpi, facts: list[Document]) -> None:
    history = told(*facts)
    kept = copy.deepcopy(history)
    first, second = kpi.of(history), kpi.of(history)
    assert first == second
    assert history == kept
    assert first is None or (first.is_finite() and (kpi.unit != "percent" or 0 <= first <= 100))


@every_recount
def test_a_recount_by_hand_comes_to_the_same(kpi: Kpi, facts: list[Document], worth: Decimal) -> None:
    assert kpi.of(told(*facts)) == worth


@every_recount
def test_two_folds_side_by_side_do_not_disturb_each_other(kpi: Kpi, facts: list[Document], worth: Decimal) -> None:
    one, other = kpi.start(), kpi.start()
    for row in told(*facts):
        one, other = kpi.step(one, row.event), kpi.step(other, row.event)
    assert kpi.value(one) == kpi.value(other) == worth
