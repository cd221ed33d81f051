"""How far a sender has counted: known exactly, whatever order, batch or crash the messages come in."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from suture.formats import Running
from suture.journal import Committed, MemoryJournal, Unavailable, Unit
from suture.journal import Journal as AnyJournal
from suture.journal.postgres import PostgresJournal
from suture.model import Case, CaseResolved, Item, MessageReceived, Numbered, Quantity, Requisition, RequisitionLine, encode
from suture.runtime.clock import ManualClock
from suture.runtime.counting import Counting
from suture.runtime.network import Instance, Network
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from suture.transports import Arrival

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NETWORK = Network(
    name="small",
    instances=(
        Instance(name="erp", system="erp_rest", role="erp"),
        Instance(name="procurement", system="procurement_rest", role="procurement"),
        Instance(name="bank", system="bank_iso20022", role="bank", options={"file_number": r"^B([0-9]+)\."}),
    ),
)


class Journal(MemoryJournal):
    """Loses its answer once when it is told to."""

    doubtful = False

    def commit(self, units: list[Unit]) -> list[Committed]:  # type: ignore[override]  # tests pass lists
        answers = super().commit(units)
        if self.doubtful:
            self.doubtful = False
            raise Unavailable("written, but the answer was lost")
        return answers


@pytest.fixture
def journal() -> Journal:
    return Journal(b"k" * 32)


def still(journal: AnyJournal, at: datetime = NOON) -> Still:
    """The network on this journal, as after a start."""
    return Still(Wiring(journal, NETWORK, privacy_key=b"p" * 32), ManualClock(at), {})


def update(number: int, name: str = "Glove") -> Arrival:
    """A master update with its running number."""
    item = Item(id=f"IT-{number}", name=name, unit="EA")
    return Arrival(instance="erp", channel="events", raw=b'{"sequence":%d,"documents":[%s]}' % (number, encode(item)))


def facts(journal: AnyJournal, kind: type) -> list[object]:
    return [row.event.data for row in journal.read(0, 10_000) if isinstance(row.event.data, kind)]


def placed(journal: AnyJournal) -> list[tuple[int, int]]:
    messages = [fact for fact in facts(journal, MessageReceived) if isinstance(fact, MessageReceived)]
    return [(number.number, number.after) for message in messages for number in message.numbers]


def open_cases(journal: MemoryJournal) -> list[Case]:
    ended = {fact.case for fact in facts(journal, CaseResolved) if isinstance(fact, CaseResolved)}
    return [fact for fact in facts(journal, Case) if isinstance(fact, Case) and fact.id not in ended]


# -- places


def test_a_message_knows_after_which_number_it_came(journal: Journal) -> None:
    house = still(journal)
    for number in (50, 51, 54, 52):
        house.accept(update(number))
    assert placed(journal) == [(50, 0), (51, 50), (54, 51), (52, 54)]


def test_what_is_committed_together_is_not_late(journal: Journal) -> None:
    house = still(journal)
    house.accept(update(1))
    house.accept(update(4), update(2), update(3))
    assert sorted(placed(journal)) == [(1, 0), (2, 1), (3, 2), (4, 3)]
    house.accept(update(5))
    assert placed(journal)[-1] == (5, 4)


def test_a_repeat_changes_nothing(journal: Journal) -> None:
    house = still(journal)
    for number in (1, 2, 2, 1, 3):
        house.accept(update(number))
    assert placed(journal) == [(1, 0), (2, 1), (3, 2)]


def test_the_count_survives_a_crash(journal: Journal) -> None:
    still(journal).accept(update(1))
    still(journal).accept(update(2))
    still(journal).accept(update(4))
    assert placed(journal) == [(1, 0), (2, 1), (4, 2)]


def test_a_commit_in_doubt_leaves_no_false_count(journal: Journal) -> None:
    house = still(journal)
    house.accept(update(1))
    journal.doubtful = True
    with pytest.raises(Unavailable):
        house.accept(update(2))
    house.accept(update(2))
    house.accept(update(3))
    assert placed(journal) == [(1, 0), (2, 1), (3, 2)]


def test_what_was_not_written_does_not_count(journal: Journal) -> None:
    house = still(journal)
    house.accept(update(1))
    place = house.wiring.counting.place([("erp/events", ())], NOON)
    house.wiring.counting.place([], NOON)
    assert place[0].marks == ()
    house.accept(update(3))
    assert placed(journal) == [(1, 0), (3, 1)]


def test_a_count_that_is_full_begins_again(journal: Journal) -> None:
    house = still(journal)
    for number in (1, 999_999_998, 999_999_999, 1, 2, 4):
        house.accept(update(number, name=str(len(placed(journal)))))
    assert placed(journal)[-3:] == [(1, 999_999_999), (2, 1), (4, 2)]


def test_a_late_first_one_is_no_beginning(journal: Journal) -> None:
    house = still(journal)
    for number in (2, 30, 1, 31):
        house.accept(update(number))
    assert placed(journal)[-2:] == [(1, 30), (31, 30)]


def test_a_long_batch_tells_only_what_is_odd_and_its_end() -> None:
    counting = Counting(MemoryJournal(b"k" * 32))
    batch = [Running(number) for number in (*range(1, 200), *range(210, 400))]
    (place,) = counting.place([("erp/events", batch)], NOON)
    assert place.numbers == (Numbered(210, 199), Numbered(399, 398))


def test_a_file_is_counted_by_its_name_where_that_is_agreed(journal: Journal) -> None:
    house = still(journal)
    for name in ("B000000007.xml", "B000000009.xml", "readme.txt"):
        house.accept(Arrival(instance="bank", channel="in", raw=name.encode(), name=name))
    assert placed(journal) == [(7, 0), (9, 7)]


# -- two gateways


class Hesitant(PostgresJournal):
    """Hesitates before it commits, until it is let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url, b"k" * 32)
        self.hesitates, self.go_on = threading.Event(), threading.Event()

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        self.hesitates.set()
        assert self.go_on.wait(10)
        return super().commit(units)


