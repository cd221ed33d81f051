"""Webhooks: each subscriber is sent its events one after the other, at least once, until it has taken them.

A subscriber has its own cursor and its own pace; nobody waits for another. Its cursor passes an event when it has answered 2xx,
so what it took just before a crash comes again, under the same ``webhook-id``. One that takes nothing for hours, or whose maker
has lost the key or the right, is paused and becomes one exception; what it misses stays in the journal. Its address is asked
before the first event. To send never decides or delivers anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from suture.gateway.access import Access
from suture.gateway.events.addresses import Denied, Network, Reachable, checked
from suture.gateway.events.asyncapi import MEDIA_TYPE
from suture.gateway.events.consent import objection, origin_of, question
from suture.gateway.events.entitled import not_entitled
from suture.gateway.events.hearing import Hearing
from suture.gateway.events.subscribing import Word, closing
from suture.gateway.events.subscription import Known, Subscription, known, secrets, subscriptions
from suture.journal import Event, Fenced, Journal, Recorded, State, Unavailable, Unit
from suture.model import Case, Decision, Ref
from suture.rules.retries import Retry
from suture.runtime.clock import Clock
from suture.runtime.decide import CASES, OpenCase, decode_case, encode
from suture.runtime.share import WEBHOOKS
from suture.transports.exchange import Http, HttpReply, Link, NoReply, NotSent
from suture.transports.http import HttpLink
from suture.transports.signatures import sign
from suture.views.events import CloudEvent, written

_log = logging.getLogger(__name__)

#: Events that are looked at, and that are sent, at most between two moves of a cursor.
LOOKED_AT, BATCH = 512, 64
#: How long one attempt may take, how much of an answer is read, and how long a subscriber may ask us to wait.
TIMEOUT_S, ANSWER_MOST, LONGEST_WISH_S = 10.0, 64 * 1024, 3_600.0
#: How often everybody is looked at, and those that are paused for a decision about them, in seconds.
REST_S, DECIDED_EVERY_S = 0.5, 5.0
#: Twelve attempts over some seven hours.
PATIENCE = Retry(attempts=12, first_s=5.0, factor=3.0, longest_s=3_600.0)
_GONE = 410


class InThread(Protocol):
    """How a step that touches the journal is run, between turns of the river."""

    def __call__(self, step: Callable[[], Any]) -> Awaitable[Any]: ...


class Sent(Struct, frozen=True, kw_only=True):
    """What became of a batch: up to where it was received, how many events, and why it went no further."""

    reached: int
    received: int
    why: str = ""
    wish_s: float = 0.0
    #: Never again.
    over: bool = False


class Webhooks:
    """All subscriptions of a network in service. ``key`` is what their secrets derive from, ``allowed`` the private networks to
    which they may go, ``holds`` whether this process is the one that sends, ``origin`` the DNS name under which it does."""

    def __init__(
        self,
        journal: Journal,
        network: str,
        clock: Clock,
        in_thread: InThread,
        key: bytes,
        *,
        access: Callable[[], Access] = Access,
        allowed: Sequence[Network] = (),
        holds: Callable[[], bool] = lambda: True,
        retry: Retry = PATIENCE,
        tls: Any = None,
        origin: str = "",
    ) -> None:
        self.journal, self.clock, self.in_thread, self.retry = journal, clock, in_thread, retry
        self._hearing, self._origin = Hearing(journal, network), origin or origin_of(network)
        self._key, self._access, self._allowed, self._holds, self._tls = key, access, tuple(allowed), holds, tls
        self._links: dict[str, tuple[str, Link]] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._asked: datetime | None = None
        self.trouble = ""

    async def run(self) -> None:
        """Send for ever; a failure of ours is told once, and tried again until it is over."""
        while True:
            why = ""
            try:
                await self.look()
            except (Unavailable, Fenced) as failure:
                why = str(failure)
            except Exception as failure:  # an error's own words may hold content
                why = type(failure).__name__
            if why != self.trouble:
                _log.warning("webhooks: %s", why or "work again")
            self.trouble = why
            await self.clock.sleep(REST_S)

    async def look(self) -> None:
        """Begin to send to everybody to whom something may be sent now, and hear what was decided about those that are paused."""
        if not self._holds():
            return
        now = self.clock.now()
        if self._asked is None or now - self._asked >= timedelta(seconds=DECIDED_EVERY_S):
            self._asked = now
            await self.in_thread(lambda: self._decided(now))
        for name in await self.in_thread(lambda: self._due(now)):
            if name not in self._sending:
                self._sending[name] = asyncio.create_task(self._send(name), name=f"webhook {name}")

    async def settle(self) -> None:
        """Return when nobody is being sent anything."""
        while self._sending:
            await asyncio.wait(self._sending.values())

    async def close(self) -> None:
        """Stop sending: what is under way is sent again by whoever goes on."""
        tasks = list(self._sending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, link in self._links.values():
            await link.close()
        self._links.clear()

    # -- one subscriber

    async def _send(self, name: str) -> None:
        try:
            while self._holds() and await self.turn(name):
                pass
        except (Unavailable, Fenced):
            pass  # the next look finds it as it is then
        except Exception as failure:  # an error's own words may hold content
            _log.warning("webhook %s: %s", name, type(failure).__name__)
        finally:
            del self._sending[name]

    async def turn(self, name: str) -> bool:
        """Send one batch; whether there may be more at once. Raises Unavailable, and Fenced if it was changed meanwhile."""
        found, page, events = await self.in_thread(lambda: self._batch(name))
        if found is not None and found.subscription.agreed is None:
            return await self._asked_first(found)
        if found is None or not page:
            return False
        sent = await self._batch_sent(found.subscription, events, page[-1].position)
        await self.in_thread(lambda: self._move(found, sent))
        return not sent.why

    def _batch(self, name: str) -> tuple[Known | None, list[Recorded], list[tuple[int, CloudEvent]]]:
        found = self._entitled(known(self.journal, name))
        if found is None or found.subscription.agreed is None:
            return found, [], []
        subscription, access = found.subscription, self._access()
        page: list[Recorded] = []
        events: list[tuple[int, CloudEvent]] = []
        for row in self.journal.read(subscription.position, LOOKED_AT):
            page.append(row)
            event = self._hearing.heard(row, subscription.hears, access)
            if event is not None and subscription.wants(event):
                events.append((row.position, event))
            if len(events) == BATCH:
                break
        return found, page, events

    def _entitled(self, found: Known | None) -> Known | None:
        """The subscription if it may be sent anything; one whose maker has lost the key or the right is paused."""
        if found is None or found.subscription.status != "active":
            return None
        now = self.clock.now()
        why = not_entitled(self.journal, found.subscription, self._access(), now)
        if why:
            self._pause(found, msgspec.structs.replace(found.subscription, why=why), _not_entitled(found.subscription, why, now))
        return None if why else found

    async def _asked_first(self, found: Known) -> bool:
        """Ask the address whether it agrees; whether it does."""
        to = found.subscription
        outcome = await self._put(to, question(self._origin), lambda reply: objection(reply, self._origin))
        if outcome is not None:
            await self.in_thread(lambda: self._move(found, msgspec.structs.replace(outcome, reached=to.position)))
            return False
        agreed = msgspec.structs.replace(to, agreed=self.clock.now(), attempts=0, failing=None, next=None, why="")
        await self.in_thread(lambda: self.journal.commit([Unit(states=[found.after(agreed)])]))
        return True

    async def _batch_sent(self, to: Subscription, events: Sequence[tuple[int, CloudEvent]], end: int) -> Sent:
        for index, (position, event) in enumerate(events):
            outcome = await self._post(to, event)
            if outcome is not None:
                return msgspec.structs.replace(outcome, reached=position - 1, received=index)
        return Sent(reached=end, received=len(events))

    async def _post(self, to: Subscription, event: CloudEvent) -> Sent | None:
        """None if it was taken; otherwise why not."""
        body, now = written(event), self.clock.now()
        headers = _signed(message_id(event), now, body, secrets(self._key, to, now))
        return await self._put(to, Http(method="POST", path="", body=body, headers=headers), _untaken)

    async def _put(self, to: Subscription, request: Http, objects: Callable[[HttpReply], str]) -> Sent | None:
        """One request; None if the answer is as it should be, otherwise why not."""
        try:
            reply = await self._link(to).perform(request)
        except Denied as denied:
            return Sent(reached=0, received=0, why=str(denied), over=True)
        except (NotSent, NoReply) as failure:
            return Sent(reached=0, received=0, why=str(failure))
        assert isinstance(reply, HttpReply)
        if not (why := objects(reply)):
            return None
        return Sent(reached=0, received=0, why=why, wish_s=_wish(reply), over=reply.status == _GONE)

    def _link(self, to: Subscription) -> Link:
        address, link = self._links.get(to.name, ("", None))
        if link is None or address != to.url:
            link = HttpLink(
                checked(to.url, self._allowed),
                timeout_s=TIMEOUT_S,
                concurrency=1,
                largest_reply=ANSWER_MOST,
                resolver=Reachable(self._allowed),
                tls=self._tls,
            )
            self._links[to.name] = (to.url, link)
        return link

    # -- what is written

    def _move(self, was: Known, sent: Sent) -> None:
        old, now = was.subscription, self.clock.now()
        moved = msgspec.structs.replace(
            old,
            position=max(sent.reached, old.position),
            received=old.received + sent.received,
            attempts=0,
            failing=None,
            next=None,
            why="",
        )
        if not sent.why:
            self.journal.commit([Unit(states=[was.after(moved)])])
            return
        attempts = 1 if sent.received else old.attempts + 1
        waits = self.retry.after(attempts, f"{old.name}/{moved.position}", min(sent.wish_s, LONGEST_WISH_S))
        failing = now if sent.received else old.failing or now
        moved = msgspec.structs.replace(moved, attempts=attempts, failing=failing, next=now + waits, why=sent.why)
        if sent.over or self.retry.over(attempts):
            self._pause(was, moved, _unreachable(moved, now))
        else:
            self.journal.commit([Unit(states=[was.after(moved)])])

    def _pause(self, was: Known, moved: Subscription, case: Case) -> None:
        """Pause it, and raise the one exception that says so."""
        stored = self.journal.states([(CASES, case.id)]).get((CASES, case.id))
        times = decode_case(stored.data).times if stored else 0
        once = f"{case.id}/{times + 1}"
        opened = Event(once=once, kind="emitted", source=WEBHOOKS, at=case.at, data=case, root=once)
        state = State(CASES, case.id, (stored.version if stored else 0) + 1, encode(OpenCase("open", times + 1)))
        paused = msgspec.structs.replace(moved, status="paused", next=None, case=case.id)
        self.journal.commit([Unit(events=[opened], states=[was.after(paused), state])])

    def _due(self, now: datetime) -> list[str]:
        """Those to whom something may be sent now."""
        return [
            each.subscription.name
            for each in subscriptions(self.journal)
            if each.subscription.status == "active"
            and (each.subscription.next is None or each.subscription.next <= now)
            and (each.subscription.agreed is None or self.journal.read(each.subscription.position, 1))
        ]

    def _decided(self, now: datetime) -> None:
        """Do what people decided about the exceptions of those that are paused; find those whose makers have lost the key or the
        right, whether or not there is anything to send."""
        for each in list(subscriptions(self.journal)):
            self._entitled(each)
            decision = self._decision(each.subscription.case) if each.subscription.case else None
            if decision is not None:
                self._obey(each, decision, now)

    def _decision(self, case: str) -> Decision | None:
        """The last word about an exception, if it is a decision."""
        words = [row.event.data for row in self.journal.find(Ref("Case", case)) if isinstance(row.event.data, Case | Decision)]
        return words[-1] if words and isinstance(words[-1], Decision) else None

    def _obey(self, was: Known, decision: Decision, now: datetime) -> None:
        status = "ended" if decision.verb == "cancel" else "active"
        cause = f"decision/{decision.id}"
        word = Word(actor=decision.actor, reason=decision.reason, now=now)
        resolved, closed = closing(self.journal, was.subscription.case, decision.verb, word, cause)
        again = msgspec.structs.replace(was.subscription, status=status, attempts=0, failing=None, next=None, why="", case="")
        self.journal.commit([Unit(events=[resolved], states=[was.after(again), closed])])


def message_id(event: CloudEvent) -> str:
    """What tells a repeat: the same for the same event, always and everywhere."""
    return f"evt_{hashlib.sha256(event.id.encode()).hexdigest()[:40]}"


def _signed(id: str, now: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt; each secret that is good now has signed it (Standard Webhooks 1.0, several signatures)."""
    first, *others = (sign(id, now, body, key) for key in keys)
    signatures = " ".join([first["webhook-signature"], *(other["webhook-signature"] for other in others)])
    return {**first, "webhook-signature": signatures, "content-type": f"{MEDIA_TYPE}; charset=utf-8"}


