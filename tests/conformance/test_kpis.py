"""What every KPI owes: it says what it measures, is a fold without memory of its own, adds up, and tells what a recount tells.

Recounts by hand stand in ``RECOUNTS``: a few facts, and what a person with a pencil makes of them; ``tests/kpis`` recounts a day.
"""

from __future__ import annotations

import copy
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.extensions import found
from suture.journal import Event, Recorded
from suture.kpis import Kpi
from suture.kpis.figures import EVERYTHING, figure_of, figures, parts
from suture.kpis.kpi import STAGES
from suture.kpis.measures import PARTS, Measures, Narrowed
from suture.model import Document, MatchResult
from tests.strategies import documents

Outcome = Literal["matched", "waiting", "exception"]
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KPIS = found("suture.kpis", "KPI", Kpi)
every_kpi = pytest.mark.parametrize("kpi", KPIS.values(), ids=lambda kpi: kpi.name)
settings.register_profile("folds", max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def told(*facts: Document) -> list[Recorded]:
    """Facts as the journal tells them: each accepted from a partner, none caused by another."""
    rows = []
    for position, fact in enumerate(facts, 1):
        once = f"E{position}#0"
        rows.append(Recorded(position, Event(once=once, kind="accepted", source="test", at=NOW, data=fact, root=once)))
    return rows


def match(invoice: str, outcome: Outcome, version: int = 1, order: str = "PO-1") -> MatchResult:
    """What matching said about an invoice against an order."""
    return MatchResult(invoice=invoice, order=order, version=version, outcome=outcome, lines=(), at=NOW)


def measured(kpi: Kpi, history: list[Recorded]) -> Measures:
    """Everything that a KPI measures in a history."""
    measures = Measures([kpi])
    for row in history:
        measures.enter(row)
    return measures


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
def test_a_kpi_says_what_it_measures(kpi: Kpi) -> None:
    assert kpi.title
    assert kpi.owner
    assert kpi.kind
    assert kpi.hears
    assert kpi.unit in ("hours", "percent", "per_thousand", "money")
    assert kpi.good in ("up", "down")
    assert isinstance(kpi.target, Decimal)
    assert kpi.unit != "percent" or 0 <= kpi.target <= 100
    assert kpi.unit == "hours" or not kpi.standing
    assert len(kpi.definition.split()) > 5
    assert kpi.definition[-1] != "."
    assert kpi.unit != "hours" or kpi.definition.startswith("hours ")
    assert kpi.unit != "percent" or "divided by" in kpi.definition


@every_kpi
def test_before_anything_counts_there_is_no_number(kpi: Kpi) -> None:
    assert figure_of(kpi, [], NOW) == ()


@every_kpi
@given(facts=st.lists(documents(), max_size=6))
@settings(settings.get_profile("folds"))
def test_two_runs_over_any_history_agree_and_change_nothing(kpi: Kpi, facts: list[Document]) -> None:
    history = told(*facts)
    kept = copy.deepcopy(history)
    first, second = figure_of(kpi, history, NOW), figure_of(kpi, history, NOW)
    assert first == second
    assert history == kept
    for figure in first:
        assert figure.value is None or (figure.value.is_finite() and (kpi.unit != "percent" or 0 <= figure.value <= 100))


@every_kpi
@given(facts=st.lists(documents(), max_size=8))
@settings(settings.get_profile("folds"))
def test_parts_add_up_to_the_whole_and_no_two_currencies_are_added(kpi: Kpi, facts: list[Document]) -> None:
    measures = measured(kpi, told(*facts))
    whole = {figure.currency: figure for figure in figures(measures, [kpi], EVERYTHING, NOW)[kpi.name]}
    for by in PARTS:
        numbers: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        for part, found_figures in parts(measures, kpi, by, EVERYTHING, NOW).items():
            assert by != "stage" or part in STAGES
            narrowed = figures(measures, [kpi], Narrowed(**{by: part}), NOW)[kpi.name]
            assert [(each.currency, each.value) for each in narrowed] == [(each.currency, each.value) for each in found_figures]
            for figure in found_figures:
                numbers[figure.currency] += figure.number
                sums[figure.currency] += figure.sum  # type: ignore[assignment]  # a Counter adds whatever adds
        assert dict(numbers) == {currency: figure.number for currency, figure in whole.items()}
        assert {currency: sums[currency] for currency in whole} == {currency: figure.sum for currency, figure in whole.items()}


@every_kpi
@given(facts=st.lists(documents(), max_size=8))
@settings(settings.get_profile("folds"))
def test_a_history_that_is_told_twice_counts_once_per_subject(kpi: Kpi, facts: list[Document]) -> None:
    """What is kept is a row per subject, and the sums are the sums of those rows."""
    measures = measured(kpi, told(*facts, *facts))
    rows = measures.rows("select currency, count(*), sum(value), sum(weight) from measures where at is not null group by 1")
    kept = measures.rows("select currency, sum(number), sum(value), sum(weight) from sums group by 1 having sum(number)")
    whole = measures.rows("select currency, sum(number), sum(value), sum(weight) from wholes group by 1 having sum(number)")
    assert sorted(rows) == sorted(kept) == sorted(whole)


@every_recount
def test_a_recount_by_hand_comes_to_the_same(kpi: Kpi, facts: list[Document], worth: Decimal) -> None:
    [figure] = figure_of(kpi, told(*facts), NOW)
    assert figure.value == worth
