"""The day of the group is drawn from its seed alone, as large as asked, and has the oddities of real days."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.model import Requisition, Usage, decode, encode
from suture.sandbox.day import HOURS, Need, requisitions, usages
from suture.sandbox.group import FACILITIES, MORNING, invent
from suture.sandbox.stage import Stage, network

GROUP = invent(1)


def asked(seed: int, count: int) -> list[Requisition]:
    return [need.document for need in requisitions(GROUP, seed, count) if isinstance(need.document, Requisition)]


def used(seed: int, count: int) -> list[Usage]:
    return [need.document for need in usages(GROUP, seed, count) if isinstance(need.document, Usage)]


@pytest.mark.parametrize("draw", [requisitions, usages])
def test_a_seed_gives_one_day_and_another_seed_another(draw: type) -> None:
    days = [[need.document for need in draw(GROUP, seed, 40)] for seed in (3, 3, 4)]
    assert days[0] == days[1] != days[2]


def test_a_seed_gives_one_group() -> None:
    assert invent(3) == invent(3)
    assert invent(3) != invent(4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 120))
def test_there_are_as_many_as_asked_for_each_with_its_own_id(seed: int, count: int) -> None:
    for documents in (asked(seed, count), used(seed, count)):
        assert len(documents) == len({document.id for document in documents}) == count


def test_everything_happens_in_working_hours_in_a_facility_of_the_group() -> None:
    for need in (*requisitions(GROUP, 1, 200), *usages(GROUP, 1, 200)):
        assert isinstance(need, Need)
        assert need.facility in FACILITIES
        assert MORNING <= need.at <= MORNING + timedelta(hours=HOURS, minutes=50)
        assert decode(encode(need.document)) == need.document


def test_some_usages_are_amended_later_the_same_day() -> None:
    day = used(1, 600)
    known = {usage.id: usage for usage in day}
    amended = [usage for usage in day if usage.reverses]
    assert {usage.kind for usage in amended} == {"corrected", "cancelled"}
    assert 0.02 < len(amended) / len(day) < 0.10
    assert all(known[usage.reverses].patient == usage.patient for usage in amended)


def test_a_few_requisitions_ask_for_what_policy_forbids() -> None:
    odd = [line for requisition in asked(1, 1000) for line in requisition.lines if line.item[-2:] >= "10"]
    assert 5 < len(odd) < 60


def test_people_file_their_needs_in_their_own_systems_codes() -> None:
    stage = Stage(GROUP, 1)
    stage.plan([*requisitions(GROUP, 1, 5), *usages(GROUP, 1, 5)])
    stage.agenda.run(MORNING + timedelta(days=1))
    filed = [line.item for requisition in stage.procurement.requisitions.values() for line in requisition.lines]
    charged = [usage.item for ehr in stage.ehrs.values() for usage in ehr.usages]
    assert len(stage.procurement.requisitions) == len(charged) == 5
    assert all(item.startswith("SKU-") for item in filed)
    assert all(item.startswith("CDM4") for item in charged)


def test_every_twin_is_an_instance_of_the_network() -> None:
    stage = Stage(GROUP, 1)
    assert set(stage.twins) == {instance.name for instance in network({}, {}).instances}
    assert set(stage.twins) == {*stage.rest_twins(), *stage.file_twins(), *stage.ehrs}
