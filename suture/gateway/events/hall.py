"""Everything about events of one network in service: the applications beside the operations, and what sends to webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from suture.gateway.access import Access
from suture.gateway.events.addresses import Network
from suture.gateway.events.asyncapi import asyncapi_text
from suture.gateway.events.desk import Desk
from suture.gateway.events.stream import EventStream
from suture.gateway.events.webhooks import Webhooks
from suture.runtime.service import Service
from suture.runtime.share import WEBHOOKS


async def catalogue(scope: Scope, receive: Receive, send: Send) -> None:
    """The contracts of events as AsyncAPI, for whoever is known here."""
    body = asyncapi_text().encode()
    headers = [(b"content-type", b"application/vnd.aai.asyncapi+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"x-content-type-options", b"nosniff")]})
    await send({"type": "http.response.body", "body": body})


class Hall:
    """``beside`` are the applications under /api/NAME; ``start`` and ``stop`` bracket the sending.

    ``key`` is what the secrets of webhooks derive from, ``allowed`` the private networks into which webhooks may go,
    ``standstill`` tells why nothing is done just now, if so, ``origin`` is the DNS name under which the house sends.
    """

    def __init__(
        self,
        service: Service,
        key: bytes,
        *,
        access: Callable[[], Access] = Access,
        allowed: Sequence[Network] = (),
        standstill: Callable[[], str] = str,
        origin: str = "",
    ) -> None:
        wiring, clock = service.wiring, service.clock
        journal, name = wiring.journal, wiring.network.name
        self.webhooks = Webhooks(
            journal,
            name,
            clock,
            service.in_thread,
            key,
            access=access,
            allowed=allowed,
            holds=lambda: not standstill() and wiring.share.holds(WEBHOOKS),
            origin=origin,
        )
        self.beside: Mapping[str, ASGIApp] = {
            "events": EventStream(journal, name, clock, service.in_thread, access),
            "asyncapi.json": catalogue,
            "subscriptions": Desk(journal, clock, service.in_thread, key, access=access, allowed=allowed),
        }
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._running = asyncio.create_task(self.webhooks.run(), name="webhooks")

    async def stop(self) -> None:
        """Stop sending: what is under way is sent again by whoever goes on."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.webhooks.close()
