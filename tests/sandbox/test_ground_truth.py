"""Inventory accuracy, stockouts and rush orders, held against what lies on the twins' shelves and what their people filed.

A stretch of days is simulated; what the KPIs say of the journal is counted once more in the twins alone.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import msgspec
import pytest
from msgspec import Struct, structs

from suture.extensions import found
from suture.journal import Recorded
from suture.kpis import Kpi
from suture.kpis.figures import EVERYTHING, figures, parts
from suture.kpis.measures import Measures
from suture.model import ReceiptPosted, Usage
from suture.processes.shelf import NAME, Shelf
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.plan import plan_of
from suture.sandbox.simulator.world import World
from suture.sandbox.twins.inventory import Mishaps
from suture.sandbox.twins.shelves import Shelves, Tally
from suture.views.events import history

KPIS = found("suture.kpis", "KPI", Kpi)
NIGHTS, NOW = 4, MORNING + timedelta(days=60)
CAREFUL = Mishaps(short=0, over=0, wrong_lot=0, wrong_place=0, reversed=0)


class Lived(Struct):
    """A stretch that was simulated: the world with its twins, the journal's facts, and what was measured."""

    world: World
    rows: list[Recorded]
    measures: Measures

    @property
    def shelves(self) -> list[Shelves]:
        return [inventory.shelves for inventory in self.world.stage.inventories.values()]

    @property
    def tallies(self) -> list[Tally]:
        return [tally for each in self.shelves for tally in each.tallies]

    def figure(self, name: str) -> Decimal | None:
        [one] = figures(self.measures, [KPIS[name]], EVERYTHING, NOW)[name]
        return one.value


def lived(*, careful: bool) -> Lived:
    """A quiet stretch in which much is used; where people are ``careful``, nothing is miscounted and all is documented."""
    plan = structs.replace(plan_of(8), faults=(), torn=False, scenario="calm", requisitions=25, usages=260, step_s=1800, days=5)
    world = World(plan)
    world.stage.plan_counts(NIGHTS)
    if careful:
        world.stage.undocumented = 0.0
        for inventory in world.stage.inventories.values():
            inventory.mishaps = CAREFUL
    world.run()
    rows, measures = list(history(world.disk)), Measures(KPIS.values())
    for row in rows:
        measures.enter(row)
    return Lived(world, rows, measures)


@pytest.fixture(scope="module")
def real() -> Lived:
    return lived(careful=False)


@pytest.fixture(scope="module")
def ideal() -> Lived:
    return lived(careful=True)


def percent(hits: int, all: int) -> Decimal:
    return (Decimal(100) * hits / all).quantize(Decimal("0.1"), ROUND_HALF_UP)


# -- accuracy


def test_accuracy_is_what_the_counters_found(real: Lived) -> None:
    hits = sum(tally.shelf == tally.book for tally in real.tallies)
    assert 0 < hits < len(real.tallies), "some positions agree and some do not"
    assert real.figure("inventory_accuracy") == percent(hits, len(real.tallies))


def test_its_parts_are_the_facilities_own(real: Lived) -> None:
    told = parts(real.measures, KPIS["inventory_accuracy"], "facility", EVERYTHING, NOW)
    counted = Counter(tally.place.partition("-")[0] for tally in real.tallies)
    assert {facility: figure.number for facility, [figure] in told.items()} == counted
    for facility, [figure] in told.items():
        here = [tally for tally in real.tallies if tally.place.startswith(f"{facility}-")]
        assert figure.value == percent(sum(tally.shelf == tally.book for tally in here), len(here))


def test_the_difference_in_money_is_what_was_too_much_or_too_little(real: Lived) -> None:
    costs = {key: position.cost.amount for each in real.shelves for key, position in each.positions.items()}
    apart = sum((abs(tally.shelf - tally.book) * costs[tally.item, tally.place] for tally in real.tallies), Decimal(0))
    assert real.figure("inventory_difference") == apart.quantize(Decimal("0.01"), ROUND_HALF_UP) > 0


