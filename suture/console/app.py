"""The console's application: one route and one JSON twin for each page, one for each action, the door, and the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from suture.console.desk import Desk
from suture.console.drawing import draw, fresh, rendered, to
from suture.console.gate import Gate, cookie_of
from suture.console.page import SECTIONS, Action, Denied, Do, Missing, Page, Refused, actions, pages
from suture.console.sessions import LONGEST, UNMASKED, Session, Sessions, same
from suture.console.signing import Signing
from suture.console.stream import PAGES_MOST, Stream
from suture.gateway.identity import SignIn
from suture.journal import Fenced, Unavailable
from suture.runtime.command import NoSuchThing, Stale

#: The bytes of a form at most; a repaired document is part of one.
FORM_BYTES = 256 * 1024
#: Where one begins.
FIRST = "today"


def console_app(desk: Desk, sessions: Sessions, sign_in: SignIn | None = None) -> ASGIApp:
    """The whole console over one desk; every answer has passed the gate. ``sign_in`` lets people in besides links."""
    doors = Signing(sign_in, sessions, desk.clock).routes() if sign_in else []
    return Gate(_Console(desk, sessions).app(doors), sessions, desk.clock, tuple(door.path for door in doors))


class _Console:
    def __init__(self, desk: Desk, sessions: Sessions) -> None:
        self.desk, self.sessions = desk, sessions
        self.pages = {page.name: page for page in pages()}
        self.navigation = [(section, [page for page in self.pages.values() if page.section == section]) for section in SECTIONS]

    def app(self, doors: Sequence[Route]) -> Starlette:
        # nothing secret is in these; pages hold a form's token beside what was asked, and are not compressed
        static = GZipMiddleware(StaticFiles(directory=Path(__file__).parent / "static"))
        routes = [route for page in self.pages.values() for route in (self._route(page), self._twin(page))]
        return Starlette(
            routes=[
                Route("/", lambda request: RedirectResponse(f"/{FIRST}", 303)),
                Route("/enter/{token}", self.enter),
                Route("/leave", self.leave, methods=["POST"]),
                Route("/stream", self.stream),
                *doors,
                Mount("/static", static),
                *map(self._action, actions()),
                *routes,
            ],
            exception_handlers={
                Missing: self._missing,
                Denied: self._denied,
                Unavailable: self._unavailable,
                404: self._nowhere,
            },
        )

    def enter(self, request: Request) -> Response:
        """Spend a one-time link and begin a session."""
        cookie = self.sessions.enter(request.path_params["token"], self.desk.clock.now())
        if not cookie:
            return draw("stranger.html", 401)
        answer = RedirectResponse("/", 303)
        lives = int(LONGEST.total_seconds())
        answer.set_cookie(self.sessions.cookie, cookie, max_age=lives, httponly=True, samesite="strict", path="/")
        return answer

    async def leave(self, request: Request) -> Response:
        """End the session."""
        form = await _form(request)
        if same(form.get("csrf", ""), _session(request).csrf):
            self.sessions.leave(cookie_of(request.headers, self.sessions.cookie))
        return RedirectResponse("/", 303)

    # -- pages

    def _route(self, page: Page) -> Route:
        def show(request: Request) -> Response:
            return self._drawn(page, request, request.query_params)

        return Route(page.path, show, name=page.name)

    def _twin(self, page: Page) -> Route:
        def show(request: Request) -> Response:
            caller = self.desk.rights(_session(request).caller)
            verdict = self.desk.access.allows(caller, page.allow)
            if not verdict:
                return _json({"denied": verdict.reason}, 403)
            try:
                with self.desk.ask(request.query_params, caller) as ask:
                    return _json(page.load(ask))
            except Missing as missing:
                return _json({"missing": str(missing), "alike": missing.alike}, 404)

        return Route(f"{page.path}.json", show, name=f"{page.name}.json")

    def _drawn(self, page: Page, request: Request, query: Mapping[str, str], status: int = 200, problem: str = "") -> Response:
        session = _session(request)
        said, session.said = session.said, ""
        html, _ = self._rendered(page, session, query, said=said, problem=problem)
        return Response(html, status, media_type="text/html")

    def _rendered(self, page: Page, session: Session, query: Mapping[str, str], **told: str) -> tuple[str, int]:
        """A page's HTML for somebody, and the position up to which it holds. Raises Denied, and what ``load`` raises."""
        caller = self.desk.rights(session.caller)
        verdict = self.desk.access.allows(caller, page.allow)
        if not verdict:
            raise Denied(verdict.reason)
        with self.desk.ask(query, caller, frozenset(session.unmasked), session.drafts) as ask:
            it, position = page.load(ask), ask.trail.position
            address = to(page.path, **query)
            more = {
                "it": it,
                "ask": ask,
                "now": ask.now,
                "query": query,
                "position": position,
                "address": address,
                "twin": to(f"{page.path}.json", **query),
                "fresh": lambda form: fresh(session.csrf, address, position, form),
            }
            return rendered(page.template, **{**self._frame(session, query), **more, "page": page, **told}), position

    def _frame(self, session: Session, query: Mapping[str, str]) -> dict[str, Any]:
        """What every page of somebody who is in needs."""
        caller = self.desk.rights(session.caller)
        allowed = {page.name: self.desk.access.allows(caller, page.allow) for page in self.pages.values()}
        return {
            "page": None,
            "navigation": self.navigation,
            "allowed": allowed,
            "caller": caller,
            "csrf": session.csrf,
            "asked": query.get("q", ""),
            "days": query.get("days", ""),
        }

    # -- the stream

    def stream(self, request: Request) -> Response:
        """Patches for the pages named, from the position named (or from the last that the browser saw) on."""
        cookie = cookie_of(request.headers, self.sessions.cookie)
        seen = request.headers.get("last-event-id", "") or request.query_params.get("after", "")
        addresses = request.query_params.getlist("page")[:PAGES_MOST]

        def render(address: str) -> tuple[str, int]:
            session = self.sessions.known(cookie, self.desk.clock.now(), awake=False)
            if session is None:
                raise Denied("the session has ended")
            parts = urlsplit(address)
            page = self.pages.get(parts.path.removeprefix("/"))
            if page is None:
                raise Missing(f"there is no page {address}")
            return self._rendered(page, session, dict(parse_qsl(parts.query)))

        after = int(seen) if seen.isdecimal() and len(seen) < 19 else 0
        stream = Stream(render, self.desk.moved, addresses, after, lambda: self.desk.closing, lambda: self.desk.errands.busy)
        messages: AsyncIterator[str] = stream.messages()
        return StreamingResponse(messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    # -- actions

    def _action(self, action: Action) -> Route:
        async def act(request: Request) -> Response:
            form = await _form(request)
            return await run_in_threadpool(self._acted, action, request, form)

        return Route(action.path, act, methods=["POST"], name=f"act {action.name}")

    def _acted(self, action: Action, request: Request, form: dict[str, str]) -> Response:
        """303 to the page that shows what was done, else the page where it was asked for, and why it was not done."""
        session, now = _session(request), self.desk.clock.now()
        try:
            if not same(form.get("csrf", ""), session.csrf):
                raise Refused("the form does not come from this session; look at it again and decide again", 403)
            do = Do(self.desk, form, self.desk.rights(session.caller), self.desk.access, now)
            do.require(action.allow)
            done = action.act(do)
        except tuple(_STATUS) as error:
            status = next(status(error) for kind, status in _STATUS.items() if isinstance(error, kind))
            return self._refused(action, request, form, status, error)
        session.said = done.said
        if done.unmasked:
            session.unmasked[done.unmasked] = now + UNMASKED
        if done.draft:
            session.keep(*done.draft)
        return RedirectResponse(done.to, 303)

    def _refused(self, action: Action, request: Request, form: dict[str, str], status: int, error: Exception) -> Response:
        """The page where it was asked for, and why it was not done; where that is not there either, the reason alone."""
        path, query = action.back(form)
        try:
            return self._drawn(self.pages[path.removeprefix("/")], request, query, status, _why(error))
        except Missing:
            if isinstance(error, Denied):
                return self._denied(request, error)
            raise

    # -- what is not there, or not for everybody

    def _missing(self, request: Request, error: Exception) -> Response:
        alike = error.alike if isinstance(error, Missing) else ()
        return draw("missing.html", 404, **self._frame(_session(request), {}), what=str(error), alike=alike)

    def _denied(self, request: Request, error: Exception) -> Response:
        return draw("denied.html", 403, **self._frame(_session(request), {}), why=str(error))

    def _nowhere(self, request: Request, error: Exception) -> Response:
        frame = self._frame(_session(request), {})
        return draw("missing.html", 404, **frame, what=f"there is no page {request.url.path}", alike=())

    def _unavailable(self, request: Request, error: Exception) -> Response:
        what = f"the journal does not answer ({error}); try again in a moment"
        return draw("missing.html", 503, **self._frame(_session(request), {}), what=what, alike=())


#: Why something was not carried out, and as which HTTP status that is told; the first kind that fits counts.
_STATUS: dict[type[Exception], Callable[[Any], int]] = {
    Refused: lambda error: int(error.status),
    Stale: lambda error: 409,
    Fenced: lambda error: 409,
    NoSuchThing: lambda error: 404,
    KeyError: lambda error: 422,
    ValueError: lambda error: 422,
}


def _why(error: Exception) -> str:
    match error:
        case Fenced():
            return "somebody else changed it in the same moment; look at it and decide again"
        case Stale():
            return f"it has changed since this page was drawn; look at it as it is now and decide again ({error})"
        case KeyError() if not isinstance(error, NoSuchThing):
            return f"it came from {error}, which is not in the network; start the console with --network NETWORK.TOML"
        case _:
            return str(error)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name; empty if it is too large or no text."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES:
            return {}
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=40, errors="strict"))
    except ValueError:
        return {}


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session


def _json(report: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(report), status, media_type="application/json")
