"""Webhooks: at least once, in order, each at its own pace; what is wrong becomes one exception; back without effects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from suture.gateway.access import Access, Caller
from suture.gateway.events import subscribing
from suture.gateway.events.addresses import listed
from suture.gateway.events.entitled import LEASE, lease_of, not_entitled
from suture.gateway.events.subscribing import Moved, NotSubscribed, Wanted, Word, subscribe
from suture.gateway.events.subscription import OVERLAP, Subscription, known, secrets
from suture.gateway.events.webhooks import BATCH, LOOKED_AT, PATIENCE, Webhooks, message_id
from suture.gateway.identity import Grant, api_keys
from suture.journal import Event, Fenced, Journal, MemoryJournal, Unit, open_journal
from suture.model import Case, CaseResolved, Decision, Document, Entity, OrderStatus, Person, Ref
from suture.runtime.clock import ManualClock
from suture.runtime.command import command
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring
from suture.views.events import crossing
from suture.views.exceptions import exceptions
from tests.gateway.receiver import Receiver
from tests.journal.units import KEY

T = TypeVar("T")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SIGNING = b"s" * 32
ANALYST = Caller(subject="data-platform", roles=("analyst",), kind="machine")
LOOPBACK = listed(["127.0.0.0/8"])
WORD = Word(actor="anna", reason="the data platform wants to hear of orders", now=AT)


async def at_once(step: Callable[[], T]) -> T:
    return step()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


def event(number: int, document: Document | None = None) -> Event:
    """Every third does not leave."""
    said = document or OrderStatus(order=f"PO-{number % 5}", state="confirmed", at=AT)
    if document is None and number % 3 == 0:
        said = Person(id=f"person-{number}")
    return Event(once=f"e/{number}", kind="emitted", source="process", at=AT + timedelta(seconds=number), data=said)


def filled(journal: Journal, count: int, start: int = 1) -> list[int]:
    """The positions of what may leave."""
    rows = journal.commit([Unit(events=[event(number)]) for number in range(start, start + count)])
    positions = [row.positions[0] for row in rows]
    return [position for number, position in enumerate(positions, start) if number % 3]


@pytest.fixture
def journal() -> Journal:
    return MemoryJournal()


class Stage:
    """One subscriber that listens, the subscription, and what sends."""

    def __init__(self, journal: Journal, receiver: Receiver, url: str, clock: ManualClock, **more: Any) -> None:
        self.journal, self.receiver, self.url, self.clock = journal, receiver, url, clock
        self.webhooks = Webhooks(journal, "north", clock, at_once, SIGNING, allowed=LOOPBACK, **more)

    async def look(self) -> None:
        await self.webhooks.look()
        await self.webhooks.settle()

    async def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
        await self.look()

    @property
    def now(self) -> Subscription:
        found = known(self.journal, "lake")
        assert found is not None
        return found.subscription


@asynccontextmanager
async def stage(
    journal: Journal,
    moods: Sequence[int] = (),
    types: tuple[str, ...] = (),
    after: int | None = 0,
    hears: Caller = ANALYST,
    lease: datetime | None = None,
    vouched: bool = False,
    **more: Any,
) -> AsyncIterator[Stage]:
    clock = ManualClock(AT)
    receiver = Receiver([], clock.now, moods)
    url = await receiver.start()
    wanted = Wanted(name="lake", url=url, types=types, after=after)
    subscription = subscribe(journal, wanted, hears, WORD, LOOPBACK, lease=lease, vouched=vouched)
    receiver.secrets = list(secrets(SIGNING, subscription, AT))
    made = Stage(journal, receiver, url, clock, **more)
    try:
        yield made
    finally:
        await made.webhooks.close()
        await receiver.stop()


# -- sending


def test_everything_that_may_leave_once_in_order_and_signed(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 2 * LOOKED_AT)
        async with stage(journal) as s:
            await s.look()
            assert s.receiver.positions == leaving
            assert len(leaving) > BATCH
            assert (s.now.received, s.receiver.refused) == (len(leaving), 0)
            assert s.receiver.headers["content-type"].startswith("application/cloudevents+json")
            await s.look()
            assert len(s.receiver.got) == len(leaving)

    run(scene)


def test_anybody_can_verify_it_with_the_library_of_the_standard(journal: Journal) -> None:
    standard = pytest.importorskip("standardwebhooks", reason="standardwebhooks is not installed")
    subscription = subscribe(journal, Wanted(name="lake", url="https://example.org/x"), ANALYST, WORD)
    (secret,) = secrets(SIGNING, subscription, AT)
    from suture.gateway.events.webhooks import _signed

    now = datetime.now(UTC)
    headers = _signed("evt_1", now, b'{"a":1}', (secret,))
    assert standard.Webhook(secret).verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(standard.WebhookVerificationError):
        standard.Webhook(secret).verify(b'{"a":2}', headers)


def test_only_the_types_asked_for_and_from_where_it_was_asked(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 6)
        async with stage(journal, types=("Entity",), after=None) as s:
            filled(journal, 6, start=10)
            journal.commit([Unit(events=[event(50, Entity(id="E-1", name="North", currency="USD"))])])
            await s.look()
            # an entity is commanded or accepted: what was never promised is not sent, even if somebody says it
            assert s.receiver.got == []
            said = Event(once="e/51", kind="commanded", source="masters", at=AT, data=Entity(id="E-2", name="N", currency="USD"))
            journal.commit([Unit(events=[said])])
            await s.look()
            assert [event["subject"] for _, event in s.receiver.got] == ["Entity:E-2"]

    run(scene)


def test_a_repeat_has_the_same_id_wherever_it_comes_from(journal: Journal) -> None:
    filled(journal, 2)
    row = journal.read(0, 1)[0]
    first, again = crossing(row, "north"), crossing(row, "north")
    assert first is not None
    assert again is not None
    assert message_id(first) == message_id(again)
    assert "." not in message_id(first)


# -- failures


def test_what_fails_is_tried_again_in_order_and_later(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 9)
        async with stage(journal, moods=[204, 204, 500, 503]) as s:
            await s.look()
            assert s.receiver.positions == leaving[:2]
            assert (s.now.position, s.now.attempts, s.now.why) == (leaving[2] - 1, 1, "it answers 500")
            await s.later(1)
            assert len(s.receiver.moods) == 1, "tried too soon"
            await s.later(10)
            assert (s.now.attempts, s.receiver.positions) == (2, leaving[:2])
            await s.later(60)
            assert s.receiver.positions == leaving
            assert (s.now.attempts, s.now.failing, s.now.why) == (0, None, "")

    run(scene)


def test_a_subscriber_says_itself_how_long_to_wait(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 1)
        async with stage(journal, moods=[429]) as s:
            await s.look()
            assert s.now.next is not None
            assert s.now.next >= AT + timedelta(seconds=90)

    run(scene)


def test_whoever_is_away_keeps_nobody_else_waiting(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 6)
        async with stage(journal) as s:
            dead = subscribe(journal, Wanted(name="dead", url="http://127.0.0.1:9/x", after=0), ANALYST, WORD, LOOPBACK)
            await s.look()
            assert s.receiver.positions == leaving
            found = known(journal, dead.name)
            assert found is not None
            assert (found.subscription.attempts, found.subscription.position) == (1, 0)

    run(scene)


def test_what_was_not_written_down_is_sent_again_under_the_same_id(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 5)
        async with stage(journal, vouched=True) as s:
            commit = journal.commit

            def dying(units: Sequence[Unit]) -> Any:
                raise Fenced("the process died before it could write")

            journal.commit = dying  # type: ignore[method-assign]  # the moment of a crash
            await s.look()
            journal.commit = commit  # type: ignore[method-assign]
            await s.look()
            assert s.receiver.positions == leaving * 2
            assert len({id for id, _ in s.receiver.got}) == len(leaving)

    run(scene)


def exhausted(attempts: int) -> list[int]:
    return [500] * attempts


def test_one_that_is_dead_becomes_one_exception_and_is_paused(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 3)
        async with stage(journal, moods=exhausted(PATIENCE.attempts)) as s:
            for _ in range(PATIENCE.attempts + 5):
                await s.later(3_600 * 2)
            assert (s.now.status, s.receiver.got) == ("paused", [])
            (open_case,) = exceptions(journal.read(0, 1000))
            assert open_case.case.id == s.now.case == "subscription/lake/unreachable"
            assert open_case.case.context["attempts"] == str(PATIENCE.attempts)
            decided = decide(journal, s, "retry")
            assert decided == "retry is noted"
            await s.later(10)
            assert s.now.status == "active"
            assert exceptions(journal.read(0, 1000)) == []
            await s.later(1)
            assert s.receiver.positions[: len(leaving)] == leaving

    run(scene)


def decide(journal: Journal, s: Stage, verb: str) -> str:
    """A person decides about the exception where every exception is decided."""
    last = journal.find(Ref("Case", s.now.case))[-1].position
    words = Decision(
        id=f"d-{last}",
        subject=Ref("Case", s.now.case),
        verb=verb,
        actor="anna",
        at=AT,
        reason="they mended it",
        position=last,
    )
    return command(Wiring(journal, Network(name="north"), privacy_key=b"p" * 32), words, s.clock.now())


def test_one_that_is_gone_is_not_asked_again(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 1)
        async with stage(journal, moods=[410]) as s:
            await s.look()
            assert (s.now.status, s.now.attempts) == ("paused", 1)
            decide(journal, s, "cancel")
            await s.later(10)
            assert s.now.status == "ended"
            assert exceptions(journal.read(0, 1000)) == []
            assert [type(row.event.data).__name__ for row in journal.find(Ref("Case", "subscription/lake/unreachable"))] == [
                "Case",
                "Decision",
                "CaseResolved",
            ]

    run(scene)


def test_a_second_death_is_a_second_exception_under_the_same_name(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 1)
        async with stage(journal, moods=[410, 410]) as s:
            await s.look()
            subscribing.resume(journal, "lake", WORD)
            assert exceptions(journal.read(0, 1000)) == []
            await s.later(1)
            assert s.now.status == "paused"
            assert len(exceptions(journal.read(0, 1000))) == 1
            cases = [row.event.data for row in journal.find(Ref("Case", s.now.case))]
            assert sum(isinstance(each, Case) for each in cases) == 2
            assert sum(isinstance(each, CaseResolved) for each in cases) == 1

    run(scene)


# -- before the first event


def test_an_address_is_asked_before_its_first_event_and_once(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 3)
        async with stage(journal, origin="events.north.example") as s:
            s.receiver.allows = None
            await s.look()
            assert (s.receiver.got, s.receiver.asked) == ([], ["events.north.example"])
            assert (s.now.attempts, s.now.position, s.now.agreed) == (1, 0, None)
            assert "without WebHook-Allowed-Origin" in s.now.why
            s.receiver.allows = "somebody.else.example"
            await s.later(60)
            assert "another sender" in s.now.why
            s.receiver.allows = "Events.North.example"
            await s.later(60)
            assert s.receiver.positions == leaving
            assert (s.now.agreed, s.now.why) == (s.clock.now(), "")
            filled(journal, 3, start=50)
            await s.later(1)
            assert (len(s.receiver.got), len(s.receiver.asked)) == (4, 3)

    run(scene)


def test_one_that_never_agrees_becomes_an_exception_and_was_sent_nothing(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 3)
        async with stage(journal) as s:
            s.receiver.allows = None
            for _ in range(PATIENCE.attempts + 5):
                await s.later(3_600 * 2)
            assert (s.now.status, s.receiver.got, len(s.receiver.asked)) == ("paused", [], PATIENCE.attempts)
            (found,) = exceptions(journal.read(0, 1000))
            assert (found.case.reason, "has not agreed" in found.case.text) == ("subscriber_unreachable", True)

    run(scene)


def test_it_is_asked_although_there_is_nothing_to_send_yet(journal: Journal) -> None:
    async def scene() -> None:
        async with stage(journal, after=None) as s:
            await s.look()
            assert (s.receiver.asked, s.now.agreed) == (["north"], AT)

    run(scene)


# -- in whose name


BY = {"actor": "ines", "reason": "pilot"}


def keyed(journal: Journal, lives: timedelta = timedelta(days=90)) -> tuple[str, Caller]:
    """A key's id, and whoever holds it."""
    text = api_keys.make(journal, Access(), "lake", Grant(roles=("machine",), instance="lake"), now=AT, lives=lives, **BY)
    id, secret = api_keys.parted(text)
    return id, api_keys.caller_of(api_keys.known(journal, id), secret, AT)


