"""The asyncio shell: limits, a journal that is away, another worker's claim, polls, and a stop that leaves no doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from suture.formats.json import FORMAT as JSON
from suture.journal import Committed, Fenced, Journal, MemoryJournal, Unavailable, Unit
from suture.masters.crosswalk import Book
from suture.model import Crosswalk, Delivered, encode
from suture.processes.masters import PROCESS as MASTERS
from suture.runtime.clock import ManualClock
from suture.runtime.decide import decide
from suture.runtime.network import Instance, Network
from suture.runtime.polling import poll_cursor
from suture.runtime.service import LONGEST_REST, Busy, Service
from suture.runtime.share import EVERYTHING, NOTHING
from suture.runtime.turn import turn
from suture.runtime.wiring import Limits, Wiring
from suture.systems import Call, OutcomeClass, Poll
from suture.transports import Answer, Http, HttpReply, Reply, Request
from suture.transports.exchange import Accept, Link
from suture.transports.memory import MemoryLink
from tests.runtime.house import NOON, TELLER, Peer, arrival, house, order, peer_system


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


class Wrapped:
    """A real journal behind a door: everything passes through ``call``, where a test may interfere."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.partitions, self.shared = journal, journal.partitions, journal.shared

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.call(name, arguments, named)

    def call(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Pass on."""
        return getattr(self.journal, name)(*arguments, **named)


class Away(Wrapped):
    """A journal whose server goes away; ``forgets`` says that it writes a commit and goes before it can tell."""

    away = forgets = False

    def call(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        if self.away and name != "together":  # a block begins without a word to the server
            raise Unavailable("the server does not answer")
        done = super().call(name, arguments, named)
        if self.forgets and name == "commit":
            self.away, self.forgets = True, False
            raise Unavailable("the server went while it wrote")
        return done


class Slow:
    """A link that waits for leave before the peer acts."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.leave, self.asked = peer, asyncio.Event(), asyncio.Event()

    async def perform(self, request: Request) -> Reply:
        self.asked.set()
        await self.leave.wait()
        return self.peer.handle(request)

    async def close(self) -> None:
        """Nothing is kept open."""


def wired(journal: object, outcome: OutcomeClass = "key", *, polls: tuple[Poll, ...] = (), **limits: Any) -> Wiring:
    network = Network(name="small", instances=(Instance(name="peer", system="peer", role="peer"),))
    return Wiring(
        journal,  # type: ignore[arg-type]  # a wrapped journal is one, by __getattr__
        network,
        privacy_key=b"p" * 32,
        formats={"json": JSON},
        systems={"peer": structs.replace(peer_system(outcome), polls=polls)},
        processes={"teller": TELLER},
        limits=Limits(**limits),
    )


def memory() -> MemoryJournal:
    return MemoryJournal(b"k" * 32)


def service(wiring: Wiring, link: Link | None = None, **more: Any) -> Service:
    return Service(wiring, ManualClock(NOON), {"peer": link} if link else {}, **more)


def clock_of(running: Service) -> ManualClock:
    assert isinstance(running.clock, ManualClock)
    return running.clock


async def passing(running: Service, seconds: float = LONGEST_REST) -> None:
    """Let those who are awake lie down, let time pass, and let those who slept do what they woke for."""
    clock = clock_of(running)
    await _a_while()
    clock.move_to(clock.now() + timedelta(seconds=seconds))
    await _a_while()


async def _a_while() -> None:
    for _ in range(30):
        await asyncio.sleep(0.001)


def outcomes(journal: Journal) -> list[str]:
    return [row.event.data.outcome for row in journal.read(0, 1000) if isinstance(row.event.data, Delivered)]


def test_over_the_limit_partners_are_told_to_come_back() -> None:
    async def story() -> None:
        running = service(wired(memory(), intake_queue=2), MemoryLink(Peer().handle))
        await running.start(driven=True)
        offers = (running.accept(arrival(order(f"PO-{number}"))) for number in range(4))
        answers = await asyncio.gather(*offers, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Answer, Answer, Busy, Busy]
        assert (await running.accept(arrival(order("PO-2")))).outcome == "accepted"
        await running.stop()

    run(story())


def test_while_deciding_is_behind_partners_are_held_back_but_critical_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr("suture.runtime.service.LOOK_S", 0.0)
        wiring = wired(memory(), undecided=2)
        wiring.instances["ward"] = Instance(name="ward", system="peer", role="peer", critical=True)
        running = service(wiring)
        await running.start(driven=True)
        wiring.share = NOTHING  # nobody decides for a while
        took: dict[str, list[str]] = {"peer": [], "ward": []}
        for number in range(6):
            for instance in took:
                with suppress(Busy):
                    came = structs.replace(arrival(order(f"{instance}-{number}")), instance=instance)
                    took[instance].append((await running.accept(came)).outcome)
        assert {instance: len(answers) for instance, answers in took.items()} == {"peer": 2, "ward": 6}
        wiring.share = EVERYTHING
        running.wake()
        await running.settle()
        assert (await running.accept(arrival(order("later")))).outcome == "accepted"
        await running.stop()

    run(story())


def test_codes_that_were_filed_while_the_answer_was_lost_are_known_when_the_journal_is_back() -> None:
    async def story() -> None:
        journal, peer = Away(memory()), Peer()
        wiring = wired(journal, "lookup")
        wiring.processes["masters"] = MASTERS
        running = service(wiring, MemoryLink(peer.handle))
        await running.start(driven=True)
        row = Crosswalk(system="peer", kind="item", local="T1", golden="O1")
        assert (await running.accept(arrival(row))).outcome == "accepted"
        await running.settle()
        assert wiring.book.outbound("peer", "item", "O1") == "T1"

        wiring.book = Book()  # as after a decision that was written and never learned
        journal.away = True
        with pytest.raises(Busy, match="not taken in"):
            await running.accept(arrival(order("PO-1")))
        journal.away = False
        await passing(running)
        assert running.trouble == ""
        assert wiring.book.outbound("peer", "item", "O1") == "T1"
        await running.stop()

    run(story())


@pytest.mark.parametrize("forgets", [False, True], ids=["before it wrote", "after it wrote"])
def test_while_the_journal_is_away_nothing_is_acknowledged_lost_or_doubled(forgets: bool) -> None:
    async def story() -> None:
        journal, peer = Away(memory()), Peer()
        running = service(wired(journal, "lookup"), MemoryLink(peer.handle))
        await running.start(driven=True)
        assert (await running.accept(arrival(order("PO-1")))).outcome == "accepted"
        await running.settle()

        journal.away, journal.forgets = not forgets, forgets
        with pytest.raises(Busy, match="not taken in"):
            await running.accept(arrival(order("PO-2")))
        await passing(running, 0)
        with pytest.raises(Busy, match="out of reach"):
            await running.accept(arrival(order("PO-3")))
        journal.away = True
        await passing(running)
        assert running.trouble, "still away"
        assert peer.kept == ["PO-1"]

        journal.away = False
        await passing(running)
        assert running.trouble == ""
        assert (await running.accept(arrival(order("PO-2")))).repeated == forgets
        assert (await running.accept(arrival(order("PO-3")))).outcome == "accepted"
        await running.settle()
        assert peer.kept == ["PO-1", "PO-2", "PO-3"]
        await running.stop()

    run(story())


@pytest.mark.parametrize("outcome", ["lookup", "key", "statement"])
def test_what_was_being_sent_when_the_journal_went_away_is_settled_by_its_class(outcome: OutcomeClass) -> None:
    async def story() -> None:
        journal, peer = Away(memory()), Peer()
        link = Slow(peer)
        running = service(wired(journal, outcome), link)
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await link.asked.wait()
        journal.away = True
        link.leave.set()
        await passing(running, 0)
        assert running.trouble
        assert peer.kept == ["PO-1"], "the peer has acted, and nobody could write it down"
        journal.away = False
        await passing(running)
        await running.settle()
        assert peer.kept == (["PO-1", "PO-1"] if outcome == "key" else ["PO-1"])
        assert peer.asked == (1 if outcome == "lookup" else 0)
        assert outcomes(journal.journal) == ([] if outcome == "statement" else ["done"])
        assert running.delivering.gates["peer"].under_way == set(), "a failure gives back what was taken"
        await running.stop()

    run(story())


def test_a_journal_that_is_away_when_it_is_looked_at_keeps_no_counterpart_waiting_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        journal, peer = Away(memory()), Peer()
        link = Slow(peer)
        running = service(wired(journal, "lookup"), link)
        running.delivering.gates["peer"].concurrency = 1
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await link.asked.wait()
        journal.away = True
        waiting = asyncio.create_task(running.accept(arrival(order("PO-2"))))
        link.leave.set()
        await passing(running, 0)
        with pytest.raises(Busy, match="out of reach"):
            await waiting
        journal.away = False
        await passing(running)
        await running.accept(arrival(order("PO-2")))
        await running.settle()
        assert peer.kept == ["PO-1", "PO-2"]
        await running.stop()

    monkeypatch.setattr("suture.runtime.service.LOOK_S", 0.0)
    run(story())


def test_what_was_under_way_and_is_not_any_more_takes_no_place() -> None:
    still, _ = house()
    gate = still.delivering.gates["peer"]
    still.accept(arrival(order("PO-1"), order("PO-2")))
    turn(still.wiring, still.delivering, NOON)
    one, other = gate.under_way
    gate.begin("look-up/1", NOON)
    still.delivering.recover(NOON, {other})
    assert gate.under_way == {other, "look-up/1"}
    still.delivering.recover(NOON, {other})
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries() if delivery.id == one] == ["unknown"]