@pytest.mark.postgres
def test_of_two_gateways_the_second_counts_on_from_what_the_first_commits(postgres_url: str) -> None:
    slow, quick = Hesitant(postgres_url), PostgresJournal(postgres_url, b"k" * 32)
    houses = still(slow), still(quick)
    houses[1].accept(update(1))
    with ThreadPoolExecutor(2) as gateways:
        second = gateways.submit(houses[0].accept, update(2))
        assert slow.hesitates.wait(10)
        third = gateways.submit(houses[1].accept, update(3))
        with pytest.raises(TimeoutError):
            third.result(0.2)
        slow.go_on.set()
        second.result(10), third.result(10)
    assert placed(quick) == [(1, 0), (2, 1), (3, 2)]
    slow.close()
    quick.close()


@pytest.mark.postgres
def test_a_gateway_that_is_cut_off_while_it_counts_is_not_waited_for_and_writes_nothing(postgres_url: str) -> None:
    lost, other = PostgresJournal(postgres_url, b"k" * 32), PostgresJournal(postgres_url, b"k" * 32)
    with lost.alone(["erp/events"]):
        assert lost._held is not None
        other._rows("select pg_terminate_backend(:backend)", backend=lost._held.info.backend_pid)
        still(other).accept(update(1))
        with pytest.raises(Unavailable):
            lost.commit([Unit(cursors=[("count/erp/events/", 7)])])
    assert placed(other) == [(1, 0)]
    assert other.cursor("count/erp/events/") == 1
    lost.close()
    other.close()


@pytest.mark.postgres
def test_what_two_gateways_take_in_at_the_same_instant_shows_no_gap(postgres_url: str) -> None:
    journals = [PostgresJournal(postgres_url, b"k" * 32) for _ in range(2)]
    with ThreadPoolExecutor(2) as gateways:
        for taken in [
            gateways.submit(_take_in, still(journal), range(first, 81, 2)) for first, journal in enumerate(journals, 1)
        ]:
            taken.result(30)
    missing = set[int]()
    for number, after in placed(journals[0]):
        missing |= set(range(after + 1, number))
        missing.discard(number)
    assert not missing
    for journal in journals:
        journal.close()


def _take_in(house: Still, numbers: Sequence[int]) -> None:
    for number in numbers:
        house.accept(update(number))


# -- the watch


def test_a_regular_feed_costs_one_decision_in_a_while(journal: Journal) -> None:
    house = still(journal)
    for number in range(1, 61):
        house.clock.move_to(NOON + timedelta(seconds=30 * number))
        house.accept(update(number))
        house.settle()
    listened = [row for row in journal.read(0, 10_000) if row.event.source == "feeds"]
    assert len(listened) == 3, "thirty minutes"


def test_a_dropped_master_update_is_found_within_the_declared_time(journal: Journal) -> None:
    house = still(journal)
    for number in (1, 2, 4):
        house.accept(update(number))
    house.until(NOON + timedelta(minutes=59))
    assert open_cases(journal) == []
    house.until(NOON + timedelta(minutes=60))
    (case,) = open_cases(journal)
    assert (case.reason, case.context["missing"], case.context["it carries"]) == ("numbers_missing", "3", "Item")
    house.accept(update(3))
    house.settle()
    assert open_cases(journal) == []


def test_a_dropped_requisition_is_found_though_nobody_expected_it(journal: Journal) -> None:
    house = still(journal)
    for number in (1, 3):
        line = RequisitionLine(number=1, item="IT-1", supplier="S", quantity=Quantity(Decimal(1), "EA"), cost_center="CC")
        wish = Requisition(
            id=f"R-{number}", entity="E", facility="F", ship_to="D", requester="P", requested_at=NOON, lines=(line,)
        )
        raw = b'{"sequence":%d,"documents":[%s]}' % (number, encode(wish))
        house.accept(Arrival(instance="procurement", channel="webhook", raw=raw))
    house.until(NOON + timedelta(hours=2))
    assert [case.reason for case in open_cases(journal) if case.id.startswith("feeds/")] == ["numbers_missing"]


def test_the_last_message_of_a_day_is_missed_when_the_sender_says_that_it_has_said_all(journal: Journal) -> None:
    house = still(journal)
    house.accept(update(1))
    house.accept(Arrival(instance="erp", channel="events", raw=b'{"sequence":3,"documents":[]}'))
    house.until(NOON + timedelta(hours=2))
    assert [case.reason for case in open_cases(journal)] == ["numbers_missing"]
