"""The relay: everything that may leave, once by id and in order, whatever the broker, the process and the lease do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.journal import Event, Journal, MemoryJournal, Unit, open_journal
from suture.model import Document, Entity, OrderStatus, Person
from suture.runtime.checks import check
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network, Relay
from suture.runtime.relay import BATCH, NoBroker, Relaying, behind, message, open_broker, relay_again
from suture.runtime.service import Service
from suture.runtime.share import NOTHING, Share, fair, mine, parts_of, relay_part
from suture.runtime.wiring import Wiring
from suture.transports import NoReply, NotSent
from suture.transports.broker import Kept, Message
from suture.views import history
from suture.views.events import crossing
from tests.journal.units import KEY

T = TypeVar("T")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
RELAY = Relay(name="bus", address="nats://127.0.0.1:4222", owner="integration")
NETWORK = Network(name="north", relays=(RELAY,))
PART = relay_part(RELAY.name)


class Shelf:
    """A broker in memory; ``moods`` says what befalls each batch: how much of it is kept, and whether that is said."""

    def __init__(self, moods: Sequence[tuple[int, bool]] = ()) -> None:
        self.held: list[Message] = []
        self.moods = list(moods)
        self.asked = 0

    async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]:
        self.asked += 1
        keeps, says = self.moods.pop(0) if self.moods else (len(batch), True)
        kept = [self._keep(each) for each in batch[:keeps]]
        if not kept or not says:
            raise NoReply("silence") if kept else NotSent("away")
        return kept

    def _keep(self, message: Message) -> Kept:
        for offset, held in enumerate(self.held, 1):
            if held.id == message.id:
                return Kept(offset, repeated=True)
        self.held.append(message)
        return Kept(len(self.held))

    async def close(self) -> None:
        """Nothing is kept open."""


async def at_once(step: Callable[[], T]) -> T:
    return step()


def wired(journal: Journal, network: Network = NETWORK) -> Wiring:
    return Wiring(journal, network, privacy_key=b"p" * 32)


def relaying(wiring: Wiring, broker: Shelf) -> Relaying:
    return Relaying(wiring, wiring.network.relays[0], broker, ManualClock(AT), at_once)


def event(number: int) -> Event:
    """Every third does not leave."""
    document: Document = OrderStatus(order=f"PO-{number % 5}", state="confirmed", at=AT)
    if number % 3 == 0:
        document = Person(id=f"person-{number}")
    return Event(once=f"e/{number}", kind="emitted", source="process", at=AT, data=document)


def filled(count: int, journal: Journal | None = None) -> Journal:
    journal = journal or MemoryJournal(KEY)
    journal.commit([Unit(events=[event(number) for number in range(count)])])
    return journal


def due(journal: Journal) -> list[str]:
    """The ids that may leave, in order."""
    found = (crossing(recorded, "north") for recorded in history(journal))
    return [crossed.id for crossed in found if crossed is not None]


async def to_the_end(relay: Relaying) -> None:
    while True:
        try:
            if not await relay.once():
                return
        except (NotSent, NoReply):
            continue


def run(story: Any) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


# -- at least once, once by id, in order


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12), st.integers(0, 700))
@settings(max_examples=25, deadline=None)
def test_whatever_befalls_everything_is_there_once_and_in_order(moods: list[tuple[int, bool]], count: int) -> None:
    async def story() -> None:
        journal, shelf = filled(count), Shelf(moods)
        await to_the_end(relaying(wired(journal), shelf))
        assert [held.id for held in shelf.held] == due(journal)
        last = journal.read(0, count + 1)[-1:]
        assert journal.cursor(PART) == (last[0].position if last else 0)

    run(story())


def test_a_process_that_starts_anew_goes_on_where_the_broker_acknowledged() -> None:
    async def story() -> None:
        journal, shelf = filled(BATCH * 2), Shelf([(100, True), (300, False)])
        first = relaying(wired(journal), shelf)
        await first.once()
        with pytest.raises(NoReply):
            await first.once()
        assert journal.cursor(PART) < BATCH
        await to_the_end(relaying(wired(journal), shelf))
        assert [held.id for held in shelf.held] == due(journal)

    run(story())


def test_the_cursor_never_passes_what_was_not_acknowledged() -> None:
    async def story() -> None:
        journal, shelf = filled(30), Shelf([(7, True)])
        await relaying(wired(journal), shelf).once()
        passed = due(journal)[: len(shelf.held)]
        assert [held.id for held in shelf.held] == passed
        left = [crossed.id for row in history(journal, journal.cursor(PART)) if (crossed := crossing(row, "north"))]
        assert passed + left == due(journal)

    run(story())


def test_what_does_not_leave_is_passed_over_without_a_word_to_the_broker() -> None:
    async def story() -> None:
        journal, shelf = MemoryJournal(KEY), Shelf()
        journal.commit([Unit(events=[event(0), event(3), event(6)])])
        assert await relaying(wired(journal), shelf).once() == 3
        assert (shelf.asked, journal.cursor(PART), behind(journal, RELAY)) == (0, 3, 0)

    run(story())


def test_only_the_types_that_are_asked_for_are_relayed() -> None:
    async def story() -> None:
        journal, shelf = filled(9), Shelf()
        journal.commit([Unit(events=[Event(once="m/1", kind="commanded", source="m", at=AT, data=ENTITY)])])
        network = Network(name="north", relays=(Relay(name="bus", address="nats://127.0.0.1:1", types=("Entity",)),))
        await to_the_end(relaying(wired(journal, network), shelf))
        assert [held.topic for held in shelf.held] == ["entity.commanded.v1"]

    run(story())


ENTITY = Entity(id="NORTH", name="North Hospital", currency="USD")


def test_a_failure_is_told_once_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        journal, shelf = filled(9), Shelf([(0, False)] * 3)
        relay = relaying(wired(journal), shelf)
        clock = relay.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(relay.run())
        for _ in range(20):
            await asyncio.sleep(0)
            if wake := clock.next_wake():
                clock.move_to(wake)
        task.cancel()
        assert [held.id for held in shelf.held] == due(journal)
        assert [record.getMessage() for record in caplog.records] == ["relay bus: away", "relay bus: works again"]

    run(story())


# -- among several workers


def test_only_whoever_holds_the_lease_relays() -> None:
    async def story() -> None:
        journal, shelf = filled(9), Shelf()
        wiring = wired(journal)
        wiring.share = NOTHING
        assert await relaying(wiring, shelf).once() == 0
        wiring.share = Share(frozenset({PART}))
        assert await relaying(wiring, shelf).once() == 9
        assert parts_of(wiring)[PART] == "deliver"

    run(story())


def test_whoever_loses_the_lease_while_it_publishes_leaves_the_cursor_alone() -> None:
    async def story() -> None:
        journal = filled(9)
        wiring = wired(journal)

        class Losing(Shelf):
            async def publish(self, batch: Sequence[Message]) -> Sequence[Kept]:
                wiring.share = NOTHING
                journal.commit([Unit(cursors=[(PART, 9)])])  # its successor's
                return await super().publish(batch[:1])

        await relaying(wiring, Losing()).once()
        assert journal.cursor(PART) == 9

    run(story())


@pytest.mark.postgres
def test_of_two_workers_on_one_database_one_relays_and_the_other_takes_over(postgres_url: str) -> None:
    async def story() -> None:
        shelf = Shelf()
        first, second = [Service(wired(open_journal(postgres_url, KEY)), ManualClock(AT), {}) for _ in range(2)]
        for service in (first, second):
            await service.start(driven=True)
        relays = [Relaying(one.wiring, RELAY, shelf, one.clock, one.in_thread) for one in (first, second)]
        while sum(one.wiring.share.holds(PART) for one in (first, second)) != 1:
            await asyncio.sleep(0.02)
        await first.in_thread(lambda: filled(9, first.wiring.journal))
        holder, other = (0, 1) if first.wiring.share.holds(PART) else (1, 0)
        assert await relays[other].once() == 0
        assert await relays[holder].once() == 9
        gone, heir = (first, second) if holder == 0 else (second, first)
        await gone.stop()
        gone.wiring.journal.close()
        while not heir.wiring.share.holds(PART):
            await asyncio.sleep(0.02)
        await heir.in_thread(lambda: heir.wiring.journal.commit([Unit(events=[event(10), event(11)])]))
        assert await relays[other].once() == 2
        assert [held.id for held in shelf.held] == await heir.in_thread(lambda: due(heir.wiring.journal))
        await heir.stop()
        heir.wiring.journal.close()

    run(story())


def test_a_fair_share_names_one_relay_owner() -> None:
    owners = fair(parts_of(wired(MemoryJournal(KEY))), [("a", ("worker",)), ("b", ("deliver",)), ("c", ("gateway",))])
    assert PART in mine(owners, "b")


# -- again, by hand


def test_to_relay_again_changes_nothing_but_the_stream() -> None:
    async def story() -> None:
        journal, shelf = filled(600), Shelf()
        await to_the_end(relaying(wired(journal), shelf))
        before = (dict(journal.counts()), journal.cursor(PART), list(history(journal)))
        again = await relay_again(history(journal, 300), "north", shelf)
        assert (again.events, again.known, again.position) == (200, 200, 600)
        labelled = await relay_again(history(journal, 300), "north", shelf, label="audit-7")
        assert (labelled.events, labelled.known) == (200, 0)
        assert [held.body for held in shelf.held[400:]] == [held.body for held in shelf.held[200:400]]
        assert (await relay_again(history(journal, 300), "north", shelf, label="audit-7")).known == 200
        assert (dict(journal.counts()), journal.cursor(PART), list(history(journal))) == before

    run(story())


def test_a_message_names_id_topic_and_key() -> None:
    found = crossing(filled(2).read(0, 2)[1], "north")
    assert found is not None
    said = message(found)
    assert (said.id, said.topic, said.key) == ("e/1", "order_status.emitted.v1", "PurchaseOrder:PO-1")
    assert message(found, "x").id == "e/1@x"


# -- the network file


def test_what_is_wrong_with_a_relay_is_told() -> None:
    wrong = Relay(name="bus", address="amqp://x", stream="a b", subjects="a..b", types=("Usage",), token="plain")
    codes = {finding.code for finding in check(Network(name="n", relays=(wrong, wrong)), {}, {}, {})}
    assert codes >= {"name_taken", "bad_address", "bad_stream", "bad_subjects", "unknown_type", "no_owner", "secret_in_file"}
    assert not [each for each in check(NETWORK, {}, {}, {}) if each.path.startswith("relays")]


def test_a_broker_that_cannot_be_spoken_to_is_told() -> None:
    pytest.importorskip("nats", reason="nats-py is not installed (the extra nats)")
    with pytest.raises(NoBroker, match="relay bus: a NATS address is"):
        open_broker(Relay(name="bus", address="amqp://127.0.0.1:5672"))


def test_a_kafka_relay_and_whoever_publishes_beside_it_have_names_of_their_own() -> None:
    kafka = pytest.importorskip("suture.transports.kafka", reason="aiokafka is not installed (the extra kafka)")
    relay = Relay(name="bus", address="kafka://127.0.0.1:9092", stream="SUTURE")
    brokers = [open_broker(relay), open_broker(relay, again=True)]
    assert all(isinstance(each, kafka.KafkaBroker) for each in brokers)
    assert len({each._options["transactional_id"] for each in brokers}) == 2  # type: ignore[attr-defined]  # its own
    with pytest.raises(NoBroker, match="relay bus: a Kafka address is"):
        open_broker(Relay(name="bus", address="kafka://nowhere"))
    assert not [each for each in check(Network(name="n", relays=(relay,)), {}, {}, {}) if each.code == "bad_address"]