def stopped(journal: Journal, s: Stage, why: str) -> None:
    """Nothing more goes out, and there is one exception that says why."""
    assert (s.now.status, why in s.now.why) == ("paused", True), s.now.why
    (found,) = exceptions(journal.read(0, 1000))
    assert (found.case.id, found.case.reason) == ("subscription/lake/not-entitled", "subscriber_not_entitled")
    assert why in found.case.text


@pytest.mark.parametrize("ending", ["revoked", "expired"])
def test_what_a_key_began_ends_with_it(journal: Journal, ending: str) -> None:
    async def scene() -> None:
        id, hears = keyed(journal, timedelta(hours=2))
        async with stage(journal, hears=hears) as s:
            leaving = filled(journal, 6)
            await s.look()
            assert [at for at in s.receiver.positions if at in leaving] == leaving
            sent = len(s.receiver.got)
            if ending == "revoked":
                api_keys.revoke(journal, id, now=AT, **BY)
            else:
                s.clock.move_to(AT + timedelta(hours=2))
            filled(journal, 6, start=100)
            await s.later(1)
            assert len(s.receiver.got) == sent
            stopped(journal, s, ending)
            decide(journal, s, "retry")
            await s.later(10)
            await s.later(10)
            assert len(s.receiver.got) == sent, "to want it again does not bring the key back"
            stopped(journal, s, ending)

    run(scene)


