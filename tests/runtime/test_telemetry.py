"""What operations watch: counts of one process, the backlog, and their text as Prometheus reads it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from suture.journal import Backlog, Checkpoint, Unavailable
from suture.runtime.deliver import Attempt
from suture.runtime.network import Instance
from suture.runtime.telemetry import BOUNDS, Look, Standing, Tally, exposition
from suture.systems import Again, Done, Outcome, Refused, Unsure
from suture.transports import Answer, Arrival
from tests.journal.units import NOON, delivery, later

ERP = Instance(name="erp", system="erp_rest")


def attempt(created: datetime = NOON) -> Attempt:
    return Attempt(delivery=delivery("D-1", created=created), instance=ERP, steps=iter(()))  # type: ignore[arg-type]  # not held


def ended(tally: Tally, outcome: Outcome, seconds: float) -> None:
    tally.ended([(attempt(), outcome)], later(seconds))


def lines(tally: Tally, stands: Standing | None = None) -> list[str]:
    return exposition(tally, stands, ready=True).splitlines()


def test_messages_and_repeats_are_counted_by_where_they_came_in() -> None:
    tally = Tally()
    arrival = Arrival(instance="ehr", channel="adt", raw=b"")
    tally.took([arrival] * 3, [Answer(outcome="accepted"), Answer(outcome="accepted", repeated=True), Answer(outcome="parked")])
    tally.turned_away(arrival)
    said = lines(tally)
    assert 'suture_messages_total{counterpart="ehr",channel="adt",outcome="busy"} 1' in said
    assert 'suture_messages_total{counterpart="ehr",channel="adt",outcome="accepted"} 2' in said
    assert 'suture_messages_total{counterpart="ehr",channel="adt",outcome="parked"} 1' in said
    assert 'suture_repeats_total{counterpart="ehr",channel="adt"} 1' in said


def test_volume_failures_and_latency_are_told_for_each_flow() -> None:
    tally = Tally()
    for outcome in (Done(), Refused(reason="closed"), Unsure(reason="cut"), Again(reason="busy"), Done()):
        ended(tally, outcome, 0.3)
    said = lines(tally)
    for outcome, times in (("done", 2), ("refused", 1), ("unsure", 1), ("again", 1)):
        assert f'suture_conversations_total{{counterpart="erp",document="OrderStatus",outcome="{outcome}"}} {times}' in said
    assert 'suture_delivery_seconds_bucket{counterpart="erp",document="OrderStatus",le="0.25"} 0' in said
    assert 'suture_delivery_seconds_bucket{counterpart="erp",document="OrderStatus",le="0.5"} 2' in said
    assert 'suture_delivery_seconds_bucket{counterpart="erp",document="OrderStatus",le="+Inf"} 2' in said
    assert 'suture_delivery_seconds_sum{counterpart="erp",document="OrderStatus"} 0.6' in said


def test_a_recovery_lasts_from_the_first_failure_to_the_next_answer() -> None:
    tally = Tally()
    for outcome, at in (
        (Done(), 0),
        (Again(reason="away"), 10),
        (Unsure(reason="cut"), 20),
        (Refused(reason="no"), 70),
        (Done(), 80),
    ):
        ended(tally, outcome, at)
    said = lines(tally)
    assert 'suture_recovery_seconds_sum{counterpart="erp"} 60' in said
    assert 'suture_recovery_seconds_count{counterpart="erp"} 1' in said


def test_buckets_hold_what_took_no_longer_than_their_bound() -> None:
    tally = Tally()
    for seconds in (-5.0, BOUNDS[0], BOUNDS[-1], BOUNDS[-1] + 1):
        ended(tally, Done(), seconds)
    [times] = tally.delivered.values()
    assert (times.buckets[0], times.buckets[-2], times.buckets[-1], sum(times.buckets)) == (2, 1, 1, 4)


def test_the_journal_and_the_gates_are_told_and_labels_cannot_break_the_text() -> None:
    stands = Standing(
        at=later(90),
        backlog=[Backlog('e"r\\p\n', "queued", 7, NOON)],
        exceptions=3,
        sealed=Checkpoint(position=12, events=10, head="", at=datetime(2026, 3, 2, tzinfo=UTC)),
        breakers={"erp": "open", "bank": "closed"},
        under_way={"erp": 1},
    )
    said = lines(Tally(), stands)
    assert r'suture_open_deliveries{counterpart="e\"r\\p\n",status="queued"} 7' in said
    assert r'suture_oldest_delivery_seconds{counterpart="e\"r\\p\n",status="queued"} 90' in said
    assert "suture_open_exceptions 3" in said
    assert 'suture_breaker{counterpart="erp"} 2' in said
    assert 'suture_under_way{counterpart="erp"} 1' in said
    assert "suture_sealed_events 10" in said
    assert "suture_sealed_timestamp_seconds 1772409600" in said


def test_a_look_asks_once_however_many_want_to_know_and_again_when_it_is_old() -> None:
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return asked

    async def story() -> None:
        look = Look(ask, good_s=60, patience_s=20)
        assert await asyncio.gather(*(look.answer() for _ in range(50))) == [1] * 50
        assert await look.answer() == 1
        hasty = Look(ask, good_s=0, patience_s=20)
        assert [await hasty.answer(), await hasty.answer()] == [2, 3]

    asyncio.run(story())


def test_a_look_at_a_journal_that_is_away_or_hangs_says_nothing_and_never_piles_up() -> None:
    asked, away = 0, True

    async def story() -> None:
        nonlocal away
        answers = asyncio.Event()

        async def ask() -> int:
            nonlocal asked
            asked += 1
            if away:
                raise Unavailable("down")
            await answers.wait()
            return asked

        look = Look(ask, good_s=60, patience_s=0.01)
        while not asked:
            assert await look.answer() is None
        away, before = False, asked
        assert [await look.answer() for _ in range(3)] == [None] * 3
        assert asked == before + 1
        answers.set()
        while (answer := await look.answer()) is None:
            await asyncio.sleep(0.01)
        assert answer == asked == before + 1

    asyncio.run(asyncio.wait_for(story(), 20))


@pytest.mark.parametrize("seconds", [0, 59])
def test_time_is_never_told_as_negative(seconds: int) -> None:
    stands = Standing(NOON - timedelta(seconds=seconds), [Backlog("erp", "queued", 1, NOON)], 0, None, {}, {})
    assert 'suture_oldest_delivery_seconds{counterpart="erp",status="queued"} 0' in lines(Tally(), stands)
