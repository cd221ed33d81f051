"""What only PostgreSQL has to show: readers that never skip, writers that race, connections that die."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from suture.journal import Committed, Fenced, Journal, PostgresJournal, State, Unavailable, Unit, open_journal
from suture.journal.rows import Row
from tests.journal.test_sqlite import AWAY, QUESTIONS, pile_up, write_history
from tests.journal.units import KEY, NOON, delivery, event, said

pytestmark = pytest.mark.postgres

ALL = range(16)
SEED = 20260302


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Callable[..., PostgresJournal]]:
    """Opens journals over one database, each with a connection of its own, and closes them after the test."""
    journals: list[PostgresJournal] = []

    def make(kind: type[PostgresJournal] = PostgresJournal) -> PostgresJournal:
        journals.append(kind(postgres_url, KEY))
        return journals[-1]

    yield make
    for journal in journals:
        journal.close()


class Slow(PostgresJournal):
    """Stops before the end of a commit, with everything else written, until it is let go."""

    def __init__(self, url: str, key: bytes) -> None:
        super().__init__(url, key)
        self.stopped, self.go_on = threading.Event(), threading.Event()
        #: What becomes of the commit in the end, if it does not go well.
        self.ill: Exception | None = None

    def _called(self, says: Mapping[str, Sequence[Row]], asked: Sequence[str]) -> tuple[int, Sequence[int]]:
        if self.ill and self.stopped.is_set():
            # asked again, perhaps while another is writing the same: it goes no better
            raise self.ill
        with self._speaking() as db, db.transaction():
            answer = super()._called(says, asked)
            self.stopped.set()
            assert self.go_on.wait(30)
            if self.ill:
                raise self.ill
        return answer

    def begin(self, units: Sequence[Unit]) -> threading.Thread:
        """Start the commit in a thread; returns when it has stopped."""
        self.answer: list[Committed] | Exception = []
        thread = threading.Thread(target=self._try, args=(units,))
        thread.start()
        assert self.stopped.wait(30)
        return thread

    def _try(self, units: Sequence[Unit]) -> None:
        try:
            self.answer = self.commit(units)
        except Exception as error:
            self.answer = error

    def end(self, thread: threading.Thread) -> None:
        self.go_on.set()
        thread.join(30)


def test_a_reader_waits_for_a_slow_writer_that_got_the_lower_position(
    opened: Callable[..., PostgresJournal], postgres_url: str
) -> None:
    slow, fast = opened(Slow), opened()
    assert isinstance(slow, Slow)
    thread = slow.begin([said("slow", "k")])
    fast.commit([said("fast", "k")])
    with psycopg.connect(postgres_url, autocommit=True) as naive:
        [(position,)] = naive.execute("select position from events where position > 0").fetchall()
        assert fast.by_once(["fast"])["fast"].position == position
        # ours sees nothing yet, neither facts nor what the seal would cover nor work of the same key
        assert fast.read(0, 10) == fast.bodies(0, 10) == fast.work(ALL, 10) == []
        assert fast.latest() == 0
        slow.end(thread)
        later = naive.execute("select position from events where position > %s", (position,)).fetchall()
        assert later == [], "a reader that goes on after the position that it saw first would have skipped the slow one"
    assert [recorded.event.once for recorded in fast.read(0, 10)] == ["slow", "fast"]
    assert fast.latest() == position
    assert [work.event.once for work in fast.work(ALL, 10)] == ["slow", "fast"]
    assert fast.read(0, 10)[1].position == position


def test_an_id_taken_early_cannot_come_with_a_later_position(opened: Callable[..., PostgresJournal], postgres_url: str) -> None:
    """Other transactions with older ids hold the reader back, whatever they do; nothing of ours is lost behind them."""
    journal = opened()
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute("select pg_current_xact_id()")
        journal.commit([said("a")])
        assert journal.read(0, 10) == []
        stranger.rollback()
        assert [recorded.event.once for recorded in journal.read(0, 10)] == ["a"]


def test_of_two_writers_with_one_once_the_second_is_answered_as_a_repeat(opened: Callable[..., PostgresJournal]) -> None:
    slow, fast = opened(Slow), opened()
    assert isinstance(slow, Slow)
    thread = slow.begin([said("same")])
    answers: list[Committed] = []
    second = threading.Thread(
        target=lambda: answers.extend(fast.commit([Unit(events=[event("other"), event("same")], deliveries=[delivery("d")])]))
    )
    second.start()
    second.join(0.3)
    assert second.is_alive(), "it waits for the first to end"
    slow.end(thread)
    second.join(30)
    assert isinstance(slow.answer, list)
    assert slow.answer[0].repeated == ""
    assert answers == [Committed(repeated="same")]
    assert fast.repeats() == {"same": 1}
    assert fast.delivery("d") is None
    assert [recorded.event.once for recorded in fast.read(0, 10)] == ["same"]


def test_if_the_first_writer_fails_the_second_one_wins(opened: Callable[..., PostgresJournal]) -> None:
    slow, fast = opened(Slow), opened()
    assert isinstance(slow, Slow)
    slow.ill = Fenced("not as expected")
    thread = slow.begin([said("same")])
    answers: list[Committed] = []
    second = threading.Thread(target=lambda: answers.extend(fast.commit([said("same")])))
    second.start()
    slow.end(thread)
    second.join(30)
    assert isinstance(slow.answer, Fenced)
    assert answers[0].repeated == ""


def test_four_writers_with_overlapping_onces_and_a_reader(opened: Callable[..., PostgresJournal], postgres_url: str) -> None:
    """Each once has one winner, the reader follows without a gap, and instances count without one."""
    onces = [f"e{number:03}" for number in range(240)]
    won: Counter[str] = Counter()
    failures: list[BaseException] = []
    lock, done = threading.Lock(), threading.Event()
    seen: list[int] = []

    def write(journal: Journal, seed: int) -> None:
        chance = random.Random(seed)
        mine = chance.sample(onces, len(onces))
        while mine:
            size = chance.randint(1, 12)
            batch, mine = mine[:size], mine[size:]
            units = [Unit(events=[event(once)], deliveries=[delivery(f"d-{once}", instance=once[:2])]) for once in batch]
            for once, answer in zip(batch, journal.commit(units), strict=True):
                with lock:
                    won[once] += answer.repeated == ""

    def follow(journal: Journal) -> None:
        while not done.is_set():
            page = journal.read(seen[-1] if seen else 0, 7)
            seen.extend(recorded.position for recorded in page)
        while page := journal.read(seen[-1] if seen else 0, 7):
            seen.extend(recorded.position for recorded in page)

    def guarded(work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=guarded, args=(follow, opened()))
    writers = [threading.Thread(target=guarded, args=(write, opened(), SEED + number)) for number in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
    done.set()
    reader.join(60)
    journal = opened()
    assert not failures
    assert won == Counter(onces)
    assert seen == [recorded.position for recorded in journal.read(0, 1000)]
    assert len(seen) == len(onces)
    assert sum(journal.repeats().values()) == 3 * len(onces)
    for instance in ("e0", "e1", "e2"):
        numbers = [each.number for each in journal.open_deliveries(instance)]
        assert numbers == list(range(1, len(numbers) + 1)), "numbers follow the sequence without gaps"
    with psycopg.connect(postgres_url) as db:
        inverted = "select count(*) from events a join events b on a.position < b.position and a.xid > b.xid"
        assert db.execute(inverted).fetchall() == [(0,)], "transactions get ids in the order of their positions"


def test_a_deadlock_is_begun_anew(opened: Callable[..., PostgresJournal], postgres_url: str) -> None:
    """Somebody else's transaction, say a repair by hand, locks our rows in the opposite order; we give way."""
    journal, other = opened(), opened()
    other.commit([Unit(cursors=[("view", 1)], states=[State("matching", "k", 1, b"1")])])
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute("set deadlock_timeout = '60s'")  # it is we who notice
        stranger.execute("select * from cursors where name = 'view' for update")
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(journal.commit, [Unit(cursors=[("view", 2)], states=[State("matching", "k", 2, b"2")])])
            wait_until(postgres_url, "wait_event_type = 'Lock'")
            stranger.execute("select * from states where key = 'k' for update")
            stranger.rollback()
    assert answer.result() == [Committed()]
    assert other.cursor("view") == 2
    assert other.states([("matching", "k")])["matching", "k"].version == 2