def test_what_began_before_keys_were_remembered_ends_with_the_last_key_of_its_name(journal: Journal) -> None:
    async def scene() -> None:
        (first, hears), (second, _) = keyed(journal), keyed(journal)
        async with stage(journal, hears=msgspec.structs.replace(hears, credential="")) as s:
            await s.look()
            api_keys.revoke(journal, first, now=AT, **BY)
            leaving = filled(journal, 3)
            await s.later(10)
            assert s.receiver.positions[-3:] == leaving, "another key of that name lives"
            api_keys.revoke(journal, second, now=AT, **BY)
            await s.later(10)
            stopped(journal, s, "no API key of key/lake lives")

    run(scene)


@pytest.mark.parametrize(
    ("subject", "why"), [("client/erp", "resume it once"), ("certificate/erp", "resume it once"), ("nia", "")]
)
def test_another_machine_shows_itself_once_and_an_operators_goes_on(journal: Journal, subject: str, why: str) -> None:
    old = Subscription(name="lake", url="https://lake.example", hears=Caller(subject=subject, roles=("analyst",)), owner="lake")
    assert why in not_entitled(journal, old, Access(), AT)
    assert bool(why) == bool(not_entitled(journal, old, Access(), AT))


def test_it_is_seen_although_there_is_nothing_to_send(journal: Journal) -> None:
    async def scene() -> None:
        id, hears = keyed(journal)
        async with stage(journal, hears=hears, after=None, types=("Entity",)) as s:
            await s.look()
            api_keys.revoke(journal, id, now=AT, **BY)
            await s.later(10)
            stopped(journal, s, "revoked")

    run(scene)


