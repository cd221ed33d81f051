"""Random histories: memory, SQLite and PostgreSQL give the same answers, to good units and to bad ones.

Memory applies unit after unit to plain dicts; the databases get whole batches folded beforehand. Where the two ways differ one
of them is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from suture.journal import (
    OPEN,
    Committed,
    Delivery,
    Fenced,
    Journal,
    MemoryJournal,
    Route,
    Settlement,
    State,
    Timer,
    Unit,
    open_journal,
    reading,
)
from suture.model import Ref
from tests.journal.units import KEY, delivery, event, later, settled

ONCES = [f"e{number}" for number in range(12)]
KEYS = ["k1", "k2"]
PROCESSES = ["matching", "buying"]
IDS = [f"d{number}" for number in range(6)]
STATUSES = [*OPEN, "done", "refused", "cancelled"]
#: How often a fence is run into on purpose: one time in so many.
WRONG = 12

small = st.integers(0, 5)
a_few: dict[str, Any] = {"max_size": 2}
unhurried: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


Draw = Callable[[st.SearchStrategy[Any]], Any]


def units(draw: Draw, journal: MemoryJournal) -> Unit:
    """A unit that mostly fits what the journal holds now."""
    events = [event(once) for once in draw(st.lists(st.sampled_from(ONCES), unique=True, **a_few))]
    return Unit(
        events=events,
        routes=draw(routes(len(events))) if events else [],
        blobs=[(hashlib.sha256(raw).hexdigest(), raw) for raw in perhaps(draw, [b"", b"raw", b"raw" * 50])],
        done=[work.id for work in perhaps(draw, journal.work(range(16), 5))],
        states=[next_state(draw, journal, key) for key in perhaps(draw, [(p, k) for p in PROCESSES for k in KEYS])],
        deliveries=[new_delivery(id, at_once=draw(st.booleans())) for id in perhaps(draw, IDS)],
        settlements=[change(draw, here) for here in perhaps(draw, [found for found in map(journal.delivery, IDS) if found])],
        timers=draw(st.lists(timers, max_size=1)),
        fired=[(t.process, t.key, t.name, t.due) for t in perhaps(draw, journal.timers(later(99), 9)) if t.due],
        cursors=draw(st.lists(st.tuples(st.sampled_from(KEYS), small), max_size=1)),
    )


def perhaps(draw: Draw, candidates: Sequence[Any]) -> list[Any]:
    """One of the candidates, or none."""
    return draw(st.lists(st.sampled_from(candidates), max_size=1)) if candidates else []


def routes(events: int) -> st.SearchStrategy[list[Route]]:
    route = st.builds(Route, st.integers(0, events - 1), st.sampled_from(PROCESSES), st.sampled_from(KEYS))
    return st.lists(route, **a_few)


timers = st.builds(
    Timer, st.sampled_from(PROCESSES), st.sampled_from(KEYS), st.just("t"), st.none() | small.map(later), st.sampled_from("ab")
)


def next_state(draw: Draw, journal: MemoryJournal, key: tuple[str, str]) -> State:
    here = journal.states([key]).get(key)
    wrong = draw(st.integers(0, WRONG)) == WRONG
    return State(*key, (here.version if here else 0) + (2 if wrong else 1), bytes([draw(small)]))


def new_delivery(id: str, *, at_once: bool = False) -> Delivery:
    number = int(id[1:])
    lane = {"instance": ("erp", "bank")[number % 2], "key": ("k", "l")[number // 2 % 2]}
    going = {"status": "sending", "attempts": 1} if at_once else {}
    return delivery(id, **lane, **going, priority=number % 3, due=later(number))


def change(draw: Draw, here: Delivery) -> Settlement:
    was = draw(st.sampled_from(STATUSES)) if draw(st.integers(0, WRONG)) == WRONG else here.status
    document = draw(st.none() | st.just(new_delivery("d1").document))
    fields = {
        "due": later(draw(small)),
        "reference": draw(st.sampled_from(["", "r1", "r2"])),
        "note": draw(st.sampled_from("xy")),
    }
    return settled(here.id, draw(st.sampled_from(STATUSES)), was=was, attempts=here.attempts, document=document, **fields)


def outcome(journal: Journal, commit: Sequence[Unit]) -> Any:
    """What a commit is answered, in a form in which stores can be compared."""
    try:
        return [(len(answer.positions), answer.repeated, answer.sending) for answer in journal.commit(commit)]
    except Fenced:
        return "fenced"


def told(journal: Journal) -> dict[str, Any]:
    """All that a journal tells; positions and sequences by their rank, as PostgreSQL leaves gaps."""
    read = journal.read(0, 1000)
    rank = {recorded.position: number for number, recorded in enumerate(read)}
    every = [each for each in map(journal.delivery, IDS) if each]
    order = {each.sequence: number for number, each in enumerate(sorted(every, key=lambda each: each.sequence))}
    shown = lambda found: [(rank[each.position], each.event) for each in found]  # noqa: E731
    lives = lambda found: [(order[each.sequence], each.number, _life(each)) for each in found]  # noqa: E731
    return {
        "events": [recorded.event for recorded in read],
        "bodies": [body for _, body in journal.bodies(0, 1000)],
        "work": [(work.process, work.key, rank[work.position], work.event) for work in journal.work(range(16), 100)],
        "some work": [(work.process, work.key) for work in journal.work([0, 3, 5, 14], 2)],
        "states": [journal.scan_states(process) for process in PROCESSES],
        "deliveries": lives(every),
        "may go": [lives(journal.deliveries(later(at), limit)) for at, limit in ((0, 9), (3, 9), (9, 2))],
        "overdue": lives(journal.deliveries(later(3), 9, statuses=("awaiting", "parked"), exclude=["bank"])),
        "awaiting": [
            lives([found] if (found := journal.awaiting(to, ref)) else []) for to in ("erp", "bank") for ref in ("r1", "")
        ],
        "open": [lives(journal.open_deliveries(to, status)) for to in ("", "erp") for status in ("", "queued", "done")],
        "owed": lives(journal.owed(["r"])),
        "names": [journal.names(prefix, limit) for prefix, limit in (("PO-", 9), ("PO-e1", 1), ("", 3))],
        "timers": [journal.timers(later(at), limit) for at, limit in ((2, 9), (9, 9), (9, 1))],
        "due": journal.next_due(),
        "found": [shown(journal.find(Ref(*ref))) for ref in (("", "PO-e0"), ("PurchaseOrder", "PO-e1"), ("Item", "PO-e1"))],
        "by once": {once: shown([found]) for once, found in sorted(journal.by_once(ONCES).items())},
        "latest": journal.latest() == max((position for position, _ in journal.bodies(0, 1_000)), default=0),
        "cursors": [journal.cursor(name) for name in KEYS],
        "repeats": journal.repeats(),
        "counts": {name: count for name, count in journal.counts().items() if count},
    }


def _life(each: Any) -> Any:
    return msgspec.structs.replace(each, sequence=0)


def same_history(data: DataObject, journal: Journal) -> None:
    """Draw commits and hold both journals to the same answers."""
    memory = MemoryJournal(KEY)
    for _ in range(data.draw(st.integers(1, 8), label="commits")):
        commit = [units(data.draw, memory) for _ in range(data.draw(st.integers(1, 3), label="units"))]
        theirs = translated(commit, memory, journal)
        assert outcome(journal, theirs) == outcome(memory, commit)
        assert told(journal) == told(memory)


def translated(commit: Sequence[Unit], memory: Journal, journal: Journal) -> list[Unit]:
    """The same units in the other journal's ids of work, which follow its positions."""
    pairs = zip(memory.work(range(16), 100), journal.work(range(16), 100), strict=True)
    ids = {ours.id: theirs.id for ours, theirs in pairs}
    return [msgspec.structs.replace(unit, done=[ids[id] for id in unit.done]) for unit in commit]