def test_a_journal_that_is_away_when_a_stop_is_asked_for_does_not_hold_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        journal = Away(memory())
        running = service(wired(journal), MemoryLink(Peer().handle))
        await running.start(driven=True)
        journal.away = True
        with suppress(Busy):
            await running.accept(arrival(order("PO-1")))
        await running.stop()

    monkeypatch.setattr("suture.runtime.service.STOP_WITHIN_S", 0.1)
    run(story())


def test_another_workers_claim_stops_the_service() -> None:
    async def story() -> None:
        journal, peer = memory(), Peer()
        link = Slow(peer)
        running = service(wired(journal, "lookup"), link)
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await link.asked.wait()
        successor = service(wired(journal, "lookup"), MemoryLink(peer.handle))
        await successor.start(driven=True)  # it takes the first for dead, and what it was sending for doubtful
        await successor.settle()
        link.leave.set()
        await running.ended()
        assert isinstance(running.failure, Fenced)
        with pytest.raises(Busy, match="stopped"):
            await running.accept(arrival(order("PO-2")))
        with pytest.raises(Fenced):
            await running.settle()
        await running.stop()
        assert (await successor.accept(arrival(order("PO-2")))).outcome == "accepted"
        await successor.stop()

    run(story())


def test_work_that_another_worker_has_decided_meanwhile_is_not_decided_twice() -> None:
    class Contested(Wrapped):
        """While one worker thinks, another decides the same work."""

        def call(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
            found = super().call(name, arguments, named)
            if name == "work" and found:
                decide(wired(self.journal), range(self.partitions), NOON)
            return found

    async def story() -> None:
        journal, peer = memory(), Peer()
        running = service(wired(Contested(journal)), MemoryLink(peer.handle))
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await running.settle()
        assert (peer.kept, outcomes(journal)) == (["PO-1"], ["done"])
        await running.stop()

    run(story())


def test_an_instance_without_a_link_keeps_what_is_owed_to_it() -> None:
    async def story() -> None:
        journal = memory()
        running = service(wired(journal))
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await running.settle()
        (delivery,) = journal.open_deliveries()
        assert (delivery.status, delivery.note) == ("queued", "the instance has no address")
        await running.stop()

    run(story())


def test_a_link_that_breaks_its_law_leaves_doubt_and_no_open_conversation() -> None:
    class Lawless:
        async def perform(self, request: Request) -> Reply:
            raise TypeError("of no use")

        async def close(self) -> None:
            """Nothing is kept open."""

    async def story() -> None:
        journal = memory()
        running = service(wired(journal, "none"), Lawless())
        await running.start(driven=True)
        await running.accept(arrival(order("PO-1")))
        await running.settle()
        assert [delivery.status for delivery in journal.open_deliveries()] == ["parked"]
        assert running.delivering.gates["peer"].under_way == set()
        await running.stop()

    run(story())


def test_a_stop_begins_nothing_waits_for_what_is_under_way_and_leaves_no_doubt() -> None:
    async def story() -> None:
        journal, peer = memory(), Peer()
        link = Slow(peer)
        running = service(wired(journal, "none"), link)
        running.delivering.gates["peer"].concurrency = 2
        await running.start(driven=True)
        await asyncio.gather(*(running.accept(arrival(order(f"PO-{number}"))) for number in range(6)))
        await link.asked.wait()
        stopping = asyncio.create_task(running.stop())
        await asyncio.sleep(0.01)
        link.leave.set()
        await stopping
        assert len(peer.kept) == 2
        assert outcomes(journal) == ["done", "done"]
        assert [delivery.status for delivery in journal.open_deliveries()] == ["queued"] * 4

    run(story())


def test_outcomes_that_come_together_are_committed_together() -> None:
    class Counting(Wrapped):
        """Keeps the number of units of each commit that concludes deliveries."""

        concluded: Sequence[int] = ()

        def call(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
            if name == "commit" and any(_ends(unit) for unit in arguments[0]):
                self.concluded = (*self.concluded, len(arguments[0]))
            result: list[Committed] = super().call(name, arguments, named)
            return result

    async def story() -> None:
        journal, peer = Counting(memory()), Peer()
        link = Slow(peer)
        running = service(wired(journal, gather_s=0.05), link)
        await running.start(driven=True)
        await asyncio.gather(*(running.accept(arrival(order(f"PO-{number}"))) for number in range(8)))
        await link.asked.wait()
        link.leave.set()
        await running.settle()
        assert len(peer.kept) == 8
        assert journal.concluded == (8,)
        await running.stop()

    run(story())


def _ends(unit: Unit) -> bool:
    return any(settlement.status == "done" for settlement in unit.settlements)


# -- inboxes, timers and polls


def test_an_inbox_or_a_timer_watch_that_fails_once_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Share:
        looks = 0

        async def poll_once(self, accept: Accept) -> int:
            self.looks += 1
            if self.looks < 3:
                raise OSError("a path that names things")
            await accept(arrival(order("PO-1")))
            return 1

    async def story() -> None:
        journal, share = Away(memory()), Share()
        peer = Peer()
        running = service(wired(journal), MemoryLink(peer.handle), inboxes={"peer/in": share})
        await running.start()
        journal.away = True
        await passing(running)
        journal.away = False
        for _ in range(3):
            await passing(running, 2 * LONGEST_REST)
        assert share.looks >= 3
        assert peer.kept == ["PO-1"]
        peer.script = ["503"]
        await running.accept(arrival(order("PO-2")))
        for _ in range(4):
            await passing(running, 2 * LONGEST_REST)
        assert peer.kept == ["PO-1", "PO-2"], "the watch of timers is alive"
        await running.stop()

    run(story())
    assert caplog.messages == ["inbox peer/in: OSError", "inbox peer/in: works again"]


class Feed:
    """A peer that is asked for what is new after a number."""

    def __init__(self) -> None:
        self.news: list[bytes] = []
        self.asked: list[str] = []
        self.broken = False

    def handle(self, request: Request) -> Reply:
        """The news after the cursor."""
        assert isinstance(request, Http)
        if request.method == "POST":
            return HttpReply(status=201)
        self.asked.append(request.path)
        return HttpReply(status=200, body=b"[" if self.broken else str(len(self.news)).encode())

    def ask(self, cursor: str, call: Call) -> Generator[Request, Reply, tuple[tuple[bytes, ...], str]]:
        """One question."""
        reply = yield Http(method="GET", path=f"/news?after={cursor}")
        assert isinstance(reply, HttpReply)
        last = int(reply.json())
        return tuple(self.news[int(cursor or 0) : last]), str(last)

    @property
    def poll(self) -> Poll:
        """As its system declares it."""
        return Poll(name="news", every_s=30, ask=self.ask, format="json")


def test_a_poll_remembers_its_cursor_across_restarts_and_repeats_are_counted() -> None:
    async def story() -> None:
        journal, feed = memory(), Feed()
        feed.news = [encode(order("PO-1")), encode(order("PO-2"))]
        wiring = wired(journal, polls=(feed.poll,))
        running = service(wiring, MemoryLink(feed.handle))
        await running.start()
        await passing(running, 30)
        assert poll_cursor(wiring, "peer/news") == "2"
        await running.stop()

        feed.news += [encode(order("PO-2")), encode(order("PO-3"))]
        again = wired(journal, polls=(feed.poll,))
        running = service(again, MemoryLink(feed.handle))
        await running.start()
        await passing(running, 30)
        await running.settle()
        assert feed.asked == ["/news?after=", "/news?after=2"]
        assert poll_cursor(again, "peer/news") == "4"
        assert sum(journal.repeats().values()) == 1
        assert outcomes(journal) == ["done"] * 3
        await running.stop()

    run(story())


def test_a_poll_that_stumbles_over_an_answer_asks_again() -> None:
    async def story() -> None:
        journal, feed = memory(), Feed()
        feed.news, feed.broken = [encode(order("PO-1"))], True
        running = service(wired(journal, polls=(feed.poll,)), MemoryLink(feed.handle))
        await running.start()
        await passing(running, 30)
        assert outcomes(journal) == []
        feed.broken = False
        await passing(running, 30)
        await running.settle()
        assert feed.asked == ["/news?after="] * 2
        assert outcomes(journal) == ["done"]
        await running.stop()

    run(story())