def test_a_rotation_goes_on_in_the_name_of_the_new_key_until_one_of_them_is_revoked(journal: Journal) -> None:
    async def scene() -> None:
        id, hears = keyed(journal)
        async with stage(journal, hears=hears, types=("OrderStatus",)) as s:
            new = api_keys.rotate(journal, id, now=AT, overlap=timedelta(hours=1), **BY)
            leaving = filled(journal, 3)
            await s.later(7_200)
            assert s.receiver.positions == leaving
            api_keys.revoke(journal, id, now=s.clock.now(), actor="ines", reason="it had leaked")
            await s.later(10)
            stopped(journal, s, "revoked")
            heir = api_keys.caller_of(api_keys.known(journal, new[:20]), new[21:], s.clock.now())
            subscribing.resume(journal, "lake", WORD, heir, speaks=heir)
            missed = filled(journal, 3, start=100)
            await s.later(10)
            assert s.receiver.positions == leaving + missed
            assert exceptions(journal.read(0, 1000)) == []

    run(scene)


def test_what_a_token_began_ends_a_month_after_it_was_last_shown(journal: Journal) -> None:
    async def scene() -> None:
        token = Caller(subject="portal", roles=("analyst",))
        async with stage(journal, hears=token, lease=lease_of(token, AT)) as s:
            await s.look()
            s.clock.move_to(AT + LEASE - timedelta(days=1))
            subscribing.resume(journal, "lake", WORD, token, speaks=token, lease=lease_of(token, s.clock.now()))
            await s.later(86_400 * 2)
            assert s.now.status == "active"
            await s.later(LEASE.total_seconds())
            stopped(journal, s, "has not shown itself since 2026-03-31")

    run(scene)


