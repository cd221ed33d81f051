"""What every journal owes: one suite over memory, SQLite and PostgreSQL.

The laws:

1. A unit is written as a whole or not at all; a unit that repeats a ``once`` is skipped, answered and counted.
2. Whatever is not as expected raises Fenced, and then nothing of the whole commit is written.
3. Deliveries get their sequence and their instance's number in order, without gaps; a delivery goes only when no earlier one of
   its instance and key is open; a parked one blocks its key and nothing else.
4. What is read is what was written: events in order of position, states, timers, cursors, seals, blobs.
5. What could not be read back is refused with ValueError before anything is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from suture.journal import (
    OPEN,
    Backlog,
    BlobDamaged,
    Checkpoint,
    Committed,
    Delivery,
    Fenced,
    Journal,
    MemoryJournal,
    Route,
    State,
    Timer,
    Unit,
    Work,
    open_journal,
)
from suture.journal.drafts import encode_event
from suture.journal.rows import partition_of
from suture.model import Decision, OrderStatus, Ref
from tests.journal.units import KEY, NOON, delivery, event, later, order, said, settled

ALL = range(16)
STORES = ("memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=STORES)
def journal(request: pytest.FixtureRequest) -> Iterator[Journal]:
    """An empty journal of each kind."""
    opened = MemoryJournal(KEY) if request.param == "memory" else open_journal(_address(request, request.param), KEY)
    yield opened
    opened.close()


@pytest.fixture(params=STORES[1:])
def reopen(request: pytest.FixtureRequest) -> Callable[..., Journal]:
    """Opens the same journal, on disk, again and again."""
    address = _address(request, request.param)
    return lambda key=KEY, **options: open_journal(address, key, **options)


def _address(request: pytest.FixtureRequest, store: str) -> str:
    if store == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return str(folder / "journal.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


def everything(journal: Journal) -> dict[str, Any]:
    """All that a journal tells, for before-and-after comparisons."""
    return {
        "events": journal.read(0, 1000),
        "bodies": journal.bodies(0, 1000),
        "work": journal.work(ALL, 1000),
        "states": [journal.scan_states(process) for process in ("matching", "buying")],
        "open": journal.open_deliveries(limit=1000),
        "timers": journal.timers(later(10**9), 1000),
        "seals": journal.checkpoints(),
        "repeats": journal.repeats(),
        "counts": journal.counts(),
        "cursor": journal.cursor("view"),
        "due": journal.next_due(),
    }


def ids(found: list[Delivery]) -> list[str]:
    return [each.id for each in found]


# -- units


def test_an_empty_journal_says_so(journal: Journal) -> None:
    assert journal.partitions == 16
    assert journal.read(0, 10) == journal.bodies(0, 10) == journal.work(ALL, 10) == journal.deliveries(NOON, 10) == []
    assert journal.next_due() is journal.checkpoint() is journal.delivery("d") is journal.awaiting("erp", "x") is None
    assert journal.cursor("view") == 0
    assert journal.counts() == {"events": 0, "work": 0, "timers": 0, "blobs": 0, "repeats": 0}
    assert journal.commit([]) == []


def test_everything_in_a_unit_is_written_together(journal: Journal) -> None:
    raw = b"ISA*00*..." * 20
    address = hashlib.sha256(raw).hexdigest()
    unit = Unit(
        events=[event("a", order("PO-1"), blob=address), event("b", to=("matching", "PO-1"), seen=("supplier:S-100#3",))],
        routes=[Route(0, "matching", "PO-1"), Route(1, "buying", "R-1"), Route(0, "buying", "R-1")],
        blobs=[(address, raw)],
        states=[State("matching", "PO-1", 1, b"{}")],
        deliveries=[delivery("d1", document=order("PO-1"), priority=0)],
        timers=[Timer("matching", "PO-1", "overdue", later(60), "a", "a")],
        cursors=[("view", 2)],
    )
    [committed] = journal.commit([unit])
    first, second = committed.positions
    assert first < second
    assert [each.event for each in journal.read(0, 10)] == unit.events
    routed = [(work.process, work.key, work.position, work.event.once) for work in journal.work(ALL, 10)]
    assert routed == [("matching", "PO-1", first, "a"), ("buying", "R-1", first, "a"), ("buying", "R-1", second, "b")]
    assert journal.states([("matching", "PO-1"), ("matching", "PO-2")]) == {("matching", "PO-1"): unit.states[0]}
    assert journal.deliveries(NOON, 10) == [delivery("d1", document=order("PO-1"), priority=0, number=1, sequence=1)]
    assert journal.timers(later(60), 10) == list(unit.timers)
    assert journal.cursor("view") == 2
    assert journal.blob(address) == raw
    counts = {"events": 2, "work": 3, "timers": 1, "blobs": 1, "repeats": 0, "deliveries.queued": 1}
    assert journal.counts() == counts
    assert [journal.undecided(most) for most in (2, 10)] == [2, 3]


def test_a_unit_that_repeats_one_event_writes_nothing_while_the_others_go(journal: Journal) -> None:
    journal.commit([said("a", "k")])
    doubled = Unit(
        events=[event("new"), event("a")],
        routes=[Route(0, "matching", "k")],
        blobs=[(hashlib.sha256(b"raw").hexdigest(), b"raw")],
        states=[State("matching", "k", 1, b"{}")],
        deliveries=[delivery("d1")],
        timers=[Timer("matching", "k", "t", later(1))],
        cursors=[("view", 9)],
    )
    before = everything(journal)
    first, second, third = journal.commit([said("b", "k"), doubled, said("c", "k")])
    assert second == Committed(repeated="a")
    assert [each.event.once for each in journal.read(0, 10)] == ["a", "b", "c"]
    assert (first.positions, third.positions) == tuple((each.position,) for each in journal.read(1, 10))
    assert journal.repeats() == {"a": 1}
    after = {**everything(journal), "events": before["events"], "bodies": before["bodies"], "work": before["work"]}
    assert after == {**before, "repeats": {"a": 1}, "counts": {**before["counts"], "events": 3, "work": 3, "repeats": 1}}


def test_a_repeat_within_one_call_is_a_repeat_of_what_was_written_only(journal: Journal) -> None:
    journal.commit([said("a")])
    skipped, fresh, repeat = journal.commit([Unit(events=[event("a"), event("b")]), said("b"), said("b")])
    assert skipped.repeated == "a"
    assert fresh.repeated == ""
    assert repeat.repeated == "b"
    assert journal.repeats() == {"a": 1, "b": 1}
    assert [each.event.once for each in journal.read(0, 10)] == ["a", "b"]


def test_repeats_are_counted_each_time(journal: Journal) -> None:
    for _ in range(3):
        journal.commit([said("a"), said("a")])
    assert journal.repeats() == {"a": 5}
    assert journal.counts()["repeats"] == 5


def test_a_repeat_does_not_touch_work_that_is_gone(journal: Journal) -> None:
    journal.commit([said("a", "k")])
    [work] = journal.work(ALL, 1)
    decided = Unit(events=[event("b")], done=[work.id])
    assert journal.commit([decided])[0].repeated == ""
    assert journal.commit([decided])[0].repeated == "b"


# -- fences


def fences(work: Work) -> dict[str, list[Unit]]:
    """Commits that must not happen on the journal of ``fenced_journal``."""
    fired = ("matching", "k", "t", later(1))
    seal = Checkpoint(position=1, events=1, head="00", at=NOON)
    return {
        "work gone": [Unit(done=[work.id + 1])],
        "work done twice": [Unit(done=[work.id]), Unit(done=[work.id])],
        "state moved on": [Unit(states=[State("matching", "k", 2, b"")])],
        "state exists": [Unit(states=[State("matching", "k", 1, b"")])],
        "state too far": [Unit(states=[State("matching", "k", 4, b"")])],
        "state not there": [Unit(states=[State("matching", "other", 2, b"")])],
        "state without a version": [Unit(states=[State("matching", "other", 0, b"")])],
        "states out of order": [Unit(states=[State("matching", "k", 3, b"")]), Unit(states=[State("matching", "k", 5, b"")])],
        "settlement of another status": [Unit(settlements=[settled("d1", "done", was="sending")])],
        "settlement of another attempt": [Unit(settlements=[settled("d1", "done", attempts=1)])],
        "settlement of nothing": [Unit(settlements=[settled("none", "done")])],
        "settled twice": [Unit(settlements=[settled("d1", "sending")]), Unit(settlements=[settled("d1", "sending")])],
        "settled before it exists": [Unit(settlements=[settled("d2", "sending")]), Unit(deliveries=[delivery("d2")])],
        "delivery exists": [Unit(deliveries=[delivery("d1")])],
        "delivery doubled": [Unit(deliveries=[delivery("d2")]), Unit(deliveries=[delivery("d2")])],
        "timer not there": [Unit(fired=[("matching", "k", "other", later(1))])],
        "timer moved": [Unit(fired=[("matching", "k", "t", later(2))])],
        "timer fired twice": [Unit(fired=[fired]), Unit(fired=[fired])],
        "timer fired after it was cancelled": [Unit(timers=[Timer("matching", "k", "t", None)]), Unit(fired=[fired])],
        "seal exists": [Unit(checkpoints=[seal])],
        "seal doubled": [Unit(checkpoints=[Checkpoint(position=2, events=1, head="00", at=NOON)] * 2)],
    }


NO_WORK = Work(0, "", "", 0, event("x"))


def fenced_journal(journal: Journal) -> Work:
    journal.commit(
        [
            said("a", "k"),
            Unit(
                states=[State("matching", "k", 1, b"1"), State("matching", "k", 2, b"2")],
                deliveries=[delivery("d1")],
                timers=[Timer("matching", "k", "t", later(1))],
                checkpoints=[Checkpoint(position=1, events=1, head="00", at=NOON)],
            ),
        ]
    )
    return journal.work(ALL, 1)[0]


@pytest.mark.parametrize("fence", fences(NO_WORK))
def test_a_fenced_commit_writes_nothing(journal: Journal, fence: str) -> None:
    work = fenced_journal(journal)
    address = hashlib.sha256(b"raw").hexdigest()
    # first what would be right by itself, of every kind; it must not survive either
    innocent = Unit(
        events=[event("innocent")],
        routes=[Route(0, "buying", "k")],
        blobs=[(address, b"raw")],
        states=[State("buying", "k", 1, b"")],
        deliveries=[delivery("d9")],
        timers=[Timer("buying", "k", "t", later(5))],
        cursors=[("view", 7)],
        checkpoints=[Checkpoint(position=9, events=9, head="00", at=NOON)],
    )
    before = everything(journal)
    with pytest.raises(Fenced):
        journal.commit([innocent, said("a"), *fences(work)[fence]])
    assert everything(journal) == before
    with pytest.raises(KeyError):
        journal.blob(address)
    assert journal.delivery("d9") is None
    # and the journal goes on
    assert journal.commit([innocent])[0].repeated == ""
    assert journal.delivery("d9") == delivery("d9", number=2, sequence=journal.open_deliveries()[-1].sequence)


@pytest.mark.parametrize(
    "unit",
    [
        Unit(events=[event("a"), event("a")]),
        Unit(events=[event("")]),
        Unit(events=[event("x" * 513)]),
        Unit(events=[event("nul\0")]),
        Unit(events=[event("half \ud800")]),
        Unit(events=[event("a", OrderStatus(order="", state="confirmed", at=NOON))]),
        Unit(events=[event("a", OrderStatus(order="nul\0", state="confirmed", at=NOON))]),
        Unit(deliveries=[delivery("d", document=OrderStatus(order="", state="confirmed", at=NOON))]),
        Unit(states=[State("matching", "nul\0", 1, b"")]),
        Unit(events=[event("a")], routes=[Route(1, "matching", "k")]),
        Unit(events=[event("a")], routes=[Route(-1, "matching", "k")]),
        Unit(blobs=[("0" * 64, b"other content")]),
    ],
)
def test_what_could_not_be_read_back_is_refused(journal: Journal, unit: Unit) -> None:
    with pytest.raises(ValueError, match=r"."):
        journal.commit([said("innocent"), unit])
    assert journal.read(0, 10) == []
    assert journal.commit([said("innocent")])[0].repeated == ""


# -- work


def test_work_comes_oldest_first_for_the_partitions_asked(journal: Journal) -> None:
    keys = [f"PO-{number}" for number in range(40)]
    journal.commit([said(f"e{number}", key) for number, key in enumerate(keys)])
    mine = [partition for partition in ALL if partition % 3 == 0]
    expected = [key for key in keys if partition_of("matching", key, 16) in mine]
    assert 0 < len(expected) < 40
    assert [work.key for work in journal.work(mine, 100)] == expected
    assert [work.key for work in journal.work(mine, 3)] == expected[:3]
    assert [work.key for work in journal.work(iter(ALL), 100)] == keys
    assert journal.work([], 100) == []


def test_partitions_never_change() -> None:
    # CRC-32 of the UTF-8 bytes: as gzip writes it in its trailer; the same for ever
    assert partition_of("matching", "PO-1", 16) == 0xE5BEF5EE % 16
    assert partition_of("buying", "Lagerstraße", 16) == 0xA113FC70 % 16


def test_done_work_is_gone_and_the_rest_stays_in_order(journal: Journal) -> None:
    journal.commit([said(f"e{number}", "k", "l") for number in range(4)])
    work = journal.work(ALL, 10)
    journal.commit([Unit(events=[event("decided")], routes=[Route(0, "matching", "k")], done=[work[0].id, work[5].id])])
    left = journal.work(ALL, 10)
    assert [(each.key, each.event.once) for each in left] == [
        *[("l", "e0"), ("k", "e1"), ("l", "e1"), ("k", "e2"), ("k", "e3"), ("l", "e3"), ("k", "decided")]
    ]


# -- states


def test_states_move_one_version_at_a_time_also_within_a_call(journal: Journal) -> None:
    journal.commit([Unit(states=[State("matching", "k", 1, b"1")]), Unit(states=[State("matching", "k", 2, b"2")])])
    journal.commit([Unit(states=[State("matching", "k", 3, b"3")]), Unit(states=[State("buying", "k", 1, b"b")])])
    assert journal.states([("matching", "k"), ("buying", "k")]) == {
        ("matching", "k"): State("matching", "k", 3, b"3"),
        ("buying", "k"): State("buying", "k", 1, b"b"),
    }
    assert journal.states([]) == {}


def test_states_are_paged_in_order_of_their_keys(journal: Journal) -> None:
    keys = ["B", "a", "Z", "ä", "a/1", "a b", "€", "0", "_", "😀"]
    journal.commit([Unit(states=[State("matching", key, 1, key.encode()) for key in keys])])
    journal.commit([Unit(states=[State("other", "k", 1, b"")])])
    pages, after = [], ""
    while page := journal.scan_states("matching", after, 3):
        pages.append([state.key for state in page])
        after = page[-1].key
    assert [key for page in pages for key in page] == sorted(keys)
    assert [len(page) for page in pages] == [3, 3, 3, 1]


# -- deliveries


def test_deliveries_to_an_instance_are_scanned_in_order_whatever_became_of_them(journal: Journal) -> None:
    names = [f"d{number}" for number in range(7)]
    journal.commit([Unit(deliveries=[delivery(name, document=order(f"PO-{name}")) for name in names])])
    journal.commit([Unit(deliveries=[delivery("b", instance="bank")])])
    journal.commit([Unit(settlements=[settled("d2", "done", due=later(60)), settled("d5", "refused")])])
    pages, after = [], 0
    while page := journal.scan_deliveries("erp", after, 3):
        pages.append(page)
        after = page[-1].sequence
    assert [ids(page) for page in pages] == [names[:3], names[3:6], names[6:]]
    found = {each.id: each for page in pages for each in page}
    assert [found[name].status for name in ("d1", "d2", "d5")] == ["queued", "done", "refused"]
    assert found["d2"].due == later(60), "an ended delivery is due no more: it says when it ended"
    assert found["d3"].document == order("PO-d3")
    assert ids(journal.scan_deliveries("bank")) == ["b"]
    assert journal.scan_deliveries("erp", after) == journal.scan_deliveries("nobody") == []


def at_once(id: str, **fields: Any) -> Delivery:
    """A new delivery that is to go out with the commit that owes it."""
    return delivery(id, status="sending", attempts=1, **fields)


def test_numbers_count_per_instance_and_sequences_over_all(journal: Journal) -> None:
    journal.commit([Unit(deliveries=[delivery("a"), delivery("b", instance="bank"), delivery("c")]), said("x")])
    with pytest.raises(Fenced):
        journal.commit([Unit(deliveries=[delivery("d"), delivery("a")])])
    journal.commit([Unit(deliveries=[delivery("e", instance="bank", number=77, sequence=77)]), Unit(deliveries=[delivery("f")])])
    found = journal.open_deliveries()
    assert [(each.id, each.instance, each.number) for each in found] == [
        *[("a", "erp", 1), ("b", "bank", 1), ("c", "erp", 2), ("e", "bank", 2), ("f", "erp", 3)]
    ]
    sequences = [each.sequence for each in found]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("status", OPEN)
def test_an_open_delivery_holds_back_later_ones_of_its_key_and_nothing_else(journal: Journal, status: str) -> None:
    lane = [delivery(id, key="PO-1") for id in ("a", "b", "c")]
    journal.commit([Unit(deliveries=[*lane, delivery("x", key="PO-1", instance="bank"), delivery("y", key="PO-2")])])
    journal.commit([Unit(settlements=[settled("a", status)])])
    free = ["a"] if status in ("queued", "unknown") else []
    assert ids(journal.deliveries(NOON, 10)) == [*free, "x", "y"]
    assert ids(journal.deliveries(NOON, 10, statuses=(status,))) == (["a"] if status != "queued" else ["a", "x", "y"])
    assert ids(journal.open_deliveries()) == ["a", "b", "c", "x", "y"]


@pytest.mark.parametrize("status", ["done", "refused", "cancelled"])
def test_a_delivery_at_its_end_lets_the_next_one_go(journal: Journal, status: str) -> None:
    journal.commit([Unit(deliveries=[delivery(id, key="PO-1") for id in ("a", "b", "c")])])
    journal.commit([Unit(settlements=[settled("a", "sending")])])
    journal.commit([Unit(settlements=[settled("a", status, was="sending", attempts=1)])])
    assert ids(journal.deliveries(NOON, 10)) == ["b"]
    assert journal.deliveries(NOON, 10, statuses=(status,)) == []
    assert ids(journal.open_deliveries()) == ["b", "c"]
    assert journal.counts() == {**journal.counts(), f"deliveries.{status}": 1, "deliveries.queued": 2}
    # released by a person: it is the first of its key again
    journal.commit([Unit(settlements=[settled("a", "queued", was=status, attempts=1)])])
    assert ids(journal.deliveries(NOON, 10)) == ["a"]


@pytest.mark.parametrize("status", OPEN)
def test_what_is_to_go_at_once_goes_unless_one_that_is_open_stands_before_it(journal: Journal, status: str) -> None:
    journal.commit([Unit(deliveries=[delivery("a", key="PO-1"), delivery("z", key="PO-9", instance="bank")])])
    journal.commit([Unit(settlements=[settled("a", status)])])
    [answer] = journal.commit([Unit(deliveries=[at_once("b", key="PO-1"), at_once("c", key="PO-2"), delivery("d", key="PO-3")])])
    assert answer.sending == {"c": 3}, "with its number"
    lives = {each.id: (each.status, each.attempts) for each in journal.open_deliveries("erp")}
    assert {id: lives[id] for id in "bcd"} == {"b": ("queued", 0), "c": ("sending", 1), "d": ("queued", 0)}


@pytest.mark.parametrize("status", ["done", "refused", "cancelled"])
def test_what_is_to_go_at_once_passes_by_what_has_ended(journal: Journal, status: str) -> None:
    journal.commit([Unit(deliveries=[delivery("a", key="PO-1")])])
    ended = Unit(settlements=[settled("a", status)])
    [_, answer] = journal.commit([ended, Unit(deliveries=[at_once("b", key="PO-1")])])
    assert answer.sending == {"b": 2}


def test_of_two_that_are_to_go_at_once_under_one_key_the_first_goes(journal: Journal) -> None:
    first, second = journal.commit([Unit(deliveries=[at_once(id, key="PO-1")]) for id in ("b", "a")])
    assert (first.sending, second.sending) == ({"b": 1}, {})
    assert [(each.id, each.status, each.attempts) for each in journal.open_deliveries()] == [
        ("b", "sending", 1),
        ("a", "queued", 0),
    ]


def test_what_goes_at_once_is_told_to_its_own_unit_and_nothing_of_a_repeat_goes(journal: Journal) -> None:
    journal.commit([said("x")])
    repeat = structs.replace(said("x"), deliveries=[at_once("a")])
    answers = journal.commit([repeat, Unit(deliveries=[at_once("b")]), said("y"), Unit(deliveries=[at_once("c")])])
    assert [answer.sending for answer in answers] == [{}, {"b": 1}, {}, {"c": 2}]
    assert journal.delivery("a") is None


def test_what_went_at_once_and_has_ended_does_not_come_back_with_a_repeat(journal: Journal) -> None:
    unit = structs.replace(said("x"), deliveries=[at_once("a", key="PO-1")])
    assert journal.commit([unit])[0].sending == {"a": 1}
    journal.commit([Unit(settlements=[settled("a", "done", was="sending", attempts=1)])])
    assert journal.commit([unit]) == [Committed(repeated="x")]
    ended = journal.delivery("a")
    assert ended is not None
    assert (ended.status, ended.attempts) == ("done", 1)


def test_what_went_at_once_and_ended_in_the_same_call_is_not_told(journal: Journal) -> None:
    ended = Unit(settlements=[settled("a", "done", was="sending", attempts=1)])
    first, _ = journal.commit([Unit(deliveries=[at_once("a", key="PO-1")]), ended])
    assert first.sending == {}
    assert ids(journal.open_deliveries()) == []


def test_deliveries_go_by_priority_then_in_order_and_when_they_are_due(journal: Journal) -> None:
    wanted = [("a", 5, 0), ("b", 0, 0), ("c", 9, 0), ("d", 0, 5), ("e", 5, 0), ("f", 0, 0)]
    journal.commit([Unit(deliveries=[delivery(id, priority=priority, due=later(s)) for id, priority, s in wanted])])
    assert ids(journal.deliveries(NOON, 10)) == ["b", "f", "a", "e", "c"]
    assert ids(journal.deliveries(later(5), 10)) == ["b", "d", "f", "a", "e", "c"]
    assert ids(journal.deliveries(later(5), 2)) == ["b", "d"]
    assert journal.deliveries(NOON - timedelta(microseconds=1), 10) == []


def test_a_blocked_delivery_does_not_use_up_the_limit(journal: Journal) -> None:
    journal.commit([Unit(deliveries=[delivery(f"p{number}", key="PO-1", priority=0) for number in range(50)])])
    journal.commit([Unit(deliveries=[delivery("q")])])
    assert ids(journal.deliveries(NOON, 2)) == ["p0", "q"]


def test_instances_can_be_left_out(journal: Journal) -> None:
    journal.commit([Unit(deliveries=[delivery(name, instance=name) for name in ("erp", "bank", "lab")])])
    assert ids(journal.deliveries(NOON, 10, exclude=iter(["erp", "lab"]))) == ["bank"]


def test_a_settlement_changes_what_it_says(journal: Journal) -> None:
    journal.commit([Unit(deliveries=[delivery("a", reference="ours")])])
    step = settled("a", "sending", due=later(3), note="first try")
    journal.commit([Unit(settlements=[step])])
    expected = delivery("a", status="sending", attempts=1, due=later(3), note="first try", reference="ours", number=1, sequence=1)
    assert journal.delivery("a") == expected
    repaired = OrderStatus(order="PO-2", state="closed", at=NOON)
    journal.commit([Unit(settlements=[settled("a", "awaiting", was="sending", attempts=1, reference="0815", document=repaired)])])
    assert journal.delivery("a") == delivery(
        "a", status="awaiting", attempts=1, reference="0815", document=repaired, number=1, sequence=1
    )


def test_a_delivery_can_be_owed_and_settled_in_one_call(journal: Journal) -> None:
    repaired = OrderStatus(order="PO-2", state="closed", at=NOON)
    journal.commit(
        [
            Unit(deliveries=[delivery("a")]),
            Unit(settlements=[settled("a", "sending", reference="17")]),
            Unit(settlements=[settled("a", "unknown", was="sending", attempts=1, document=repaired, due=later(9), note="lost")]),
        ]
    )
    journal.commit(
        [
            Unit(settlements=[settled("a", "sending", was="unknown", attempts=1, reference="18", document=order("PO-3"))]),
            Unit(settlements=[settled("a", "done", was="sending", attempts=2, note="there")]),
        ]
    )
    assert journal.delivery("a") == delivery(
        "a", status="done", attempts=2, reference="18", document=order("PO-3"), note="there", number=1, sequence=1
    )


def test_awaiting_finds_the_delivery_that_waits_for_word(journal: Journal) -> None:
    waiting = [delivery(id, reference="0001", instance=to) for id, to in (("a", "erp"), ("b", "bank"), ("c", "erp"))]
    journal.commit([Unit(deliveries=waiting)])
    assert journal.awaiting("erp", "0001") is None
    journal.commit([Unit(settlements=[settled(id, "awaiting") for id in "cba"])])
    assert [journal.awaiting(*asked) for asked in (("erp", "2"), ("lab", "0001"))] == [None, None]
    assert [journal.awaiting(to, "0001").id for to in ("erp", "bank")] == ["a", "b"]  # type: ignore[union-attr]
    journal.commit([Unit(settlements=[settled("a", "done", was="awaiting")])])
    assert journal.awaiting("erp", "0001").id == "c"  # type: ignore[union-attr]


def test_open_deliveries_can_be_narrowed(journal: Journal) -> None:
    journal.commit([Unit(deliveries=[delivery(id, instance=to) for id, to in (("a", "erp"), ("b", "bank"), ("c", "erp"))])])
    journal.commit([Unit(settlements=[settled("a", "sending"), settled("b", "sending")])])
    assert ids(journal.open_deliveries("erp")) == ["a", "c"]
    assert ids(journal.open_deliveries(status="sending")) == ["a", "b"]
    assert ids(journal.open_deliveries("erp", "sending")) == ["a"]
    assert ids(journal.open_deliveries(limit=2)) == ["a", "b"]
    assert journal.open_deliveries(status="done") == []


def test_what_is_owed_is_found_by_what_it_stems_from(journal: Journal) -> None:
    stems = (("a", "m#0"), ("b", "m#1"), ("c", "m#0"), ("d", "m"))
    journal.commit([Unit(deliveries=[delivery(id, root=root) for id, root in stems])])
    assert ids(journal.owed(["m#0"])) == ["a", "c"]
    assert ids(journal.owed(iter(["m#1", "m#0", "none"]))) == ["a", "b", "c"]
    assert ids(journal.owed(["m#0", "m#1"], limit=2)) == ["a", "b"]
    journal.commit([Unit(settlements=[settled("a", "done"), settled("c", "parked")])])
    assert ids(journal.owed(["m#0"])) == ["c"]
    assert journal.owed([]) == []


def test_the_backlog_is_told_by_instance_and_status(journal: Journal) -> None:
    assert journal.backlog() == []
    owed = (("a", "erp", 3), ("b", "bank", 2), ("c", "erp", 1), ("d", "erp", 4))
    journal.commit([Unit(deliveries=[delivery(id, instance=to, created=later(at)) for id, to, at in owed])])
    journal.commit([Unit(settlements=[settled("b", "done"), settled("d", "parked")])])
    assert journal.backlog() == [Backlog("erp", "parked", 1, later(4)), Backlog("erp", "queued", 2, later(3))]


def test_states_are_counted_by_how_they_begin(journal: Journal) -> None:
    data = (b"open/1", b"open", b"shut", b"ope", b"")
    journal.commit([Unit(states=[State("cases", str(number), 1, each) for number, each in enumerate(data)])])
    journal.commit([Unit(states=[State("other", "x", 1, b"open")])])
    assert journal.count_states("cases", b"open") == 2
    assert journal.count_states("cases", b"") == 5
    assert journal.count_states("none", b"") == 0


# -- time


def test_a_timer_fires_once(journal: Journal) -> None:
    timer = Timer("matching", "k", "overdue", later(1), "cause", "root")
    journal.commit([Unit(timers=[timer])])
    assert journal.timers(NOON, 10) == []
    assert journal.timers(later(1), 10) == journal.timers(later(2), 10) == [timer]
    fired = Unit(fired=[("matching", "k", "overdue", later(1))])
    journal.commit([fired])
    assert journal.timers(later(2), 10) == []
    with pytest.raises(Fenced):
        journal.commit([fired])


def test_a_timer_moves_and_is_cancelled_by_its_name(journal: Journal) -> None:
    journal.commit([Unit(timers=[Timer("matching", "k", name, later(2)) for name in ("a", "b")])])
    journal.commit([Unit(timers=[Timer("matching", "k", "a", later(1), "moved", "r"), Timer("matching", "k", "b", None)])])
    journal.commit([Unit(timers=[Timer("matching", "k", "none", None)])])
    assert journal.timers(later(9), 10) == [Timer("matching", "k", "a", later(1), "moved", "r")]
    # in one call: set, fired, set again
    fired = ("matching", "k", "a", later(1))
    journal.commit([Unit(fired=[fired]), Unit(timers=[Timer("matching", "k", "a", later(4))])])
    journal.commit([Unit(timers=[Timer("matching", "k", "a", later(5))]), Unit(fired=[("matching", "k", "a", later(5))])])
    assert journal.timers(later(9), 10) == []


def test_timers_come_earliest_first(journal: Journal) -> None:
    due = {"a": 3, "b": 1, "c": 2, "d": 1, "e": 4}
    journal.commit([Unit(timers=[Timer("matching", "k", name, later(seconds)) for name, seconds in due.items()])])
    assert [timer.name for timer in journal.timers(later(3), 10)] == ["b", "d", "c", "a"]
    assert [timer.name for timer in journal.timers(later(3), 2)] == ["b", "d"]
    assert [timer.name for timer in journal.timers(later(3), 10)] == ["b", "d", "c", "a"]


def test_next_due_is_the_earliest_thing_that_waits_for_time(journal: Journal) -> None:
    journal.commit([Unit(timers=[Timer("matching", "k", "t", later(50))])])
    assert journal.next_due() == later(50)
    lane = [delivery("a", key="k", due=later(40)), delivery("b", key="k", due=later(10))]
    journal.commit([Unit(deliveries=[*lane, delivery("c", due=later(45))])])
    assert journal.next_due() == later(40), "b is due earlier but waits for a, not for time"
    journal.commit([Unit(settlements=[settled("a", "parked"), settled("c", "sending", due=later(30))])])
    assert journal.next_due() == later(50), "what is parked or under way waits for others"
    journal.commit([Unit(settlements=[settled("c", "awaiting", was="sending", attempts=1, due=later(20))])])
    assert journal.next_due() == later(20)
    journal.commit([Unit(settlements=[settled("a", "cancelled", was="parked")])])
    assert journal.next_due() == later(10)


def test_instants_keep_their_microseconds_and_come_back_in_utc(journal: Journal) -> None:
    at = NOON.replace(microsecond=123_457)
    there = at.astimezone(timezone(timedelta(hours=5, minutes=45)))
    journal.commit([Unit(events=[event("a", at=there)], deliveries=[delivery("d", due=there, created=there)])])
    journal.commit([Unit(timers=[Timer("matching", "k", "t", there)])])
    assert journal.read(0, 1)[0].event.at == journal.delivery("d").due == journal.next_due() == at  # type: ignore[union-attr]
    journal.commit([Unit(fired=[("matching", "k", "t", at)])])


# -- facts


def test_events_are_read_in_pages_in_order(journal: Journal) -> None:
    journal.commit([said(f"e{number}") for number in range(25)])
    read: list[str] = []
    after = 0
    while page := journal.read(after, 10):
        assert journal.bodies(after, 10) == [(each.position, encode_event(each.event)) for each in page]
        read += [each.event.once for each in page]
        after = page[-1].position
    assert read == [f"e{number}" for number in range(25)]


def test_find_walks_the_objects_that_events_are_about(journal: Journal) -> None:
    status = OrderStatus(order="PO-1", state="acknowledged", at=NOON)
    journal.commit(
        [Unit(events=[event("a", order("PO-1"))]), said("b"), Unit(events=[event("c", status), event("d", order("PO-2"))])]
    )
    onces = lambda ref, limit=10: [each.event.once for each in journal.find(ref, limit)]  # noqa: E731
    assert onces(Ref("PurchaseOrder", "PO-1")) == ["a", "c"]
    assert onces(Ref("", "PO-1")) == ["a", "c"]
    assert onces(Ref("Supplier", "S-100")) == ["a", "d"]
    assert onces(Ref("", "S-100"), 1) == ["a"]
    assert onces(Ref("Invoice", "PO-1")) == onces(Ref("PurchaseOrder", "")) == []


def test_names_that_begin_alike_are_offered_in_order_each_once(journal: Journal) -> None:
    journal.commit([Unit(events=[event("a", order("PO-2")), event("b", order("PO-10")), event("c", order("PO-1"))])])
    journal.commit([said(f"{n}") for n in range(30)])
    assert journal.names("PO-1", 2) == ["PO-1", "PO-10"]
    assert journal.names("PO-2") == ["PO-2", *(f"PO-2{n}" for n in range(9))]
    assert journal.names("S-") == ["S-100"]
    assert journal.names("po-") == journal.names("PO-999") == journal.names("PO-1", 0) == []


def test_an_object_in_two_roles_is_found_once(journal: Journal) -> None:
    """A decision about a person, by that person."""
    subject = Ref("Person", "p-1")
    decision = Decision(id="d", subject=subject, verb="note", actor="p-1", at=NOON, reason="r", position=0)
    journal.commit([Unit(events=[event("a", decision)])])
    assert {ref.role for ref in decision.refs()} == {"", "actor"}
    assert [each.event.once for each in journal.find(subject)] == ["a"]


def test_events_are_found_by_their_unique_key(journal: Journal) -> None:
    journal.commit([said("a"), said("b"), said('it\'s "quoted", [1], {x}')])
    found = journal.by_once(iter(["b", 'it\'s "quoted", [1], {x}', "none"]))
    assert found == {each.event.once: each for each in journal.read(1, 10)}
    assert journal.by_once([]) == {}


def test_cursors_hold_the_last_word(journal: Journal) -> None:
    journal.commit([Unit(cursors=[("view", 5), ("other", 1)]), Unit(cursors=[("view", 7)])])
    assert (journal.cursor("view"), journal.cursor("other"), journal.cursor("none")) == (7, 1, 0)
    journal.commit([Unit(cursors=[("view", 0)])])
    assert journal.cursor("view") == 0


def test_seals_are_kept_in_order(journal: Journal) -> None:
    seals = [Checkpoint(position=n, events=n, head=f"{n:02x}", at=later(n), signature="ff") for n in (1, 3, 8)]
    journal.commit([Unit(checkpoints=seals[:1]), Unit(checkpoints=seals[1:])])
    assert journal.checkpoint() == seals[2]
    assert journal.checkpoints() == seals
    assert journal.checkpoints(1, 1) == [seals[1]]


@pytest.mark.parametrize("raw", [b"", b"x", b"ISA*00*" * 500, bytes(range(256)) * 9])
def test_blobs_come_back_as_they_were_and_once(journal: Journal, raw: bytes) -> None:
    address = hashlib.sha256(raw).hexdigest()
    journal.commit([Unit(blobs=[(address, raw), (address, raw)]), Unit(blobs=[(address, raw)])])
    journal.commit([Unit(blobs=[(address, raw)])])
    assert journal.blob(address) == raw
    assert journal.counts()["blobs"] == 1
    with pytest.raises(KeyError):
        journal.blob("0" * 64)


# -- for ever


def test_reopening_keeps_everything(reopen: Callable[..., Journal]) -> None:
    journal = reopen(partitions=5)
    raw = b"raw" * 100
    address = hashlib.sha256(raw).hexdigest()
    journal.commit([Unit(events=[event("a", order("PO-1"))], routes=[Route(0, "matching", "k")], blobs=[(address, raw)])])
    journal.commit([said("a"), Unit(deliveries=[delivery("d1"), delivery("d2", instance="bank")])])
    journal.commit([Unit(timers=[Timer("matching", "k", "t", later(1))], states=[State("matching", "k", 1, b"1")])])
    journal.commit([Unit(cursors=[("view", 1)], checkpoints=[Checkpoint(position=1, events=1, head="00", at=NOON)])])
    before, partitions = everything(journal), journal.partitions
    journal.close()
    again = reopen(partitions=11)
    assert again.partitions == partitions
    assert everything(again) == before
    assert again.blob(address) == raw
    [committed] = again.commit([Unit(events=[event("b")], deliveries=[delivery("d3")])])
    assert committed.positions > (1,)
    assert again.delivery("d3") == delivery("d3", number=2, sequence=3)
    again.close()


def test_another_key_opens_no_blob(reopen: Callable[..., Journal]) -> None:
    address = hashlib.sha256(b"raw").hexdigest()
    journal = reopen()
    journal.commit([Unit(blobs=[(address, b"raw")])])
    journal.close()
    other = reopen(bytes(32))
    with pytest.raises(BlobDamaged, match="the key is another one"):
        other.blob(address)
    other.close()


def test_two_connections_see_each_other_and_exclude_each_other(reopen: Callable[..., Journal]) -> None:
    one, two = reopen(), reopen()
    one.commit([said("a", "k"), Unit(deliveries=[delivery("d1")], states=[State("matching", "k", 1, b"1")])])
    assert two.commit([said("a")])[0].repeated == "a"
    [work] = two.work(ALL, 10)
    two.commit([Unit(done=[work.id], states=[State("matching", "k", 2, b"2")])])
    for late in (Unit(done=[work.id]), Unit(states=[State("matching", "k", 2, b"x")]), Unit(deliveries=[delivery("d1")])):
        with pytest.raises(Fenced):
            one.commit([late])
    assert one.states([("matching", "k")])["matching", "k"].data == b"2"
    one.close()
    two.close()
