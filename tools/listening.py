"""The console on a port of this machine, in a thread of its own, for whoever looks at it with a real browser."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from starlette.types import ASGIApp

from suture.transports.http_server import serve


@contextlib.contextmanager
def listening(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Its address, for as long as somebody looks; any free port unless one is named."""
    loop, ready, stop, ports = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def listen() -> None:
        server = await serve(app, "127.0.0.1", port, grace_s=1)
        ports.append(server.port)
        ready.set()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(listen()))
    thread.start()
    try:
        if not ready.wait(30):
            raise TimeoutError("the console does not listen after 30 s")
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