@pytest.mark.parametrize(
    ("kept", "types", "why"),
    [((), (), "cover no event"), (("orders.read",), ("PurchaseOrder", "Invoice"), "do not cover Invoice")],
    ids=["no right at all", "not for a type it named"],
)
def test_who_loses_the_right_is_sent_nothing_more(
    journal: Journal, kept: tuple[str, ...], types: tuple[str, ...], why: str
) -> None:
    async def scene() -> None:
        rights = [Access()]
        async with stage(journal, types=types, access=lambda: rights[0]) as s:
            filled(journal, 3)
            await s.look()
            sent = len(s.receiver.got)
            rights[0] = Access(roles={"analyst": kept})
            filled(journal, 3, start=100)
            await s.later(10)
            assert len(s.receiver.got) == sent
            stopped(journal, s, why)

    run(scene)


def test_a_key_of_the_same_name_for_another_partner_is_somebody_else(journal: Journal) -> None:
    mine = Caller(subject="key/edi", roles=("supplier",), supplier="ALDER", kind="machine")
    subscribe(journal, Wanted(name="edi", url="https://example.org/hook"), mine, WORD)
    other = msgspec.structs.replace(mine, supplier="BIRCH")
    with pytest.raises(NotSubscribed):
        subscribing.rotate(journal, "edi", WORD, other)
    assert subscribing.owned(journal, other, Access()) == []


# -- commands


def test_back_to_a_position_or_a_moment_sends_again_and_executes_nothing(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 30)
        async with stage(journal) as s:
            await s.look()
            ids = [id for id, _ in s.receiver.got]
            before = (journal.counts(), len(journal.read(0, 1000)))
            subscribing.rewind(journal, "lake", leaving[5] - 1, WORD)
            await s.later(1)
            assert s.receiver.positions == leaving + leaving[5:]
            assert [id for id, _ in s.receiver.got][len(leaving) :] == ids[5:]
            after = (journal.counts(), len(journal.read(0, 1000)))
            assert after[1] == before[1] + 1, "nothing but the decision to go back"
            assert {name: n for name, n in after[0].items() if name != "events"} == {
                name: n for name, n in before[0].items() if name != "events"
            }

    run(scene)


def test_a_moment_is_found_among_the_positions(journal: Journal) -> None:
    rows = [
        Unit(events=[Event(once=f"t/{n}", kind="emitted", source="p", at=AT + timedelta(hours=n), data=status(n))])
        for n in range(50)
    ]
    positions = [row.positions[0] for row in journal.commit(rows)]
    assert subscribing.before(journal, AT - timedelta(days=1)) == 0
    assert subscribing.before(journal, AT + timedelta(hours=20)) == positions[19]
    assert subscribing.before(journal, AT + timedelta(days=30)) == positions[-1] == subscribing.end(journal)


def status(number: int) -> OrderStatus:
    return OrderStatus(order=f"PO-{number}", state="confirmed", at=AT)


def test_who_goes_back_while_a_batch_is_under_way_is_heard(journal: Journal) -> None:
    async def scene() -> None:
        leaving = filled(journal, 4)
        async with stage(journal, vouched=True) as s:
            found, page, events = s.webhooks._batch("lake")
            assert found is not None
            sent = await s.webhooks._batch_sent(found.subscription, events, page[-1].position)
            subscribing.rewind(journal, "lake", leaving[1] - 1, WORD)
            with pytest.raises(Fenced):
                s.webhooks._move(found, sent)
            assert s.now.position == leaving[1] - 1

    run(scene)


def test_paused_means_silence_and_resumed_means_nothing_was_lost(journal: Journal) -> None:
    async def scene() -> None:
        async with stage(journal) as s:
            subscribing.pause(journal, "lake", WORD)
            leaving = filled(journal, 6)
            await s.look()
            assert s.receiver.got == []
            subscribing.resume(journal, "lake", WORD)
            await s.look()
            assert s.receiver.positions == leaving

    run(scene)


