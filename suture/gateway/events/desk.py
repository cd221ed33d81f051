"""/api/subscriptions: webhooks made, looked at and changed by those whose they are, or by whoever may see to all.

An application beside the operations: whoever calls is proven already and stands in the scope. A secret is shown when a
subscription begins and when it is renewed, and at no other time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from suture.gateway.access import Access, Caller
from suture.gateway.beside import body, read, say
from suture.gateway.events import subscribing
from suture.gateway.events.addresses import Network
from suture.gateway.events.entitled import lease_of
from suture.gateway.events.hearing import hears_anything, unheard
from suture.gateway.events.stream import InThread
from suture.gateway.events.subscribing import Moved, NotSubscribed, Wanted, Word
from suture.gateway.events.subscription import Subscription, secrets
from suture.gateway.problem import Problem, Wrong
from suture.journal import Journal
from suture.runtime.clock import Clock


class Shown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subscription as its owner sees it; ``secret`` only when it is new."""

    name: str
    url: str
    types: tuple[str, ...]
    status: str
    position: int
    received: int
    owner: str
    attempts: int = 0
    agreed: datetime | None = None
    lease: datetime | None = None
    failing_since: datetime | None = None
    next_attempt: datetime | None = None
    why: str = ""
    secret: str = ""


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, and to where: a position or a moment, where the verb is "rewind"."""

    reason: str
    after: int | None = None
    since: datetime | None = None


class Desk:
    """The application."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        in_thread: InThread,
        key: bytes,
        *,
        access: Callable[[], Access] = Access,
        allowed: Sequence[Network] = (),
    ) -> None:
        self.journal, self.clock, self.in_thread, self.access = journal, clock, in_thread, access
        self._key, self._allowed = key, tuple(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; raises Problem before anything was sent, for the gateway to tell."""
        caller: Caller = scope["caller"]
        parts = tuple(part for part in scope["path"].split("/")[3:] if part)
        if not (self.access().holds(caller, "subscriptions.own") or self.access().holds(caller, "subscriptions.write")):
            raise Problem("forbidden", "this needs the permission subscriptions.own")
        match (scope["method"], parts):
            case ("GET" | "HEAD", ()):
                found = await self.in_thread(lambda: subscribing.owned(self.journal, caller, self.access()))
                await say(send, 200, [shown(each) for each in found])
            case ("POST", ()):
                wanted = read(await body(scope, receive), Wanted)
                made = await self._done(lambda: self._subscribe(caller, wanted))
                await say(send, 201, self._with_secret(made))
            case ("POST", (name, verb)) if verb in _VERBS:
                asked = read(await body(scope, receive), Asked)
                changed = await self._done(lambda: self._change(caller, name, verb, asked))
                await say(send, 200, self._with_secret(changed) if verb == "rotate" else shown(changed))
            case _:
                verbs = ", ".join(_VERBS)
                raise Problem(
                    "no-operation", f"There are GET and POST /api/subscriptions, and POST /api/subscriptions/NAME/VERB: {verbs}."
                )

    async def _done(self, step: Callable[[], Subscription]) -> Subscription:
        try:
            made: Subscription = await self.in_thread(step)
        except NotSubscribed as error:
            raise Problem("not-found", str(error)) from None
        except Moved as error:
            raise Problem("stale", str(error)) from None
        except ValueError as error:
            raise Problem("unacceptable", errors=[Wrong(code="bad_value", text=str(error))]) from None
        return made

    def _subscribe(self, caller: Caller, wanted: Wanted) -> Subscription:
        if not hears_anything(self.access(), caller):
            raise ValueError("none of your roles hears any event")
        if lost := unheard(self.access(), caller, wanted.types):
            raise ValueError(f"none of your roles hears {', '.join(lost)}")
        word = Word(actor=caller.subject, reason=f"asked for by {caller.subject}", now=self.clock.now())
        lease = lease_of(caller, word.now)
        return subscribing.subscribe(self.journal, wanted, _lasting(caller), word, self._allowed, lease=lease)

    def _change(self, caller: Caller, name: str, verb: str, asked: Asked) -> Subscription:
        word = Word(actor=caller.subject, reason=asked.reason, now=self.clock.now())
        by = None if self.access().holds(caller, "subscriptions.write") else caller
        if verb == "rewind":
            return subscribing.rewind(self.journal, name, self._where(asked), word, by)
        if verb == "resume":
            speaks, lease = _lasting(caller), lease_of(caller, word.now)
            return subscribing.resume(self.journal, name, word, by, speaks=speaks, lease=lease)
        return _VERBS[verb](self.journal, name, word, by)

    def _where(self, asked: Asked) -> int:
        if asked.since is not None and asked.since.tzinfo is not None:
            return subscribing.before(self.journal, asked.since)
        if asked.after is None:
            raise ValueError("say where to: after, a position, or since, a time with its offset from UTC")
        return asked.after

    def _with_secret(self, subscription: Subscription) -> Shown:
        newest = secrets(self._key, subscription, self.clock.now())[0]
        return msgspec.structs.replace(shown(subscription), secret=newest)


_VERBS: Mapping[str, Callable[..., Subscription]] = {
    "pause": subscribing.pause,
    "resume": subscribing.resume,
    "rewind": subscribing.rewind,
    "rotate": subscribing.rotate,
    "end": subscribing.finish,
}


def shown(subscription: Subscription) -> Shown:
    """A subscription without its secret."""
    return Shown(
        name=subscription.name,
        url=subscription.url,
        types=subscription.types,
        status=subscription.status,
        position=subscription.position,
        received=subscription.received,
        agreed=subscription.agreed,
        lease=subscription.lease,
        owner=subscription.owner,
        attempts=subscription.attempts,
        failing_since=subscription.failing,
        next_attempt=subscription.next,
        why=subscription.why,
    )


def _lasting(caller: Caller) -> Caller:
    """Whoever asks, as it is remembered: a proof lasts minutes, and whether it could be given again is asked by other means."""
    return msgspec.structs.replace(caller, until=None)
