"""A subscriber on a port of this machine: it keeps what it is sent, proves it, and answers as its moods say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suture.transports.http_server import Server, serve
from suture.transports.signatures import WrongSignature, verify


class Receiver:
    """``moods`` are the answers to the next requests, 204 after them; ``got`` are the proven events, in order of arrival;
    ``asked`` are the origins that wanted to know whether they may send, ``allows`` is the answer."""

    def __init__(self, secrets: Sequence[str], clock: Callable[[], datetime], moods: Sequence[int] = ()) -> None:
        self.secrets, self.clock, self.moods = list(secrets), clock, list(moods)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.refused = 0
        self.allows: str | None = "*"
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self._server: Server | None = None

    async def start(self) -> str:
        """Its address, once it listens."""
        self._server = await serve(Starlette(routes=[Route("/hook", self._receive, methods=["POST", "OPTIONS"])]))
        return f"http://127.0.0.1:{self._server.port}/hook"

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()

    @property
    def positions(self) -> list[int]:
        return [int(event["sequence"]) for _, event in self.got]

    async def _receive(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            self.asked.append(request.headers["webhook-request-origin"])
            return Response(headers={} if self.allows is None else {"webhook-allowed-origin": self.allows})
        body = await request.body()
        self.headers = dict(request.headers)
        try:
            id = verify(self.headers, body, self.secrets, self.clock())
        except WrongSignature:
            self.refused += 1
            return Response(status_code=401)
        mood = self.moods.pop(0) if self.moods else 204
        if mood < 300:
            self.got.append((id, msgspec.json.decode(body)))
        return Response(status_code=mood, headers={"retry-after": "90"} if mood == 429 else {})
