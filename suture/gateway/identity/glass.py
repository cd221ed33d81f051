"""/api/emergency: what a person may take when it must be, what they hold, and how it is taken and given back.

An application beside the operations: whoever calls is proven already and stands in the scope.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from suture.gateway.access import Access, Caller
from suture.gateway.beside import body, read, say
from suture.gateway.identity import emergency
from suture.gateway.problem import Problem, Wrong
from suture.journal import Journal
from suture.runtime.clock import Clock


class Rights(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The roles that the policy offers to this person, for how long, and what they hold at the moment and why."""

    offered: tuple[str, ...]
    seconds: int
    held: tuple[str, ...] = ()
    until: datetime | None = None
    reason: str = ""


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role, and why it must be."""

    role: str
    reason: str


class Back(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the rights are needed no longer."""

    reason: str


class Glass:
    """The application. ``forget`` makes whoever proves callers ask the journal again."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
        access: Callable[[], Access],
        forget: Callable[[], None],
    ) -> None:
        self.journal, self.clock, self.in_thread, self.access, self.forget = journal, clock, in_thread, access, forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; raises Problem before anything was sent, for the gateway to tell."""
        caller: Caller = scope["caller"]
        if caller.kind != "person":
            raise Problem("forbidden", "Machines and partners hold no rights of persons, in an emergency neither.")
        if caller.scopes and scope["method"] == "POST":
            # a thief of a token that was narrowed shall not make it wide
            raise Problem("forbidden", "This token is narrowed by scopes: sign in to the console, and take it there.")
        match (scope["method"], scope["path"].rstrip("/").split("/")[3:]):
            case ("GET" | "HEAD", []):
                await say(send, 200, await self._rights(caller))
            case ("POST", []):
                wanted = read(await body(scope, receive), Wanted)
                await self._done(lambda: self._take(caller, wanted))
                await say(send, 201, await self._rights(caller))
            case ("POST", ["give-back"]):
                why = read(await body(scope, receive), Back)
                await self._done(lambda: self._give_back(caller, why))
                await say(send, 200, await self._rights(caller))
            case _:
                raise Problem("no-operation", "There are GET and POST /api/emergency, and POST /api/emergency/give-back.")

    async def _rights(self, caller: Caller) -> Rights:
        now, access = self.clock.now(), self.access()
        held = await self.in_thread(lambda: emergency.held(self.journal, caller.subject, now))
        offered = access.takes(caller)
        if held is None:
            return Rights(offered=offered, seconds=access.emergency_s)
        return Rights(offered=offered, seconds=access.emergency_s, held=held.roles, until=held.until, reason=held.reason)

    async def _done(self, step: Callable[[], None]) -> None:
        try:
            await self.in_thread(step)
        except emergency.NotYours as error:
            raise Problem("forbidden", str(error)) from None
        except ValueError as error:
            raise Problem("unacceptable", errors=[Wrong(code="bad_value", text=str(error))]) from None
        self.forget()

    def _take(self, caller: Caller, wanted: Wanted) -> None:
        if caller.emergency:
            raise ValueError("you hold emergency rights already: give them back first")
        emergency.take(self.journal, self.access(), caller, wanted.role, reason=wanted.reason, now=self.clock.now())

    def _give_back(self, caller: Caller, why: Back) -> None:
        now = self.clock.now()
        if emergency.held(self.journal, caller.subject, now) is None:
            raise ValueError("you hold no emergency rights")
        emergency.give_back(self.journal, caller.subject, actor=caller.subject, reason=why.reason, now=now)
