"""The gate before every request: the right host, a session, and headers that leave a browser nothing to be talked into."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suture.console.drawing import draw
from suture.console.sessions import Sessions
from suture.runtime.clock import Clock

#: What every answer carries: nothing from elsewhere, nothing inline, nothing framed, nothing kept.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
#: Names under which a browser on this machine may call; any other is somebody's name that was bent to point here.
HOSTS = ("127.0.0.1", "localhost", "[::1]")
#: What is shown to strangers: the door and the style sheet.
OPEN = ("/enter/", "/static/")


class Gate:
    """Wraps the application: whoever comes without a session is told how to get one."""

    def __init__(self, app: ASGIApp, sessions: Sessions, clock: Clock, doors: tuple[str, ...] = ()) -> None:
        """``doors`` are more addresses that strangers may call: where they sign in."""
        self.app, self.sessions, self.clock, self.doors = app, sessions, clock, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI 3); anything but HTTP goes through as it is, since there is nothing else."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope)
        await (answer or self.app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if _host(headers.get("host", "")) not in HOSTS:
            return PlainTextResponse("this console answers to 127.0.0.1 and localhost only", 421)
        if path.startswith(OPEN) or path in self.doors:
            return None
        session = self.sessions.known(cookie_of(headers, self.sessions.cookie), self.clock.now())
        if session is None:
            return draw("stranger.html", 401, door=self.doors[0] if self.doors else "")
        scope.setdefault("state", {})["session"] = session
        return None


def _host(header: str) -> str:
    return header if header.endswith("]") else header.rpartition(":")[0] or header


def cookie_of(headers: Headers, name: str) -> str:
    """The value of a cookie; "" if there is none."""
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""