@pytest.fixture(params=[64, 1])
def few_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may go is found in two ways, for instances with few keys and with many: both are held to the same answers."""
    monkeypatch.setattr(reading, "FEW_KEYS", request.param)


@pytest.mark.usefixtures("few_keys")
@given(data=st.data())
@settings(max_examples=100, **unhurried)
def test_sqlite_answers_as_memory_does(data: DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("history")
    journal = open_journal(folder / "journal.db", KEY)
    try:
        same_history(data, journal)
    finally:
        journal.close()


@pytest.mark.postgres
@pytest.mark.usefixtures("few_keys")
def test_postgres_answers_as_memory_does(postgres_url: str) -> None:
    journal = open_journal(postgres_url, KEY)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        tables = "events, refs, work, states, deliveries, timers, cursors, checkpoints, blobs, repeats, counters"

        @given(data=st.data())
        # a failure is to be seen soon, not made small through a server
        @settings(max_examples=40, phases=[Phase.generate], **unhurried)
        def history(data: DataObject) -> None:
            admin.execute(f"truncate {tables}")
            same_history(data, journal)

        history()
    journal.close()


def test_answers_name_positions_in_order(tmp_path: Path) -> None:
    """Memory and SQLite number without gaps, so here positions themselves are the same."""
    stores = [MemoryJournal(KEY), open_journal(tmp_path / "journal.db", KEY)]
    commit = [Unit(events=[event("a"), event("b")]), Unit(events=[event("b")]), Unit(), Unit(events=[event("c")])]
    expected = [Committed(positions=(1, 2)), Committed(repeated="b"), Committed(), Committed(positions=(3,))]
    assert [store.commit(commit) for store in stores] == [expected, expected]
    stores[1].close()
