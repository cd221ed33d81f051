"""A gateway served on loopback from a thread of its own, for callers who are believed by their names."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager

from starlette.types import ASGIApp

from suture.gateway import Caller
from suture.gateway.identity import Unproven
from suture.transports.http_server import serve

#: The header that names a caller.
NAMED = "x-caller"


class Believing:
    """Believes the name in ``NAMED``; who has none is nobody. What proves an identity has proofs of its own."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        self.callers = dict(callers)

    async def caller(
        self, headers: Mapping[str, str], address: str, method: str, url: str, client_certificate: bytes | None = None
    ) -> Caller:
        """The caller of that name."""
        name = headers.get(NAMED, "")
        if name not in self.callers:
            raise Unproven("this needs a name")
        return self.callers[name]


@contextmanager
def served(app: AbstractAsyncContextManager[ASGIApp]) -> Iterator[str]:
    """The address at which an application answers while the block runs; it is opened and closed in the thread's loop."""
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), list[str]()
    closing = asyncio.Event()

    async def run() -> None:
        try:
            async with app as opened:
                server = await serve(opened)
                address.append(f"http://127.0.0.1:{server.port}")
                ready.set()
                await closing.wait()
                await server.stop()
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="gate")
    thread.start()
    ready.wait(60)
    try:
        if not address:
            raise RuntimeError("the gateway did not open")
        yield address[0]
    finally:
        loop.call_soon_threadsafe(closing.set)
        thread.join(60)
        loop.close()
