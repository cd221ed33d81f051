"""A counterpart's rate is kept request by request: a conversation may take several, and polls and comparisons are calls, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from suture.transports import Reply, Request
from suture.transports.exchange import Link

#: How often it is asked whether a request may leave now, in seconds.
AGAIN_S = 0.05


class Talk:
    """The link of one conversation, whose first request has its place from the claim; each further one waits for its own.

    ``may`` says whether a request may leave now, and counts it; ``rest`` is the pause until it is asked again.
    """

    def __init__(self, link: Link, may: Callable[[], Awaitable[bool]], rest: Callable[[], Awaitable[None]]) -> None:
        self._link, self._may, self._rest, self._begun = link, may, rest, False

    async def perform(self, request: Request) -> Reply:
        """The request, in its time; raises whatever the link raises."""
        while self._begun and not await self._may():
            await self._rest()
        self._begun = True
        return await self._link.perform(request)

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()


class Questions:
    """The link for questions of our own, in which each request is a call by itself: it waits for its place, and gives it back."""

    def __init__(
        self,
        link: Link,
        may: Callable[[], Awaitable[bool]],
        rest: Callable[[], Awaitable[None]],
        over: Callable[[], Awaitable[None]],
    ) -> None:
        self._link, self._may, self._rest, self._over = link, may, rest, over

    async def perform(self, request: Request) -> Reply:
        """The request, in its time; raises whatever the link raises."""
        try:
            while not await self._may():
                await self._rest()
            return await self._link.perform(request)
        finally:
            await self._over()

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()
