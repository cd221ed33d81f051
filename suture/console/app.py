"""The console's application: one route and one JSON twin for each page, the door, and decisions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from suture.console.desk import Desk
from suture.console.drawing import draw, to
from suture.console.gate import Gate
from suture.console.page import SECTIONS, Missing, Page, pages
from suture.console.sessions import LONGEST, Session, Sessions, same
from suture.journal import Fenced, Unavailable
from suture.model import Decision, Ref
from suture.runtime.command import NoSuchThing, Stale

#: The bytes of a form at most, and the letters of a reason.
FORM_BYTES, REASON_LETTERS = 16_384, 1000
#: Where one exception is looked at, and where one begins.
EXCEPTION, FIRST = "exception", "today"


class Refused(ValueError):
    """A form that cannot be taken; ``status`` is the HTTP status."""

    def __init__(self, why: str, status: int = 422) -> None:
        super().__init__(why)
        self.status = status


def console_app(desk: Desk, sessions: Sessions) -> ASGIApp:
    """The whole console over one desk; every answer has passed the gate."""
    return Gate(_Console(desk, sessions).app(), sessions, desk.clock)


class _Console:
    def __init__(self, desk: Desk, sessions: Sessions) -> None:
        self.desk, self.sessions = desk, sessions
        self.pages = {page.name: page for page in pages()}
        self.navigation = [(section, [page for page in self.pages.values() if page.section == section]) for section in SECTIONS]

    def app(self) -> Starlette:
        static = StaticFiles(directory=Path(__file__).parent / "static")
        routes = [route for page in self.pages.values() for route in (self._route(page), self._twin(page))]
        return Starlette(
            routes=[
                Route("/", lambda request: RedirectResponse(f"/{FIRST}", 303)),
                Route("/enter/{token}", self.enter),
                Route("/decide", self.decide, methods=["POST"]),
                Mount("/static", static),
                *routes,
            ],
            exception_handlers={Missing: self._missing, Unavailable: self._unavailable, 404: self._nowhere},
        )

    def enter(self, request: Request) -> Response:
        """Spend the one-time link and begin a session."""
        cookie = self.sessions.enter(request.path_params["token"], self.desk.clock.now())
        if not cookie:
            return draw("stranger.html", 401)
        answer = RedirectResponse("/", 303)
        lives = int(LONGEST.total_seconds())
        answer.set_cookie(self.sessions.cookie, cookie, max_age=lives, httponly=True, samesite="strict", path="/")
        return answer

    # -- pages

    def _route(self, page: Page) -> Route:
        def show(request: Request) -> Response:
            return self._drawn(page, request, request.query_params)

        return Route(page.path, show, name=page.name)

    def _twin(self, page: Page) -> Route:
        def show(request: Request) -> Response:
            try:
                with self.desk.ask(request.query_params) as ask:
                    return _json(page.load(ask))
            except Missing as missing:
                return _json({"missing": str(missing), "alike": missing.alike}, 404)

        return Route(f"{page.path}.json", show, name=f"{page.name}.json")

    def _drawn(self, page: Page, request: Request, query: Mapping[str, str], status: int = 200, problem: str = "") -> Response:
        with self.desk.ask(query) as ask:
            it = page.load(ask)
            said = _session(request).said
            _session(request).said = ""
            twin = to(f"{page.path}.json", **query)
            more = {"it": it, "now": ask.now, "query": query, "position": ask.trail.position, "twin": twin}
            return draw(page.template, status, **{**self._frame(request), **more, "page": page}, said=said, problem=problem)

    def _frame(self, request: Request) -> dict[str, Any]:
        """What every page of somebody who is in needs."""
        return {
            "page": None,
            "navigation": self.navigation,
            "actor": self.desk.actor,
            "csrf": _session(request).csrf,
            "fresh": lambda: uuid.uuid4().hex,
            "asked": request.query_params.get("id", "") if request.url.path == "/documents" else "",
        }

    # -- decisions

    async def decide(self, request: Request) -> Response:
        """Take a decision from a form: 303 to the exception if it was carried out, else the exception as it is, and why not."""
        form = await _form(request)
        return await run_in_threadpool(self._decided, request, form)

    def _decided(self, request: Request, form: dict[str, str]) -> Response:
        query = {"id": form.get("case", "")}
        try:
            if not same(form.get("csrf", ""), _session(request).csrf):
                raise Refused("the form does not come from this session; look at it again and decide again", 403)
            said = self.desk.decide(self._decision(form))
        except tuple(_STATUS) as error:
            status = next(status(error) for kind, status in _STATUS.items() if isinstance(error, kind))
            return self._drawn(self.pages[EXCEPTION], request, query, status, _why(error))
        _session(request).said = f"{said}. What follows happens while the network runs."
        return RedirectResponse(to(f"/{EXCEPTION}", **query), 303)

    def _decision(self, form: dict[str, str]) -> Decision:
        reason, position, id = form.get("reason", "").strip(), form.get("position", ""), form.get("decision", "")
        if not reason or len(reason) > REASON_LETTERS:
            raise Refused(f"a decision needs a reason of 1 to {REASON_LETTERS:,} letters; it is kept for the auditor")
        if not (position.isdecimal() and len(position) < 19 and id.isalnum() and len(id) == 32):
            raise Refused("the form is not whole; look at it again and decide again", 400)
        return Decision(
            id=id,
            subject=Ref("Case", form.get("case", "")),
            verb=form.get("verb", ""),
            actor=self.desk.actor,
            at=self.desk.clock.now(),
            reason=reason,
            position=int(position),
        )

    # -- what is not there

    def _missing(self, request: Request, error: Exception) -> Response:
        alike = error.alike if isinstance(error, Missing) else ()
        return draw("missing.html", 404, **self._frame(request), what=str(error), alike=alike)

    def _nowhere(self, request: Request, error: Exception) -> Response:
        return draw("missing.html", 404, **self._frame(request), what=f"there is no page {request.url.path}", alike=())

    def _unavailable(self, request: Request, error: Exception) -> Response:
        what = f"the journal does not answer ({error}); try again in a moment"
        return draw("missing.html", 503, **self._frame(request), what=what, alike=())


#: Why a decision was not carried out, and as which HTTP status that is told; the first kind that fits counts.
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
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict"))
    except ValueError:
        return {}


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session


def _json(report: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(report), status, media_type="application/json")