def test_where_all_is_documented_and_counted_right_the_books_are_right(ideal: Lived) -> None:
    fetched = {(item, place) for each in ideal.shelves for item, place, _ in each.empty}
    wrong = {(tally.item, tally.place) for tally in ideal.tallies if tally.shelf != tally.book}
    assert wrong <= fetched, "only where there was nothing left to take do the books say less than nothing"
    assert (ideal.figure("inventory_accuracy") or 0) > Decimal(90)


def test_after_a_count_the_house_believes_what_was_counted(real: Lived) -> None:
    """Each difference was moved by an adjustment that Suture took in: its stock is the twin's, but for receipts that are held."""
    states = real.world.disk.scan_states(NAME, limit=100_000)
    believed = {state.key: msgspec.json.decode(state.data, type=Shelf) for state in states}
    held, compared = unposted(real), 0
    for each in real.shelves:
        for (item, place), position in each.positions.items():
            shelf = believed[f"{item}@{place}"]
            if shelf.opened:
                compared += 1
                assert shelf.balance + held[item, place] == position.book, (item, place)
    assert compared > 50


def unposted(one: Lived) -> Counter[tuple[str, str]]:
    """What the docks have booked and Suture has not let through, in pieces."""
    posted, held = (
        {row.event.data.id for row in one.rows if isinstance(row.event.data, ReceiptPosted)},
        Counter[tuple[str, str]](),
    )
    for inventory in one.world.stage.inventories.values():
        for receipt in inventory.receipts:
            for line in receipt.lines if receipt.id not in posted else ():
                pieces = one.world.base.group.item(line.item).convert(line.quantity, "EA").value
                held[line.item, receipt.place] += int(-pieces if receipt.reverses else pieces)
    return held


# -- stockouts


def test_a_shelf_is_out_of_stock_when_it_is(ideal: Lived) -> None:
    """What the fold counts by the books is what happened at the shelves, each time, but where theatre corrected itself later."""
    amended = {(each.item, each.place) for each in used(ideal) if each.reverses}
    truth = Counter((item, place) for each in ideal.shelves for item, place, _ in each.empty)
    told = Counter(
        tuple(measure.subject.split("/")[1].split("@")[:2])
        for measure in ideal.measures.about("stockouts", EVERYTHING, which="spoils", limit=10_000)
    )
    assert {key: times for key, times in told.items() if key not in amended} == {
        key: times for key, times in truth.items() if key not in amended
    }
    assert sum(truth.values()) >= 3


def used(one: Lived) -> list[Usage]:
    return [row.event.data for row in one.rows if isinstance(row.event.data, Usage)]


# -- rush orders


def test_rush_orders_are_what_people_filed_as_such(real: Lived) -> None:
    filed = real.world.stage.procurement.requisitions
    told = {measure.subject: measure for measure in real.measures.about("rush_orders", EVERYTHING, which="all", limit=10_000)}
    for id, requisition in filed.items():
        assert (told[id].value == 1) == (requisition.urgency in ("urgent", "emergency"))
    assert 0 < sum(told[id].value for id in filed) < len(filed)


def test_replenishment_rushes_for_implants_and_for_what_is_gone(ideal: Lived) -> None:
    empty = {(item, place) for each in ideal.shelves for item, place, _ in each.empty}
    implants = {item.id for item in ideal.world.base.group.items if item.implant}
    told = {measure.subject: measure for measure in ideal.measures.about("rush_orders", EVERYTHING, which="all", limit=10_000)}
    own = [id for id in told if id.startswith("RQ-")]
    assert own
    for id in own:
        item, _, place = id[3:].rpartition("-")[0].partition("@")
        rush = told[id].value == 1
        assert rush if item in implants else not rush or (item, place) in empty or low(ideal, item, place)


def low(one: Lived, item: str, place: str) -> bool:
    """Whether so much was used of it that nothing may have been left."""
    return sum(each.quantity.value for each in used(one) if (each.item, each.place) == (item, place)) >= 8
