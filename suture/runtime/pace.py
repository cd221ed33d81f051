"""A counterpart's rate is kept request by request: a conversation may take several, and polls and comparisons are calls, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from suture.transports import NotSent, Reply, Request
from suture.transports.exchange import Link

#: How often it is asked whether a request may leave now, in seconds, and how often before it is given up: after an hour.
AGAIN_S, LOOKS_MOST = 0.05, 72_000
#: Returns when a request may leave, and has counted it; raises NotSent where that never comes.
Place = Callable[[], Awaitable[None]]


async def place(may: Callable[[], Awaitable[bool]], rest: Callable[[float], Awaitable[None]]) -> None:
    """Wait until a request may leave: ``may`` says so, and counts it. Raises NotSent after an hour."""
    for _ in range(LOOKS_MOST):
        if await may():
            return
        await rest(AGAIN_S)
    raise NotSent("within an hour there was no room for it within the counterpart's rate")


class Talk:
    """The link of one conversation, whose first request has its place from the claim; each further one waits for its own."""

    def __init__(self, link: Link, place: Place) -> None:
        self._link, self._place, self._begun = link, place, False

    async def perform(self, request: Request) -> Reply:
        """The request, in its time; raises whatever the link raises."""
        if self._begun:
            await self._place()
        self._begun = True
        return await self._link.perform(request)

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()


class Questions:
    """The link for questions of our own, in which each request is a call by itself: it waits for its place, and gives it back."""

    def __init__(self, link: Link, place: Place, over: Callable[[], Awaitable[None]]) -> None:
        self._link, self._place, self._over = link, place, over

    async def perform(self, request: Request) -> Reply:
        """The request, in its time; raises whatever the link raises."""
        try:
            await self._place()
            return await self._link.perform(request)
        finally:
            await self._over()

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()