def _untaken(reply: HttpReply) -> str:
    return "" if 200 <= reply.status < 300 else f"it answers {reply.status}"


def _wish(reply: HttpReply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 8 else 0.0


def _not_entitled(subscription: Subscription, why: str, now: datetime) -> Case:
    return Case(
        id=f"subscription/{subscription.name}/not-entitled",
        reason="subscriber_not_entitled",
        text=f"webhook {subscription.name} is sent nothing more: {why}",
        objects=(subscription.ref,),
        owner="operations",
        at=now,
        actions=("retry", "cancel"),
        context={"stands at": str(subscription.position), "answers for it": subscription.owner},
        suggestion="cancel ends it; if it should go on, whoever answers for it resumes it with a key that lives",
    )


def _unreachable(subscription: Subscription, now: datetime) -> Case:
    return Case(
        id=f"subscription/{subscription.name}/unreachable",
        reason="subscriber_unreachable",
        text=f"webhook {subscription.name} takes no events: {subscription.why}",
        objects=(subscription.ref,),
        owner="operations",
        at=now,
        actions=("retry", "cancel"),
        context={
            "since": f"{subscription.failing:%Y-%m-%d %H:%M} UTC" if subscription.failing else "",
            "attempts": str(subscription.attempts),
            "stands at": str(subscription.position),
            "answers for it": subscription.owner,
        },
        suggestion="ask whoever answers for it; retry sends on from where it stands, nothing is lost meanwhile",
    )