def wait_until(url: str, condition: str) -> None:
    """Return once a connection to the database is in this condition of pg_stat_activity."""
    query = f"select count(*) from pg_stat_activity where datname = current_database() and {condition}"
    with psycopg.connect(url, autocommit=True) as admin:
        deadline = time.monotonic() + 30
        while admin.execute(query).fetchall() == [(0,)]:
            assert time.monotonic() < deadline, condition
            time.sleep(0.01)


def kill(url: str) -> int:
    """End all other connections to the database; returns how many there were."""
    with psycopg.connect(url, autocommit=True) as admin:
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        return len(admin.execute(f"select pg_terminate_backend(pid) {others}").fetchall())


def test_a_lost_connection_is_said_and_made_anew(opened: Callable[..., PostgresJournal], postgres_url: str) -> None:
    journal = opened()
    journal.commit([said("a")])
    assert kill(postgres_url) == 1
    with pytest.raises(Unavailable, match="did not answer"):
        journal.read(0, 1)
    assert [recorded.event.once for recorded in journal.read(0, 1)] == ["a"]
    assert kill(postgres_url) == 1
    with pytest.raises(Unavailable):
        journal.commit([said("b")])
    assert journal.commit([said("b")])[0].repeated == ""


def test_of_two_hosts_the_one_that_takes_writes_is_found_again_and_again(postgres_url: str) -> None:
    """After a takeover the primary is at the other address; the address names both."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: whoever calls is refused
        dead = f"127.0.0.1:{nobody.getsockname()[1]}"
        pair = postgres_url.replace("@127.0.0.1", f"@{dead},127.0.0.1") + "?target_session_attrs=read-write"
        journal = open_journal(pair, KEY)
        try:
            journal.commit([said("a")])
            kill(postgres_url)
            with pytest.raises(Unavailable):
                journal.commit([said("b")])
            assert journal.commit([said("b")])[0].repeated == ""
        finally:
            journal.close()


def test_a_commit_whose_connection_dies_writes_nothing(opened: Callable[..., PostgresJournal], postgres_url: str) -> None:
    slow, other = opened(Slow), opened()
    assert isinstance(slow, Slow)
    unit = Unit(events=[event("a")], deliveries=[delivery("d")])
    thread = slow.begin([unit])
    kill(postgres_url)
    slow.end(thread)
    assert isinstance(slow.answer, Unavailable)
    with pytest.raises(Unavailable):
        other.read(0, 10)
    assert other.read(0, 10) == other.deliveries(NOON, 10) == []
    assert other.commit([unit])[0].repeated == ""
    assert slow.commit([unit])[0].repeated == "a"


def test_a_journal_that_comes_second_finds_the_tables(postgres_server: str) -> None:
    """Many workers start at once on an empty database: one of them makes the tables."""
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute("create database empty_one")
        url, failures = f"{postgres_server}/empty_one", list[BaseException]()

        def start(number: int) -> None:
            try:
                open_journal(url, KEY, partitions=number + 1).close()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=start, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        admin.execute("drop database empty_one")


class Explaining(PostgresJournal):
    """Notes how many rows the server touched at most in one step of each query, and of all since it was last asked for."""

    touched = _most = 0

    @property
    def most(self) -> int:
        most, self._most = self._most, 0
        return most

    def _ask(self, query: bytes, values: Mapping[str, object] | Sequence[object]) -> list[Row]:
        if b"journal_commit" in query:
            return super()._ask(query, values)
        [(plan,)] = super()._ask(b"explain (analyze, timing off, format json) " + query, values)
        self.touched = max(rows_of(plan[0]["Plan"]))
        self._most = max(self._most, self.touched)
        return super()._ask(query, values)


def rows_of(node: Any) -> Iterator[int]:
    """How many rows each step of a plan produced or threw away."""
    yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for child in node.get("Plans", ()):
        yield from rows_of(child)


@pytest.mark.parametrize("analyzed", [False, True])
def test_history_costs_nothing(opened: Callable[..., PostgresJournal], postgres_url: str, analyzed: bool) -> None:
    """Whether the server knows its tables or not, no answer touches what has been done and closed."""
    journal = opened(Explaining)
    assert isinstance(journal, Explaining)
    write_history(journal, 0, 100)
    write_history(journal, 100, 3_000)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("analyze" if analyzed else "select")
    touched = {}
    for name, ask in QUESTIONS.items():
        ask(journal)
        touched[name] = journal.most
    # the open ones are 30, and work is taken from 16 partitions
    assert {name: rows for name, rows in touched.items() if rows > 100} == {}


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("key", ["one and the same", "k{}"])
def test_a_backlog_of_one_that_is_away_costs_nothing(
    opened: Callable[..., PostgresJournal], postgres_url: str, key: str, analyzed: bool
) -> None:
    journal = opened(Explaining)
    assert isinstance(journal, Explaining)
    journal.commit([Unit(deliveries=[delivery("for another")])])
    pile_up(journal, 0, 3_000, key)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("analyze" if analyzed else "select")
    touched = {}
    for name, ask in AWAY.items():
        ask(journal)
        touched[name] = journal.most
    assert {name: rows for name, rows in touched.items() if rows > 200} == {}


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("key", ["one and the same", "k{}"])
def test_a_backlog_costs_nothing_where_something_new_is_to_go_at_once(
    opened: Callable[..., PostgresJournal], postgres_url: str, key: str, analyzed: bool
) -> None:
    journal = opened()
    for n in range(10):
        # the server makes its plans while there is next to nothing
        journal.commit([Unit(deliveries=[delivery(f"early{n}", instance="away", status="sending", attempts=1)])])
    pile_up(journal, 0, 3_000, key)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("analyze" if analyzed else "select")
        before = read_of_deliveries(journal, admin)
        new = [delivery(f"new{n}", instance="away", key=key.format(n + 2_995), status="sending", attempts=1) for n in range(10)]
        for each in new:
            journal.commit([Unit(deliveries=[each])])
        # each goes into seven indexes, and two of them are asked
        assert read_of_deliveries(journal, admin) - before < 60 * len(new)


def read_of_deliveries(journal: PostgresJournal, admin: psycopg.Connection[Any]) -> int:
    """How many pages of the indexes of deliveries have been looked at so far."""
    with journal._speaking() as db:
        db.execute("select pg_stat_force_next_flush()")
    pages = "select sum(idx_blks_hit + idx_blks_read)::bigint from pg_statio_user_indexes where relname = 'deliveries'"
    [(read,)] = admin.execute(pages).fetchall()
    return int(read)