def test_a_new_secret_signs_beside_the_old_one_for_a_week(journal: Journal) -> None:
    async def scene() -> None:
        filled(journal, 1)
        async with stage(journal) as s:
            (old,) = s.receiver.secrets
            renewed = subscribing.rotate(journal, "lake", WORD)
            new, still = secrets(SIGNING, renewed, AT)
            assert (still, new == old) == (old, False)
            await s.look()
            s.receiver.secrets = [new]
            filled(journal, 2, start=100)
            await s.look()
            assert (len(s.receiver.got), s.receiver.refused) == (3, 0)
            assert secrets(SIGNING, renewed, AT + OVERLAP) == (new,)

    run(scene)


def test_every_command_is_a_decision_with_actor_and_reason(journal: Journal) -> None:
    subscribe(journal, Wanted(name="lake", url="https://example.org/hook"), ANALYST, WORD)
    for act in (subscribing.pause, subscribing.resume, subscribing.rotate, subscribing.finish):
        act(journal, "lake", WORD)
    words = [row.event.data for row in journal.find(Ref("Subscription", "lake"))]
    assert [word.verb for word in words if isinstance(word, Decision)] == ["subscribe", "pause", "resume", "rotate", "end"]
    assert all(isinstance(word, Decision) and word.actor == "anna" and word.reason for word in words)
    with pytest.raises(ValueError, match="reason"):
        subscribe(journal, Wanted(name="pond", url="https://example.org/hook"), ANALYST, Word(actor="anna", reason=" ", now=AT))


def test_nobody_touches_what_is_somebody_elses(journal: Journal) -> None:
    subscribe(journal, Wanted(name="lake", url="https://example.org/hook"), ANALYST, WORD)
    other = Caller(subject="key/other", roles=("machine",), kind="machine")
    for act in (subscribing.pause, subscribing.resume, subscribing.rotate, subscribing.finish):
        with pytest.raises(NotSubscribed):
            act(journal, "lake", WORD, other)
    assert subscribing.owned(journal, other, Access()) == []
    assert [each.name for each in subscribing.owned(journal, ANALYST, Access())] == ["lake"]
    administrator = Caller(subject="anna", roles=("administrator",))
    assert [each.name for each in subscribing.owned(journal, administrator, Access())] == ["lake"]


def test_an_old_name_comes_back_with_another_secret(journal: Journal) -> None:
    first = subscribe(journal, Wanted(name="lake", url="https://example.org/hook"), ANALYST, WORD)
    with pytest.raises(ValueError, match="already"):
        subscribe(journal, Wanted(name="lake", url="https://example.org/hook"), ANALYST, WORD)
    subscribing.finish(journal, "lake", WORD)
    second = subscribe(journal, Wanted(name="lake", url="https://example.com/hook"), ANALYST, WORD)
    assert not set(secrets(SIGNING, first, AT)) & set(secrets(SIGNING, second, AT))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "Lake House"}, "lower-case"),
        ({"types": ("Usage",)}, "no event of ours"),
        ({"types": ("suture.purchase_order.emitted.v9",)}, "no event of ours"),
        ({"after": 99}, "a position of the journal"),
        ({"after": -1}, "a position of the journal"),
        ({"url": "http://example.org/hook"}, "https"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(journal: Journal, wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        subscribe(journal, Wanted(**{"name": "lake", "url": "https://example.org/hook", **wrong}), ANALYST, WORD)
    assert journal.read(0, 10) == []


def test_it_holds_on_disk_and_two_who_change_it_at_once_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "suture.db")
    journal = open_journal(file, KEY)
    subscribe(journal, Wanted(name="lake", url="https://example.org/hook"), ANALYST, WORD)
    found = known(journal, "lake")
    subscribing.pause(journal, "lake", WORD)
    monkeypatch.setattr(subscribing, "known", lambda journal, name: found)
    with pytest.raises(Moved):
        subscribing.rotate(journal, "lake", WORD)
    journal.close()
    again = open_journal(file, KEY)
    assert known(again, "lake").subscription.status == "paused"  # type: ignore[union-attr]  # it was just written
    again.close()
